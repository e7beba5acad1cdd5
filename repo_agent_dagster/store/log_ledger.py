"""The ledger of ingestion: which object's lines of which day are in the log tables, in which state.

A line is (source, object, line number), or what its provider's id says. So the rows of an object's day are replaced as
one, bytes that two objects of a source hold alike count once, and so does a record that comes twice with the same id.
Everything here is done in the caller's transaction, under `lock_source_day`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, true

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.tables import build_jobs, log_ingestions
from repo_agent_dagster.store.tables.logs import LOG_TABLES

ObjectStatus = Literal["complete", "partial", "expired", "duplicate"]
"""What there is of an object's lines: all, a part, nothing any more, or all of them under another object's name."""

MAX_VERSION_CHARACTERS = 300

_row = log_ingestions.c


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """One object of a source, and the day that is asked for."""

    kind: LogKind
    source: str
    name: str
    day: date


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the ledger knows of one object's lines of one day.

    `days` are the UTC days of all lines of this version of the object, empty where that is not known; `duplicates`
    counts the lines left out because another record with the same provider id is there.
    """

    digest: str
    rows: int
    quarantined: int
    quarantine_path: str | None
    redacted: int = 0
    duplicates: int = 0
    status: ObjectStatus = "complete"
    problem: str | None = None
    version: str | None = None
    days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectHistory:
    """What the ledger knows of an object when it is offered again.

    `entry` is the day's and `ingested_at` its time; `is_expired` tells that its provider has it no more; `days` are
    those of all its lines, where the ledger knows the very version that is offered.
    """

    entry: LedgerEntry | None
    ingested_at: datetime | None
    is_expired: bool
    days: tuple[date, ...]


def lock_source_day(connection: Connection, key: ObjectKey) -> None:
    """Wait until no other transaction writes lines of the source's day. SQLite's write lock does that by itself."""
    if connection.dialect.name == "postgresql":
        name = f"log-ingestion:{key.kind}:{key.source}:{key.day}"
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def object_history(connection: Connection, key: ObjectKey, version: str | None) -> ObjectHistory:
    """Return what is known of the object, for its day and, where that decides, for other days."""
    telling = [_row.day == key.day, _row.status == "expired"]
    if version is not None:
        telling.append(_row.version == version)
    found = connection.execute(select(log_ingestions).where(_of_object(key), or_(*telling))).all()
    own = next((row for row in found if row.day == key.day), None)
    same_version = [row.days for row in found if version is not None and row.version == version and row.days]
    return ObjectHistory(
        entry=None if own is None else _entry(own),
        ingested_at=None if own is None else own.created_at,
        is_expired=any(row.status == "expired" for row in found),
        days=_dates(same_version[0]) if same_version else (),
    )


def ledger_entry(connection: Connection, key: ObjectKey) -> LedgerEntry | None:
    """Return the entry of an object for a day, or None when it was never ingested for it."""
    row = connection.execute(select(log_ingestions).where(_of_day(key))).one_or_none()
    return None if row is None else _entry(row)


def begin_replacement(connection: Connection, key: ObjectKey, *, now: datetime) -> str:
    """Claim an object's lines of a day, delete those there are, and return the ledger entry's id for the new ones.

    Where another object is known to hold the same bytes, the old lines go over to that one instead. Close the
    replacement with `finish_replacement` in the same transaction.
    """
    before = connection.execute(select(log_ingestions).where(_of_day(key))).one_or_none()
    if before is not None:
        if not _hand_over(connection, key, before.id, before.object_digest, before.status):
            connection.execute(log_ingestions.delete().where(_row.id == before.id))  # its rows go with it
        if before.object_digest:
            _mark_duplicates_stale(connection, key)
    entry_id = new_id()
    connection.execute(
        log_ingestions.insert().values(
            id=entry_id,
            kind=key.kind,
            source=key.source,
            object_name=key.name,
            day=key.day,
            object_digest="",
            rows=0,
            quarantined=0,
            created_at=now,
        )
    )
    return entry_id


def _hand_over(connection: Connection, key: ObjectKey, entry_id: str, digest: str, status: ObjectStatus) -> bool:
    """Give an entry with its rows to an object that holds the same bytes; return whether there is one."""
    if status == "duplicate" or not digest:
        return False
    copy = connection.execute(
        select(_row.id, _row.object_name, _row.version)
        .where(_of_source_day(key), _row.object_digest == digest, _row.status == "duplicate")
        .order_by(_row.object_name)
        .limit(1)
    ).one_or_none()
    if copy is None:
        return False
    connection.execute(log_ingestions.delete().where(_row.id == copy.id))
    handed = log_ingestions.update().where(_row.id == entry_id)
    connection.execute(handed.values(object_name=copy.object_name, version=copy.version))
    if key.kind == "build":
        of_it = (build_jobs.c.source == key.source, build_jobs.c.object_name == key.name)
        connection.execute(build_jobs.update().where(*of_it).values(object_name=copy.object_name))
    return True


