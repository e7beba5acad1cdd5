"""What a proxy told of a day, kept without its secrets: what it forgets later is not taken from us.

A landing is a folder with one file for each hour of the day, and a note of what was asked. A sliding window gives the
same rows again and again, so they are merged: rows that bear an id by their id, others as a multiset of contents, in
which a row stands as often as in that one fetch which had it most often. Two equal rows of one fetch are both kept.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any

import zstandard

from repo_agent_dagster.redaction import LineRedactor, redact_value

HOURS = tuple(f"{hour:02}" for hour in range(24))
UNDATED = "undated"
"""The part of rows whose time cannot be read; the ingestion puts them into quarantine."""

_CHUNK_BYTES = 256 * 1024
_IDENTITY_CHARACTERS = 33  # "i" or "c", and 32 hex digits
_LINE_BYTES = 8 * 1024 * 1024
_NOTE = "asked.json"
_LOCK = ".lock"
_PAGES = "pages"
_FETCH = ".fetch-"
_ABANDONED_SECONDS = 24 * 3600
_PLAIN_FIELDS = frozenset({"ts", "worker", "repo", "run_id", "level", "id", "message"})
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True)
class Landing:
    """One source's rows of one day, below a folder of its own."""

    folder: Path

    @property
    def holds_rows(self) -> bool:
        """Whether any row was ever told."""
        return any(self._part(name).exists() for name in (*HOURS, UNDATED))

    def chunks(self) -> Iterator[bytes]:
        """Yield the rows as JSON lines, hour after hour, in pieces of bounded size."""
        for name in (*HOURS, UNDATED):
            gathered: list[bytes] = []
            size = 0
            for line in _lines(self._part(name)):
                gathered.append(line[_IDENTITY_CHARACTERS + 1 :])
                size += len(line)
                if size >= _CHUNK_BYTES:
                    yield b"".join(gathered)
                    gathered, size = [], 0
            if gathered:
                yield b"".join(gathered)

    def note(self) -> dict[str, Any]:
        """Return what was noted of the last fetch; nothing where there was none, or the note is damaged."""
        try:
            noted = json.loads((self.folder / _NOTE).read_bytes())
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}

    def write_note(self, note: dict[str, Any]) -> None:
        """Replace the note."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{_NOTE}.draft"
        draft.write_text(json.dumps(note))
        draft.replace(self.folder / _NOTE)

    @contextmanager
    def fetching(self) -> Iterator["Fetch"]:
        """Open a fetch; when the block ends, however it ends, its rows are merged into what is there."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_abandoned()
        fetch = Fetch(Path(mkdtemp(prefix=_FETCH, dir=self.folder)))
        try:
            yield fetch
        finally:
            try:
                fetch.close()
                with (self.folder / _LOCK).open("w") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)  # two fetches at once would each lose the other's rows
                    for name in fetch.parts:
                        self._merge(name, fetch.folder / name)
            finally:
                shutil.rmtree(fetch.folder, ignore_errors=True)

    def _remove_abandoned(self) -> None:
        """Remove what a fetch left that was killed."""
        for folder in self.folder.glob(f"{_FETCH}*"):
            if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def _merge(self, name: str, fetched: Path) -> None:
        held = Counter(line[:_IDENTITY_CHARACTERS] for line in _lines(self._part(name)))
        if not any(True for _ in _new_lines(fetched, held)):
            return
        draft = self.folder / f"{name}.draft"
        with draft.open("wb") as file:
            with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as packed:
                for line in chain(_lines(self._part(name)), _new_lines(fetched, held)):
                    packed.write(line)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._part(name))

    def _part(self, name: str) -> Path:
        return self.folder / f"{name}.zst"


