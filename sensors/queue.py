"""The task queue's sensors: pending rows become runs; ended, cancelled and vanished runs close their rows."""

import dagster as dg

from jobs.pathways import PATHWAY_JOBS, run_request
from jobs.tasks import TASK_TAG, task_partitions
from repo_agent_dagster.contracts.tasks import TaskStatus
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction

RUNS_PER_TICK = 50
_ENDED = {
    dg.DagsterRunStatus.SUCCESS: TaskStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE: TaskStatus.FAILED,
    dg.DagsterRunStatus.CANCELED: TaskStatus.CANCELLED,
}


@dg.sensor(
    jobs=list(PATHWAY_JOBS.values()),
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Turns pending task requests into runs; the run key is task id and attempt, so none runs twice.",
)
def task_queue_sensor(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SensorResult | dg.SkipReason:
    """Request a run for every pending task request, oldest first."""
    with read_transaction(store.engine()) as conn:
        pending = task_requests.pending(conn, limit=RUNS_PER_TICK)
    if not pending:
        return dg.SkipReason("no pending task request")
    requests = [run_request(task) for task in pending]
    keys = [task.id for task, request in zip(pending, requests, strict=True) if request.partition_key == task.id]
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[task_partitions.build_add_request(keys)] if keys else [],
    )


def why_it_failed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Return what the run's failed steps said, by step; the run's status when no step said anything."""
    said = []
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        if event is None or event.step_failure_data.error is None:
            continue
        error = event.step_failure_data.error
        while error.cause is not None:
            error = error.cause
        said.append(f"{event.step_key}: {error.message.strip()}")
    return "; ".join(said) or f"the run ended as {run.status.value}"


def close_after_run(
    instance: dg.DagsterInstance, store: StoreResource, clock: ClockResource, run: dg.DagsterRun
) -> bool:
    """Close the task request of an ended run; returns whether this call closed it.

    A run that Dagster is going to retry keeps its task open for the retry to take over.
    """
    task_id = run.tags.get(TASK_TAG)
    status = _ENDED.get(run.status)
    if task_id is None or status is None or run.tags.get("dagster/will_retry") == "true":
        return False
    with write_transaction(store.engine()) as conn:
        task = task_requests.get(conn, task_id)
        if task is None or task.dagster_run_id not in (None, run.run_id):
            return False
        error = None if status is TaskStatus.SUCCESS else why_it_failed(instance, run)
        return task_requests.finish(conn, task_id, status, now=clock.now(), error=error)


def _closing_sensor(name: str, run_status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=run_status,
        name=name,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Closes the task request of a run that ended as {run_status.value}.",
    )
    def close(context: dg.RunStatusSensorContext, store: StoreResource, clock: ClockResource) -> None:
        if close_after_run(context.instance, store, clock, context.dagster_run):
            context.log.info(f"task {context.dagster_run.tags[TASK_TAG]} closed with run {context.dagster_run.run_id}")

    return close


default_sensors = [
    task_queue_sensor,
    _closing_sensor("task_of_succeeded_run_sensor", dg.DagsterRunStatus.SUCCESS),
    _closing_sensor("task_of_failed_run_sensor", dg.DagsterRunStatus.FAILURE),
    _closing_sensor("task_of_cancelled_run_sensor", dg.DagsterRunStatus.CANCELED),
]
