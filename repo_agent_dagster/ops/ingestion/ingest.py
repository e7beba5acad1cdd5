"""Bring a source's lines of one UTC day into the log tables, exactly once however often it is run.

A line's identity is (source, object, line number), or its provider's id. A ledger holds each object's version and
digest for each day: an unchanged object is passed over, a changed one has its lines of that day replaced in one
transaction. Objects that have gone from the source keep their lines.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.ops.ingestion.object_ingestion import ObjectIngestion
from repo_agent_dagster.ops.ingestion.result import Ingested, IngestionResult
from repo_agent_dagster.ops.sources.protocol import (
    LogObject,
    LogSource,
    SourceIncomplete,
    SourceRefused,
    SourceUnavailable,
    Window,
)
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.log_ledger import stale_objects
from repo_agent_dagster.store.log_source_days import DayStatus, SourceDay, ledger_totals, record_source_day

if TYPE_CHECKING:
    from sqlalchemy import Engine

LATENESS = timedelta(hours=24)
FUTURE = timedelta(minutes=10)
_PROBLEM_CHARACTERS = 500
_PROBLEMS = 1000


def ingest_day(
    engine: "Engine",
    source: LogSource,
    day: date,
    *,
    now: datetime,
    quarantine_dir: Path,
    lateness: timedelta = LATENESS,
    future: timedelta = FUTURE,
    progress: Callable[[str, int], None] | None = None,
) -> IngestionResult:
    """Bring the source's lines with 00:00 ≤ time < 24:00 UTC of the day into the table of its kind.

    Broken lines, and lines more than `future` ahead of `now`, go to a file each object below `quarantine_dir` and stop
    nothing. A source that fails stops nothing either: what it gave is kept, and the result and the store tell how far
    the day is complete. Memory is bounded whatever the size. `progress` is told (object, lines so far) now and then.

    Raises: only what the store itself raises.
    """
    started = time.monotonic()
    tally = _Tally()
    objects = ObjectIngestion(engine, source, day, now, quarantine_dir, future, progress)
    with_duplicates: dict[str, LogObject] = {}
    try:
        for log_object in source.fetch(Window.of_day(day, lateness=lateness)):
            ingested = tally.take(objects, log_object)
            if ingested and ingested.entry.duplicates:
                with_duplicates[objects.name_of(log_object)] = log_object
    except (SourceRefused, SourceUnavailable, OSError) as error:
        tally.stopped(error)
    with read_transaction(engine) as connection:
        stale = stale_objects(connection, source.kind, source.name, day) if with_duplicates else frozenset()
    for name in sorted(stale & with_duplicates.keys()):
        tally.take(objects, with_duplicates[name])
    result = tally.result(engine, source, day, seconds=time.monotonic() - started)
    _record(engine, result, now)
    return result


@dataclass
class _Tally:
    """Counts a run's objects and its problems; an object that is taken twice counts as it was the second time."""

    ingested: dict[str, Ingested] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    is_refused: bool = False
    is_cut_short: bool = False
    is_transient: bool = False

    def take(self, objects: ObjectIngestion, log_object: LogObject) -> Ingested | None:
        """Ingest an object; None when it cannot be read, which is noted."""
        name = objects.name_of(log_object)
        try:
            ingested = objects.ingest(log_object)
        except (SourceUnavailable, SourceRefused, OSError) as error:
            self._failed(error, f"{name}: {error}")
            return None
        before = self.ingested.get(name)
        self.ingested[name] = Ingested(ingested.entry, ingested.is_written or bool(before and before.is_written))
        if ingested.entry.status == "partial" and before is None:
            self._note(f"{name}: {ingested.entry.problem}")
        return ingested

    def stopped(self, error: SourceRefused | SourceUnavailable | OSError) -> None:
        """Note that the source gave no more objects."""
        self.is_refused = isinstance(error, SourceRefused)
        self.is_cut_short = not isinstance(error, SourceIncomplete)
        self._failed(error, str(error))

    def _failed(self, error: SourceRefused | SourceUnavailable | OSError, problem: str) -> None:
        self.is_transient |= not isinstance(error, SourceRefused | SourceIncomplete)
        self._note(problem)

    def _note(self, problem: str) -> None:
        if len(self.problems) < _PROBLEMS:
            self.problems.append(redact(problem)[:_PROBLEM_CHARACTERS])

    def result(self, engine: "Engine", source: LogSource, day: date, *, seconds: float) -> IngestionResult:
        """Sum up."""
        entries = [one.entry for one in self.ingested.values()]
        with read_transaction(engine) as connection:
            rows_of_day = ledger_totals(connection, source.kind, source.name, day).rows
        return IngestionResult(
            source=source.name,
            kind=source.kind,
            day=day,
            status=self._status(rows_of_day),
            problems=tuple(self.problems),
            is_transient=self.is_transient,
            objects=len(entries),
            rows=sum(entry.rows for entry in entries),
            written=sum(one.entry.rows for one in self.ingested.values() if one.is_written),
            skipped_objects=sum(not one.is_written for one in self.ingested.values()),
            quarantined=sum(entry.quarantined for entry in entries),
            redacted=sum(entry.redacted for entry in entries),
            duplicates=sum(entry.duplicates for entry in entries),
            expired=sum(entry.status == "expired" for entry in entries),
            quarantine_paths=tuple(Path(entry.quarantine_path) for entry in entries if entry.quarantine_path),
            duration_seconds=seconds,
        )

    def _status(self, rows_of_day: int) -> DayStatus:
        if self.is_refused or (self.is_cut_short and not self.ingested):
            return "failed"
        if self.problems:
            return "partial"
        return "complete" if rows_of_day else "no_data"


def _record(engine: "Engine", result: IngestionResult, now: datetime) -> None:
    with write_transaction(engine) as connection:
        totals = ledger_totals(connection, result.kind, result.source, result.day)
        record_source_day(
            connection,
            SourceDay(
                source=result.source,
                kind=result.kind,
                day=result.day,
                status=result.status,
                problem=result.problem,
                objects=totals.objects,
                rows=totals.rows,
                quarantined=totals.quarantined,
                redacted=totals.redacted,
                expired=totals.expired,
                fetched_at=now,
            ),
        )
