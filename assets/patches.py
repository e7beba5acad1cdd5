"""Group `patches`: the custody events as they stand, their days counted ahead, and the trends of them."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from random import SystemRandom
from typing import Any

import dagster as dg

from assets.logs import OWNERS
from assets.metadata import markdown_table, picture, sparkline
from assets.partitions import days, partition_day
from repo_agent_dagster.contracts.patch_stats import PatchTrends, TrendGroup
from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.contracts.reports import PatchCounts
from repo_agent_dagster.reports.charts import svg, trend_chart
from repo_agent_dagster.reports.options import ReportOptions
from repo_agent_dagster.reports.stats import stats, trends
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import custody_verdicts, patch_rollups
from repo_agent_dagster.store import patch_events as event_store
from repo_agent_dagster.store.engine import read_transaction

TREND_DAYS = 30
WEEKS_SHOWN = 12
SAMPLED_DAYS = 3
_SHOWN_GROUPS = 50


@dg.observable_source_asset(
    group_name="patches",
    tags={"dagster/kind/sqlalchemy": ""},
    description="Every step of every patch: requested, applied, validated, failed, reverted, exported. Written by the "
    "engines; observing it takes note of how many there are.",
)
def patch_events(store: StoreResource) -> dg.ObserveResult:
    """Take note of the events as they stand; their number and the newest one's id are the data version."""
    with read_transaction(store.engine()) as conn:
        rows, newest = event_store.row_count(conn), event_store.newest_id(conn)
        workspaces = event_store.workspaces(conn)
    return dg.ObserveResult(
        data_version=dg.DataVersion(f"{rows}:{newest}"),
        metadata={
            "dagster/row_count": rows,
            "newest_event": newest,
            "workspaces": markdown_table([{"workspace": workspace} for workspace in workspaces]),
        },
    )


@dg.asset(
    group_name="patches",
    deps=[patch_events],
    partitions_def=days,
    kinds={"sqlalchemy"},
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(
            "success_rate_over_minimum", asset="patch_daily", description="Enough of the checked patches passed."
        ),
        dg.AssetCheckSpec(
            "rollup_equals_events", asset="patch_daily", description="A random sample of days, counted from the events."
        ),
    ],
    description="Patches begun on the UTC day, counted by factory, operation, phase, order and outcome. A late event "
    "reopens the day that its patch began on.",
)
def patch_daily(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    clock: ClockResource,
    report_options: dg.ResourceParam[ReportOptions],
) -> dg.MaterializeResult:
    """Count the day anew from its events."""
    engine, day = store.engine(), partition_day(context)
    patch_rollups.rebuild_day(engine, day, clock.now())
    totals = stats(engine, UtcRange.of_days(day, day)).totals
    return dg.MaterializeResult(
        metadata={
            "dagster/partition_row_count": totals.total,
            "outcomes": markdown_table([_row(totals)]),
        },
        check_results=[
            _enough_passed(totals, report_options.success_rate_minimum),
            _sample_equals_events(store, day),
        ],
    )


