"""The charts' geometry is the report's numbers."""

from datetime import UTC, date, datetime, timedelta

import pytest

from repo_agent_dagster.contracts.reports import DayReport, PatchCounts, PhaseReport
from repo_agent_dagster.reports.chart_geometry import MAX_DAYS_DRAWN, MIN_DAYS_DRAWN, day_chart, outcome_ring, phase_timeline

DAY = date(2026, 3, 4)
AT = datetime(2026, 3, 4, tzinfo=UTC)


def _day(day: date, **counts: int) -> DayReport:
    return DayReport(day=day, counts=PatchCounts(total=sum(counts.values()), **counts))


def _phase(start: timedelta, end: timedelta) -> PhaseReport:
    return PhaseReport(phase="p", first_at=AT + start, last_at=AT + end, counts=PatchCounts(total=1, unchecked=1))


def test_the_ring_is_closed_and_in_proportion() -> None:
    arcs = outcome_ring(PatchCounts(total=8, ok=4, failed=2, unchecked=2))
    assert [(arc.outcome, arc.start, arc.share) for arc in arcs] == [
        ("ok", 0, 50),
        ("failed", 50, 25),
        ("unchecked", 75, 25),
    ]
    assert outcome_ring(PatchCounts()) == ()


def test_days_without_patches_have_their_place() -> None:
    chart = day_chart([_day(DAY - timedelta(days=2), ok=1), _day(DAY, ok=3, failed=1)])
    assert len(chart.bars) == MIN_DAYS_DRAWN
    assert [len(bar.segments) for bar in chart.bars[-3:]] == [1, 0, 2]
    assert chart.peak == 4
    assert chart.hidden == 0
    assert [(part.top, part.height) for part in chart.bars[-1].segments] == [(25, 75), (0, 25)]


def test_a_long_order_shows_its_last_days_and_says_how_many_are_left_out() -> None:
    chart = day_chart([_day(DAY - timedelta(days=MAX_DAYS_DRAWN), ok=50), _day(DAY, ok=1)])
    assert len(chart.bars) == MAX_DAYS_DRAWN
    assert (chart.hidden, chart.peak) == (1, 1)
    assert day_chart([]).bars == ()


@pytest.mark.parametrize(
    ("start", "end", "left", "width"), [(0, 10, 0, 50), (10, 20, 50, 50), (20, 20, 99, 1), (0, 0, 0, 1)]
)
def test_phases_lie_on_the_order_s_time(start: int, end: int, left: float, width: float) -> None:
    whole = _phase(timedelta(), timedelta(hours=20))
    bar = phase_timeline([whole, _phase(timedelta(hours=start), timedelta(hours=end))])[1]
    assert (bar.left, bar.width) == (left, width)


def test_a_single_instant_is_visible() -> None:
    [bar] = phase_timeline([_phase(timedelta(), timedelta())])
    assert bar.width == 1
    assert phase_timeline([]) == ()
