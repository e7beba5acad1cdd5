"""What every pathway job shares: the partition axis, the tags, and how a run takes and closes its task request."""

from typing import Any

import dagster as dg

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import Pathway, TaskStatus
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest

SANDBOX_POOL = "sandbox"
TASK_TAG = "repo_agent/task_id"
PATHWAY_TAG = "repo_agent/pathway"
REPO_TAG = "repo_agent/repo"
ORDER_TAG = "repo_agent/order"

# A retried run starts from its first step: its sandbox is gone, and what the steps hand on was in the dead process.
WHOLE_RUN_RETRY = {"dagster/retry_strategy": "ALL_STEPS"}

TASK_PARTITIONS = "task_requests"
task_partitions = dg.DynamicPartitionsDefinition(name=TASK_PARTITIONS)
"""One key per task request. Finished keys are retired by `prune_task_partitions`; our tables keep the history."""


def task_tags(task: TaskRequest) -> dict[str, str]:
    """Return the run tags that people filter by in the Dagster UI."""
    tags = {TASK_TAG: task.id, PATHWAY_TAG: task.pathway.value}
    if task.repo_url:
        tags[REPO_TAG] = task.repo_url
    if task.order_id:
        tags[ORDER_TAG] = task.order_id
    return tags


def take_task(
    context: dg.OpExecutionContext, store: StoreResource, clock: ClockResource, pathway: Pathway
) -> TaskRequest:
    """Claim the run's task request for this run and return it.

    A retried run takes over the claim of the run whose worker crashed.

    Raises:
        PermanentFault: there is no such task, it belongs to another pathway, or another run has it.
    """
    task_id, run_id = context.partition_key, context.run_id
    with write_transaction(store.engine()) as conn:
        task = task_requests.get(conn, task_id)
        if task is None:
            raise PermanentFault(f"no task request {task_id}; submit one with `repo-agent task invoke`")
        if task.pathway is not pathway:
            raise PermanentFault(f"task {task_id} is a {task.pathway} task; this job runs {pathway} tasks")
        claimed = task_requests.claim(conn, task_id, dagster_run_id=run_id, now=clock.now())
        crashed_run = context.run.parent_run_id
        if not claimed and crashed_run is not None:
            claimed = task_requests.take_over(conn, task_id, from_run=crashed_run, to_run=run_id)
    if not claimed:
        raise PermanentFault(
            f"task {task_id} is {task.status} (run {task.dagster_run_id}); "
            f"`repo-agent task retry {task_id}` runs a failed one again"
        )
    return task


def current_task(context: dg.OpExecutionContext, store: StoreResource) -> TaskRequest:
    """Return the task request of a run that has taken it."""
    with read_transaction(store.engine()) as conn:
        task = task_requests.get(conn, context.partition_key)
    if task is None:
        raise PermanentFault(f"task request {context.partition_key} was deleted while its run was going on")
    return task


def close_task(
    store: StoreResource,
    clock: ClockResource,
    context: dg.OpExecutionContext,
    *,
    ok: bool,
    result: dict[str, Any],
    error: str | None = None,
) -> None:
    """Close the run's task with its result; a task that was cancelled or taken meanwhile stays as it is."""
    status = TaskStatus.SUCCESS if ok else TaskStatus.FAILED
    with write_transaction(store.engine()) as conn:
        task_requests.finish(
            conn,
            context.partition_key,
            status,
            now=clock.now(),
            result=result,
            error=error,
            dagster_run_id=context.run_id,
        )
