"""Group `delivery`: one report per order, a new version only when its facts changed; digests of weeks."""

from datetime import date
from typing import Any

import dagster as dg

from assets.logs import OWNERS
from assets.metadata import markdown_table
from assets.ops import ops_scan
from assets.partitions import FIRST_DAY
from assets.patches import patch_trends_order, patch_trends_phase, patch_trends_weekly
from repo_agent_dagster.contracts.periods import iso_week
from repo_agent_dagster.reports.environment import ReportsEnvironment
from repo_agent_dagster.reports.options import ReportOptions
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import order_marks
from repo_agent_dagster.store.engine import read_transaction

_SHOWN_REPORTS = 50

weeks = dg.WeeklyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", day_offset=1)
"""ISO weeks, by their Monday."""


@dg.asset(
    group_name="delivery",
    deps=[patch_trends_weekly, patch_trends_phase, patch_trends_order, ops_scan],
    kinds={"python", "html"},
    owners=OWNERS,
    description="What every order delivered, as Markdown, JSON and a page that opens offline.",
)
def delivery_reports(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    clock: ClockResource,
    report_options: dg.ResourceParam[ReportOptions],
) -> dg.MaterializeResult:
    """Make the report of every order whose facts changed; the others are not even read."""
    done = ReportsEnvironment(report_options, store.engine(), clock.now).generate_changed(say=context.log.info)
    for problem in done.problems:
        context.log.error(problem)
    return dg.MaterializeResult(
        metadata={
            "orders": done.orders,
            "new_versions": len(done.made),
            "orders_read": done.read,
            "problems": len(done.problems),
            "reports": markdown_table(
                [{"order": r.order_id, "version": r.version, "page": str(r.html_path)} for r in done.made],
                limit=_SHOWN_REPORTS,
            ),
            "folder": dg.MetadataValue.path(str(report_options.folder)),
            "seconds": round(done.seconds, 3),
        }
    )


@dg.asset(
    group_name="delivery",
    deps=[delivery_reports],
    kinds={"github", "html"},
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(
            "published_where_followed", asset="published_reports", description="Every target has the newest versions."
        )
    ],
    description="New versions of reports in the folders, stores, GitHub threads and webhooks that follow them.",
)
def published_reports(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    clock: ClockResource,
    report_options: dg.ResourceParam[ReportOptions],
) -> dg.MaterializeResult:
    """Publish what is due; what does not get there now is tried again later."""
    published = ReportsEnvironment(report_options, store.engine(), clock.now).publish_due(say=context.log.info)
    for problem in published.problems:
        context.log.warning(problem)
    return dg.MaterializeResult(
        metadata={
            "published": len(published.done),
            "waiting": published.waiting,
            "places": markdown_table(
                [
                    {"report": p.report_id, "version": p.version, "target": p.target.text, "place": p.place}
                    for p in published.done
                ],
                limit=_SHOWN_REPORTS,
            ),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="published_where_followed",
                passed=not published.problems,
                severity=dg.AssetCheckSeverity.WARN,
                description="\n".join(published.problems) or "every target has the newest versions",
                metadata={"problems": len(published.problems), "waiting": published.waiting},
            )
        ],
    )


@dg.asset(
    group_name="delivery",
    deps=[dg.AssetDep("patch_trends_weekly"), dg.AssetDep("ops_issues")],
    partitions_def=weeks,
    kinds={"python", "html"},
    owners=OWNERS,
    description="What one ISO week delivered, over all orders, against the week before.",
)
def weekly_digests(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    clock: ClockResource,
    report_options: dg.ResourceParam[ReportOptions],
) -> dg.MaterializeResult:
    """Make the digest of the week; unchanged numbers make no new version."""
    week = iso_week(date.fromisoformat(context.partition_key))
    made = ReportsEnvironment(report_options, store.engine(), clock.now).digest(week)
    metadata: dict[str, Any] = {
        "week": week,
        "version": made.version,
        "new_version": made.is_new,
        "page": dg.MetadataValue.path(str(made.html_path)),
        "digest": dg.MetadataValue.md(made.markdown),
    }
    return dg.MaterializeResult(metadata=metadata)


@dg.asset_check(asset=delivery_reports, description="Every order that is over has a report of its newest facts.")
def every_closed_order_has_a_report(store: StoreResource, clock: ClockResource) -> dg.AssetCheckResult:
    """Compare the orders that are over with those that have a report, and that with what changed since."""
    with read_transaction(store.engine()) as conn:
        closed = set(order_marks.closed_orders(conn, clock.now()))
        reported = order_marks.reported_marks(conn).keys()
        stale = set(order_marks.changed_orders(conn)) & closed
    missing = sorted(closed - reported)
    stale -= set(missing)
    shown = [{"order": order, "what": "no report"} for order in missing]
    shown += [{"order": order, "what": "changed since its report"} for order in sorted(stale)]
    return dg.AssetCheckResult(
        passed=not shown,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"closed_orders": len(closed), "missing": markdown_table(shown, limit=_SHOWN_REPORTS)},
    )


default_assets = [delivery_reports, published_reports, weekly_digests]
default_asset_checks = [every_closed_order_has_a_report]