def _mark_duplicates_stale(connection: Connection, key: ObjectKey) -> None:
    """Have the objects read again from which lines were left out: the lines they were left out for may be going."""
    connection.execute(
        log_ingestions.update()
        .where(_of_source_day(key), _row.duplicates > 0, _row.object_name != key.name)
        .values(object_digest="", version=None)
    )


def drop_known_records(connection: Connection, key: ObjectKey, entry_id: str) -> int:
    """Delete the entry's rows whose record the source's day has already; return how many they were.

    It is the same record when provider's id, time and message are the same: an `id` that is not the record's own, but
    a user's say, must cost nobody a line.
    """
    table = LOG_TABLES[key.kind]
    other = table.alias()
    start = datetime(key.day.year, key.day.month, key.day.day, tzinfo=UTC)
    known = exists().where(
        other.c.record_id == table.c.record_id,
        other.c.record_id.is_not(None),
        other.c.source == key.source,
        other.c.ts == table.c.ts,
        other.c.ts >= start,
        other.c.ts < start + timedelta(days=1),
        other.c.message == table.c.message,
        or_(other.c.ingestion_id != entry_id, other.c.id < table.c.id),
    )
    mine = and_(table.c.ingestion_id == entry_id, table.c.record_id.is_not(None))
    return connection.execute(table.delete().where(mine, known)).rowcount


def has_copy(connection: Connection, key: ObjectKey, digest: str) -> bool:
    """Whether another object of the source's day owns rows of these very bytes."""
    found = select(true()).where(
        _of_source_day(key),
        _row.object_digest == digest,
        _row.object_name != key.name,
        _row.status.not_in(("duplicate", "expired")),
    )
    return connection.execute(found.limit(1)).scalar() is not None


def names_quarantine(connection: Connection, key: ObjectKey, path: str) -> bool:
    """Whether any entry of the source's day has its broken lines in this file."""
    found = select(true()).where(_of_source_day(key), _row.quarantine_path == path).limit(1)
    return connection.execute(found).scalar() is not None


def finish_replacement(connection: Connection, entry_id: str, entry: LedgerEntry) -> None:
    """Record what the object's ingestion came to."""
    connection.execute(
        log_ingestions.update()
        .where(_row.id == entry_id)
        .values(
            object_digest=entry.digest,
            rows=entry.rows,
            quarantined=entry.quarantined,
            quarantine_path=entry.quarantine_path,
            redacted=entry.redacted,
            duplicates=entry.duplicates,
            status=entry.status,
            problem=entry.problem,
            version=entry.version,
            days=[day.isoformat() for day in entry.days] or None,
        )
    )


def note_unchanged(
    connection: Connection, key: ObjectKey, version: str | None, days: Iterable[date], *, now: datetime
) -> None:
    """Note that the object's bytes were found to be those of its entry, maybe under another version."""
    known = [day.isoformat() for day in days] or None
    connection.execute(log_ingestions.update().where(_of_day(key)).values(version=version, days=known, created_at=now))


def note_expired(connection: Connection, key: ObjectKey, version: str | None, problem: str, *, now: datetime) -> None:
    """Note that the provider no longer has the object. Lines of it that are here already stay."""
    if ledger_entry(connection, key) is None:
        finish_replacement(connection, begin_replacement(connection, key, now=now), LedgerEntry("", 0, 0, None))
    connection.execute(
        log_ingestions.update()
        .where(_of_day(key))
        .values(status="expired", problem=problem, version=version, created_at=now)
    )


def stale_objects(connection: Connection, kind: LogKind, source: str, day: date) -> frozenset[str]:
    """Return the names of the objects that are to be read again, whatever their version says."""
    found = select(_row.object_name).where(
        _row.kind == kind, _row.source == source, _row.day == day, _row.object_digest == "", _row.duplicates > 0
    )
    return frozenset(connection.execute(found).scalars())


def _entry(row: Row[Any]) -> LedgerEntry:
    return LedgerEntry(
        digest=row.object_digest,
        rows=row.rows,
        quarantined=row.quarantined,
        quarantine_path=row.quarantine_path,
        redacted=row.redacted,
        duplicates=row.duplicates,
        status=row.status,
        problem=row.problem,
        version=row.version,
        days=_dates(row.days),
    )


def _dates(days: list[str] | None) -> tuple[date, ...]:
    return tuple(map(date.fromisoformat, days or ()))


def _of_object(key: ObjectKey) -> ColumnElement[bool]:
    return and_(_row.kind == key.kind, _row.source == key.source, _row.object_name == key.name)


def _of_day(key: ObjectKey) -> ColumnElement[bool]:
    return and_(_of_object(key), _row.day == key.day)


def _of_source_day(key: ObjectKey) -> ColumnElement[bool]:
    return and_(_row.kind == key.kind, _row.source == key.source, _row.day == key.day)
