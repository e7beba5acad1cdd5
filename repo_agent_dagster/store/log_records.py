"""Read log lines back: how many there are, and a window's failures."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, func, null, select

from repo_agent_dagster.contracts.logs import FAILURE_LEVELS, LogKind, LogLevel, LogRecord
from repo_agent_dagster.store.tables.logs import LOG_TABLES


def count_lines(connection: Connection, kind: LogKind, start: datetime, end: datetime) -> int:
    """Count the stored lines of a kind with start ≤ ts < end."""
    table = LOG_TABLES[kind]
    return connection.execute(select(func.count()).select_from(table).where(_within(table, start, end))).scalar_one()


def failures(connection: Connection, kind: LogKind, start: datetime, end: datetime) -> Iterator[LogRecord]:
    """Yield the warnings and errors with start ≤ ts < end in the order of their time, with bounded memory."""
    table = LOG_TABLES[kind]
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
