"""Charts of patches: what is drawn is plain rows, how it is drawn is a Vega-Lite spec per kind that names its data.

Pages draw them with Vega (`charts.page`); `svg` and `png` draw them for Markdown, GitHub and Dagster's metadata.
"""

from repo_agent_dagster.reports.charts.chart import Chart, ChartKind
from repo_agent_dagster.reports.charts.drawing import png, svg
from repo_agent_dagster.reports.charts.rows import days_chart, factories_chart, operations_chart, trend_chart
from repo_agent_dagster.reports.charts.timeline import timeline_chart

__all__ = [
    "Chart",
    "ChartKind",
    "days_chart",
    "factories_chart",
    "operations_chart",
    "png",
    "svg",
    "timeline_chart",
    "trend_chart",
]
