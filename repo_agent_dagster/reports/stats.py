"""Patches of a range of time, counted: what `reports stats` and `reports trends` answer.

The numbers come from the rollups as far as days are folded, and from the events for the rest, in one snapshot; so they
equal a direct query on the events at all times (`store/patch_rollups`). Each answer carries the rule and the direct
query of each of its numbers.
"""

from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.patch_stats import (
    DayCounts,
    FactoryCounts,
    OperationShare,
    PatchStats,
    PatchTrends,
    TrendGroup,
    TrendRow,
)
from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.contracts.reports import ErrorCount, PatchCounts, StepLatency
from repo_agent_dagster.reports.stat_sources import stat_sources, trend_sources
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_rollups import Counts, Dimension, PatchFilter, PatchReading

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

TOP_ERRORS = 10
TOP_GROUPS = 100

_DIMENSIONS = {
    TrendGroup.PHASE: Dimension.PHASE,
    TrendGroup.ORDER: Dimension.ORDER,
    TrendGroup.FACTORY: Dimension.FACTORY,
    TrendGroup.OPERATION: Dimension.OP,
    TrendGroup.WORKSPACE: Dimension.WORKSPACE,
    TrendGroup.FILE: Dimension.FILE,
}


def stats(engine: "Engine", period: UtcRange, *, top: int = TOP_ERRORS) -> PatchStats:
    """Return totals, days, factories, operations, the `top` errors and latencies of the patches begun in the range."""
    with read_transaction(engine) as conn:
        return read_stats(conn, period, top=top)


def trends(
    engine: "Engine",
    group: TrendGroup,
    period: UtcRange,
    *,
    limit: int | None = TOP_GROUPS,
    where: PatchFilter | None = None,
) -> PatchTrends:
    """Return the patches begun in the range by group: time in its order, names by how many patches they have.

    At most `limit` names are listed, the fullest; `left_out` says how many are not. Days and weeks are always all
    listed. `where` counts one factory, order, phase or operation alone.
    """
    with read_transaction(engine) as conn:
        return read_trends(conn, group, period, limit=limit, where=where)


def read_stats(conn: "Connection", period: UtcRange, *, top: int = TOP_ERRORS) -> PatchStats:
    """Return what `stats` does, in the caller's read transaction."""
    reading = PatchReading.of(conn, period)
    by_day = reading.by_day()
    total = Counts()
    for counts in by_day.values():
        total.add(counts)
    errors = reading.errors(top)
    return PatchStats(
        from_at=period.start,
        to_at=period.end,
        totals=patch_counts(total),
        daily=[DayCounts(day=day, counts=patch_counts(by_day.get(day))) for day in period.days()],
        factories=[
            FactoryCounts(factory=row.key or "", counts=patch_counts(row.counts))
            for row in reading.counts_by(Dimension.FACTORY).rows
        ],
        operations=[
            OperationShare(op=row.key or "", patches=row.counts.total, share=row.counts.total / total.total)
            for row in reading.counts_by(Dimension.OP).rows
        ],
        errors=[ErrorCount(error=row.error, patches=row.patches) for row in errors.rows],
        other_errors=errors.others,
        latency=[
            StepLatency(step=row.step, patches=row.patches, mean_seconds=row.mean_seconds, p95_seconds=row.p95_seconds)
            for row in reading.latency()
        ],
        sources=stat_sources(period, conn.dialect.name),
    )


def read_trends(
    conn: "Connection", group: TrendGroup, period: UtcRange, *, limit: int | None, where: PatchFilter | None = None
) -> PatchTrends:
    """Return what `trends` does, in the caller's read transaction."""
    reading = PatchReading.of(conn, period)
    left_out = 0
    if group is TrendGroup.DAY:
        rows = [_row(day.isoformat(), counts) for day, counts in sorted(reading.by_day(where=where).items())]
    elif group is TrendGroup.WEEK:
        rows = [_row(week, counts) for week, counts in sorted(reading.by_week(where=where).items())]
    else:
        grouped = reading.counts_by(_DIMENSIONS[group], limit=limit, where=where)
        rows = [_row(row.key, row.counts, row.workspace) for row in grouped.rows]
        left_out = grouped.left_out
    return PatchTrends(
        group=group,
        from_at=period.start,
        to_at=period.end,
        rows=rows,
        left_out=left_out,
        sources=trend_sources(group, period, conn.dialect.name),
    )


def patch_counts(counts: Counts | None) -> PatchCounts:
    """Return the store's counts as the contract has them, with what follows from them."""
    if counts is None:
        return PatchCounts()
    checked = counts.ok + counts.failed
    return PatchCounts(
        total=counts.total,
        ok=counts.ok,
        failed=counts.failed,
        unchecked=counts.unchecked,
        checked=checked,
        reverted=counts.reverted,
        refused=counts.refused,
        success_rate=counts.ok / checked if checked else None,
    )


def _row(key: str | None, counts: Counts, workspace: str | None = None) -> TrendRow:
    first, last = counts.first_at, counts.last_at
    if first is None or last is None:
        raise ValueError(f"group {key!r} has no patches")
    return TrendRow(
        key=key,
        workspace=workspace,
        counts=patch_counts(counts),
        first_patch=first,
        last_patch=last,
        duration_seconds=(last - first).total_seconds(),
    )
