"""The rows of charts of counts: by day, by group and by operation."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

from repo_agent_dagster.contracts.patch_stats import PatchTrends, TrendGroup
from repo_agent_dagster.contracts.reports import PatchCounts
from repo_agent_dagster.reports.charts.chart import Chart, ChartKind, Row, labels, milliseconds
from repo_agent_dagster.reports.wording import plural, rate, short_rate

MIN_DAYS = 7
"""A shorter range is drawn with the days before it, so that a line is a line."""

MAX_DAYS = 400
"""A longer range shows its last days, and its title says so."""

MAX_GROUPS = 12
MAX_OPERATIONS = 7
"""Groups and operations that are drawn apart; the rest is drawn as one."""

_OUTCOMES = ("ok", "failed", "unchecked")


class CountedDay(Protocol):
    """The counts of one UTC day."""

    @property
    def day(self) -> date:
        """The day."""
        ...

    @property
    def counts(self) -> PatchCounts:
        """Its patches."""
        ...


class CountedFactory(Protocol):
    """The counts of one requester."""

    @property
    def factory(self) -> str:
        """The requester."""
        ...

    @property
    def counts(self) -> PatchCounts:
        """Its patches."""
        ...


class CountedOperation(Protocol):
    """How many patches were of one operation."""

    @property
    def op(self) -> str:
        """The operation."""
        ...

    @property
    def patches(self) -> int:
        """Its patches."""
        ...


def days_chart(days: Sequence[CountedDay], *, title: str = "Patches a day") -> Chart:
    """Draw all patches and the failed ones as lines over days; days that are not given had none."""
    by_day = {entry.day: entry.counts for entry in days}
    if not by_day:
        return Chart(ChartKind.DAYS, title, "No patches.", {"points": []})
    first, last = min(by_day), max(by_day)
    span = (last - first).days + 1
    drawn = min(max(span, MIN_DAYS), MAX_DAYS)
    shown = [last - timedelta(days=back) for back in reversed(range(drawn))]
    if span > drawn:
        title += f", the last {drawn} days"
    points = [(day, day.isoformat(), by_day.get(day, PatchCounts())) for day in shown]
    return _lines(title, points)


def trend_chart(trends: PatchTrends, *, title: str | None = None) -> Chart:
    """Draw trends: days and weeks as lines over time, names as bars of their outcomes."""
    title = title or f"Patches by {trends.group.value}"
    if trends.group not in (TrendGroup.DAY, TrendGroup.WEEK):
        return groups_chart([(row.key, row.counts) for row in trends.rows], title=title)
    keyed = {date.fromisoformat(row.key): (row.key, row.counts) for row in trends.rows if row.key is not None}
    if not keyed:
        return Chart(ChartKind.DAYS, title, "No patches.", {"points": []})
    step = timedelta(days=7 if trends.group is TrendGroup.WEEK else 1)
    last, drawn = max(keyed), min((max(keyed) - min(keyed)) // step + 1, MAX_DAYS)
    shown = [last - step * back for back in reversed(range(drawn))]
    return _lines(title, [(at, *keyed.get(at, (at.isoformat(), PatchCounts()))) for at in shown])


def factories_chart(factories: Sequence[CountedFactory], *, title: str = "Success by factory") -> Chart:
    """Draw each factory's patches as a bar of outcomes, with its success rate and what that is a rate of."""
    return groups_chart([(entry.factory, entry.counts) for entry in factories], title=title)


def groups_chart(groups: Sequence[tuple[str | None, PatchCounts]], *, title: str) -> Chart:
    """Draw groups as bars of outcomes, most patches first; the smallest of many are drawn as one bar."""
    ranked = sorted(groups, key=lambda group: (-group[1].total, group[0] or ""))
    own, rest = ranked[:MAX_GROUPS], ranked[MAX_GROUPS:]
    named = list(zip(labels([name for name, _ in own]), (counts for _, counts in own), strict=True))
    if rest:
        named.append((f"{len(rest)} others", _sum([counts for _, counts in rest])))
    room = 1.35 * max((counts.total for _, counts in named), default=0)
    bars: list[Row] = []
    rates: list[Row] = []
    for name, counts in named:
        told = rate(counts)
        bars += [
            {"group": name, "outcome": outcome, "rank": rank, "patches": getattr(counts, outcome), "rate": told}
            for rank, outcome in enumerate(_OUTCOMES)
            if getattr(counts, outcome)
        ]
        rates.append({"group": name, "total": counts.total, "room": room, "short": short_rate(counts)})
    best = f"most by {named[0][0]}: {rate(named[0][1])}" if named else "none"
    says = f"Patches by outcome of {plural(len(ranked), 'group')}, {best}."
    return Chart(ChartKind.GROUPS, title, says, {"bars": bars, "rates": rates if bars else []})


def operations_chart(operations: Sequence[CountedOperation], *, title: str = "Operations") -> Chart:
    """Draw which share of the patches each operation has; the rarest of many are drawn as one."""
    total = sum(entry.patches for entry in operations)
    ranked = sorted(operations, key=lambda entry: (-entry.patches, entry.op))
    parts = list(zip(labels([entry.op for entry in ranked]), (entry.patches for entry in ranked), strict=True))
    if len(parts) > MAX_OPERATIONS + 1:
        rest = parts[MAX_OPERATIONS:]
        parts = [*parts[:MAX_OPERATIONS], (f"{len(rest)} others", sum(patches for _, patches in rest))]
    rows: list[Row] = [
        {"op": f"{op} · {100 * patches / total:.1f} %", "rank": rank, "patches": patches}
        for rank, (op, patches) in enumerate(parts)
    ]
    says = ", ".join(str(row["op"]) for row in rows) + f", of {plural(total, 'patch', 'patches')}."
    middle: list[Row] = [{"text": f"{total:,}", "under": "patch" if total == 1 else "patches"}] if rows else []
    return Chart(ChartKind.OPERATIONS, title, says if rows else "No patches.", {"parts": rows, "middle": middle})


def _lines(title: str, points: Sequence[tuple[date, str, PatchCounts]]) -> Chart:
    rows: list[Row] = [
        {"at": milliseconds(at), "label": label, "series": series, "patches": patches, "rate": rate(counts)}
        for series, field in (("all", "total"), ("failed", "failed"))
        for at, label, counts in points
        for patches in [getattr(counts, field)]
    ]
    total, failed = (sum(getattr(counts, name) for _, _, counts in points) for name in ("total", "failed"))
    says = f"{plural(total, 'patch', 'patches')}, {failed:,} of them failed"
    if points:
        says += f", from {points[0][1]} to {points[-1][1]}"
    return Chart(ChartKind.DAYS, title, f"{says}.", {"points": rows})


def _sum(counts: Sequence[PatchCounts]) -> PatchCounts:
    fields = ("total", "ok", "failed", "unchecked", "checked", "reverted", "refused")
    sums = {name: sum(getattr(one, name) for one in counts) for name in fields}
    return PatchCounts(**sums, success_rate=sums["ok"] / sums["checked"] if sums["checked"] else None)
