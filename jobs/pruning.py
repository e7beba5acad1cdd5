"""Free what piles up: partition keys of finished tasks, old contents that workspaces keep, what proxies told long ago.

Dagster slows down with some 10,000 live dynamic partitions.
"""

from datetime import timedelta

import dagster as dg

from jobs.tasks import TASK_PARTITIONS
from repo_agent_dagster.ops.options import OpsOptions
from repo_agent_dagster.ops.sources.landing import prune_landings
from repo_agent_dagster.patching import InvalidPatch, Workspace, WorkspaceLocked
from repo_agent_dagster.patching.disk.pruning import prune_workspace
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import task_requests, workspaces
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


class KeptContentsConfig(dg.Config):
    """How much of what patches replaced each registered workspace keeps."""

    keep_mb: int = 1024


@dg.op(description="Removes the oldest contents that registered workspaces keep beyond their share; diffs stay.")
def prune_kept_contents(context: dg.OpExecutionContext, config: KeptContentsConfig, store: StoreResource) -> int:
    """Return how many bytes were removed. A workspace that is gone or in use is passed over."""
    with read_transaction(store.engine()) as conn:
        registered = workspaces.listing(conn)
    removed = 0
    for one in registered:
        try:
            freed = prune_workspace(Workspace(one.root), config.keep_mb * 1024 * 1024)
        except (InvalidPatch, WorkspaceLocked) as reason:
            context.log.info(f"{one.name} is passed over: {reason}")
            continue
        removed += freed
        context.log.info(f"{one.name}: {freed} bytes removed")
    context.add_output_metadata({"removed_bytes": removed, "workspaces": len(registered)})
    return removed


class LandingsConfig(dg.Config):
    """How long what log proxies told is kept; a day that a back-fill asks for after that is asked for again."""

    keep_days: int = 35


@dg.op(description="Removes what log proxies told of days that are long over; the rows in our tables stay.")
def prune_log_landings(
    context: dg.OpExecutionContext,
    config: LandingsConfig,
    ops_options: dg.ResourceParam[OpsOptions],
    clock: ClockResource,
) -> int:
    """Return how many days and pages were removed."""
    removed = prune_landings(ops_options.landing, clock.now().date() - timedelta(days=config.keep_days))
    context.add_output_metadata({"removed": removed})
    return removed


@dg.job(description="Retires the partition keys of finished tasks.")
def prune_task_partitions() -> None:
    """Run once a day by its schedule."""
    retire_partition_keys()


@dg.job(description="Removes the oldest contents that registered workspaces keep for reverts and replays.")
def prune_workspaces() -> None:
    """Run once a day by its schedule."""
    prune_kept_contents()


@dg.job(description="Removes what log proxies told of days that are long over.")
def prune_logs() -> None:
    """Run once a day by its schedule."""
    prune_log_landings()


default_jobs = [prune_task_partitions, prune_workspaces, prune_logs]
