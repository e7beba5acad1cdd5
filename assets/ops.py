"""Group `ops`: the day's scan, and the issues that are open after it, here and on GitHub."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Literal

import dagster as dg

from assets.logs import OWNERS, build_logs, log_patterns, worker_logs
from assets.metadata import markdown_table, sparkline
from assets.partitions import days, partition_day
from jobs.tasks import TASK_TAG
from repo_agent_dagster.ops.environment import OpsEnvironment
from repo_agent_dagster.ops.issues.publishing import Published
from repo_agent_dagster.ops.options import OpsOptions
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import ops_issues as issue_store
from repo_agent_dagster.store import ops_outbox, ops_scans, ops_summary, task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_outbox import Standing

SCAN_MAX_AGE = timedelta(hours=26)
WAITS_TOO_LONG = timedelta(days=7)  # a night's cap of new issues is told within some days
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
        "totals": markdown_table(
            [{"of the day": name.replace("_", " "), "": n} for name, n in result.totals.items()], limit=40
        ),
        # Numbers of their own are plotted over the days.
        **{name: result.totals[name] for name in ("incidents", "new", "regressed", "warn_error_lines")},
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
        standing = ops_outbox.standing(conn)
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
    return dg.MaterializeResult(metadata=metadata, check_results=[_in_step(published, standing, clock.now())])


def _in_step(published: Published | None, standing: Standing, now: datetime) -> dg.AssetCheckResult:
    """Openings over the day's cap wait for the next nights: only what waits for long, or failed, is a fault."""
    told: list[str] = []
    if published is not None:
        told += published.problems
        told += [f"issue {problem.issue_id}: {problem.reason}" for problem in standing.problems]
        if standing.failed:
            told.append(f"{standing.failed} thing(s) could not be told and will be tried again")
        if standing.oldest is not None and now - standing.oldest > WAITS_TOO_LONG:
            told.append(f"something waits to be told since {standing.oldest:%Y-%m-%d %H:%M} UTC")
    fine = "no GitHub token is set" if published is None else "GitHub knows all that it is to know today"
    return dg.AssetCheckResult(
        check_name="github_in_step",
        passed=not told,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join(told[:_SHOWN_PROBLEMS]) or fine,
        metadata={"waiting": standing.waiting, "failed": standing.failed, "problems": len(standing.problems)},
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
