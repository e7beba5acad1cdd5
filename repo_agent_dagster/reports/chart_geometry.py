"""The geometry of the report's charts, computed from its numbers; the template only draws it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from repo_agent_dagster.contracts.reports import CheckOutcome, DayReport, PatchCounts, PhaseReport

OUTCOMES: tuple[CheckOutcome, ...] = ("ok", "failed", "unchecked")

MIN_DAYS_DRAWN = 14
"""A shorter order is drawn with the empty days before it, so that a bar is never as wide as the page."""

MAX_DAYS_DRAWN = 62
"""A longer order shows its last days only, and the chart says so."""


@dataclass(frozen=True)
class Arc:
    """One outcome's part of a ring whose circumference is 100: it starts at `start` and is `share` long."""

    outcome: CheckOutcome
    count: int
    start: float
    share: float


@dataclass(frozen=True)
class Segment:
    """A part of a day's bar, in units of the chart's height (100), measured from the top."""

    outcome: CheckOutcome
    top: float
    height: float


@dataclass(frozen=True)
class DayBar:
    """One day's stacked bar, 7 wide in a slot of 10; a day without patches has no segments."""

    day: date
    left: float
    counts: PatchCounts
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class DayChart:
    """Patches a day, empty days too. `peak` is the highest day's count, `hidden` how many days are left out."""

    bars: tuple[DayBar, ...]
    width: int
    peak: int
    hidden: int


@dataclass(frozen=True)
class PhaseBar:
    """When a phase was worked on, in per cent of the order's whole time."""

    phase: PhaseReport
    left: float
    width: float


def outcome_ring(counts: PatchCounts) -> tuple[Arc, ...]:
    """Return the arcs of the outcomes that occur; none when there are no patches."""
    arcs: list[Arc] = []
    start = 0.0
    for outcome in OUTCOMES:
        count = getattr(counts, outcome)
        if count:
            share = 100 * count / counts.total
            arcs.append(Arc(outcome, count, round(start, 3), round(share, 3)))
            start += share
    return tuple(arcs)


def day_chart(days: list[DayReport]) -> DayChart:
    """Return the bars up to the last day, between `MIN_DAYS_DRAWN` and `MAX_DAYS_DRAWN` of them."""
    if not days:
        return DayChart((), 0, 0, 0)
    by_day = {entry.day: entry.counts for entry in days}
    first, last = min(by_day), max(by_day)
    span = (last - first).days + 1
    drawn = min(max(span, MIN_DAYS_DRAWN), MAX_DAYS_DRAWN)
    shown = [last - timedelta(days=back) for back in reversed(range(drawn))]
    peak = max(by_day[day].total for day in shown if day in by_day)
    counts = [by_day.get(day, PatchCounts()) for day in shown]
    bars = tuple(
        DayBar(day, 10 * slot + 1.5, count, _segments(count, peak))
        for slot, (day, count) in enumerate(zip(shown, counts, strict=True))
    )
    return DayChart(bars, 10 * drawn, peak, max(span - drawn, 0))


def phase_timeline(phases: list[PhaseReport]) -> tuple[PhaseBar, ...]:
    """Return each phase's bar on the order's time; an instant still gets a visible width."""
    if not phases:
        return ()
    start: datetime = min(phase.first_at for phase in phases)
    whole = max((max(phase.last_at for phase in phases) - start) / timedelta(seconds=1), 0.001)
    bars = []
    for phase in phases:
        width = max(100 * ((phase.last_at - phase.first_at) / timedelta(seconds=1)) / whole, 1.0)
        left = min(100 * ((phase.first_at - start) / timedelta(seconds=1)) / whole, 100 - width)
        bars.append(PhaseBar(phase, round(left, 3), round(width, 3)))
    return tuple(bars)


def _segments(counts: PatchCounts, peak: int) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    top = 100.0
    for outcome in OUTCOMES:
        count = getattr(counts, outcome)
        if count:
            height = 100 * count / peak
            top -= height
            segments.append(Segment(outcome, round(top, 3), round(height, 3)))
    return tuple(segments)
