"""The charts of a digest, by the names that pages and picture files know them by."""

from repo_agent_dagster.contracts.digests import WeeklyDigest
from repo_agent_dagster.reports.charts.chart import Chart
from repo_agent_dagster.reports.charts.rows import days_chart, factories_chart, operations_chart

DRAWN_FACTORIES = 12
"""More than the chart draws apart would stand in it as one bar beside which nobody sees the others."""


def digest_charts(digest: WeeklyDigest) -> dict[str, Chart]:
    """Return the digest's charts by name, in the order in which they are shown; none for a week without patches."""
    if not digest.totals.total:
        return {}
    return {
        "days": days_chart(digest.daily),
        "operations": operations_chart(digest.operations),
        "factories": factories_chart(digest.factories[:DRAWN_FACTORIES]),
    }
