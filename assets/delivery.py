"""Group `delivery`: one report per order, a new version only when its facts changed."""

from pathlib import Path

import dagster as dg

from assets.logs import OWNERS
from assets.metadata import markdown_table
from assets.ops import ops_scan
from assets.patches import patch_trends
from repo_agent_dagster.reports import generate_changed
from repo_agent_dagster.resources import ClockResource, FoldersResource, StoreResource
from repo_agent_dagster.store import delivery_reports as report_store
from repo_agent_dagster.store import order_facts
from repo_agent_dagster.store.engine import read_transaction


@dg.asset(
    group_name="delivery",
    deps=[patch_trends, ops_scan],
    kinds={"python", "html"},
    owners=OWNERS,
    description="What every order delivered, as Markdown, JSON and a page that opens offline.",
)
def delivery_reports(store: StoreResource, folders: FoldersResource, clock: ClockResource) -> dg.MaterializeResult:
    """Write the report of every order whose facts changed."""
    done = generate_changed(store.engine(), reports_dir=Path(folders.reports), now=clock.now())
    return dg.MaterializeResult(
        metadata={
            "orders": done.orders,
            "new_versions": len(done.made),
            "reports": markdown_table(
                [{"order": r.order_id, "version": r.version, "page": str(r.html_path)} for r in done.made]
            ),
        }
    )


@dg.asset_check(asset=delivery_reports, description="Every order with patch events has a current report.")
def every_order_has_a_report(store: StoreResource) -> dg.AssetCheckResult:
    """Compare the orders of the events with the orders of the reports."""
    with read_transaction(store.engine()) as conn:
        orders = set(order_facts.order_ids(conn))
        reported = {report.order_id for report in report_store.listing(conn)}
    missing = sorted(orders - reported)
    return dg.AssetCheckResult(
        passed=not missing,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"orders": len(orders), "missing": markdown_table([{"order": order} for order in missing])},
    )


default_assets = [delivery_reports]
default_asset_checks = [every_order_has_a_report]
