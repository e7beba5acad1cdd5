"""What patches are grouped by, and the keys under which the groups are kept."""

from enum import StrEnum
from hashlib import sha256

LONGEST_KEY = 400
"""In characters: PostgreSQL refuses index rows beyond some 2,700 bytes."""

LONGEST_ERROR = 2000
"""In characters: an error is told apart from others by its beginning."""

_DIGEST = 64


class Dimension(StrEnum):
    """What patches are grouped by; `ALL` is one group."""

    ALL = "all"
    FACTORY = "factory"
    OP = "op"
    PHASE = "phase"
    ORDER = "order"
    WORKSPACE = "workspace"
    FILE = "file"


def text_key(text: str) -> str:
    """Return a text as a key: itself, or its beginning and its SHA-256 if it is longer than `LONGEST_KEY`."""
    if len(text) <= LONGEST_KEY:
        return text
    return text[: LONGEST_KEY - _DIGEST - 1] + "…" + sha256(text.encode()).hexdigest()


def file_key(workspace: str, path: str) -> str:
    """Return the key of a file of a workspace."""
    return text_key(f"{workspace}\n{path}")


def split_file_key(key: str) -> tuple[str, str]:
    """Return the workspace and the path that a file's key tells; a key that had to be cut ends in a digest."""
    workspace, _, path = key.partition("\n")
    return workspace, path


def error_digest(error: str) -> str:
    """Return what tells a (cut) error from others: the SHA-256 of its text."""
    return sha256(error.encode()).hexdigest()
