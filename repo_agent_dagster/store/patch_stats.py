"""Patch trends over a range of time, straight from `patch_events` by the queries in `sql/queries`.

A patch is counted once, at its first event; see the queries' own comments for the rule. Folding the cells into a group
belongs here, presentation does not.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache

from sqlalchemy import Boolean, Connection, Date, Integer, String, TextClause, bindparam, text
from sqlalchemy.sql.selectable import TextualSelect

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.reports import UNATTRIBUTED, PatchCounts, Tally
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.store.types import UtcDateTime

DEFAULT_RANGE = timedelta(days=30)


class StatsRequestError(PermanentFault):
    """A range or a group that cannot be answered."""


class TrendGroup(StrEnum):
    """What trends are grouped by."""

    DAY = "day"
    WEEK = "week"
    PHASE = "phase"
    ORDER = "order"
    FACTORY = "factory"


@dataclass(frozen=True)
class UtcRange:
    """A half-open range of instants, [start, end), in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class PatchCell:
    """Patches alike in everything that trends look at: the grain of the statistics."""

    day: date
    factory: str
    op: str
    phase: str | None
    order_id: str | None
    check_ok: bool | None
    is_reverted: bool
    has_failure: bool
    patches: int


@dataclass(frozen=True)
class TrendRow:
    """One group's counts. `key`: an ISO day, an ISO week (2026-W10), a name, or None for patches without one."""

    key: str | None
    counts: PatchCounts


@dataclass(frozen=True)
class OperationShare:
    """How many patches of the range were of one operation, and which share of all (0–1)."""

    op: str
    patches: int
    share: float


@dataclass(frozen=True)
class ErrorFrequency:
    """One error message and how many patches of the range ended with it."""

    error: str
    patches: int


def utc_range(start: datetime | None, end: datetime | None, *, now: datetime) -> UtcRange:
    """Return the half-open range [start, end) in UTC; a missing end is `now`, a missing start 30 days before the end.

    Raises:
        StatsRequestError: an instant has no time zone, or the start is after the end.
    """
    for name, instant in (("from", start), ("to", end), ("now", now)):
        if instant is not None and instant.tzinfo is None:
            raise StatsRequestError(
                f"{name} {instant.isoformat()} has no time zone; write {instant.isoformat()}+00:00 for UTC"
            )
    last = (end or now).astimezone(UTC)
    first = (start or last - DEFAULT_RANGE).astimezone(UTC)
    if first > last:
        raise StatsRequestError(f"from {first.isoformat()} is after to {last.isoformat()}; exchange them")
    return UtcRange(first, last)


def trend_group(name: str) -> TrendGroup:
    """Return the group of that name.

    Raises:
        StatsRequestError: there is no such group.
    """
    try:
        return TrendGroup(name)
    except ValueError:
        raise StatsRequestError(f"unknown group {name!r}; groups are {', '.join(TrendGroup)}") from None


def patch_cells(conn: Connection, period: UtcRange) -> list[PatchCell]:
    """Return the patches first recorded in the range, counted in cells, by day."""
    query = daily_query(conn.dialect.name)
    rows = conn.execute(query, {"from_at": period.start, "to_at": period.end})
    return [PatchCell(**row._mapping) for row in rows]


def patch_errors(conn: Connection, period: UtcRange, *, top: int = 10) -> list[ErrorFrequency]:
    """Return the `top` most frequent errors of the patches first recorded in the range."""
    rows = conn.execute(errors_query(), {"from_at": period.start, "to_at": period.end, "top": top})
    return [ErrorFrequency(error, patches) for error, patches in rows]


def fold(cells: Iterable[PatchCell], group: TrendGroup) -> list[TrendRow]:
    """Sum the cells by group, sorted by key, patches without one last. Groups without a patch do not appear."""
    key_of = _KEYS[group]
    grouped: dict[str | None, list[PatchCell]] = {}
    for cell in cells:
        grouped.setdefault(key_of(cell), []).append(cell)
    return [TrendRow(key, counts_of(grouped[key])) for key in sorted(grouped, key=lambda key: (key is None, key or ""))]


def counts_of(cells: Iterable[PatchCell]) -> PatchCounts:
    """Sum cells to counts, with the success rate over what was checked."""
    return PatchCounts.of(Tally(cell.check_ok, cell.is_reverted, cell.has_failure, cell.patches) for cell in cells)


def operation_mix(cells: Iterable[PatchCell]) -> list[OperationShare]:
    """Return each operation's share of all the cells' patches, most used first."""
    sums: Counter[str] = Counter()
    for cell in cells:
        sums[cell.op] += cell.patches
    total = sums.total()
    return [OperationShare(op, n, n / total) for op, n in sorted(sums.items(), key=lambda item: (-item[1], item[0]))]


def iso_week(day: date) -> str:
    """Return the ISO 8601 week that holds the day, e.g. 2026-W01; its year may differ from the day's."""
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"


_KEYS: dict[TrendGroup, Callable[[PatchCell], str | None]] = {
    TrendGroup.DAY: lambda cell: cell.day.isoformat(),
    TrendGroup.WEEK: lambda cell: iso_week(cell.day),
    TrendGroup.PHASE: lambda cell: cell.phase,
    TrendGroup.ORDER: lambda cell: cell.order_id or UNATTRIBUTED,
    TrendGroup.FACTORY: lambda cell: cell.factory,
}


@cache
def daily_query(dialect: str) -> TextualSelect:
    """Return the query of `patch_cells` for a dialect; only the day's expression differs between them."""
    return _ranged(f"patch_daily.{dialect}.sql").columns(
        day=Date,
        factory=String,
        op=String,
        phase=String,
        order_id=String,
        check_ok=Boolean,
        is_reverted=Boolean,
        has_failure=Boolean,
        patches=Integer,
    )


@cache
def errors_query() -> TextualSelect:
    """Return the query of `patch_errors`."""
    return _ranged("patch_errors.sql").columns(error=String, patches=Integer)


def _ranged(name: str) -> TextClause:
    sql = packaged_path("sql", "queries", name).read_text(encoding="utf-8")
    return text(sql).bindparams(bindparam("from_at", type_=UtcDateTime), bindparam("to_at", type_=UtcDateTime))
