"""The job `apply_patches`: read the batch → apply it → prove the record. For a task of the queue, or for a config.

A run that crashed after its batch was applied is retried without applying it twice: the run's id is the batch's id.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import dagster as dg
from pydantic import ValidationError

from assets.metadata import markdown_table
from jobs.tasks import SANDBOX_POOL, WHOLE_RUN_RETRY, close_task, take_task, task_partitions
from repo_agent_dagster.contracts.custody import RecordedPatch
from repo_agent_dagster.contracts.faults import PermanentFault, RepoAgentError
from repo_agent_dagster.contracts.patches import PatchBatch, PatchEventName
from repo_agent_dagster.contracts.problems import describe
from repo_agent_dagster.contracts.tasks import ApplyPatchesPayload, Pathway
from repo_agent_dagster.patching import AppliedPatch, BatchResult, Workspace, apply_batch, recover_workspace
from repo_agent_dagster.resources import ClockResource, StoreResource, WorkspacesResource
from repo_agent_dagster.store import patch_events
from repo_agent_dagster.store.engine import read_transaction

DIFF_LIMIT = 60_000
RESULT_PATCHES = 200
_RETRY_TAG = "dagster/retry_number"


class ApplyPatchesConfig(dg.Config):
    """What to apply where; a run for a task of the queue takes all of it from the task."""

    workspace: str = ""
    batch: dict[str, Any] = {}  # noqa: RUF012 - Dagster reads the default of a config field and copies it
    dry_run: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a batch; `earlier_run` is the crashed run that had applied it, if one had."""

    workspace: Workspace
    batch_id: str
    patches: tuple[AppliedPatch, ...]
    diff: str
    dry_run: bool = False
    earlier_run: str | None = None

    @classmethod
    def of(cls, workspace: Workspace, result: BatchResult) -> Self:
        """Return the outcome of a batch that this run applied."""
        return cls(workspace, result.batch_id, result.patches, result.diff, result.dry_run)


@dg.op(description="Claim the task, or read the config, and see that it is a workspace and a batch.")
def read_batch(
    context: dg.OpExecutionContext,
    config: ApplyPatchesConfig,
    store: StoreResource,
    workspaces: WorkspacesResource,
    clock: ClockResource,
) -> ApplyPatchesPayload:
    """Return what is to be applied."""
    if context.has_partition_key:
        task = take_task(context, store, clock, Pathway.APPLY_PATCHES)
        with _told(context, store, clock):
            payload = task.payload_as(ApplyPatchesPayload)
    else:
        payload = _configured(config)
    with _told(context, store, clock):
        workspace, registered = workspaces.find(store, payload.workspace, only_registered=context.has_partition_key)
    batch = payload.batch
    context.add_output_metadata(
        {
            "workspace": str(workspace.root),
            "registered_as": registered.name if registered is not None else "–",
            "patches": len(batch.patches),
            "order": batch.order_id or "–",
            "requester": batch.requester,
            "reason": batch.reason or "–",
            "dry_run": payload.dry_run or batch.dry_run,
        }
    )
    return payload


@dg.op(pool=SANDBOX_POOL, description="Apply the batch, all of it or nothing; the check, if any, runs in a sandbox.")
def apply_batch_to_workspace(
    context: dg.OpExecutionContext,
    payload: ApplyPatchesPayload,
    store: StoreResource,
    workspaces: WorkspacesResource,
    clock: ClockResource,
) -> Outcome:
    """Return what was done, or fail with the reason."""
    custody = store.custody()
    with _told(context, store, clock):
        workspace, registered = workspaces.find(store, payload.workspace, only_registered=context.has_partition_key)
        earlier = _of_crashed_run(context, workspace, store, clock)
        if earlier is not None:
            context.log.info(f"run {earlier.earlier_run} had applied the batch before it crashed")
            outcome = earlier
        else:
            result = apply_batch(
                workspace,
                payload.batch,
                custody=custody,
                now=clock.now(),
                checker=workspaces.checker(workspace, registered, payload.batch),
                dry_run=payload.dry_run,
                batch_id=context.run_id,
            )
            outcome = Outcome.of(workspace, result)
    context.add_output_metadata(
        {
            "batch": "–" if outcome.dry_run else outcome.batch_id,
            "patches": markdown_table([_row(patch) for patch in outcome.patches], limit=100),
            "files": len({patch.file for patch in outcome.patches}),
            "diff": dg.MetadataValue.md(_fenced(outcome.diff)),
            "diff_is_cut": len(outcome.diff) > DIFF_LIMIT,
        }
    )
    return outcome


