"""The digest as one HTML page: styles, charts and scripts are inside, and no request is made."""

from pathlib import Path

from repo_agent_dagster.contracts.digests import WeeklyDigest
from repo_agent_dagster.pages.rendering import page_environment
from repo_agent_dagster.pages.visible_text import visible
from repo_agent_dagster.reports import wording
from repo_agent_dagster.reports.charts import days_chart, factories_chart, operations_chart
from repo_agent_dagster.reports.charts.page import page_charts
from repo_agent_dagster.reports.digest import wording as week_wording
from repo_agent_dagster.reports.links import web_link

DRAWN_FACTORIES = 12
"""More than the chart draws apart would stand in it as one bar beside which nobody sees the others."""


def render_html(digest: WeeklyDigest, *, version: int, cache: Path | None = None) -> str:
    """Return the page; it lies in a folder under that of reports, to whose pages it links.

    `cache` is the folder of reports, where the script that draws charts is kept. All that came from patches and issues
    is escaped.
    """
    charts = page_charts(
        {
            "days": days_chart(digest.daily),
            "factories": factories_chart(digest.factories[:DRAWN_FACTORIES]),
            "operations": operations_chart(digest.operations),
        },
        cache=cache,
    )
    template = page_environment("repo_agent_dagster.reports").get_template("digest.html.j2")
    page: str = template.render(
        digest=digest,
        version=version,
        charts=charts,
        headline=week_wording.headline(digest),
        wording=wording,
        week=week_wording,
        web_link=web_link,
        drawn=DRAWN_FACTORIES,
    )
    return visible(page)
