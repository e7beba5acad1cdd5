"""Apply many batches at the price of one flush: each is all or nothing by itself, and they are durable together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from repo_agent_dagster.contracts.custody import Custody, EventRow
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import PatchBatch, PatchEventName
from repo_agent_dagster.patching.diffs.writing import FileState, no_diff
from repo_agent_dagster.patching.disk.commit import commit
from repo_agent_dagster.patching.disk.lock import locked
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.entering import enter
from repo_agent_dagster.patching.history.recorded_steps import Draft
from repo_agent_dagster.patching.model import BatchResult, PatchConflict, Workspace
from repo_agent_dagster.patching.planning.batch_plan import plan_batch
from repo_agent_dagster.patching.planning.plan import Plan, PlannedFile
from repo_agent_dagster.patching.record import custody as records
from repo_agent_dagster.patching.record.custody import Asked, Origin, batch_result
from repo_agent_dagster.store.ids import new_id


@dataclass
class _Group:
    """What a group of batches comes to: the events to record, the files to write, and what each caller is told."""

    draft: Draft
    before: dict[str, FileState | None] = field(default_factory=dict)
    moved_from: dict[str, str] = field(default_factory=dict)
    requests: list[EventRow] = field(default_factory=list)
    refusals: list[EventRow] = field(default_factory=list)
    applied: list[EventRow] = field(default_factory=list)
    diffs: dict[str, bytes] = field(default_factory=dict)
    outcomes: list[BatchResult | PermanentFault] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    made_in: Counter[str] = field(default_factory=Counter)
    """How many files of the group lie in each folder: the disk does not tell of them yet."""


def apply_batches(
    workspace: Workspace,
    batches: Sequence[PatchBatch],
    *,
    custody: Custody,
    now: datetime,
    lock_timeout_seconds: float = 10.0,
) -> list[BatchResult | PermanentFault]:
    """Apply batches in their order, each on what those before it left; return each one's result, or why it was refused.

    A batch that is refused is recorded as failed and changes nothing; the others go on. What is applied is written,
    flushed and recorded once for all: killed before that, none of them was applied. Checks are for single batches.

    Raises:
        WorkspaceLocked, CustodyUnavailable, WriteFailed, PatchConflict (a file changed while they were written): as
            `apply_batch`; then none of the batches was applied.
    """
    with Tree(workspace.root) as tree, locked(workspace.root, lock_timeout_seconds):
        enter(workspace, tree, custody, now)
        group = _Group(Draft(tree.read))
        for batch in batches:
            group.outcomes.append(_planned(workspace, batch, group, now))
        custody.record([*group.requests, *group.refusals])
        if group.applied:
            commit(
                tree,
                custody,
                batch_id=new_id(),
                decision=PatchEventName.PATCH_APPLIED,
                patch_ids=[event.patch_id for event in group.applied],
                files=_files(group),
                diffs=group.diffs,
                decide=lambda: custody.record(group.applied),
                now=now,
            )
    return group.outcomes


def _planned(workspace: Workspace, batch: PatchBatch, group: _Group, now: datetime) -> BatchResult | PermanentFault:
    """Plan one batch on what the group has come to, and add it to the group; or add that it was refused."""
    batch_id = new_id()
    origin = Origin(workspace.name, batch.requester, batch.order_id, batch.phase, batch.reason, batch.branch)
    try:
        plan = _plan(workspace, batch, group)
    except PermanentFault as fault:
        asked = [Asked(operation.file or "", operation.op, operation.task_id) for operation in batch.patches]
        refused = records.requested(batch_id, origin, asked, now)
        group.requests += refused
        group.refusals += records.following(refused, PatchEventName.PATCH_FAILED, now, error=str(fault))
        return fault
    requests = records.requested(
        batch_id, origin, [Asked(patch.file, patch.op, patch.task_id) for patch in plan.patches], now
    )
    if batch.dry_run:
        return batch_result(batch_id, requests, plan, dry_run=True)
    for file in plan.files:
        group.before.setdefault(file.path, file.before)
        if file.moved_from is not None:
            group.moved_from[file.path] = group.moved_from.get(file.moved_from, file.moved_from)
        group.draft.files[file.path] = file.after
        _count(group, file)
    group.requests += requests
    group.applied += records.applied(requests, plan, now)
    group.diffs |= {request.patch_id: patch.diff.text for request, patch in zip(requests, plan.patches, strict=True)}
    return batch_result(batch_id, requests, plan)


def _plan(workspace: Workspace, batch: PatchBatch, group: _Group) -> Plan:
    try:
        plan = plan_batch(batch, group.draft.get, workspace.markers)
    except OSError as error:
        raise PatchConflict(f"{error.filename or 'a file'} cannot be read: {error.strerror}") from error
    _refuse_files_as_folders(plan, group)
    return plan


def _refuse_files_as_folders(plan: Plan, group: _Group) -> None:
    """Refuse a file where an earlier batch made files in a folder, and files in what an earlier batch made a file."""
    gone = {file.path for file in plan.files if file.after is None}
    for file in plan.files:
        if file.before is not None or file.after is None:
            continue
        if group.made_in[file.path] > sum(path.startswith(f"{file.path}/") for path in gone):
            raise PatchConflict(f"{file.path} is a folder: a batch before this one made files in it")
        for folder in _folders_of(file.path):
            if folder in group.made and folder not in gone:
                raise PatchConflict(f"{file.path} cannot be: a batch before this one made the file {folder}")


def _count(group: _Group, file: PlannedFile) -> None:
    if file.before is None and file.after is not None:
        group.made.add(file.path)
        group.made_in.update(_folders_of(file.path))
    elif file.after is None and file.path in group.made:
        group.made.discard(file.path)
        group.made_in.subtract(_folders_of(file.path))


def _folders_of(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _files(group: _Group) -> list[PlannedFile]:
    """Return what becomes of each path by the whole group; a path that was made and taken away again is left out."""
    return [
        PlannedFile(path, before, after, no_diff, group.moved_from.get(path))
        for path, before in group.before.items()
        if (after := group.draft.files[path]) is not None or before is not None
    ]
