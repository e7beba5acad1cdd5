"""The folder of JSONL files that is the default source."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.sources.packing import is_preferred, plain_name, unpacked
from repo_agent_dagster.ops.sources.protocol import Window

SETTLING_SECONDS = 2.0
"""A file that changed so recently has no version: file systems' clocks are coarse, so a further change may bear the
same time. Git calls such a file racy, and reads it as well."""


@dataclass(frozen=True)
class FileObject:
    """A JSONL file, plain or packed by gzip or Zstandard."""

    name: str
    path: Path
    version: str | None = None
    job: BuildJob | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's unpacked bytes in pieces of bounded size."""
        with self.path.open("rb") as stream:
            yield from unpacked(stream, self.path.name, str(self.path))


@dataclass(frozen=True)
class DirectorySource:
    """A folder of ``*.jsonl``, ``*.ndjson`` and ``*.log`` files, each plain, ``.gz`` or ``.zst``, nested to any depth.

    An object's name is the path below the folder without ``.gz`` or ``.zst``, so a file that is packed after it was
    ingested stays the same object. A folder that does not exist holds no objects. Symbolic links to folders are not
    followed. `clock` gives the time that files' times are compared with, in seconds since 1970.
    """

    folder: Path
    kind: LogKind
    name: str
    clock: Callable[[], float] = time.time

    def fetch(self, window: Window) -> Iterator[FileObject]:
        """Yield the folder's log files, sorted by name; lines may arrive late, so every file may hold the day's."""
        found: dict[str, Path] = {}
        for parent, _folders, names in os.walk(self.folder):
            for name in names:
                plain = plain_name(name)
                path = Path(parent, name)
                if plain is None or not path.is_file():
                    continue
                relative = path.with_name(plain).relative_to(self.folder)
                object_name = os.fsencode(relative.as_posix()).decode(errors="backslashreplace")
                if object_name not in found or is_preferred(name, found[object_name].name):
                    found[object_name] = path
        for object_name in sorted(found):
            yield FileObject(object_name, found[object_name], self._version(found[object_name]))

    def _version(self, path: Path) -> str | None:
        """Return what changes whenever the file's bytes do, or None where that is not sure.

        The time of the last change of the inode is part of it: unlike the time of the content it cannot be set back, so
        a file that is rewritten with its old length and time is noticed.
        """
        try:
            state = path.stat()
        except OSError:
            return None  # reading it will tell
        if max(state.st_mtime, state.st_ctime) > self.clock() - SETTLING_SECONDS:
            return None
        return f"{state.st_size}-{state.st_mtime_ns}-{state.st_ctime_ns}-{state.st_ino}"


def embedded_sources(worker_logs: Path, build_logs: Path) -> tuple[DirectorySource, DirectorySource]:
    """Return the two default sources, under the names that every face and asset must use to own the same rows."""
    return (
        DirectorySource(worker_logs, "worker", "worker-directory"),
        DirectorySource(build_logs, "build", "build-directory"),
    )
