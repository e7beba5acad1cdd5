"""Find what a migration brought in the target repository's own objects, by git's name for its content.

A colleague's fresh clone has none of the kept bases, but its history has the files that were committed. Only
`git cat-file blob` is run: no hook, no filter, no text conversion, and no network, not even in a partial clone.
"""

import hashlib
import os
import re
import subprocess
from pathlib import Path
from typing import Literal

ObjectFormat = Literal["sha1", "sha256"]
_SECONDS = 30
_ID = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_CONFIG = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never")


def blob_id(content: bytes, object_format: ObjectFormat = "sha1") -> str:
    """Return git's name for a file of this content, in hex: 40 digits, or 64 in a repository of sha256 objects."""
    digest = hashlib.new(object_format, b"blob %d\0" % len(content), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


def object_format(root: Path) -> ObjectFormat | None:
    """Return which names the repository around a folder gives its objects; None outside of a repository."""
    told = _git(root, "rev-parse", "--show-object-format")
    return "sha1" if told == b"sha1\n" else "sha256" if told == b"sha256\n" else None


def from_git(root: Path, blob: str) -> bytes | None:
    """Return the content that the repository around a folder has under this name.

    None when it has none, when `root` is in no repository, or when git is not there or does not trust the repository.
    """
    if not _ID.fullmatch(blob):
        return None
    content = _git(root, "cat-file", "blob", blob)
    if content is None or blob_id(content, "sha1" if len(blob) == 40 else "sha256") != blob:
        return None
    return content


def _git(root: Path, *arguments: str) -> bytes | None:
    # Inside a hook, variables such as GIT_DIR name another repository; configuration (safe.directory) is kept.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG")
    }
    environment |= {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    options = [part for entry in _CONFIG for part in ("-c", entry)]
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *options, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
