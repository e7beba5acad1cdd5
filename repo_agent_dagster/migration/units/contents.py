"""What a unit holds: its files with their bytes, read once, so that a plan is made of one state of the unit."""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from repo_agent_dagster.migration.faults import UnitChanging, UnitError
from repo_agent_dagster.migration.units.digest import digest_of, entry_line, special_line, symlink_line
from repo_agent_dagster.migration.units.scan import MANIFEST_NAMES
from repo_agent_dagster.migration.units.walk import is_executable, is_partial, walk_unit

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class UnitFile:
    """One plain file of a unit; `path` is relative to the unit's folder, with forward slashes."""

    path: str
    content: bytes
    executable: bool


@dataclass(frozen=True)
class Left:
    """Something in the unit that does not migrate, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class UnitContents:
    """The files of a unit, sorted by path, what was left out, and the digest of it all."""

    unit_path: Path
    files: tuple[UnitFile, ...]
    left_out: tuple[Left, ...]
    digest: str

    @cached_property
    def by_path(self) -> Mapping[str, UnitFile]:
        """The files by their path."""
        return {file.path: file for file in self.files}


def read_unit(unit_path: Path) -> UnitContents:
    """Read the unit's files; the digest equals `StagingUnit.digest` when the manifest is in the unit's folder.

    Raises:
        UnitError: there is no such folder.
        UnitChanging: files vanished while they were read.
    """
    if not unit_path.is_dir():
        raise UnitError(f"{unit_path} is not a folder; name a unit's folder")
    files: list[UnitFile] = []
    left: list[Left] = []
    lines: list[str] = []
    unreadable: list[str] = []
    for entry in walk_unit(unit_path, unreadable):
        mode = entry.status.st_mode
        if stat.S_ISDIR(mode):
            continue
        try:
            if stat.S_ISLNK(mode):
                target = str(entry.path.readlink())
                lines.append(symlink_line(entry.relative, target))
                left.append(Left(entry.relative, f"symlink to {target}; symlinks are not followed or copied"))
            elif not stat.S_ISREG(mode):
                left.append(Left(entry.relative, "no plain file (socket, pipe or device)"))
                lines.append(special_line(entry.relative))
            else:
                content = _read(entry.place)
                lines.append(entry_line(entry.relative, is_executable(mode), content))
                _keep(UnitFile(entry.relative, content, is_executable(mode)), files, left)
        except OSError:
            unreadable.append(entry.relative)
    if unreadable:
        raise UnitChanging(
            f"{unit_path}: {unreadable[0]} cannot be read or is locked; try again when nobody writes here"
        )
    return UnitContents(unit_path, tuple(files), tuple(left), digest_of(lines))


def _read(place: str) -> bytes:
    """Return a file's bytes; a symlink or a pipe that took its place meanwhile is not followed or waited for."""
    with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb", buffering=0) as file:
        return file.readall()


def _keep(file: UnitFile, files: list[UnitFile], left: list[Left]) -> None:
    if file.path in MANIFEST_NAMES:
        return
    if is_partial(file.path):
        left.append(Left(file.path, "still being written, by its name"))
    elif not _is_utf8(file.path):
        left.append(Left(os.fsencode(file.path).decode("utf-8", "backslashreplace"), "its name is not UTF-8"))
    elif _CONTROL.search(file.path):
        left.append(Left(file.path, "its name has control characters, which no patch or diff can carry; rename it"))
    else:
        files.append(file)


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
