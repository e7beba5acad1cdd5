"""How the last ingestion of each source's day went, and what the tables hold of it."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.store.rows import fetch_all, put
from repo_agent_dagster.store.tables import log_ingestions, log_source_days

DayStatus = Literal["complete", "partial", "failed", "no_data"]
"""`complete`: all that the source offers is here; `partial`: something could not be read; `failed`: the source gave
nothing, or refuses; `no_data`: the source was read to its end and has no lines of the day, which is no sign of health.
"""

_row = log_source_days.c


@dataclass(frozen=True, slots=True)
class SourceDay:
    """The last ingestion of a source's day. The counts are of what the ledger holds, from whichever ingestion."""

    source: str
    kind: LogKind
    day: date
    status: DayStatus
    problem: str | None
    objects: int
    rows: int
    quarantined: int
    redacted: int
    expired: int
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """What the ledger holds of a source's day."""

    objects: int
    rows: int
    quarantined: int
    redacted: int
    expired: int


def ledger_totals(connection: Connection, kind: LogKind, source: str, day: date) -> LedgerTotals:
    """Add up the ledger's entries of a source's day."""
    entry = log_ingestions.c
    counts = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(entry.rows), 0),
            func.coalesce(func.sum(entry.quarantined), 0),
            func.coalesce(func.sum(entry.redacted), 0),
            func.coalesce(func.sum(case((entry.status == "expired", 1), else_=0)), 0),
        ).where(entry.kind == kind, entry.source == source, entry.day == day)
    ).one()
    return LedgerTotals(*map(int, counts))


def record_source_day(connection: Connection, source_day: SourceDay) -> None:
    """Put the ingestion in the place of the day's last one; what the source keeps in `state` is left alone."""
    put(connection, log_source_days, asdict(source_day), key=("source", "kind", "day"))


def source_day(connection: Connection, kind: LogKind, source: str, day: date) -> SourceDay | None:
    """Return how the source's day went last, or None when it was never ingested."""
    found = _fetch(connection, and_(_row.kind == kind, _row.source == source, _row.day == day))
    return found[0] if found else None


def source_days(connection: Connection, first: date, last: date) -> list[SourceDay]:
    """Return how each source's days from the first to the last went, by day and name."""
    return _fetch(connection, _row.day.between(first, last))


def _fetch(connection: Connection, condition: ColumnElement[bool]) -> list[SourceDay]:
    return fetch_all(connection, log_source_days, SourceDay, condition, order_by=[_row.day, _row.kind, _row.source])
