"""The rows of an order's timeline: when each phase was worked on, and what else happened."""

from datetime import timedelta

from repo_agent_dagster.contracts.reports import DeliveryReport
from repo_agent_dagster.reports.charts.chart import Chart, ChartKind, Row, drawable, labels, milliseconds
from repo_agent_dagster.reports.wording import duration, instant, plural, rate

MAX_PHASES = 16
MAX_MOMENTS = 200
"""Phases and moments that are drawn; all of them are in the tables."""

_MAX_TEXT = 160
_LANES = {"task": "task runs", "migration": "migrations", "approval": "approvals", "ops_issue": "ops issues"}


def timeline_chart(report: DeliveryReport, *, title: str = "Timeline") -> Chart:
    """Draw each phase as a bar from its first to its last event, and task runs, approvals and the like as points."""
    phases = report.phases[:MAX_PHASES]
    moments = [moment for moment in report.timeline if moment.kind in _LANES][-MAX_MOMENTS:]
    starts = [phase.first_at for phase in phases] + [moment.at for moment in moments]
    if not starts:
        return Chart(ChartKind.TIMELINE, title, "Nothing happened.", {"phases": [], "moments": []})
    ends = [phase.last_at for phase in phases] + starts
    instant_width = max((max(ends) - min(starts)) / 150, timedelta(seconds=1))
    bars: list[Row] = [
        {
            "lane": lane,
            "from": milliseconds(phase.first_at),
            # An instant has a width, too: a phase of one event would not be seen.
            "to": milliseconds(max(phase.last_at, phase.first_at + instant_width)),
            "span": f"{instant(phase.first_at)}, {duration(phase.first_at, phase.last_at)}",
            "patches": phase.counts.total,
            "rate": rate(phase.counts),
        }
        for lane, phase in zip(labels([p.phase for p in phases], missing="(no phase)"), phases, strict=True)
    ]
    points: list[Row] = [
        {
            "lane": _LANES[moment.kind],
            "at": milliseconds(moment.at),
            "when": instant(moment.at),
            "text": drawable(moment.text, _MAX_TEXT),
        }
        for moment in moments
    ]
    says = (
        f"{plural(len(report.phases), 'phase')} and {plural(len(points), 'other moment')} "
        f"from {instant(min(starts))} to {instant(max(ends))}."
    )
    return Chart(ChartKind.TIMELINE, title, says, {"phases": bars, "moments": points})
