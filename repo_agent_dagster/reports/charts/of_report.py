"""The charts of a delivery report, by the names that pages and picture files know them by."""

from repo_agent_dagster.contracts.reports import DeliveryReport
from repo_agent_dagster.reports.charts.chart import Chart
from repo_agent_dagster.reports.charts.rows import days_chart, factories_chart, operations_chart
from repo_agent_dagster.reports.charts.timeline import timeline_chart


def report_charts(report: DeliveryReport) -> dict[str, Chart]:
    """Return the report's charts by name, in the order in which they are shown; those without data are left out."""
    charts = {
        "timeline": timeline_chart(report),
        "days": days_chart(report.days),
        "operations": operations_chart(report.operations),
        "factories": factories_chart(report.factories),
    }
    return {name: chart for name, chart in charts.items() if not chart.is_empty}
