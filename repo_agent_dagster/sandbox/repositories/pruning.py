"""Which mirrors there are, how large they are, and which go when they are too many."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from repo_agent_dagster.sandbox.repositories.locks import if_free
from repo_agent_dagster.sandbox.repositories.marks import discard, fetch_lock, mirrors_in, use_lock


@dataclass(frozen=True)
class KeptMirror:
    """A mirror on disk; `size` in bytes, with the clones kept ready of it. `url` is without credentials."""

    name: str
    url: str
    size: int
    last_use: datetime
    in_use: bool


def list_mirrors(folder: Path) -> list[KeptMirror]:
    """Return the mirrors below a folder, the one used last first."""
    found = []
    for marks in mirrors_in(folder):
        with if_free(fetch_lock(marks.mirror), use_lock(marks.mirror)) as free:
            in_use = not free
        found.append(KeptMirror(marks.mirror.stem, marks.url, _size(marks.mirror), marks.last_use, in_use))
    return sorted(found, key=lambda mirror: mirror.last_use, reverse=True)


def prune_mirrors(folder: Path, budget_bytes: int, *, dry_run: bool = False) -> list[KeptMirror]:
    """Remove the mirrors that were not used for longest until the rest fit into `budget_bytes`; return the removed.

    One that a task uses or fetches stays, whatever its size. With `dry_run` nothing is removed.
    """
    kept = list_mirrors(folder)
    gone = []
    for mirror in chosen(kept, budget_bytes):
        path = folder / f"{mirror.name}.git"
        with if_free(fetch_lock(path), use_lock(path)) as free:
            if free and path.is_dir():
                if not dry_run:
                    discard(path)
                gone.append(mirror)
    return gone


def chosen(mirrors: Sequence[KeptMirror], budget_bytes: int) -> list[KeptMirror]:
    """Return those to remove, the one unused for longest first; those in use count, and are never among them."""
    total = sum(mirror.size for mirror in mirrors)
    gone: list[KeptMirror] = []
    for mirror in sorted(mirrors, key=lambda mirror: mirror.last_use):
        if total <= budget_bytes:
            break
        if not mirror.in_use:
            gone.append(mirror)
            total -= mirror.size
    return gone


def _size(folder: Path) -> int:
    size = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(root, name)).st_size  # noqa: PTH118 - thousands of paths
            except FileNotFoundError:
                continue  # a fetch put it elsewhere meanwhile
    return size
