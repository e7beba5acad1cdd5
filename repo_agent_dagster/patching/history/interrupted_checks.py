"""Take back a batch whose check was interrupted: it was applied, and nothing vouches for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from repo_agent_dagster.contracts.custody import Custody, EventRow, RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching.checks.mark import unmark
from repo_agent_dagster.patching.disk.commit import commit
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.history.recorded_steps import recorded_step
from repo_agent_dagster.patching.history.reversal import Reversal
from repo_agent_dagster.patching.model import PatchConflict
from repo_agent_dagster.patching.record import custody as records

_INTERRUPTED = "the check was interrupted: the process ended before its verdict was on record"


def take_back_unjudged(tree: Tree, batch_id: str, custody: Custody, now: datetime) -> str | None:
    """Take back the batch that is marked as being checked; return what was done, None if its verdict is on record.

    Where its files are no longer what it left, it stays, and is on record as failed.

    Raises:
        CustodyUnavailable, WriteFailed: it cannot be taken back now; the next use goes on with it.
    """
    patches = [patch for patch in custody.batch(batch_id) if patch.is_in_force and not _is_judged(patch)]
    done = None
    if patches:
        try:
            _take_back(tree, batch_id, patches, custody, now)
            done = f"the check of batch {batch_id} was interrupted; all files were put back."
        except PatchConflict as conflict:
            error = f"{_INTERRUPTED}, and it was not reverted: {conflict}"
            custody.record(_events(patches, PatchEventName.PATCH_FAILED, now, error=error))
            done = f"batch {batch_id}: {error}"
    unmark(tree)
    return done


def _is_judged(patch: RecordedPatch) -> bool:
    verdicts = PatchEventName.PATCH_VALIDATED, PatchEventName.PATCH_FAILED
    return any(patch.last(verdict) is not None for verdict in verdicts)


def _take_back(tree: Tree, batch_id: str, patches: Sequence[RecordedPatch], custody: Custody, now: datetime) -> None:
    steps = {patch.patch_id: recorded_step(tree, patch) for patch in patches}
    plan = Reversal(tree, patches, steps, three_way=False).plan(lambda patch: patch.requested.op)
    events = [
        *_events(patches, PatchEventName.PATCH_FAILED, now, error=f"{_INTERRUPTED}, so the batch was reverted"),
        *_events(patches, PatchEventName.PATCH_REVERTED, now, meta={"reason": "the check gave no verdict"}),
    ]
    commit(
        tree,
        custody,
        batch_id=batch_id,
        decision=PatchEventName.PATCH_REVERTED,
        patch_ids=[patch.patch_id for patch in patches],
        files=plan.files,
        diffs={},
        decide=lambda: custody.record(events),
        now=now,
    )


def _events(
    patches: Sequence[RecordedPatch],
    name: PatchEventName,
    now: datetime,
    *,
    error: str | None = None,
    meta: dict[str, Any] | None = None,
) -> list[EventRow]:
    return records.following([patch.events[-1] for patch in patches], name, now, error=error, meta=meta)