@dg.asset(
    group_name="patches",
    deps=[patch_daily],
    kinds={"sqlalchemy"},
    owners=OWNERS,
    description=f"Patches by ISO week, {WEEKS_SHOWN} weeks. Folds whatever day is due, and adds up weeks and months "
    "that are over, so that long ranges are answered from few rows.",
)
def patch_trends_weekly(
    context: dg.AssetExecutionContext, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """Bring every rollup up to date and show the weeks."""
    with read_transaction(store.engine()) as conn:
        due = patch_rollups.days_due(conn)
    folded = patch_rollups.fold(store.engine(), clock.now(), say=context.log.info)
    partitions = set(days.get_partition_keys(current_time=clock.now()))
    for day in (day.isoformat() for day in due):
        if day in partitions:
            context.log_event(dg.AssetMaterialization("patch_daily", partition=day))
    shown = _trends(store, TrendGroup.WEEK, clock.now(), 7 * WEEKS_SHOWN)
    daily = _trends(store, TrendGroup.DAY, clock.now(), TREND_DAYS)
    totals = [row.counts.total for row in daily.rows]
    return dg.MaterializeResult(
        metadata={
            **_shown(shown),
            "chart": picture(svg(trend_chart(daily)), "patches a day"),
            "patches_by_day": sparkline([float(total) for total in totals]) or "no patches",
            "days_counted": folded.days,
        }
    )


@dg.asset(
    group_name="patches",
    deps=[patch_daily],
    kinds={"sqlalchemy"},
    owners=OWNERS,
    description=f"Patches of the last {TREND_DAYS} days by phase, by factory and by operation.",
)
def patch_trends_phase(store: StoreResource, clock: ClockResource) -> dg.MaterializeResult:
    """Show which phases and which factories succeed."""
    now = clock.now()
    phases, factories, operations = (
        _trends(store, group, now, TREND_DAYS) for group in (TrendGroup.PHASE, TrendGroup.FACTORY, TrendGroup.OPERATION)
    )
    return dg.MaterializeResult(
        metadata={
            **_shown(phases),
            "by_factory": _table(factories),
            "by_operation": _table(operations),
            "chart": picture(svg(trend_chart(factories, title="Success by factory")), "success by factory"),
            "operations": picture(svg(trend_chart(operations)), "operations"),
        }
    )


@dg.asset(
    group_name="patches",
    deps=[patch_daily],
    kinds={"sqlalchemy"},
    owners=OWNERS,
    description=f"Orders of the last {TREND_DAYS} days: their patches, from the first to the last.",
)
def patch_trends_order(store: StoreResource, clock: ClockResource) -> dg.MaterializeResult:
    """Show the orders with the most patches."""
    orders = _trends(store, TrendGroup.ORDER, clock.now(), TREND_DAYS)
    return dg.MaterializeResult(metadata={**_shown(orders), "orders_left_out": orders.left_out})


def _trends(store: StoreResource, group: TrendGroup, now: datetime, shown_days: int) -> PatchTrends:
    today = now.date()
    period = UtcRange.of_days(today - timedelta(days=shown_days - 1), today)
    return trends(store.engine(), group, period, limit=_SHOWN_GROUPS)


def _shown(shown: PatchTrends) -> dict[str, Any]:
    return {"patches": sum(row.counts.total for row in shown.rows), f"by_{shown.group}": _table(shown)}


def _table(shown: PatchTrends) -> dg.MarkdownMetadataValue:
    rows = [
        {
            shown.group.value: row.key,
            **_row(row.counts),
            "first patch (UTC)": f"{row.first_patch:%Y-%m-%d %H:%M}",
            "last patch (UTC)": f"{row.last_patch:%Y-%m-%d %H:%M}",
        }
        for row in shown.rows
    ]
    return markdown_table(rows, limit=_SHOWN_GROUPS)


def _row(counts: PatchCounts) -> dict[str, object]:
    rate = "–" if counts.success_rate is None else f"{counts.success_rate:.1%} of {counts.checked}"
    return {
        "patches": counts.total,
        "ok": counts.ok,
        "failed": counts.failed,
        "unchecked": counts.unchecked,
        "reverted": counts.reverted,
        "success rate": rate,
    }


def _enough_passed(counts: PatchCounts, minimum: float) -> dg.AssetCheckResult:
    """Where nothing was checked there is no rate, and so nothing that is too low."""
    rate = counts.success_rate
    told = (
        f"none of {counts.total} patches was checked"
        if rate is None
        else f"{counts.ok} of {counts.checked} checked patches passed, {counts.unchecked} unchecked"
    )
    return dg.AssetCheckResult(
        check_name="success_rate_over_minimum",
        passed=rate is None or rate >= minimum,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{told}; the minimum is {minimum:.0%}",
        metadata={"success_rate": -1.0 if rate is None else rate, "checked": counts.checked, "minimum": minimum},
    )


def _sample_equals_events(store: StoreResource, counted: date) -> dg.AssetCheckResult:
    seed = SystemRandom().randrange(2**31)
    with read_transaction(store.engine()) as conn:
        sample = sorted({*patch_rollups.sample_days(conn, SAMPLED_DAYS, seed), counted})
        mismatches = patch_rollups.compare_days(conn, sample)
    return dg.AssetCheckResult(
        check_name="rollup_equals_events",
        passed=not mismatches,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"compared {', '.join(map(str, sample))}",
        metadata={
            "days": len(sample),
            "mismatches": markdown_table([asdict(mismatch) for mismatch in mismatches]),
        },
    )


@dg.asset_check(asset=patch_events, description="Every workspace's hash chain of custody rows is intact.")
def custody_chain_is_intact(store: StoreResource, clock: ClockResource) -> dg.AssetCheckResult:
    """Walk every chain from its start; name the first row that does not fit."""
    with read_transaction(store.engine()) as conn:
        workspaces = custody_verdicts.workspaces(conn)
    verdicts = [custody_verdicts.verify_whole(store.engine(), name, now=clock.now()) for name in workspaces]
    broken = [verdict for verdict in verdicts if verdict.problem is not None]
    return dg.AssetCheckResult(
        passed=not broken,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "workspaces": len(verdicts),
            "broken": markdown_table([{"workspace": v.workspace, "problem": v.problem} for v in broken]),
        },
    )


default_assets = [patch_events, patch_daily, patch_trends_weekly, patch_trends_phase, patch_trends_order]
default_asset_checks = [custody_chain_is_intact]
