"""The folder of JSONL files that is the default source."""

import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.sources.protocol import DamagedLogObject, Window

CHUNK_BYTES = 256 * 1024
LOG_SUFFIXES = (".jsonl", ".ndjson", ".log")


@dataclass(frozen=True)
class FileObject:
    """A JSONL file, plain or gzip-compressed."""

    name: str
    path: Path
    version: str | None = None
    job: BuildJob | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's unpacked bytes, `CHUNK_BYTES` at a time."""
        with self._open() as stream:
            while True:
                try:
                    chunk = stream.read(CHUNK_BYTES)
                except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                    raise DamagedLogObject(f"{self.path} is damaged or cut short: {error}") from error
                if not chunk:
                    return
                yield chunk

    def _open(self) -> gzip.GzipFile | BufferedReader:
        return gzip.open(self.path, "rb") if self.path.suffix == ".gz" else self.path.open("rb")


@dataclass(frozen=True)
class DirectorySource:
    """A folder of ``*.jsonl``, ``*.ndjson`` and ``*.log`` files, each plain or ``.gz``, nested to any depth.

    An object's name is the path below the folder without ``.gz``, so a file that is compressed after it was ingested
    stays the same object. A folder that does not exist holds no objects. Symbolic links to folders are not followed.
    """

    folder: Path
    kind: LogKind
    name: str

    def fetch(self, window: Window) -> Iterator[FileObject]:
        """Yield the folder's log files, sorted by name; lines may arrive late, so every file may hold the day's."""
        found: dict[str, Path] = {}
        for parent, _folders, names in os.walk(self.folder):
            for name in names:
                path = Path(parent, name)
                plain = path.with_suffix("") if path.suffix == ".gz" else path
                if plain.suffix not in LOG_SUFFIXES or not path.is_file():
                    continue
                object_name = os.fsencode(plain.relative_to(self.folder).as_posix()).decode(errors="backslashreplace")
                # While a file is being compressed both exist, and only the plain one is sure to be whole.
                if path == plain or object_name not in found:
                    found[object_name] = path
        for object_name in sorted(found):
            yield FileObject(object_name, found[object_name])


def embedded_sources(worker_logs: Path, build_logs: Path) -> tuple[DirectorySource, DirectorySource]:
    """Return the two default sources, under the names that every face and asset must use to own the same rows."""
    return (
        DirectorySource(worker_logs, "worker", "worker-directory"),
        DirectorySource(build_logs, "build", "build-directory"),
    )
