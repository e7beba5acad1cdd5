"""The digest as one HTML page: styles, charts and scripts are inside, and no request is made."""

from pathlib import Path

from repo_agent_dagster.contracts.digests import WeeklyDigest
from repo_agent_dagster.pages.rendering import page_environment
from repo_agent_dagster.pages.visible_text import visible
from repo_agent_dagster.reports import wording
from repo_agent_dagster.reports.charts.page import page_charts
from repo_agent_dagster.reports.digest import wording as week_wording
from repo_agent_dagster.reports.digest.charts import DRAWN_FACTORIES, digest_charts
from repo_agent_dagster.reports.links import web_link


def render_html(digest: WeeklyDigest, *, version: int, cache: Path | None = None) -> str:
    """Return the page; it lies in a folder under that of reports, to whose pages it links.

    `cache` is the folder of reports, where the script that draws charts is kept. All that came from patches and issues
    is escaped.
    """
    template = page_environment("repo_agent_dagster.reports").get_template("digest.html.j2")
    page: str = template.render(
        digest=digest,
        version=version,
        charts=page_charts(digest_charts(digest), cache=cache),
        headline=week_wording.headline(digest),
        wording=wording,
        week=week_wording,
        web_link=web_link,
        drawn=DRAWN_FACTORIES,
    )
    return visible(page)
