"""How each kind of chart is drawn: Vega-Lite specs made with Altair, which name their data and hold none.

A spec is made once per process. Its colours are those of the page's style sheet (`var(--ok)`), so that one drawing
serves light, dark and print.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.reports.charts import palette
from repo_agent_dagster.reports.charts.chart import ChartKind

if TYPE_CHECKING:
    import altair as alt

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", "DejaVu Sans", sans-serif'
_DIMMED = 0.15
_ROW = 26
# No more ticks than days: half a day further would have the same label.
_WHOLE_DAYS = "max(1, min(8, round((domain('x')[1] - domain('x')[0]) / 864e5)))"
_WHOLE = "min(4, domain('{}')[1])"  # ticks at whole numbers, however few patches there are


@cache
def vega_lite(kind: ChartKind) -> dict[str, Any]:
    """Return the spec of a kind of chart. It is shared: copy what you change."""
    made = _MAKERS[kind]().configure(**_look())
    spec: dict[str, Any] = made.to_dict()
    return spec


def vega_lite_version() -> str:
    """Return the version of Vega-Lite that the specs are written in, e.g. ``6.4``."""
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])


def _days() -> "alt.LayerChart":
    import altair as alt

    pick = alt.selection_point(name="pick", fields=["series"], bind="legend")
    lines = alt.Chart(alt.NamedData("points")).encode(
        x=alt.X(
            "at:T",
            scale=alt.Scale(type="utc"),
            title=None,
            axis=alt.Axis(format="%b %-d", tickCount=alt.ExprRef(_WHOLE_DAYS), grid=False),
        ),
        y=alt.Y("patches:Q", title=None, axis=alt.Axis(tickCount=alt.ExprRef(_WHOLE.format("y")), format=",d")),
        color=alt.Color(
            "series:N",
            scale=alt.Scale(domain=["all", "failed"], range=[palette.ACCENT, palette.FAILED]),
            legend=alt.Legend(title=None, orient="top", symbolType="stroke"),
        ),
        opacity=alt.condition(pick, alt.value(1), alt.value(_DIMMED)),
        tooltip=[
            alt.Tooltip("label:N", title="Day"),
            alt.Tooltip("series:N", title="Patches"),
            alt.Tooltip("patches:Q", title="Count", format=","),
            alt.Tooltip("rate:N", title="Success rate"),
        ],
    )
    # A legend of both layers would be one that takes no clicks.
    points = lines.encode(color=alt.Color("series:N", legend=None)).mark_point(filled=True, size=28)
    drawn = (lines.mark_line(strokeWidth=2).add_params(pick) + points).resolve_legend(color="independent")
    layers: alt.LayerChart = drawn.properties(width="container", height=190)
    return layers


def _time_axis() -> "alt.Axis":
    import altair as alt

    hours, days = "%H:%M", "%b %-d"
    formats = {"minutes": hours, "hours": hours, "day": days, "date": days, "week": days, "month": days}
    return alt.Axis(format=formats, tickCount=8, labelOverlap=True, grid=True)


def _groups() -> "alt.LayerChart":
    import altair as alt

    pick = alt.selection_point(name="pick", fields=["outcome"], bind="legend")
    names = alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=170, domain=False))
    bars = (
        alt.Chart(alt.NamedData("bars"))
        .mark_bar(height=14)
        .encode(
            y=names,
            x=alt.X(
                "patches:Q",
                title=None,
                stack="zero",
                axis=alt.Axis(tickCount=alt.ExprRef(_WHOLE.format("x")), format=",d"),
            ),
            order=alt.Order("rank:Q"),
            color=alt.Color(
                "outcome:N",
                scale=alt.Scale(
                    domain=["ok", "failed", "unchecked"], range=[palette.OK, palette.FAILED, palette.UNCHECKED]
                ),
                legend=alt.Legend(title=None, orient="top"),
            ),
            opacity=alt.condition(pick, alt.value(1), alt.value(_DIMMED)),
            tooltip=[
                alt.Tooltip("group:N", title="Name"),
                alt.Tooltip("outcome:N", title="Outcome"),
                alt.Tooltip("patches:Q", title="Patches", format=","),
                alt.Tooltip("rate:N", title="Success rate"),
            ],
        )
        .add_params(pick)
    )
    rates = (
        alt.Chart(alt.NamedData("rates"))
        .mark_text(align="left", dx=6, color=palette.SOFT, fontSize=12)
        .encode(y=names, x="total:Q", text="short:N")
    )
    # Vega makes room for axes and legends, not for marks: a point that is not seen keeps a place for the longest text.
    room = alt.Chart(alt.NamedData("rates")).mark_point(size=0, opacity=0, tooltip=None).encode(x="room:Q")
    layers: alt.LayerChart = (bars + rates + room).properties(width="container", height=alt.Step(_ROW))
    return layers


def _operations() -> "alt.LayerChart":
    import altair as alt

    pick = alt.selection_point(name="pick", fields=["op"], bind="legend")
    arcs = (
        alt.Chart(alt.NamedData("parts"))
        .mark_arc(innerRadius=58, outerRadius=88, stroke=palette.CARD, strokeWidth=2)
        .encode(
            theta=alt.Theta("patches:Q", stack=True),
            order=alt.Order("rank:Q"),
            color=alt.Color(
                "op:N",
                sort=None,
                scale=alt.Scale(range=list(palette.SERIES)),
                legend=alt.Legend(title=None, orient="right", labelLimit=230, rowPadding=6),
            ),
            opacity=alt.condition(pick, alt.value(1), alt.value(_DIMMED)),
            tooltip=[
                alt.Tooltip("op:N", title="Operation"),
                alt.Tooltip("patches:Q", title="Patches", format=","),
            ],
        )
        .add_params(pick)
    )
    middle = alt.Chart(alt.NamedData("middle"))
    count = middle.mark_text(fontSize=24, fontWeight=600, color=palette.INK, dy=-4).encode(text="text:N")
    under = middle.mark_text(fontSize=12, color=palette.SOFT, dy=16).encode(text="under:N")
    layers: alt.LayerChart = (arcs + count + under).properties(width="container", height=190)
    return layers


def _timeline() -> "alt.LayerChart":
    import altair as alt

    lane = alt.Y("lane:N", sort=None, title=None, axis=alt.Axis(labelLimit=170, domain=False))
    phases = (
        alt.Chart(alt.NamedData("phases"))
        .mark_bar(height=14, cornerRadius=3, color=palette.ACCENT)
        .encode(
            y=lane,
            x=alt.X("from:T", scale=alt.Scale(type="utc"), title=None, axis=_time_axis()),
            x2="to:T",
            tooltip=[
                alt.Tooltip("lane:N", title="Phase"),
                alt.Tooltip("span:N", title="From"),
                alt.Tooltip("patches:Q", title="Patches", format=","),
                alt.Tooltip("rate:N", title="Success rate"),
            ],
        )
    )
    moments = (
        alt.Chart(alt.NamedData("moments"))
        .mark_point(filled=True, size=70, shape="diamond", color=palette.INK, opacity=0.75)
        .encode(
            y=lane,
            x=alt.X("at:T", scale=alt.Scale(type="utc")),
            tooltip=[alt.Tooltip("when:N", title="At"), alt.Tooltip("text:N", title="What")],
        )
    )
    layers: alt.LayerChart = (phases + moments).properties(width="container", height=alt.Step(_ROW))
    return layers


_MAKERS: dict[ChartKind, "Callable[[], alt.LayerChart]"] = {
    ChartKind.DAYS: _days,
    ChartKind.GROUPS: _groups,
    ChartKind.OPERATIONS: _operations,
    ChartKind.TIMELINE: _timeline,
}


def _look() -> dict[str, Any]:
    return {
        "background": "transparent",
        "font": FONT,
        "padding": 2,
        "view": {"stroke": None},
        "axis": {
            "labelColor": palette.SOFT,
            "labelFontSize": 12,
            "labelPadding": 6,
            "domainColor": palette.LINE,
            "gridColor": palette.LINE,
            "ticks": False,
        },
        "legend": {"labelColor": palette.SOFT, "labelFontSize": 12, "symbolStrokeWidth": 2, "offset": 10},
    }
