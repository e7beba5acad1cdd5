"""Put charts into a page that runs no script but its own and asks for nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.pages.rendering import page_script
from repo_agent_dagster.reports.charts.chart import Chart
from repo_agent_dagster.reports.charts.runtime import chart_runtime

if TYPE_CHECKING:
    from markupsafe import Markup

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class PageCharts:
    """Charts by name for the macro `chart` of charts.html.j2.

    `policy` is the page's Content-Security-Policy, and `scripts` stands at the end of its body.
    """

    charts: Mapping[str, Chart]
    policy: str
    scripts: "Markup"


def page_charts(charts: Mapping[str, Chart], *, cache: Path | None = None) -> PageCharts:
    """Return what a page with these charts needs; the drawing script is kept in `cache`, the folder of reports."""
    from markupsafe import Markup

    page = page_script("repo_agent_dagster.reports", "page.js")
    digests, blocks = [page.digest], []
    drawn = {name: chart for name, chart in charts.items() if not chart.is_empty}
    if drawn:
        runtime = chart_runtime(cache)
        digests.append(runtime.digest)
        blocks.append(f'<script type="application/json" id="chart-data">{_json(drawn)}</script>')
        blocks.append(f'<script type="application/gzip" id="chart-runtime">{runtime.packed}</script>')
    blocks.append(f"<script>{page.text}</script>")
    scripts = " ".join(f"'sha256-{digest}'" for digest in digests)
    return PageCharts(
        charts=drawn,
        policy=f"{_POLICY}; script-src {scripts}",
        scripts=Markup("\n".join(blocks)),  # noqa: S704 -- base64, our own script, and JSON without an angle bracket
    )


def _json(charts: Mapping[str, Chart]) -> str:
    """Return the rows as JSON in which no text can end the script element that it stands in."""
    data = {
        name: {
            "kind": chart.kind.value,
            "says": chart.says,
            "data": {table: [dict(row) for row in rows] for table, rows in chart.data.items()},
        }
        for name, chart in charts.items()
    }
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
