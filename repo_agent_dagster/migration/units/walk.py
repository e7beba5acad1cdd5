"""The walk through a unit's folder: what is part of the unit, what shows that somebody still writes it."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

LOCK_NAME = ".migration-lock.json"
SKIPPED_FOLDERS = frozenset({".git", "node_modules", "__pycache__", ".mission_control"})
EDITOR_FILES = (".DS_Store", "Thumbs.db", "*~", "*.swp", "*.swo", "*.swx", ".#*", "#*#", "4913", ".nfs*", "*.pyc")
"""What editors, desktops and interpreters leave behind; never part of a unit."""
PARTIAL_FILES = ("*.part", "*.partial", "*.crdownload", ".~tmp~")
"""What a download or a copy leaves while it is under way: a unit that holds one is not settled."""

# One pattern for all: a STAGING folder of 100,000 files asks it 100,000 times in each tick.
_LEFT_OUT = re.compile(
    "|".join([*map(re.escape, sorted(SKIPPED_FOLDERS)), re.escape(LOCK_NAME), *map(translate, EDITOR_FILES)])
)
_PARTIAL = re.compile("|".join(map(translate, PARTIAL_FILES)))
_POINTER_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or symlink that the walk met: its path relative to the unit, and what the file system says."""

    relative: str
    place: str
    status: os.stat_result

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.place)


def walk_unit(unit_path: Path, unfinished: list[str]) -> Iterator[Entry]:
    """Yield the unit's folders, files and symlinks (never followed); what vanishes or is locked goes to `unfinished`.

    Left out: version control, installed packages, caches, what editors leave, and the lock of an earlier migration.
    """
    pending = [(str(unit_path), "")]
    while pending:
        folder, prefix = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            unfinished.append(prefix or ".")
            continue
        folders = []
        for entry in entries:
            relative = prefix + entry.name
            if _LEFT_OUT.fullmatch(entry.name):
                if entry.name == ".git":
                    unfinished.extend(f"{relative}/{lock}" for lock in _git_at_work(Path(entry.path), unit_path))
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                unfinished.append(relative)
                continue
            yield Entry(relative, entry.path, status)
            if stat.S_ISDIR(status.st_mode):
                folders.append((entry.path, relative + "/"))
        pending.extend(reversed(folders))


def is_partial(relative: str) -> bool:
    """Return whether a file's name says that it is still being written."""
    return _PARTIAL.fullmatch(relative.rpartition("/")[2]) is not None


def is_executable(mode: int) -> bool:
    """Return whether the owner may execute the file: the one permission that migrates."""
    return bool(mode & stat.S_IXUSR)


def _git_at_work(git: Path, unit_path: Path) -> list[str]:
    """Return what git leaves in its folder only while it works: its locks, and the pack that a clone receives."""
    folder = git
    if git.is_file():  # a submodule or a worktree: the file names the folder
        pointed = _pointed_to(git)
        if pointed is None or not pointed.is_relative_to(unit_path.resolve()):
            return []
        folder = pointed
    locks = [name for name in _names(folder) if name.endswith(".lock")]
    return locks + [f"objects/pack/{name}" for name in _names(folder / "objects" / "pack") if name.startswith("tmp_")]


def _pointed_to(git: Path) -> Path | None:
    try:
        with git.open(encoding="utf-8") as file:
            said = file.read(_POINTER_LIMIT)
        return (git.parent / said.removeprefix("gitdir:").strip()).resolve() if said.startswith("gitdir:") else None
    except (OSError, ValueError, RuntimeError):  # not text, no path, or a loop of symlinks: it points nowhere
        return None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:  # no such folder, or gone by now: nothing is under way in it
        return []
