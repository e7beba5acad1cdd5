"""Group `ops`: the day's scan, and the issues that are open after it."""

from datetime import timedelta
from typing import Literal

import dagster as dg

from assets.logs import OWNERS, build_logs, worker_logs
from assets.metadata import markdown_table
from assets.partitions import days, partition_day
from jobs.tasks import TASK_TAG
from repo_agent_dagster.ops.scanning.scan import scan_day
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import ops_issues as issue_store
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction

SCAN_MAX_AGE = timedelta(hours=26)


class ScanConfig(dg.Config):
    """What to scan: worker logs (cloudflare), build logs (cicd), or both."""

    scope: Literal["cloudflare", "cicd", "full"] = "full"


@dg.asset(
    group_name="ops",
    partitions_def=days,
    deps=[worker_logs, build_logs],
    kinds={"python"},
    owners=OWNERS,
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=SCAN_MAX_AGE),
    description="One pass over the day's warnings and errors: incidents by fingerprint, each an ops issue once.",
)
def ops_scan(
    context: dg.AssetExecutionContext, config: ScanConfig, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    """Scan the day's logs and open, update or reopen its ops issues."""
    task_id = context.run.tags.get(TASK_TAG)
    if task_id is not None:
        with write_transaction(store.engine()) as conn:
            task_requests.claim(conn, task_id, dagster_run_id=context.run_id, now=clock.now())
    result = scan_day(store.engine(), partition_day(context), scope=config.scope, now=clock.now())
    context.log.info(", ".join(f"{name}: {value}" for name, value in result.totals.items()))
    return dg.MaterializeResult(
        metadata={
            "scan": result.scan_id,
            "totals": markdown_table([result.totals]),
            "incidents": markdown_table(
                [
                    {"severity": i.severity, "seen": i.occurrences, "status": i.status, "title": i.title}
                    for i in result.issues
                ]
            ),
        }
    )


@dg.asset(
    group_name="ops",
    deps=[ops_scan],
    kinds={"sqlalchemy"},
    owners=OWNERS,
    description="The open ops issues, most severe first: what somebody has to look at this morning.",
)
def ops_issues(store: StoreResource) -> dg.MaterializeResult:
    """Show the issues that are open now."""
    with read_transaction(store.engine()) as conn:
        issues = issue_store.listing(conn, status="open")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(issues),
            "open_issues": markdown_table(
                [
                    {
                        "severity": issue.severity,
                        "seen": issue.occurrences,
                        "last seen": issue.last_seen.isoformat(timespec="minutes"),
                        "place": issue.worker or issue.repo,
                        "title": issue.title,
                    }
                    for issue in issues
                ]
            ),
        }
    )


default_assets = [ops_scan, ops_issues]
