"""How often issues were seen: the sums of their sightings, what a scan takes back, and how long they were not seen."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, func, select

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.contracts.ops import SETTLED_STATUSES, IssueStatus
from repo_agent_dagster.store.tables import log_source_days, ops_issue_sightings, ops_issues, ops_scans

IdT = TypeVar("IdT")

_PER_QUERY = 1000
_SCOPES: dict[LogKind, tuple[str, ...]] = {"worker": ("cloudflare", "full"), "build": ("cicd", "full")}
_LOOKED_BACK = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class PastDays:
    """What is known of an issue from the days before one: counts of each, oldest first, and how it stood then.

    `status` is None for an issue that was not seen before that day, and `resolved` for one that came back on that day:
    scanning the day again finds what the first scan found.
    `scanned_days` says how many of the days were scanned with logs to look at; `flaky_days` on how many of them a later
    attempt passed.
    """

    issue_id: str
    status: IssueStatus | None
    regressions: int
    daily_counts: tuple[int, ...]
    scanned_days: int
    flaky_days: int


def in_parts(ids: Collection[IdT]) -> Iterator[list[IdT]]:
    """Yield the ids in parts: both databases bound the parameters of a statement."""
    wanted = list(ids)
    for start in range(0, len(wanted), _PER_QUERY):
        yield wanted[start : start + _PER_QUERY]


def forget_other_sightings(connection: Connection, day: date, kinds: Collection[LogKind], seen: Collection[str]) -> int:
    """Delete a day's sightings of issues (by id) that its scan no longer finds, and recount those; return how many."""
    table = ops_issue_sightings
    sighted = connection.execute(
        select(table.c.issue_id).where(table.c.day == day, table.c.kind.in_(list(kinds)))
    ).scalars()
    gone = sorted(set(sighted) - set(seen))
    for part in in_parts(gone):
        connection.execute(
            table.delete().where(table.c.issue_id.in_(part), table.c.day == day, table.c.kind.in_(list(kinds)))
        )
    recount(connection, gone)
    return len(gone)


def recount(connection: Connection, issue_ids: Collection[str]) -> None:
    """Make the issues' tallies the sums of their sightings; without any an issue keeps its times, counting nothing."""
    seen = ops_issue_sightings.c

    def of_issue(value: Any) -> Any:
        return select(value).where(seen.issue_id == ops_issues.c.id).scalar_subquery()

    for part in in_parts(sorted(set(issue_ids))):
        connection.execute(
            ops_issues.update()
            .where(ops_issues.c.id.in_(part))
            .values(
                occurrences=of_issue(func.coalesce(func.sum(seen.occurrences), 0)),
                first_seen=func.coalesce(of_issue(func.min(seen.first_seen)), ops_issues.c.first_seen),
                last_seen=func.coalesce(of_issue(func.max(seen.last_seen)), ops_issues.c.last_seen),
            )
        )


def opened_on(connection: Connection, day: date, kinds: Collection[LogKind]) -> int:
    """Return how many issues of these kinds have this day as their first: what a scan of it has opened already."""
    seen = ops_issue_sightings.c
    first = select(func.min(seen.day).label("day")).where(seen.kind.in_(list(kinds))).group_by(seen.issue_id).subquery()
    return int(connection.execute(select(func.count()).where(first.c.day == day)).scalar_one())


def covered_days(connection: Connection, kind: LogKind, first: date, last: date) -> set[date]:
    """Return the UTC days from `first` to `last` whose logs of this kind were there and were scanned.

    A day counts by a scan that succeeded, unless the ingestion says that a source failed, was cut short, or that no
    source had anything: what was not there cannot be seen, and its absence is no health.
    """
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC)
    scans = connection.execute(
        select(ops_scans.c.window_start).where(
            ops_scans.c.status == "success",
            ops_scans.c.scope.in_(_SCOPES[kind]),
            ops_scans.c.window_start >= start,
            ops_scans.c.window_start <= end,
        )
    )
    days = {instant.date() for instant in scans.scalars()}
    return days - _days_without_logs(connection, kind, first, last)


def _days_without_logs(connection: Connection, kind: LogKind, first: date, last: date) -> set[date]:
    rows = connection.execute(
        select(log_source_days.c.day, log_source_days.c.status).where(
            log_source_days.c.kind == kind, log_source_days.c.day >= first, log_source_days.c.day <= last
        )
    )
    statuses: dict[date, set[str]] = {}
    for day, status in rows:
        statuses.setdefault(day, set()).add(status)
    return {day for day, found in statuses.items() if "complete" not in found or found & {"failed", "partial"}}


