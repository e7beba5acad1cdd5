"""Bring a source's lines of one UTC day into the log tables, exactly once however often it is run.

A line's identity is (source, object, line number). A ledger holds the digest of each object for each day: an unchanged
object is passed over, a changed one has its lines of that day replaced in one transaction. Objects that have gone from
the source keep their lines.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import TransientFault
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.ingestion.line_reader import BrokenLine, read_lines
from repo_agent_dagster.ops.ingestion.line_shapes import UnreadableLine, read_line
from repo_agent_dagster.ops.ingestion.quarantine import Quarantine, quarantine_path
from repo_agent_dagster.ops.sources.protocol import DamagedLogObject, LogObject, LogSource, Window
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.log_records import (
    LedgerEntry,
    LogRow,
    begin_replacement,
    finish_replacement,
    ledger_entry,
    write_rows,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

_DAMAGED = b"\x00damaged"


class LogObjectsUnreadable(TransientFault):
    """Some objects could not be read; the others were ingested, and running again ingests what is missing."""


@dataclass(frozen=True, slots=True)
class IngestionResult:
    """What a source's day came to.

    `rows` and `quarantined` count all of the day's lines that the source's objects hold now, also those of objects
    that were passed over; `written` counts the rows this run wrote.
    """

    source: str
    day: date
    objects: int
    rows: int
    written: int
    skipped_objects: int
    quarantined: int
    quarantine_paths: tuple[Path, ...]
    duration_seconds: float


def ingest_day(
    engine: "Engine", source: LogSource, day: date, *, now: datetime, quarantine_dir: Path
) -> IngestionResult:
    """Bring the source's lines with 00:00 ≤ time < 24:00 UTC of the day into the table of its kind.

    Broken lines go to a file each object below `quarantine_dir` and stop nothing. Memory is bounded whatever the size.

    Raises:
        LogObjectsUnreadable: an object could not be read; raised after all others were ingested.
    """
    started = time.monotonic()
    ingested: list[LedgerEntry] = []
    unreadable: list[str] = []
    skipped = written = 0
    for log_object in source.fetch(Window.of_day(day)):
        try:
            known = _unchanged(engine, source, log_object, day)
            if known:
                skipped += 1
                ingested.append(known)
                continue
            entry = _replace(engine, source, log_object, day, now=now, quarantine_dir=quarantine_dir)
        except OSError as error:
            unreadable.append(f"{log_object.name}: {error}")
            continue
        written += entry.rows
        ingested.append(entry)
    if unreadable:
        raise LogObjectsUnreadable(
            f"source {source.name} of {day}: {len(unreadable)} of {len(unreadable) + len(ingested)} objects could not "
            f"be read ({'; '.join(unreadable[:5])}); the others are ingested, run it again for the rest"
        )
    return IngestionResult(
        source=source.name,
        day=day,
        objects=len(ingested),
        rows=sum(entry.rows for entry in ingested),
        written=written,
        skipped_objects=skipped,
        quarantined=sum(entry.quarantined for entry in ingested),
        quarantine_paths=tuple(Path(entry.quarantine_path) for entry in ingested if entry.quarantine_path),
        duration_seconds=time.monotonic() - started,
    )


def _unchanged(engine: "Engine", source: LogSource, log_object: LogObject, day: date) -> LedgerEntry | None:
    """Return the object's ledger entry if the object still is what was ingested, else None."""
    with read_transaction(engine) as connection:
        entry = ledger_entry(connection, source.kind, source.name, log_object.name, day)
    if entry is None:
        return None
    digest = hashlib.sha256()
    try:
        for chunk in log_object.chunks():
            digest.update(chunk)
    except DamagedLogObject:
        digest.update(_DAMAGED)
    return entry if digest.hexdigest() == entry.digest else None


def _replace(
    engine: "Engine", source: LogSource, log_object: LogObject, day: date, *, now: datetime, quarantine_dir: Path
) -> LedgerEntry:
    quarantine = Quarantine(quarantine_path(quarantine_dir, source.name, day, log_object.name))
    reading = _ObjectReading(log_object, source.kind, day, quarantine)
    try:
        with write_transaction(engine) as connection:
            entry_id = begin_replacement(connection, source.kind, source.name, log_object.name, day, now=now)
            write_rows(connection, source.kind, entry_id, source.name, reading.rows())
            kept = quarantine.keep()
            entry = LedgerEntry(reading.digest, reading.row_count, quarantine.count, str(kept) if kept else None)
            finish_replacement(connection, entry_id, entry)
    finally:
        quarantine.discard()
    return entry


class _ObjectReading:
    """One pass over an object: yields its rows of the day; afterwards tells their number and the object's digest.

    The digest is of the very bytes that were read, so an object that grows meanwhile is seen as changed next time.
    """

    def __init__(self, log_object: LogObject, kind: LogKind, day: date, quarantine: Quarantine) -> None:
        self.row_count = 0
        self._object = log_object
        self._kind = kind
        self._day = day.isoformat()
        self._quarantine = quarantine
        self._digest = hashlib.sha256()
        self._damage: DamagedLogObject | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes read, in hexadecimal."""
        return self._digest.hexdigest()

    def rows(self) -> Iterator[LogRow]:
        """Yield the rows of the day, in the order of the object's lines.

        A broken line has no day of its own: it belongs to that of the last line before it whose time could be read,
        at the beginning of an object to that of the first after it, and in an object without any time to every day.
        """
        day, kind = self._day, self._kind
        number = 0
        on_day: bool | None = None  # None until a line's time could be read
        for lines in read_lines(self._chunks()):
            for line in lines:
                number += 1
                if isinstance(line, BrokenLine):
                    if on_day is not False:
                        self._quarantine.add(number, line.reason, line.text)
                    continue
                try:
                    rows = read_line(line, kind, day)
                except UnreadableLine as error:
                    if error.ts:
                        on_day = self._moved_to(error.ts[:10] == day, on_day)
                    if on_day is not False and not line.isspace() and line:
                        self._quarantine.add(number, error.reason, line)
                    continue
                if rows:
                    on_day = True
                    self.row_count += len(rows)
                    yield from rows
                else:
                    on_day = self._moved_to(False, on_day)
        if self._damage and on_day is not False:
            self._quarantine.add(number + 1, f"the object ends here: {self._damage}", "")

    def _moved_to(self, on_day: bool, before: bool | None) -> bool:
        """Note the first line with a time: the broken lines before it share its day."""
        if before is None and not on_day:
            self._quarantine.discard()
        return on_day

    def _chunks(self) -> Iterator[bytes]:
        try:
            for chunk in self._object.chunks():
                self._digest.update(chunk)
                yield chunk
        except DamagedLogObject as damage:
            self._digest.update(_DAMAGED)
            self._damage = damage