@dg.op(description="Show the batch's custody, prove the workspace's chain, and close the task.")
def prove_custody(context: dg.OpExecutionContext, outcome: Outcome, store: StoreResource, clock: ClockResource) -> None:
    """Close the task with the result; a broken chain is told, whoever broke it."""
    workspace = outcome.workspace
    with read_transaction(store.engine()) as conn:
        events = [] if outcome.dry_run else patch_events.listing(conn, batch_id=outcome.batch_id, limit=1_000_000)
        chain = patch_events.verify_chain(conn, workspace.name)
    told = f"{chain.checked} events, whole" if chain.ok else f"broken at row {chain.seq}: {chain.problem}"
    if not chain.ok:
        context.log.error(f"the custody chain of {workspace.name} is {told}")
    checked = [event.ts_check_ok for event in events if event.ts_check_ok is not None]
    summary = {
        "batchId": None if outcome.dry_run else outcome.batch_id,
        "dryRun": outcome.dry_run,
        "workspace": workspace.name,
        "patches": [_row(patch) for patch in outcome.patches[:RESULT_PATCHES]],
        "patchCount": len(outcome.patches),
        "checkOk": all(checked) if checked else None,
        "chain": chain.told(),
    }
    custody: dict[str, dg.MetadataValue | str] = {
        "custody_chain": told,
        "custody_events": f"{events[0].id} – {events[-1].id}" if events else "none",
        "custody": dg.MetadataValue.asset(dg.AssetKey("patch_events")),
        "events": markdown_table(_counts([event.event for event in events])),
    }
    context.add_output_metadata(custody)
    if events:
        context.log_event(
            dg.AssetObservation(
                asset_key="patch_events",
                description=f"batch {outcome.batch_id}: {len(outcome.patches)} patch(es) on {workspace.name}",
                metadata={"batch": outcome.batch_id, **custody},
            )
        )
    if context.has_partition_key:
        close_task(store, clock, context, ok=True, result=summary)


def _configured(config: ApplyPatchesConfig) -> ApplyPatchesPayload:
    try:
        batch = PatchBatch.model_validate(config.batch)
    except ValidationError as error:
        raise dg.Failure(f"config.batch is no PatchBatch: {describe(error)}", allow_retries=False) from None
    if not config.workspace:
        raise dg.Failure(
            "config.workspace is empty: give a registered workspace's name or an absolute path", allow_retries=False
        )
    return ApplyPatchesPayload(workspace=config.workspace, batch=batch, dry_run=config.dry_run)


@contextmanager
def _told(context: dg.OpExecutionContext, store: StoreResource, clock: ClockResource) -> Iterator[None]:
    """Fail the run with the reason in its own words, and close its task with it."""
    try:
        yield
    except RepoAgentError as fault:
        reason = " ".join([str(fault), *getattr(fault, "__notes__", ())])
        kind = type(fault).__name__
        if context.has_partition_key:
            close_task(store, clock, context, ok=False, result={"kind": kind, "message": reason}, error=reason)
        raise dg.Failure(
            reason, metadata={"kind": kind, "permanent": isinstance(fault, PermanentFault)}, allow_retries=False
        ) from fault


def _of_crashed_run(
    context: dg.OpExecutionContext, workspace: Workspace, store: StoreResource, clock: ClockResource
) -> Outcome | None:
    """Return what a crashed run, which this one retries by itself, had applied already; None if nothing stands."""
    run = context.run
    while run.tags.get(_RETRY_TAG) and run.parent_run_id is not None:
        parent_id = run.parent_run_id
        # What the crashed run left half-way is put back, or finished, before its record is asked.
        recover_workspace(workspace, custody=store.custody(), now=clock.now())
        patches = store.custody().batch(parent_id)
        if patches and all(patch.is_in_force for patch in patches):
            recorded = tuple(_recorded(patch) for patch in patches)
            return Outcome(workspace, parent_id, recorded, diff="", earlier_run=parent_id)
        parent = context.instance.get_run_by_id(parent_id)
        if parent is None:
            return None
        run = parent
    return None


def _recorded(patch: RecordedPatch) -> AppliedPatch:
    applied = patch.last(PatchEventName.PATCH_APPLIED) or patch.requested
    meta = applied.meta or {}
    return AppliedPatch(
        patch_id=patch.patch_id,
        file=applied.file_path,
        op=applied.op,
        diff_path=applied.diff_path or "",
        added=meta.get("added", 0),
        removed=meta.get("removed", 0),
        task_id=applied.task_id,
    )


def _row(patch: AppliedPatch) -> dict[str, Any]:
    return {
        "patch": patch.patch_id,
        "file": patch.file if patch.moved_to is None else f"{patch.file} → {patch.moved_to}",
        "op": patch.op,
        "added": patch.added,
        "removed": patch.removed,
        "diff": patch.diff_path,
    }


def _counts(names: list[PatchEventName]) -> list[dict[str, Any]]:
    return [{"event": name.value, "count": names.count(name)} for name in PatchEventName if name in names]


def _fenced(diff: str) -> str:
    """Return a diff as a Markdown block whose fence no line of the diff can close."""
    shown = diff[:DIFF_LIMIT]
    fence = "```"
    while fence in shown:
        fence += "`"
    return f"{fence}diff\n{shown}\n{fence}"


@dg.job(
    partitions_def=task_partitions,
    tags=WHOLE_RUN_RETRY,
    description=(
        "Apply a batch of patches to a workspace: all of it or nothing, checked, on record. For a task of the queue by "
        "its partition, or without one by the config of `read_batch`."
    ),
)
def apply_patches() -> None:
    """One run for each batch."""
    prove_custody(apply_batch_to_workspace(read_batch()))


default_jobs = [apply_patches]