def past_days(connection: Connection, issue_ids: Collection[str], day: date, *, days: int) -> dict[str, PastDays]:
    """Return what the `days` days before `day` say of the issues, by id."""
    first, last = day - timedelta(days=days), day - timedelta(days=1)
    covered = {kind: len(covered_days(connection, kind, first, last)) for kind in _SCOPES}
    found: dict[str, PastDays] = {}
    for part in in_parts(sorted(set(issue_ids))):
        counts: dict[str, dict[date, int]] = {}
        flaky: dict[str, set[date]] = {}
        seen = ops_issue_sightings.c
        for row in connection.execute(
            select(seen.issue_id, seen.day, seen.occurrences, seen.flaky).where(
                seen.issue_id.in_(part), seen.day >= first, seen.day <= last
            )
        ):
            by_day = counts.setdefault(row.issue_id, {})
            by_day[row.day] = by_day.get(row.day, 0) + row.occurrences
            if row.flaky:
                flaky.setdefault(row.issue_id, set()).add(row.day)
        issues = connection.execute(
            select(
                ops_issues.c.id,
                ops_issues.c.kind,
                ops_issues.c.status,
                ops_issues.c.regressions,
                ops_issues.c.first_seen,
                ops_issues.c.details,
            ).where(ops_issues.c.id.in_(part))
        )
        for issue in issues:
            by_day = counts.get(issue.id, {})
            found[issue.id] = PastDays(
                issue.id,
                _status_before(issue, day),
                issue.regressions - _came_back(issue, day),
                tuple(by_day.get(first + timedelta(days=number), 0) for number in range(days)),
                covered.get(issue.kind, 0),
                len(flaky.get(issue.id, ())),
            )
    return found


def _status_before(issue: Any, day: date) -> IssueStatus | None:
    if issue.first_seen.date() >= day:
        return None
    return IssueStatus.RESOLVED if _came_back(issue, day) else IssueStatus(issue.status)


def _came_back(issue: Any, day: date) -> bool:
    return (issue.details or {}).get("reopened_on") == day.isoformat()


def update_missed_scans(connection: Connection, day: date, kinds: Collection[LogKind]) -> None:
    """Count for each issue of these kinds that is not settled the scanned days since it was last seen.

    `day` is the one that is being scanned now. The number is worked out anew each time, so that scanning a day twice
    counts once.
    """
    latest = (
        select(ops_issue_sightings.c.issue_id, func.max(ops_issue_sightings.c.day).label("day"))
        .group_by(ops_issue_sightings.c.issue_id)
        .subquery()
    )
    for kind in kinds:
        covered = covered_days(connection, kind, day - _LOOKED_BACK, day)
        covered |= {day} - _days_without_logs(connection, kind, day, day)
        rows = connection.execute(
            select(ops_issues.c.id, ops_issues.c.missed_scans, ops_issues.c.last_seen, latest.c.day)
            .join(latest, latest.c.issue_id == ops_issues.c.id, isouter=True)
            .where(ops_issues.c.kind == kind, ops_issues.c.status.not_in([status.value for status in SETTLED_STATUSES]))
        )
        changed = []
        for row in rows:
            last_seen = row.day or row.last_seen.date()
            missed = sum(1 for scanned in covered if scanned > last_seen)
            if missed != row.missed_scans:
                changed.append({"b_id": row.id, "missed": missed})
        if changed:
            connection.execute(
                ops_issues.update()
                .where(ops_issues.c.id == bindparam("b_id"))
                .values(missed_scans=bindparam("missed")),
                changed,
            )


def quiet_issues(connection: Connection, at_least: int) -> list[str]:
    """Return the ids of the issues that are not settled and were not seen by so many scanned days in a row."""
    rows = connection.execute(
        select(ops_issues.c.id)
        .where(
            ops_issues.c.missed_scans >= at_least,
            ops_issues.c.status.not_in([status.value for status in SETTLED_STATUSES]),
        )
        .order_by(ops_issues.c.id)
    )
    return list(rows.scalars())


def daily_counts(connection: Connection, issue_id: str, *, since: date) -> list[tuple[date, int]]:
    """Return on which days an issue was seen and how often, from `since` on, oldest first."""
    seen = ops_issue_sightings.c
    rows = connection.execute(
        select(seen.day, func.sum(seen.occurrences))
        .where(seen.issue_id == issue_id, seen.day >= since)
        .group_by(seen.day)
        .order_by(seen.day)
    )
    return [(day, int(count)) for day, count in rows]
