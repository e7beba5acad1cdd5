"""How an incident moves against the trailing days."""

from repo_agent_dagster.contracts.ops import SETTLED_STATUSES, Trend
from repo_agent_dagster.ops.analysis.model import History, Incident
from repo_agent_dagster.ops.severity.contract import TrendNumbers


def trend_of(incident: Incident, history: History, numbers: TrendNumbers) -> tuple[Trend, str]:
    """Return the trend and what it goes by, in words.

    The first that holds: *flaky*, a later attempt of every job passed, or did on some of the trailing days;
    *regression*, its issue was resolved or closed; *new*, it has none; *surging*, several times the mean of the
    scanned trailing days, when there are enough of them; else *steady*.
    """
    scanned = min(history.scanned_days, numbers.trailing_days)
    days = f"{scanned} of the last {numbers.trailing_days} days were scanned"
    if incident.passed_on_retry:
        return Trend.FLAKY, "a later attempt of the same jobs passed"
    if history.flaky_days >= numbers.flaky_days:
        return Trend.FLAKY, f"a later attempt passed on {history.flaky_days} of the last {numbers.trailing_days} days"
    if history.status in SETTLED_STATUSES:
        return Trend.REGRESSION, f"its issue was {history.status}"
    if history.status is None:
        return Trend.NEW, f"never seen before; {days}"
    total = sum(history.daily_counts[-numbers.trailing_days :])
    mean = total / max(scanned, 1)
    told = f"{incident.count} on this day, {mean:.3g} on the mean of the days before; {days}"
    is_surge = incident.count >= numbers.surge_least and incident.count >= numbers.surge_factor * mean
    if is_surge and scanned >= numbers.least_scanned_days:
        return Trend.SURGING, told
    return Trend.STEADY, told
