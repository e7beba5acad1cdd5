"""Side files: a conflict laid out for people under `.mission_control/conflicts/`, and read back when it is resolved."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.migration.merging.outcome import Merged


@dataclass(frozen=True)
class FileConflict:
    """A file whose merge is a conflict, with its three sides."""

    path: str
    merged: Merged
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None


@dataclass(frozen=True)
class Resolution:
    """What people decided for a file; None: it shall not be there."""

    content: bytes | None


def write_conflicts(root: Path, unit: str, conflicts: Iterable[FileConflict]) -> None:
    """Lay the conflicts of a unit out under the target root; what people began to resolve is left as it is."""
    raise NotImplementedError


def read_resolution(
    root: Path, unit: str, path: str, *, base: str | None, ours: str | None, theirs: str | None
) -> Resolution | None:
    """Return what people decided for a file whose sides have these SHA-256 digests; None while they have not."""
    raise NotImplementedError


def clear_conflicts(root: Path, unit: str) -> None:
    """Remove a unit's side files."""
    raise NotImplementedError
