"""Read what a file held at some time, by the SHA-256 that its patches recorded: from what patching keeps, or the file.

`.mission_control/objects/<first two hex digits>/<the rest>` holds what batches replaced (docs/patching.md). Whatever is
read is believed only if its digest is the recorded one: so a report shows no content that no patch ever left or found.
"""

import hashlib
import os
import re
import stat
from pathlib import Path

MAX_CONTENT_BYTES = 1024 * 1024
"""A larger file has no final diff."""

_SHA256 = re.compile("[0-9a-f]{64}")
_OBJECTS = Path(".mission_control", "objects")


def content_of(workspace: str, path: str, sha256: str | None) -> bytes | None:
    """Return the content with this digest that the file had; empty where there was no file, None if it is nowhere."""
    if sha256 is None:
        return b""
    if not _SHA256.fullmatch(sha256):
        return None
    root = Path(workspace)
    for place in (root / _OBJECTS / sha256[:2] / sha256[2:], root / path):
        content = _read(root, place)
        if content is not None and hashlib.sha256(content).hexdigest() == sha256:
            return content
    return None


def _read(root: Path, place: Path) -> bytes | None:
    """Return a regular file's bytes, links resolved, if it lies in the workspace and is not too large."""
    try:
        resolved = place.resolve(strict=True)
        if not resolved.is_relative_to(root.resolve(strict=True)):
            return None
        # O_NONBLOCK: opening a pipe must not wait for its writer.
        descriptor = os.open(resolved, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None  # what is gone is no fault of the report
    with os.fdopen(descriptor, "rb") as stream:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_size > MAX_CONTENT_BYTES:
            return None
        return stream.read(MAX_CONTENT_BYTES + 1)