class Fetch:
    """The rows of one fetch, sorted into the hours of their day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = 0
        self._files: dict[str, IO[bytes]] = {}
        self._writers: dict[str, Any] = {}
        self._redactor = LineRedactor()

    @property
    def parts(self) -> tuple[str, ...]:
        """The hours that have rows."""
        return tuple(self._files)

    def add(self, part: str, row: Any, identity: str | None) -> None:
        """Note a row of an hour; `identity` is the provider's id of it, where there is one."""
        told = _encode(row)
        if identity is None:
            key = b"c" + hashlib.blake2b(told.encode(), digest_size=16).hexdigest().encode()
        else:
            key = b"i" + hashlib.blake2b(identity.encode(errors="replace"), digest_size=16).hexdigest().encode()
        # A landing is storage, too: the identity is of what was told, the line without its secrets.
        may_hold_secret = "\\u" in told or self._redactor.may_hold_secret(told)
        line = (_encode(self._redacted(row)) if may_hold_secret else told).encode()
        if part not in self._files:
            self._files[part] = (self.folder / part).open("wb")
            self._writers[part] = zstandard.ZstdCompressor(level=1).stream_writer(self._files[part])
        self._writers[part].write(b"%b %b\n" % (key, line))
        self.rows += 1

    def _redacted(self, row: Any) -> Any:
        if not isinstance(row, dict):
            return redact_value(row)
        message = row.get("message")
        clean: dict[str, Any] = {key: value for key, value in row.items() if key in _PLAIN_FIELDS}
        clean.update(redact_value({key: value for key, value in row.items() if key not in _PLAIN_FIELDS}))
        if isinstance(message, str):
            clean["message"] = self._redactor.redact(message)  # a private key goes over several rows
        return clean

    def close(self) -> None:
        """Bring all rows to their files."""
        for writer in self._writers.values():
            writer.close()


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a packed file with their line feeds; a file that is damaged ends where it is."""
    if not path.exists():
        return
    rest = b""
    with (
        path.open("rb") as file,
        zstandard.ZstdDecompressor(max_window_size=_LINE_BYTES).stream_reader(file, read_across_frames=True) as reader,
    ):
        while True:
            try:
                chunk = reader.read(_CHUNK_BYTES)
            except zstandard.ZstdError:
                return
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line + b"\n"


def _new_lines(fetched: Path, held: Counter[bytes]) -> Iterator[bytes]:
    """Yield the lines of a fetch that are not held yet, or not as often."""
    seen: Counter[bytes] = Counter()
    for line in _lines(fetched):
        identity = line[:_IDENTITY_CHARACTERS]
        seen[identity] += 1
        most = 1 if identity.startswith(b"i") else seen[identity]
        if held[identity] < seen[identity] <= most:
            yield line


def hour_of(ts: str) -> str:
    """Return the part of a time given as ``YYYY-MM-DD HH:MM:SS.ffffff``."""
    return ts[11:13]


def day_folder(landing: Path, source: str, start: datetime) -> Path:
    """Return where a source's landing of the day that begins at `start` lies."""
    return _source_folder(landing, source) / f"{start:%Y-%m-%d}"


def pages_folder(landing: Path, source: str) -> Path:
    """Return where a build service's known pages lie."""
    return _source_folder(landing, source) / _PAGES


def _source_folder(landing: Path, source: str) -> Path:
    return landing / hashlib.sha256(source.encode()).hexdigest()[:16]


def prune_landings(landing: Path, before: date) -> int:
    """Remove what was told of days before `before`, and pages last read before it; return how many went.

    Such a day is then asked for again when it is ingested again: keep the days that a back-fill may want.
    """
    removed = 0
    for folder in landing.glob("*/????-??-??"):
        try:
            is_old = date.fromisoformat(folder.name) < before
        except ValueError:
            continue
        if is_old:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    oldest = datetime(before.year, before.month, before.day, tzinfo=UTC).timestamp()
    for page in landing.glob(f"*/{_PAGES}/*"):
        if page.stat().st_mtime < oldest:
            page.unlink(missing_ok=True)
            removed += 1
    return removed
