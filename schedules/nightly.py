"""The nightly schedules (UTC)."""

import dagster as dg

from jobs.nightly import ops_scan_job, watch_scans
from jobs.pruning import prune_logs, prune_task_partitions, prune_workspaces
from jobs.reports import weekly_digest_job
from repo_agent_dagster.ops.ingestion.late_days import days_to_ingest
from repo_agent_dagster.ops.options import OpsOptions


@dg.schedule(
    job=ops_scan_job,
    cron_schedule="0 9 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="09:00 UTC: today so far, yesterday, and each day that late lines may have come in for.",
)
def nightly_ops_scan(
    context: dg.ScheduleEvaluationContext, ops_options: dg.ResourceParam[OpsOptions]
) -> list[dg.RunRequest]:
    """Request the days that are over and may have new lines, and today (the night that just ended), oldest first."""
    at = context.scheduled_execution_time
    days = [*days_to_ingest(at, ops_options.lateness), at.date()]
    return [dg.RunRequest(run_key=f"nightly:{at.date()}:{day}", partition_key=day.isoformat()) for day in days]


prune_daily = dg.ScheduleDefinition(
    name="prune_daily",
    job=prune_task_partitions,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="04:00 UTC: retire the partition keys of tasks that ended two weeks ago.",
)

prune_workspaces_daily = dg.ScheduleDefinition(
    name="prune_workspaces_daily",
    job=prune_workspaces,
    cron_schedule="10 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="04:10 UTC: remove the oldest contents that registered workspaces keep for reverts and replays.",
)

watch_scans_hourly = dg.ScheduleDefinition(
    name="watch_scans_hourly",
    job=watch_scans,
    cron_schedule="15 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour: whether the newest scan that succeeded is older than 26 hours.",
)

prune_logs_daily = dg.ScheduleDefinition(
    name="prune_logs_daily",
    job=prune_logs,
    cron_schedule="20 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="04:20 UTC: remove what log proxies told of days that are over for 35 days.",
)

weekly_digest = dg.build_schedule_from_partitioned_job(
    name="weekly_digest",
    job=weekly_digest_job,
    hour_of_day=9,
    minute_of_hour=40,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Monday, 09:40 UTC: the digest of the week that is over.",
)

default_schedules = [
    nightly_ops_scan,
    weekly_digest,
    watch_scans_hourly,
    prune_daily,
    prune_workspaces_daily,
    prune_logs_daily,
]
