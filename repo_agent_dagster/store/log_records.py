"""Log lines and the ledger of what was ingested: bulk writing, and reading a window of failures back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, literal, null, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from repo_agent_dagster.contracts.logs import FAILURE_LEVELS, LogKind, LogLevel, LogRecord
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.tables import build_logs, log_ingestions, worker_logs

LogRow = tuple[str, str | None, str, str, str | None, str]
"""A line to be written: worker or repo, run id (builds only), level, message, meta as JSON text, and its time as
``YYYY-MM-DD HH:MM:SS.ffffff`` in UTC. A plain tuple, because a million of them are made."""

_TABLES: dict[LogKind, Table] = {"worker": worker_logs, "build": build_logs}
_COLUMNS = {
    "worker": ("ingestion_id", "source", "worker", "level", "message", "meta", "ts"),
    "build": ("ingestion_id", "source", "repo", "run_id", "level", "message", "meta", "ts"),
}


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the ledger knows of one object's lines of one day."""

    digest: str
    rows: int
    quarantined: int
    quarantine_path: str | None


def ledger_entry(connection: Connection, kind: LogKind, source: str, object_name: str, day: date) -> LedgerEntry | None:
    """Return the entry of an object for a day, or None when it was never ingested for it."""
    row = connection.execute(
        select(
            log_ingestions.c.object_digest,
            log_ingestions.c.rows,
            log_ingestions.c.quarantined,
            log_ingestions.c.quarantine_path,
        ).where(
            log_ingestions.c.kind == kind,
            log_ingestions.c.source == source,
            log_ingestions.c.object_name == object_name,
            log_ingestions.c.day == day,
        )
    ).one_or_none()
    return None if row is None else LedgerEntry(*row)


def begin_replacement(
    connection: Connection, kind: LogKind, source: str, object_name: str, day: date, *, now: datetime
) -> str:
    """Claim an object's lines of a day, delete those there are, and return the ledger entry's id for the new ones.

    A second writer of the same object and day waits here until the first has committed. Close the replacement with
    `finish_replacement` in the same transaction.
    """
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    claim = insert(log_ingestions).values(
        id=new_id(),
        kind=kind,
        source=source,
        object_name=object_name,
        day=day,
        object_digest="",
        rows=0,
        quarantined=0,
        created_at=now,
    )
    entry_id: str = connection.execute(
        claim.on_conflict_do_update(
            index_elements=["kind", "source", "object_name", "day"], set_={"created_at": now}
        ).returning(log_ingestions.c.id)
    ).scalar_one()
    table = _TABLES[kind]
    connection.execute(table.delete().where(table.c.ingestion_id == entry_id))
    return entry_id


def write_rows(connection: Connection, kind: LogKind, entry_id: str, source: str, rows: Iterable[LogRow]) -> None:
    """Write the rows in bulk, in the connection's transaction, as fast as each database takes them."""
    if kind == "worker":
        values: Iterator[tuple[str | None, ...]] = (
            (entry_id, source, place, level, message, meta, ts) for place, _, level, message, meta, ts in rows
        )
    else:
        values = ((entry_id, source, *row) for row in rows)
    if connection.dialect.name == "postgresql":
        _copy(connection, kind, values)
        return
    # SQLAlchemy's own executemany processes every parameter in Python: 3–4 times slower.
    statement = _TABLES[kind].insert().compile(dialect=connection.dialect, column_keys=_COLUMNS[kind])
    cursor: Any = connection.connection.cursor()  # sqlite3's takes an iterator, which DBAPI's declaration leaves out
    try:
        cursor.executemany(str(statement), values)
    finally:
        cursor.close()


def _copy(connection: Connection, kind: LogKind, values: Iterable[tuple[str | None, ...]]) -> None:
    from psycopg import sql

    # The rows' times carry no offset: the server reads them in the zone of this transaction.
    connection.execute(select(func.set_config("TimeZone", "UTC", literal(True))))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(_TABLES[kind].name), sql.SQL(", ").join(map(sql.Identifier, _COLUMNS[kind]))
    )
    driver_cursor: Any = connection.connection.cursor()
    with driver_cursor as cursor, cursor.copy(statement) as copy:
        write_row = copy.write_row
        for row in values:
            write_row(row)


def finish_replacement(connection: Connection, entry_id: str, entry: LedgerEntry) -> None:
    """Record what the object's ingestion came to."""
    connection.execute(
        log_ingestions.update()
        .where(log_ingestions.c.id == entry_id)
        .values(
            object_digest=entry.digest,
            rows=entry.rows,
            quarantined=entry.quarantined,
            quarantine_path=entry.quarantine_path,
        )
    )


def count_lines(connection: Connection, kind: LogKind, start: datetime, end: datetime) -> int:
    """Count the stored lines of a kind with start ≤ ts < end."""
    table = _TABLES[kind]
    return connection.execute(select(func.count()).select_from(table).where(_within(table, start, end))).scalar_one()


def failures(connection: Connection, kind: LogKind, start: datetime, end: datetime) -> Iterator[LogRecord]:
    """Yield the warnings and errors with start ≤ ts < end in the order of their time, with bounded memory."""
    table = _TABLES[kind]
    place, run_id = (table.c.worker, null()) if kind == "worker" else (table.c.repo, table.c.run_id)
    found = connection.execute(
        select(table.c.id, table.c.source, place, run_id, table.c.level, table.c.message, table.c.meta, table.c.ts)
        .where(_within(table, start, end), table.c.level.in_([level.value for level in FAILURE_LEVELS]))
        .order_by(table.c.ts, table.c.id),
        execution_options={"yield_per": 1000},
    )
    for row in found:
        yield LogRecord(row[0], kind, row[1], row[2], row[3], LogLevel(row[4]), row[5], row[6], row[7])


def _within(table: Table, start: datetime, end: datetime) -> ColumnElement[bool]:
    return (table.c.ts >= start) & (table.c.ts < end)
