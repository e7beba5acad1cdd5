"""Log files under a prefix of an object store: S3, R2, GCS, Azure, by URL."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, cast

from repo_agent_dagster.artifacts import ArtifactError, ArtifactStore, ArtifactUnavailable, StoredObject
from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.sources.packing import is_preferred, plain_name, unpacked
from repo_agent_dagster.ops.sources.protocol import SourceRefused, SourceUnavailable, Window

MAX_OBJECTS = 200_000
CLOCK_SKEW = timedelta(days=1)
"""How far a writer's clock may be ahead of the store's; far more than `log_future_minutes` lets through."""


@dataclass(frozen=True)
class StoredLog:
    """A log file in an object store, plain or packed by gzip or Zstandard."""

    name: str
    key: str
    store: ArtifactStore
    version: str | None = None
    job: BuildJob | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's unpacked bytes in pieces of bounded size."""
        with _Pieces(self._pieces()) as stream:
            yield from unpacked(cast(IO[bytes], stream), self.key, self.key)

    def _pieces(self) -> Iterator[bytes]:
        try:
            yield from self.store.stream(self.key)
        except (ArtifactUnavailable, ArtifactError) as error:  # an object that went away since the listing, too
            raise SourceUnavailable(str(error)) from error


@dataclass(frozen=True)
class ObjectStoreSource:
    """The ``*.jsonl``, ``*.ndjson`` and ``*.log`` objects, each plain, ``.gz`` or ``.zst``, under a URL's prefix.

    An object's name is its key below the prefix without ``.gz`` or ``.zst``, its version the store's ETag. Whoever uses
    one store for several sources gives each a prefix of its own. Credentials come from the environment, by the names
    of the stores' own tools.
    """

    store: ArtifactStore
    kind: LogKind
    name: str

    def fetch(self, window: Window) -> Iterator[StoredLog]:
        """Yield the log files that were written since the window began, sorted by name.

        Unlike a folder's, a store's time of writing is its own and never before the lines in the object, but for clock
        skew: so what was written before the window is left out, and an archive of years costs its listing only.
        """
        found: dict[str, StoredObject] = {}
        try:
            for stored in self.store.objects():
                name = plain_name(stored.key)
                if name is None or stored.modified_at < window.start - CLOCK_SKEW:
                    continue
                if name not in found or is_preferred(stored.key, found[name].key):
                    found[name] = stored
                if len(found) > MAX_OBJECTS:
                    raise SourceRefused(
                        f"{self.store.root} holds over {MAX_OBJECTS} log files of {window.start:%Y-%m-%d} and later: "
                        f"give the source {self.name} a longer prefix"
                    )
        except ArtifactUnavailable as error:
            raise SourceUnavailable(str(error)) from error
        except ArtifactError as error:
            raise SourceRefused(f"{error}; check the source's url and the credentials in the environment") from error
        for name in sorted(found):
            stored = found[name]
            version = stored.etag or f"{stored.bytes}-{stored.modified_at.isoformat()}"
            yield StoredLog(name, stored.key, self.store, f"{stored.key.rpartition('.')[2]} {version}")


class _Pieces(io.RawIOBase):
    """Bytes that come in pieces, as a stream to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        taken = min(len(buffer), len(self._left))
        buffer[:taken] = self._left[:taken]
        self._left = self._left[taken:]
        return taken
