"""The reaper: no sandbox outlives its task, and no task outlives its run."""

import dagster as dg

from repo_agent_dagster.contracts.tasks import TaskStatus
from repo_agent_dagster.pathways.leftovers import close_vanished, serves_nobody
from repo_agent_dagster.pathways.local_run import is_local
from repo_agent_dagster.resources import ClockResource, SandboxResource, StoreResource
from repo_agent_dagster.sandbox import SandboxUnavailable, reap
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest
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

    engine, now = store.engine(), clock.now()
    closed += len(close_vanished(engine, now=now))
    try:
        reaping = reap(is_over=serves_nobody(engine, now=now), now=now, owner=sandboxes.owner)
    except SandboxUnavailable as error:
        return dg.SkipReason(f"no Docker engine, so no sandboxes either: {error}")
    removed = sum(reaped.kind == "sandbox" for reaped in reaping.removed)
    told = [f"{removed} sandbox(es) removed, {closed} task(s) closed, {stopped} run(s) stopped", *reaping.problems]
    return dg.SkipReason("; ".join(told))


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
        if task.dagster_run_id is None or is_local(task.dagster_run_id):
            continue
        run = context.instance.get_run_by_id(task.dagster_run_id)
        if run is None:
            closed += _close_without_run(store, clock, task)
        else:
            closed += close_after_run(context.instance, store, clock, run)
    return closed


def _close_without_run(store: StoreResource, clock: ClockResource, task: TaskRequest) -> bool:
    why = f"its run {task.dagster_run_id} is not in Dagster's storage any more: deleted, or the storage was replaced"
    with write_transaction(store.engine()) as conn:
        return task_requests.finish(
            conn, task.id, TaskStatus.FAILED, now=clock.now(), error=why, dagster_run_id=task.dagster_run_id
        )


default_sensors = [sandbox_reaper_sensor]
