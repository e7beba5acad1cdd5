"""Take patches back, byte for byte, if the files are still what the patches left; or merge that with later work.

A revert is a batch of its own, one patch for each that it undoes: it has diffs, custody and an id, and can be reverted.
"""

from collections.abc import Sequence
from datetime import datetime

from repo_agent_dagster.contracts.custody import REAPPLY, REVERT, Custody, EventRow, RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching.disk.commit import commit
from repo_agent_dagster.patching.disk.lock import locked
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.entering import enter
from repo_agent_dagster.patching.history.recorded_steps import recorded_step
from repo_agent_dagster.patching.history.reversal import Reversal
from repo_agent_dagster.patching.model import (
    BatchResult,
    InvalidPatch,
    PatchConflict,
    UnknownPatch,
    Workspace,
)
from repo_agent_dagster.patching.record import custody as records
from repo_agent_dagster.patching.record.custody import Asked, Origin, batch_result
from repo_agent_dagster.store.ids import new_id


def revert(
    workspace: Workspace,
    batch_id_or_patch_ids: str | Sequence[str],
    *,
    custody: Custody,
    now: datetime,
    requester: str = "operator",
    reason: str = "",
    three_way: bool = False,
    dry_run: bool = False,
    lock_timeout_seconds: float = 10.0,
    batch_id: str | None = None,
) -> BatchResult:
    """Undo a whole batch (by its id) or some patches of one batch (by their ids), all or nothing.

    Patches of a batch that were reverted before are left out. Of several patches on one file, later ones go first.
    With `three_way`, a file that changed since is merged: what the patch did is taken out of it, the rest stays.

    Raises:
        UnknownPatch: no such batch or patch is on record.
        InvalidPatch: the patches are of several batches or of another workspace.
        PatchConflict: a file is no longer what the patch left (the difference is shown), the merge has conflicts, or
            nothing is in force.
        WorkspaceLocked, CustodyUnavailable, WriteFailed: as `apply_batch`; all is as before.
    """
    batch_id = batch_id or new_id()
    with Tree(workspace.root) as tree, locked(workspace.root, lock_timeout_seconds):
        enter(workspace, tree, custody, now)
        everything, chosen = _chosen(workspace, batch_id_or_patch_ids, custody)
        applied = [patch for patch in everything if patch.last(PatchEventName.PATCH_APPLIED) is not None]
        steps = {patch.patch_id: recorded_step(tree, patch) for patch in chosen}
        reversal = Reversal(tree, applied, steps, three_way=three_way)
        plan = reversal.plan(lambda patch: REAPPLY if patch.requested.op == REVERT else REVERT)
        undone = list(reversed(chosen))
        first = chosen[0].requested
        origin = Origin(workspace.name, requester, first.order_id, first.phase, reason)
        asked = [
            Asked(patch.file, patch.op, patch.task_id, reverts=original.patch_id)
            for patch, original in zip(plan.patches, undone, strict=True)
        ]
        requests = records.requested(batch_id, origin, asked, now)
        if dry_run:
            return batch_result(batch_id, requests, plan, dry_run=True)
        events = [*records.applied(requests, plan, now), *_reverted(undone, requests, reversal, now)]
        custody.record(requests)
        commit(
            tree,
            custody,
            batch_id=batch_id,
            decision=PatchEventName.PATCH_APPLIED,
            patch_ids=[request.patch_id for request in requests],
            files=plan.files,
            diffs={request.patch_id: patch.diff.text for request, patch in zip(requests, plan.patches, strict=True)},
            decide=lambda: custody.record(events),
            now=now,
        )
    return batch_result(batch_id, requests, plan)


def _reverted(
    undone: Sequence[RecordedPatch], requests: Sequence[EventRow], reversal: Reversal, now: datetime
) -> list[EventRow]:
    """Return the events that close the patches which were undone, each naming the patch that did it."""
    return [
        event
        for original, request in zip(undone, requests, strict=True)
        for event in records.following(
            [original.requested],
            PatchEventName.PATCH_REVERTED,
            now,
            meta={"by": request.patch_id, "by_batch": request.batch_id, **reversal.left(original.patch_id)},
        )
    ]


def _chosen(
    workspace: Workspace, asked: str | Sequence[str], custody: Custody
) -> tuple[Sequence[RecordedPatch], list[RecordedPatch]]:
    """Return all patches of the batch, and those of them that are to be reverted, in their order."""
    if isinstance(asked, str):
        everything = custody.batch(asked)
        if not everything:
            raise UnknownPatch(f"batch {asked} is not on record in this database")
        chosen = [patch for patch in everything if patch.is_in_force]
        if not chosen:
            raise PatchConflict(
                f"batch {asked} has no patch in force: it failed, or was reverted before (to have it again, revert "
                "the batch that reverted it)"
            )
    else:
        if not asked:
            raise InvalidPatch("name at least one patch to revert")
        known = records.known(custody, asked)
        batches = sorted({patch.requested.batch_id for patch in known})
        if len(batches) > 1:
            raise InvalidPatch(f"the patches are of batches {', '.join(batches)}; revert one batch after the other")
        everything = custody.batch(batches[0])
        ids = set(asked)
        chosen = [patch for patch in everything if patch.patch_id in ids]
        for patch in chosen:
            if not patch.is_in_force:
                raise PatchConflict(f"patch {patch.patch_id} is not in force: it failed, or was reverted before")
    other = {patch.requested.workspace for patch in chosen} - {workspace.name}
    if other:
        raise InvalidPatch(f"the patches were applied to workspace {min(other)!r}, not to {workspace.name!r}")
    return everything, chosen
