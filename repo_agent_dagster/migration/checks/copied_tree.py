"""The copy of a tree that checks look at, in a sandbox."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.migration.units.walk import SKIPPED_FOLDERS
from repo_agent_dagster.sandbox.box import Box

FILE_LIMIT_BYTES = 20_000_000
TREE_LIMIT_BYTES = 1_000_000_000
_HOUSEKEEPING_SECONDS = 300.0


class TreeTooLarge(PermanentFault):
    """The tree does not fit into a sandbox."""


@dataclass(frozen=True)
class Copied:
    """A tree in the sandbox; `skipped` names the files that were too large to take along."""

    place: str
    skipped: tuple[str, ...]


def copy_tree(box: Box, root: Path, place: str, suffixes: frozenset[str] | None = None) -> Copied:
    """Copy a tree into the sandbox, without version control and installed packages; what was there before is gone.

    With `suffixes` only files with these endings go along.

    Raises:
        TreeTooLarge: it is more than a sandbox takes.
    """
    box.exec(["rm", "-rf", place], cwd="/", timeout_seconds=_HOUSEKEEPING_SECONDS)
    files: dict[str, bytes] = {}
    skipped: list[str] = []
    total = 0
    for relative, path in _plain_files(root):
        if suffixes is not None and path.suffix.lower() not in suffixes:
            continue
        size = path.stat().st_size
        if size > FILE_LIMIT_BYTES:
            skipped.append(relative)
            continue
        total += size
        if total > TREE_LIMIT_BYTES:
            raise TreeTooLarge(
                f"{root} has more than {TREE_LIMIT_BYTES:,} bytes to check; move what is not source out of it"
            )
        files[relative] = path.read_bytes()
    box.put(files, place)
    return Copied(place, tuple(skipped))


def _plain_files(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(folder) / name
            if not path.is_symlink() and path.is_file():
                yield path.relative_to(root).as_posix(), path
