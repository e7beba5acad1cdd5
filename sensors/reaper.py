"""The reaper: no sandbox outlives its task, and no task outlives its run."""

import dagster as dg

from repo_agent_dagster.contracts.tasks import TaskStatus
from repo_agent_dagster.resources import ClockResource, SandboxResource, StoreResource
from repo_agent_dagster.sandbox import LiveSandbox, SandboxUnavailable, reap
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction
from sensors.queue import close_after_run

NEWEST_CANCELLED = 50


@dg.sensor(
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Removes sandboxes of what ended, closes tasks whose run ended, stops runs of cancelled tasks.",
)
def sandbox_reaper_sensor(
    context: dg.SensorEvaluationContext, store: StoreResource, sandboxes: SandboxResource, clock: ClockResource
) -> dg.SkipReason:
    """Stop the runs of cancelled tasks, close what the run-status sensors missed, remove what is over."""
    stopped = _stop_runs_of_cancelled_tasks(context, store)
    closed = _close_tasks_of_ended_runs(context, store, clock)

    def is_over(sandbox: LiveSandbox) -> bool:
        with read_transaction(store.engine()) as conn:
            task = task_requests.get(conn, sandbox.task_id)
        # A retry of a crashed run has a sandbox of its own; the crashed run's serves nobody any more.
        return task is None or not task.is_open or task.dagster_run_id != sandbox.run_id

    try:
        reaped = reap(is_over=is_over, now=clock.now(), owner=sandboxes.owner)
    except SandboxUnavailable as error:
        return dg.SkipReason(f"no Docker engine, so no sandboxes either: {error}")
    return dg.SkipReason(f"{len(reaped)} sandbox(es) removed, {closed} task(s) closed, {stopped} run(s) stopped")


def _stop_runs_of_cancelled_tasks(context: dg.SensorEvaluationContext, store: StoreResource) -> int:
    with read_transaction(store.engine()) as conn:
        cancelled = task_requests.listing(conn, status=TaskStatus.CANCELLED, limit=NEWEST_CANCELLED)
    stopped = 0
    for task in cancelled:
        run = context.instance.get_run_by_id(task.dagster_run_id) if task.dagster_run_id else None
        if run is not None and not run.is_finished and run.status is not dg.DagsterRunStatus.CANCELING:
            stopped += context.instance.run_coordinator.cancel_run(run.run_id)
    return stopped


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
