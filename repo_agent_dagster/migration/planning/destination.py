"""The target root as it stands: reads files under it, and says what is in the way of writing one."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from repo_agent_dagster.migration.units.scan import SKIPPED_FOLDERS, is_executable

_LARGE_BYTES = 5_000_000


@dataclass(frozen=True)
class Standing:
    """What is at one path: a file's content, or nothing, or an obstacle that no migration may touch."""

    content: bytes | None = None
    executable: bool = False
    obstacle: str | None = None

    @cached_property
    def sha256(self) -> str | None:
        """SHA-256 of the content, in hex."""
        return None if self.content is None else sha256(self.content).hexdigest()


class Destination:
    """Reads paths relative to one target root. Symlinks under it are never followed."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._folders: dict[str, Mapping[str, os.stat_result] | None] = {"": self._list("")}

    def read(self, path: str) -> Standing:
        """Return what stands at a path."""
        obstacle = self._obstacle(path)
        if obstacle is not None:
            return Standing(obstacle=obstacle)
        status = self._status(path)
        if status is None:
            return Standing()
        if not stat.S_ISREG(status.st_mode):
            return Standing(obstacle="is a folder, a symlink or a device")
        try:
            return Standing((self.root / path).read_bytes(), is_executable(status.st_mode))
        except OSError as error:
            return Standing(obstacle=f"cannot be read: {error.strerror}")

    def holds_file(self, path: str) -> bool:
        """Return whether a plain file stands at a path; outside the root nothing does."""
        if path.startswith(("../", "/")) or path == "..":
            return False
        status = self._status(path)
        return status is not None and stat.S_ISREG(status.st_mode)

    def files_under(self, folder: str) -> dict[str, bytes]:
        """Return the plain files under a folder by their path, without installed packages, caches and large files."""
        found: dict[str, bytes] = {}
        pending = [folder.removeprefix("./")]
        while pending:
            inside = pending.pop()
            for name, status in sorted((self._listing("" if inside == "." else inside) or {}).items()):
                path = name if inside == "." else f"{inside}/{name}"
                if stat.S_ISDIR(status.st_mode) and name not in SKIPPED_FOLDERS:
                    pending.append(path)
                elif stat.S_ISREG(status.st_mode) and status.st_size <= _LARGE_BYTES:
                    found[path] = (self.root / path).read_bytes()
        return found

    def root_files(self, endings: tuple[str, ...]) -> dict[str, bytes]:
        """Return the plain files in the root itself that end so, without large ones."""
        return {
            name: (self.root / name).read_bytes()
            for name, status in sorted((self._listing("") or {}).items())
            if name.endswith(endings) and stat.S_ISREG(status.st_mode) and status.st_size <= _LARGE_BYTES
        }

    def _obstacle(self, path: str) -> str | None:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            status = self._status(folder)
            if status is None:
                return None
            if stat.S_ISLNK(status.st_mode):
                return f"{folder} is a symlink, and a migration does not write through one"
            if not stat.S_ISDIR(status.st_mode):
                return f"{folder} is a file, not a folder"
        return None

    def _status(self, path: str) -> os.stat_result | None:
        folder, _, name = path.rpartition("/")
        listing = self._listing(folder)
        return None if listing is None else listing.get(name)

    def _listing(self, folder: str) -> Mapping[str, os.stat_result] | None:
        """Return a folder's entries; read once, since resolving asks for many names that are not there."""
        if folder not in self._folders:
            status = self._status(folder)
            is_folder = status is not None and stat.S_ISDIR(status.st_mode)
            self._folders[folder] = self._list(folder) if is_folder else None
        return self._folders[folder]

    def _list(self, folder: str) -> Mapping[str, os.stat_result]:
        with os.scandir(self.root / folder) as entries:
            return {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
