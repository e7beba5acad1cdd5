"""Group `ops`: the day's scan, and the issues that are open after it, here and on GitHub."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Literal

import dagster as dg

from assets.logs import OWNERS, build_logs, log_patterns, worker_logs
from assets.metadata import markdown_table, sparkline
from assets.partitions import days, partition_day
from jobs.tasks import TASK_TAG
from repo_agent_dagster.ops.environment import OpsEnvironment
from repo_agent_dagster.ops.options import OpsOptions
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import ops_issues as issue_store
from repo_agent_dagster.store import ops_outbox, ops_scans, ops_summary, task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction

SCAN_MAX_AGE = timedelta(hours=26)
_SHOWN_PROBLEMS = 20


class ScanConfig(dg.Config):
    """What to scan: worker logs (cloudflare), build logs (cicd), or both."""

    scope: Literal["cloudflare", "cicd", "full"] = "full"


@dg.asset(
    group_name="ops",
    partitions_def=days,
    deps=[worker_logs, build_logs, log_patterns],
    kinds={"python"},
    owners=OWNERS,
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=SCAN_MAX_AGE),
    description="One pass over the day's failures: incidents by fingerprint, each an ops issue once.",
)
def ops_scan(
    context: dg.AssetExecutionContext,
    config: ScanConfig,
    ops_options: dg.ResourceParam[OpsOptions],
    store: StoreResource,
    clock: ClockResource,
) -> dg.MaterializeResult:
    """Scan the day's logs and open, update or reopen its ops issues."""
    task_id = context.run.tags.get(TASK_TAG)
    if task_id is not None:
        with write_transaction(store.engine()) as conn:
            task_requests.claim(conn, task_id, dagster_run_id=context.run_id, now=clock.now())
    environment = OpsEnvironment(ops_options, store.engine(), clock.now, task_id=task_id)
    result = environment.scan(partition_day(context), config.scope, say=context.log.info)
    context.log.info(", ".join(f"{name}: {value}" for name, value in result.totals.items()))
    with read_transaction(store.engine()) as conn:
        trend = ops_summary.summary(conn, today=partition_day(context)).trend
    metadata: dict[str, Any] = {
        "scan": result.scan_id,
        "totals": markdown_table([result.totals]),
        "incidents": markdown_table(
            [
                {
                    "severity": issue.severity,
                    "seen": issue.occurrences,
                    "change": issue.change.value,
                    "cause": issue.cause,
                    "status": issue.status.value,
                    "title": issue.title,
                }
                for issue in result.issues
            ]
        ),
        "seen_by_day": f"{sparkline([day.seen for day in trend])} to {trend[-1].day}" if trend else "nothing yet",
        "new_by_day": sparkline([day.first_seen for day in trend]) or "nothing yet",
        "model_tokens": result.totals["cost"],
        "seconds": round(result.duration_seconds, 3),
    }
    if result.notes:
        metadata["notes"] = dg.MetadataValue.md("\n".join(f"- {note}" for note in result.notes))
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    group_name="ops",
    deps=[ops_scan],
    kinds={"sqlalchemy", "github"},
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec("github_in_step", asset="ops_issues", description="GitHub was told all that the table says.")
    ],
    description="The open ops issues, most severe first: what somebody has to look at this morning; told to GitHub.",
)
def ops_issues(
    context: dg.AssetExecutionContext,
    ops_options: dg.ResourceParam[OpsOptions],
    store: StoreResource,
    clock: ClockResource,
) -> dg.MaterializeResult:
    """Tell GitHub what it does not know yet, or write the issues' files, and show what is open."""
    environment = OpsEnvironment(ops_options, store.engine(), clock.now)
    with read_transaction(store.engine()) as conn:
        scans = ops_scans.latest_scans(conn, limit=1)
    published = environment.publish(scans[0].id if scans else None, say=context.log.info)
    with read_transaction(store.engine()) as conn:
        issues = issue_store.listing(conn, status="open")
        waiting = ops_outbox.standing(conn).waiting
        troubled = [issue for issue in issues if issue.gh_problem]
    metadata: dict[str, Any] = {
        "dagster/row_count": len(issues),
        "open_issues": markdown_table(
            [
                {
                    "severity": issue.severity,
                    "seen": issue.occurrences,
                    "last seen": issue.last_seen.isoformat(timespec="minutes"),
                    "cause": issue.cause,
                    "title": issue.title,
                    "GitHub": f"[#{issue.gh_issue_number}]({issue.gh_issue_url})" if issue.gh_issue_url else None,
                }
                for issue in issues
            ]
        ),
        "files": dg.MetadataValue.path(str(ops_options.issue_files)),
        "github": "no token: nothing is told to GitHub" if published is None else markdown_table([asdict(published)]),
    }
    problems = [*(published.problems if published else ()), *(f"{one.title}: {one.gh_problem}" for one in troubled)]
    return dg.MaterializeResult(metadata=metadata, check_results=[_in_step(published is not None, waiting, problems)])


def _in_step(has_github: bool, waiting: int, problems: list[str]) -> dg.AssetCheckResult:
    if not has_github:
        told, waiting, problems = ["no GitHub token is set"], 0, []
    elif problems:
        told = problems[:_SHOWN_PROBLEMS]
    else:
        told = [f"{waiting} thing(s) wait to be told" if waiting else "GitHub knows all that the table says"]
    return dg.AssetCheckResult(
        check_name="github_in_step",
        passed=not waiting and not problems,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join(told),
        metadata={"waiting": waiting, "problems": len(problems)},
    )


@dg.asset_check(
    asset=ops_scan,
    name="scan_is_recent",
    description="The newest scan that succeeded is not older than 26 hours.",
)
def scan_is_recent(store: StoreResource, clock: ClockResource) -> dg.AssetCheckResult:
    """Look for a scan that ended well in the last 26 hours."""
    with read_transaction(store.engine()) as conn:
        latest = ops_scans.latest_success(conn)
    age = clock.now() - latest.started_at if latest else None
    return dg.AssetCheckResult(
        passed=age is not None and age <= SCAN_MAX_AGE,
        severity=dg.AssetCheckSeverity.ERROR,
        description="no scan has succeeded yet" if age is None else f"the last one that succeeded is {_hours(age)} old",
        metadata={"last_scan": latest.started_at.isoformat() if latest else "none"},
    )


def _hours(age: timedelta) -> str:
    return f"{age.total_seconds() / 3600:.1f} hours"


default_assets = [ops_scan, ops_issues]
default_asset_checks = [scan_is_recent]
