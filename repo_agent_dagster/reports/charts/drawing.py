"""Draw a chart as a picture: SVG text or PNG bytes, for where no page with scripts can be shown."""

from functools import cache
from typing import Any

from repo_agent_dagster.reports.charts import palette
from repo_agent_dagster.reports.charts.chart import Chart, ChartKind
from repo_agent_dagster.reports.charts.specs import vega_lite, vega_lite_version

_WIDTHS = {ChartKind.OPERATIONS: 260}
_WIDTH = 640
"""Pixels that the plot of a picture is wide, without its labels."""

_PADDING = {"left": 14, "right": 56, "top": 6, "bottom": 6}
"""Room for readers' fonts that are wider than the one the texts were measured in."""


def svg(chart: Chart) -> str:
    """Return the chart as an SVG document in middle tones on no background, so that it reads on light and dark."""
    import vl_convert

    text: str = vl_convert.vegalite_to_svg(_document(chart), vl_version=vega_lite_version())
    return text


def png(chart: Chart, *, scale: float = 2) -> bytes:
    """Return the chart as a PNG, `scale` pixels of it to one of the drawing; see `svg`."""
    import vl_convert

    image: bytes = vl_convert.vegalite_to_png(_document(chart), vl_version=vega_lite_version(), scale=scale)
    return image


def _document(chart: Chart) -> dict[str, Any]:
    document = dict(_picture_spec(chart.kind))
    document["datasets"] = {name: [dict(row) for row in rows] for name, rows in chart.data.items()}
    document["title"] = {"text": chart.title, "anchor": "start", "fontSize": 13, "color": _title_colour()}
    return document


@cache
def _picture_spec(kind: ChartKind) -> dict[str, Any]:
    spec = palette.in_picture(vega_lite(kind))
    return spec | {
        "width": _WIDTHS.get(kind, _WIDTH),
        "padding": _PADDING,
        "config": {name: value for name, value in spec["config"].items() if name != "padding"},
    }


@cache
def _title_colour() -> str:
    return str(palette.in_picture({"colour": palette.INK})["colour"])
