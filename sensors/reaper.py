"""The reaper: no sandbox outlives its task, and no task outlives its run."""

import dagster as dg

from repo_agent_dagster.contracts.tasks import TaskStatus
from repo_agent_dagster.resources import ClockResource, SandboxResource, StoreResource
from repo_agent_dagster.sandbox import SandboxUnavailable, reap
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction
from sensors.queue import close_after_run


@dg.sensor(
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Removes sandboxes of ended tasks, and closes tasks whose run ended without anybody noticing.",
)
def sandbox_reaper_sensor(
    context: dg.SensorEvaluationContext, store: StoreResource, sandboxes: SandboxResource, clock: ClockResource
) -> dg.SkipReason:
    """Close what the run-status sensors missed, then remove what belongs to closed tasks."""
    closed = _close_tasks_of_ended_runs(context, store, clock)

    def finished(task_id: str) -> bool:
        with read_transaction(store.engine()) as conn:
            task = task_requests.get(conn, task_id)
        return task is None or not task.is_open

    try:
        reaped = reap(finished_task=finished, now=clock.now(), owner=sandboxes.owner)
    except SandboxUnavailable as error:
        return dg.SkipReason(f"no Docker engine, so no sandboxes either: {error}")
    return dg.SkipReason(f"{len(reaped)} sandbox(es) removed, {closed} task(s) closed")


def _close_tasks_of_ended_runs(context: dg.SensorEvaluationContext, store: StoreResource, clock: ClockResource) -> int:
    with read_transaction(store.engine()) as conn:
        running = task_requests.listing(conn, status=TaskStatus.RUNNING, limit=1000)
    closed = 0
    for task in running:
        run = context.instance.get_run_by_id(task.dagster_run_id) if task.dagster_run_id else None
        if run is not None and close_after_run(context.instance, store, clock, run):
            closed += 1
    return closed


default_sensors = [sandbox_reaper_sensor]
