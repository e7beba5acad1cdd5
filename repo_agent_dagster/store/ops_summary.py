"""How ops issues stand as a whole: counts, mean severities, and how the last days went."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from repo_agent_dagster.contracts.ops import SETTLED_STATUSES, IssueStatus
from repo_agent_dagster.store.tables import ops_issue_sightings, ops_issues

MAX_PLACES = 20
TREND_DAYS = 14


@dataclass(frozen=True, slots=True)
class Tally:
    """Issues of one status, kind or place: how many, and their mean severity (1 is the gravest)."""

    name: str
    issues: int
    mean_severity: float


@dataclass(frozen=True, slots=True)
class TrendDay:
    """One UTC day: issues seen on it, those of them first seen on it, and how often they occurred."""

    day: date
    seen: int
    first_seen: int
    occurrences: int


@dataclass(frozen=True, slots=True)
class IssueSummary:
    """Counts of issues, by status, by severity among those not settled, and the latter's mean severity.

    `statuses` rates all issues, `kinds` and `places` those not settled, the fullest first; `trend` has the days that
    something was seen on, oldest first.
    """

    total: int
    unsettled: int
    by_status: dict[str, int]
    by_severity: dict[int, int]
    mean_severity: float | None
    statuses: tuple[Tally, ...]
    kinds: tuple[Tally, ...]
    places: tuple[Tally, ...]
    trend: tuple[TrendDay, ...]


def summary(connection: Connection, *, today: date) -> IssueSummary:
    """Count the issues by status, severity, kind and place, and the sightings of the last `TREND_DAYS` days."""
    by_status: dict[str, int] = {status.value: 0 for status in IssueStatus}
    by_severity = dict.fromkeys(range(1, 6), 0)
    rows = connection.execute(
        select(ops_issues.c.status, ops_issues.c.severity, func.count()).group_by(
            ops_issues.c.status, ops_issues.c.severity
        )
    )
    for status, severity, count in rows:
        by_status[status] += count
        if IssueStatus(status) not in SETTLED_STATUSES:
            by_severity[severity] += count
    unsettled = sum(by_severity.values())
    weighted = sum(severity * count for severity, count in by_severity.items())
    still = ops_issues.c.status.not_in([status.value for status in SETTLED_STATUSES])
    return IssueSummary(
        total=sum(by_status.values()),
        unsettled=unsettled,
        by_status=by_status,
        by_severity=by_severity,
        mean_severity=weighted / unsettled if unsettled else None,
        statuses=_tallies(connection, ops_issues.c.status),
        kinds=_tallies(connection, ops_issues.c.kind, still),
        places=_tallies(connection, ops_issues.c.place, still),
        trend=_trend(connection, today),
    )


def _tallies(connection: Connection, column: ColumnElement[str], *conditions: ColumnElement[bool]) -> tuple[Tally, ...]:
    rows = connection.execute(
        select(column, func.count(), func.sum(ops_issues.c.severity))
        .where(*conditions)
        .group_by(column)
        .order_by(func.count().desc(), column)
        .limit(MAX_PLACES)
    )
    return tuple(Tally(name, count, float(total) / count) for name, count, total in rows)


def _trend(connection: Connection, today: date) -> tuple[TrendDay, ...]:
    seen = ops_issue_sightings.c
    since = today - timedelta(days=TREND_DAYS - 1)
    # An issue whose lines are of both kinds has two sightings on a day, and is one issue.
    days = connection.execute(
        select(seen.day, func.count(seen.issue_id.distinct()), func.sum(seen.occurrences))
        .where(seen.day >= since, seen.day <= today)
        .group_by(seen.day)
        .order_by(seen.day)
    ).all()
    firsts = select(func.min(seen.day).label("day")).group_by(seen.issue_id).subquery()
    opened_rows = connection.execute(
        select(firsts.c.day, func.count().label("issues")).where(firsts.c.day >= since).group_by(firsts.c.day)
    )
    opened = {row.day: row.issues for row in opened_rows}
    return tuple(TrendDay(day, count, opened.get(day, 0), int(total)) for day, count, total in days)
