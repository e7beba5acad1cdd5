"""Charts hold the report's numbers, stay small whatever they are given, and are drawn as pictures."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from repo_agent_dagster.contracts.patch_stats import PatchTrends, TrendGroup, TrendRow
from repo_agent_dagster.contracts.reports import DayReport, FactoryReport, MomentReport, OperationCount, PhaseReport
from repo_agent_dagster.reports.charts import (
    Chart,
    ChartKind,
    days_chart,
    factories_chart,
    operations_chart,
    png,
    svg,
    timeline_chart,
    trend_chart,
)
from repo_agent_dagster.reports.charts.chart import MAX_LABEL, labels, milliseconds
from repo_agent_dagster.reports.charts.of_report import report_charts
from repo_agent_dagster.reports.charts.page import page_charts
from repo_agent_dagster.reports.charts.rows import MAX_DAYS, MAX_GROUPS, MAX_OPERATIONS, MIN_DAYS
from repo_agent_dagster.reports.charts.runtime import CACHE_FOLDER, chart_runtime
from repo_agent_dagster.reports.charts.specs import vega_lite
from repo_agent_dagster.reports.charts.timeline import MAX_MOMENTS, MAX_PHASES
from tests.reports.sample_report import MADE, START, counted, sample_report

DAY = date(2026, 3, 4)
HOSTILE = "</script><!--\u2028<img src=x onerror=alert(1)>{{7*7}}\u202e\ud800"


def _points(chart: Chart, series: str) -> list[object]:
    return [row["patches"] for row in chart.data["points"] if row["series"] == series]


def test_days_without_patches_are_drawn_as_none() -> None:
    chart = days_chart(
        [
            DayReport(day=DAY - timedelta(days=2), counts=counted(1)),
            DayReport(day=DAY, counts=counted(3, 1)),
        ]
    )
    assert _points(chart, "all") == [0] * (MIN_DAYS - 3) + [1, 0, 4]
    assert _points(chart, "failed") == [0] * (MIN_DAYS - 1) + [1]
    assert chart.says == "5 patches, 1 of them failed, from 2026-02-26 to 2026-03-04."


def test_a_long_range_shows_its_last_days_and_says_so() -> None:
    chart = days_chart([DayReport(day=DAY - timedelta(days=n), counts=counted(1)) for n in (0, 5 * MAX_DAYS)])
    assert len(_points(chart, "all")) == MAX_DAYS
    assert chart.title == f"Patches a day, the last {MAX_DAYS} days"


def test_a_factory_s_bar_adds_up_and_its_rate_names_what_it_is_a_rate_of() -> None:
    chart = factories_chart([FactoryReport(factory="agent-a", counts=counted(3, 1, 2))])
    assert [(row["outcome"], row["patches"]) for row in chart.data["bars"]] == [
        ("ok", 3),
        ("failed", 1),
        ("unchecked", 2),
    ]
    assert [(row["total"], row["short"]) for row in chart.data["rates"]] == [(6, "75.0 % of 4")]


def test_many_factories_are_drawn_as_the_largest_and_the_others() -> None:
    many = [FactoryReport(factory=f"f{n}", counts=counted(n + 1)) for n in range(MAX_GROUPS + 8)]
    chart = factories_chart(many)
    assert len(chart.data["rates"]) == MAX_GROUPS + 1
    assert chart.data["rates"][-1]["group"] == "8 others"
    assert sum(int(row["patches"]) for row in chart.data["bars"]) == sum(one.counts.total for one in many)


def test_operations_are_told_with_their_share_of_all() -> None:
    chart = operations_chart([OperationCount(op="append", patches=1), OperationCount(op="replace-block", patches=3)])
    assert [row["op"] for row in chart.data["parts"]] == ["replace-block · 75.0 %", "append · 25.0 %"]
    many = operations_chart([OperationCount(op=f"op{n}", patches=1) for n in range(50)])
    assert len(many.data["parts"]) == MAX_OPERATIONS + 1
    assert sum(int(row["patches"]) for row in many.data["parts"]) == 50


def test_the_timeline_has_the_phases_and_what_else_happened() -> None:
    chart = timeline_chart(sample_report())
    assert [row["lane"] for row in chart.data["phases"]] == ["implement", "verify", "(no phase)"]
    assert all(int(row["from"]) < int(row["to"]) for row in chart.data["phases"]), "an instant is seen, too"
    assert [row["lane"] for row in chart.data["moments"]] == [
        "task runs",
        "task runs",
        "ops issues",
        "approvals",
        "migrations",
    ]


def test_a_timeline_of_very_much_stays_small() -> None:
    phases = [PhaseReport(phase=f"p{n}" * 5000, first_at=START, last_at=MADE, counts=counted(1)) for n in range(99)]
    moments = [MomentReport(at=START, kind="task", text="t" * 10_000)] * 5000
    chart = timeline_chart(sample_report(phases=phases, timeline=moments))
    assert len(chart.data["phases"]) == MAX_PHASES
    assert len(chart.data["moments"]) == MAX_MOMENTS
    assert len(json.dumps([dict(row) for rows in chart.data.values() for row in rows])) < 80_000


def test_trends_of_weeks_are_drawn_over_time_with_the_weeks_between() -> None:
    rows = [
        TrendRow(key=key, counts=counted(2), first_patch=START, last_patch=START, duration_seconds=0)
        for key in ("2026-W08", "2026-W10")
    ]
    trends = PatchTrends(group=TrendGroup.WEEK, from_at=START, to_at=MADE, rows=rows, sources=[])
    chart = trend_chart(trends)
    assert chart.kind is ChartKind.DAYS
    assert _points(chart, "all") == [2, 0, 2]
    by_name = PatchTrends(group=TrendGroup.PHASE, from_at=START, to_at=MADE, rows=rows, sources=[])
    assert trend_chart(by_name).kind is ChartKind.GROUPS


def test_what_has_nothing_to_draw_is_empty() -> None:
    empty = sample_report(phases=[], timeline=[], days=[], operations=[], factories=[])
    assert report_charts(empty) == {}
    assert list(report_charts(sample_report())) == ["timeline", "days", "operations", "factories"]


def test_names_that_look_alike_when_cut_stay_apart() -> None:
    long = "x" * (MAX_LABEL * 2)
    drawn = labels([long + "a", long + "b", "", None])
    assert len(set(drawn)) == 4
    assert all(len(name) <= MAX_LABEL + 4 for name in drawn)


def test_instants_are_milliseconds_utc() -> None:
    assert milliseconds(date(1970, 1, 2)) == 86_400_000
    assert milliseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1000


@pytest.mark.parametrize("kind", ChartKind)
def test_a_spec_names_its_data_and_holds_none(kind: ChartKind) -> None:
    text = json.dumps(vega_lite(kind))
    assert '"values"' not in text
    assert '"datasets"' not in text
    assert "http" not in text.replace("https://vega.github.io/schema", "")


def test_every_chart_of_a_report_is_drawn_as_svg_without_anything_from_elsewhere() -> None:
    for name, chart in report_charts(sample_report()).items():
        text = svg(chart)
        root = ElementTree.fromstring(text)
        assert root.tag.endswith("svg")
        assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 3, name
        assert "var(--" not in text, "a picture has no style sheet"
        assert "href" not in text
        assert chart.title in text


def test_a_picture_shows_hostile_names_as_text() -> None:
    text = svg(factories_chart([FactoryReport(factory=HOSTILE, counts=counted(1))]))
    assert "<img" not in text
    assert "<script" not in text
    assert ElementTree.fromstring(text) is not None


def test_a_chart_is_drawn_as_png() -> None:
    assert png(operations_chart([OperationCount(op="append", patches=1)])).startswith(b"\x89PNG")


def test_the_drawing_script_is_kept_beside_the_reports(tmp_path: Path) -> None:
    made = chart_runtime(tmp_path)
    [kept] = (tmp_path / CACHE_FOLDER).iterdir()
    assert kept.read_text("ascii") == made.packed
    assert len(made.packed) < 260_000, "it is in every page"
    kept.write_text("no script")
    chart_runtime.cache_clear()
    assert chart_runtime(tmp_path) == made, "what is broken is made again"


def test_no_text_in_a_chart_ends_the_element_that_holds_it() -> None:
    charts = {"factories": factories_chart([FactoryReport(factory=HOSTILE, counts=counted(1))])}
    scripts = str(page_charts(charts).scripts)
    [data] = re.findall(r'<script type="application/json" id="chart-data">(.*?)</script>', scripts, flags=re.S)
    assert scripts.count("</script>") == 3
    assert not set("<>&\u2028") & set(data)
    drawn = json.loads(data)["factories"]["data"]["rates"][0]["group"]
    assert drawn.startswith("</script>")
    assert "\u202e" not in drawn


def test_a_page_without_charts_carries_no_drawing_script() -> None:
    page = page_charts({})
    assert page.scripts.count("<script") == 1
    assert page.policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in page.policy.partition("script-src")[2]
