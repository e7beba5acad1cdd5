"""Retire the partition keys of finished tasks: Dagster slows down with some 10,000 live dynamic partitions."""

from datetime import timedelta

import dagster as dg

from jobs.tasks import TASK_PARTITIONS
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction


class PruningConfig(dg.Config):
    """How long the partition key of a finished task stays visible."""

    keep_days: int = 14


@dg.op(description="Deletes the dynamic partition keys of tasks that ended long ago; the rows stay in our tables.")
def retire_partition_keys(
    context: dg.OpExecutionContext, config: PruningConfig, store: StoreResource, clock: ClockResource
) -> int:
    """Return the number of keys that were retired."""
    keys = context.instance.get_dynamic_partitions(TASK_PARTITIONS)
    limit = clock.now() - timedelta(days=config.keep_days)
    with read_transaction(store.engine()) as conn:
        rows = {key: task_requests.get(conn, key) for key in keys}
    retired = [key for key, task in rows.items() if task is None or (task.ended_at and task.ended_at < limit)]
    for key in retired:
        context.instance.delete_dynamic_partition(TASK_PARTITIONS, key)
    context.log.info(f"{len(retired)} of {len(keys)} partition keys retired")
    return len(retired)


@dg.job(description="Retires the partition keys of finished tasks.")
def prune_task_partitions() -> None:
    """Run once a day by its schedule."""
    retire_partition_keys()


default_jobs = [prune_task_partitions]
