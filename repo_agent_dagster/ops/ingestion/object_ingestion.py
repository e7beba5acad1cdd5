"""Bring one object's lines of a day into their table, or tell that they are there already."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.builds import BuildJob, JobLogStatus
from repo_agent_dagster.ops.builds.facts import JobsInLines
from repo_agent_dagster.ops.ingestion.line_shapes import LineShapes
from repo_agent_dagster.ops.ingestion.object_reading import ObjectReading, digest_of
from repo_agent_dagster.ops.ingestion.quarantine import Quarantine, quarantine_path
from repo_agent_dagster.ops.ingestion.result import Ingested
from repo_agent_dagster.ops.sources.protocol import LogExpired, LogObject, LogSource, RedactedLogObject
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store import log_ledger
from repo_agent_dagster.store.build_jobs import record_job, widen_job
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.log_ledger import LedgerEntry, ObjectHistory, ObjectKey
from repo_agent_dagster.store.log_writing import staged, write_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MAX_NAME_BYTES = 1000
_JOB_LOG_STATUS: dict[log_ledger.ObjectStatus, JobLogStatus] = {
    "complete": "stored", "duplicate": "stored", "partial": "partial", "expired": "expired",
}  # fmt: skip
_NO_BYTES = hashlib.sha256().hexdigest()
_NOTHING = LedgerEntry("", 0, 0, None)


@dataclass(frozen=True)
class ObjectIngestion:
    """How the objects of one source are ingested for one day.

    `future` is how far a line's time may be ahead of `now`.
    """

    engine: "Engine"
    source: LogSource
    day: date
    now: datetime
    quarantine_dir: Path
    future: timedelta
    progress: Callable[[str, int], None] | None = None

    def ingest(self, log_object: LogObject) -> Ingested:
        """Ingest the object unless the ledger has it as it is.

        Raises:
            SourceUnavailable, OSError: it cannot be read now; what was in the table is there still.
        """
        key = self._key(log_object)
        with read_transaction(self.engine) as connection:
            known = log_ledger.object_history(connection, key, _version(log_object))
        if known.is_expired:
            return Ingested(replace(known.entry or _NOTHING, status="expired"), is_written=False)
        if self._holds_nothing(known):
            return Ingested(_NOTHING, is_written=False)
        if known.entry and self._is_unchanged(log_object, key, known, known.entry):
            return Ingested(known.entry, is_written=False)
        try:
            return self._replace(log_object, key)
        except LogExpired as error:
            return self._expired(log_object, key, str(error))

    def name_of(self, log_object: LogObject) -> str:
        """Return the object's name as the ledger keeps it: storable, and short enough for an index."""
        name = log_object.name.replace("\x00", "\\x00").encode(errors="backslashreplace")
        if len(name) <= MAX_NAME_BYTES:
            return name.decode()
        return f"{name[:200].decode(errors='ignore')}…{hashlib.sha256(name).hexdigest()}"

    def _key(self, log_object: LogObject) -> ObjectKey:
        return ObjectKey(self.source.kind, self.source.name, self.name_of(log_object), self.day)

    def _holds_nothing(self, known: ObjectHistory) -> bool:
        """Whether this very version was read for another day, and had no line of this one."""
        return known.entry is None and bool(known.days) and self.day not in known.days

    def _is_unchanged(self, log_object: LogObject, key: ObjectKey, known: ObjectHistory, entry: LedgerEntry) -> bool:
        if self._may_have_come_of_age(known.ingested_at, entry) or not entry.digest:
            return False
        version = _version(log_object)
        if version is not None and entry.version is not None:
            # What was damaged is tried again: the damage may have been on the way here.
            return version == entry.version and entry.status != "partial"
        is_same = digest_of(log_object) == entry.digest
        if is_same and version is not None:
            with write_transaction(self.engine) as connection:
                log_ledger.note_unchanged(connection, key, version, entry.days, now=self.now)
        return is_same

    def _may_have_come_of_age(self, ingested_at: datetime | None, entry: LedgerEntry) -> bool:
        """Whether lines that were in the future then may not be so now: while their day is not over."""
        end = datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC) + timedelta(days=1)
        return bool(entry.quarantined) and ingested_at is not None and ingested_at + self.future < end

    def _replace(self, log_object: LogObject, key: ObjectKey) -> Ingested:
        quarantine = Quarantine(quarantine_path(self.quarantine_dir, key.source, key.day, key.name))
        latest = (self.now + self.future).astimezone(UTC).isoformat(" ", "microseconds")[:26]
        progress = self.progress
        told = None if progress is None else lambda lines: progress(key.name, lines)
        jobs = JobsInLines(key.source, key.name) if key.kind == "build" and log_object.job is None else None
        shapes = LineShapes(key.kind, key.day.isoformat(), latest, jobs)
        reading = ObjectReading(log_object, shapes, key.day, quarantine, told)
        try:
            with staged(self.engine, reading.rows()) as rows, write_transaction(self.engine) as connection:
                log_ledger.lock_source_day(connection, key)
                before = log_ledger.ledger_entry(connection, key)
                with connection.begin_nested() as replacement:
                    entry_id = log_ledger.begin_replacement(connection, key, now=self.now)
                    write_rows(connection, key.kind, entry_id, key.source, rows)
                    is_same = before is not None and (before.digest, before.quarantined) == (
                        reading.digest,
                        quarantine.count,
                    )
                    # A build's log is its own, by its provider's ids, though two may read alike.
                    is_copy = (
                        log_object.job is None
                        and reading.row_count + quarantine.count > 0
                        and log_ledger.has_copy(connection, key, reading.digest)
                    )
                    if is_same or is_copy:
                        replacement.rollback()
                if before is not None and is_same:
                    log_ledger.note_unchanged(connection, key, _version(log_object), reading.days, now=self.now)
                    return Ingested(before, is_written=False)
                if is_copy:
                    entry_id = log_ledger.begin_replacement(connection, key, now=self.now)
                    entry = LedgerEntry(reading.digest, 0, 0, None, status="duplicate")
                    entry = replace(entry, version=_version(log_object), days=reading.days)
                else:
                    entry = self._entry(connection, key, entry_id, log_object, reading, quarantine)
                log_ledger.finish_replacement(connection, entry_id, entry)
                if log_object.job is not None:
                    self._record_job(connection, log_object.job, key, entry)
                for job in jobs.jobs() if jobs and not is_copy else ():
                    widen_job(connection, job, now=self.now)
                outdated = before.quarantine_path if before else None
                if outdated and log_ledger.names_quarantine(connection, key, outdated):
                    outdated = None
        finally:
            quarantine.discard()
        if outdated:
            Path(outdated).unlink(missing_ok=True)
        return Ingested(entry, is_written=True)

    def _entry(
        self,
        connection: "Connection",
        key: ObjectKey,
        entry_id: str,
        log_object: LogObject,
        reading: ObjectReading,
        quarantine: Quarantine,
    ) -> LedgerEntry:
        duplicates = log_ledger.drop_known_records(connection, key, entry_id) if reading.shapes.has_ids else 0
        taken_before = log_object.redacted if isinstance(log_object, RedactedLogObject) else 0
        count = quarantine.count
        kept = quarantine.keep(reading.digest)
        return LedgerEntry(
            digest=reading.digest,
            rows=reading.row_count - duplicates,
            quarantined=count,
            quarantine_path=str(kept) if kept else None,
            redacted=reading.shapes.redacted + taken_before,
            duplicates=duplicates,
            status="partial" if reading.damage else "complete",
            problem=redact(str(reading.damage)) if reading.damage else None,
            version=_version(log_object),
            days=reading.days,
        )

    def _expired(self, log_object: LogObject, key: ObjectKey, problem: str) -> Ingested:
        with write_transaction(self.engine) as connection:
            log_ledger.lock_source_day(connection, key)
            log_ledger.note_expired(connection, key, _version(log_object), redact(problem), now=self.now)
            entry = log_ledger.ledger_entry(connection, key) or _NOTHING
            if log_object.job is not None:
                self._record_job(connection, log_object.job, key, entry)
        return Ingested(entry, is_written=False)

    def _record_job(self, connection: "Connection", job: BuildJob, key: ObjectKey, entry: LedgerEntry) -> None:
        status = "missing" if entry.digest == _NO_BYTES else _JOB_LOG_STATUS[entry.status]
        record_job(connection, replace(job, object_name=key.name, log_status=status), now=self.now)


def _version(log_object: LogObject) -> str | None:
    version = log_object.version
    if version is None or len(version) <= log_ledger.MAX_VERSION_CHARACTERS:
        return version
    return hashlib.sha256(version.encode(errors="backslashreplace")).hexdigest()
