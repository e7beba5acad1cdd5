"""The digest of a unit: SHA-256 over one line for each file, with its path, kind and content."""

import os
from hashlib import file_digest, sha256
from pathlib import Path


def digest_of(lines: list[str]) -> str:
    """Return the digest of a unit from the lines of its files, in any order."""
    return sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


def entry_line(relative: str, executable: bool, content: bytes) -> str:
    """Return the line that stands for one plain file in a unit's digest."""
    return hashed_line(relative, executable, sha256(content).hexdigest())


def hashed_line(relative: str, executable: bool, content_hash: str) -> str:
    """Return the line that stands for one plain file whose content has this SHA-256."""
    return _line(relative, "x" if executable else "-", content_hash)


def symlink_line(relative: str, target: str) -> str:
    """Return the line that stands for a symlink in a unit's digest."""
    return _line(relative, "l", sha256(os.fsencode(target)).hexdigest())


def special_line(relative: str) -> str:
    """Return the line that stands for a socket, pipe or device in a unit's digest."""
    return _line(relative, "s", "")


def growing_line(relative: str, stamp: str) -> str:
    """Return the line that stands for a file that is being written; it differs each time that the file does."""
    return _line(relative, "w", stamp)


def hash_file(place: str | Path) -> str:
    """Return the SHA-256 of a file's content, read piece by piece.

    A symlink or a pipe that took the file's place meanwhile is not followed or waited for: OSError, or no content.
    """
    with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb", buffering=0) as file:
        return file_digest(file, "sha256").hexdigest()


def _line(relative: str, kind: str, digest: str) -> str:
    return f"{digest} {kind} {relative!r}"
