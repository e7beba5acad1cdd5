"""Group `patches`: the custody events as they stand, and their trends."""

from datetime import timedelta

import dagster as dg

from assets.logs import OWNERS
from assets.metadata import markdown_table, sparkline
from repo_agent_dagster.reports import trends
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import patch_events as event_store
from repo_agent_dagster.store.engine import read_transaction

TREND_DAYS = 30


@dg.asset(
    group_name="patches",
    kinds={"sqlalchemy"},
    owners=OWNERS,
    description="Every step of every patch: requested, applied, validated, failed, reverted, exported. By the engines.",
)
def patch_events(store: StoreResource) -> dg.MaterializeResult:
    """Take note of the events as they stand; the newest event's id is the data version."""
    with read_transaction(store.engine()) as conn:
        newest = event_store.newest_id(conn)
        workspaces = event_store.workspaces(conn)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(str(newest)),
        metadata={"newest_event": newest, "workspaces": markdown_table([{"workspace": w} for w in workspaces])},
    )


@dg.asset(
    group_name="patches",
    deps=[patch_events],
    kinds={"pandas"},
    owners=OWNERS,
    description=f"Patches of the last {TREND_DAYS} days by day, ISO week, phase, order and factory.",
)
def patch_trends(store: StoreResource, clock: ClockResource) -> dg.MaterializeResult:
    """Show how many patches were applied, held and failed; a rate states its denominator."""
    now = clock.now()
    since = now - timedelta(days=TREND_DAYS)
    frames = {
        group: trends(group, since, now, engine=store.engine())
        for group in ("day", "week", "phase", "order", "factory")
    }
    daily = [float(total) for total in frames["day"]["total"]]
    return dg.MaterializeResult(
        metadata={
            "patches": int(sum(daily)),
            "patches_by_day": sparkline(daily) or "no patches",
            **{f"by_{group}": markdown_table(frame.to_dict("records")) for group, frame in frames.items()},
        }
    )


@dg.asset_check(asset=patch_events, description="Every workspace's hash chain of custody rows is intact.")
def custody_chain_is_intact(store: StoreResource) -> dg.AssetCheckResult:
    """Recompute every chain; name the first row that does not fit."""
    with read_transaction(store.engine()) as conn:
        verdicts = {name: event_store.verify_chain(conn, name) for name in event_store.workspaces(conn)}
    broken = {name: verdict for name, verdict in verdicts.items() if not verdict.ok}
    return dg.AssetCheckResult(
        passed=not broken,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "workspaces": len(verdicts),
            "broken": markdown_table([{"workspace": n, "problem": v.problem} for n, v in broken.items()]),
        },
    )


default_assets = [patch_events, patch_trends]
default_asset_checks = [custody_chain_is_intact]
