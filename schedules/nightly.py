"""The nightly schedules (UTC)."""

from datetime import timedelta

import dagster as dg

from jobs.nightly import ops_scan_job
from jobs.pruning import prune_task_partitions, prune_workspaces


@dg.schedule(
    job=ops_scan_job,
    cron_schedule="0 9 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="09:00 UTC: yesterday, whole, and today so far; both are safe to run again.",
)
def nightly_ops_scan(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Request yesterday (late lines included) and today (the night that just ended)."""
    today = context.scheduled_execution_time.date()
    return [
        dg.RunRequest(run_key=f"nightly:{today}:{day}", partition_key=day.isoformat())
        for day in (today - timedelta(days=1), today)
    ]


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

default_schedules = [nightly_ops_scan, prune_daily, prune_workspaces_daily]
