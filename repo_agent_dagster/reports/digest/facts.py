"""The facts of a week, read in one snapshot: patches of it and of the week before, its reports and ops issues."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.patch_stats import PatchStats, PatchTrends, TrendGroup
from repo_agent_dagster.contracts.periods import DAY, UtcRange
from repo_agent_dagster.reports.periods import week_days
from repo_agent_dagster.reports.stats import read_stats, read_trends
from repo_agent_dagster.store.weekly_digests import IssuesOfPeriod, issues_opened, issues_resolved, report_versions

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_ORDERS = 100
MAX_NAMES = 50
MAX_ISSUES = 50
TOP_ERRORS = 10


@dataclass(frozen=True)
class WeekFacts:
    """What a digest is made of. `reports`: the current report's version, by order."""

    week: str
    stats: PatchStats
    before: PatchStats
    factories: PatchTrends
    factories_before: PatchTrends
    phases: PatchTrends
    phases_before: PatchTrends
    orders: PatchTrends
    reports: dict[str, int]
    opened: IssuesOfPeriod
    resolved: IssuesOfPeriod


def gather_week(conn: "Connection", week: str) -> WeekFacts:
    """Read the facts of an ISO week, e.g. 2026-W10, in the caller's read transaction."""
    period = week_days(week)
    earlier = UtcRange(period.start - 7 * DAY, period.start)
    orders = read_trends(conn, TrendGroup.ORDER, period, limit=MAX_ORDERS)
    return WeekFacts(
        week=week,
        stats=read_stats(conn, period, top=TOP_ERRORS),
        before=read_stats(conn, earlier, top=0),
        factories=read_trends(conn, TrendGroup.FACTORY, period, limit=MAX_NAMES),
        factories_before=read_trends(conn, TrendGroup.FACTORY, earlier, limit=None),
        phases=read_trends(conn, TrendGroup.PHASE, period, limit=MAX_NAMES),
        phases_before=read_trends(conn, TrendGroup.PHASE, earlier, limit=None),
        orders=orders,
        reports=report_versions(conn, [row.key for row in orders.rows if row.key is not None]),
        opened=issues_opened(conn, period, limit=MAX_ISSUES),
        resolved=issues_resolved(conn, period, limit=MAX_ISSUES),
    )
