"""Take patches back, byte for byte, if the files are still what the patches left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from repo_agent_dagster.contracts.custody import Custody, RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching import custody as records
from repo_agent_dagster.patching import journal
from repo_agent_dagster.patching.commit import commit, recover
from repo_agent_dagster.patching.diffs import Diff, FileState, file_diff
from repo_agent_dagster.patching.lock import locked
from repo_agent_dagster.patching.model import (
    AppliedPatch,
    BatchResult,
    InvalidPatch,
    PatchConflict,
    UnknownPatch,
    Workspace,
)
from repo_agent_dagster.patching.plan import PlannedFile
from repo_agent_dagster.patching.tree import Tree
from repo_agent_dagster.patching.undoing import difference_since, undone


@dataclass(frozen=True, slots=True)
class _Step:
    """A patch in force, with the diff of its step and what its record says of its file."""

    patch: RecordedPatch
    diff: bytes
    meta: dict[str, Any]

    @property
    def file(self) -> str:
        return self.patch.events[-1].file_path


def revert(
    workspace: Workspace,
    batch_id_or_patch_ids: str | Sequence[str],
    *,
    custody: Custody,
    now: datetime,
    lock_timeout_seconds: float = 10.0,
) -> BatchResult:
    """Undo a whole batch (by its id) or some patches of one batch (by their ids), all or nothing.

    Patches of a batch that were reverted before are left out. Of several patches on one file, later ones go first.

    Raises:
        UnknownPatch: no such batch or patch is on record.
        InvalidPatch: the patches are of several batches or of another workspace.
        PatchConflict: a file is no longer what the patch left (the difference is shown), or nothing is in force.
        WorkspaceLocked, CustodyUnavailable, WriteFailed: as `apply_batch`; all is as before.
    """
    with Tree(workspace.root) as tree, locked(workspace.root, lock_timeout_seconds):
        recover(tree, custody, now)
        everything, chosen = _chosen(workspace, batch_id_or_patch_ids, custody)
        steps = [_step(tree, patch) for patch in chosen]
        files = [_restored(tree, path, _of_file(path, steps), everything) for path in _files(steps)]
        after = {file.path: None if file.after is None else file.after.sha256 for file in files}
        events = [
            event
            for step in reversed(steps)
            for event in records.following(
                [step.patch.requested],
                PatchEventName.PATCH_REVERTED,
                now,
                meta={"file_after_sha256": after[step.file]},
            )
        ]
        batch_id = chosen[0].requested.batch_id
        commit(
            tree,
            custody,
            batch_id=batch_id,
            decision=PatchEventName.PATCH_REVERTED,
            patch_ids=[event.patch_id for event in events],
            files=files,
            diffs={},
            decide=lambda: custody.record(events),
            now=now,
        )
    return BatchResult(
        batch_id,
        tuple(_taken_back(step) for step in reversed(steps)),
        b"".join(file.diff.text for file in files).decode("utf-8", "replace"),
    )


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
            raise PatchConflict(f"batch {asked} has no patch in force: it failed, or was reverted before")
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


def _step(tree: Tree, patch: RecordedPatch) -> _Step:
    applied = patch.last(PatchEventName.PATCH_APPLIED)
    path = journal.diff_path(patch.patch_id)
    state = tree.read(path)
    if applied is None or applied.meta is None or state is None:
        raise PatchConflict(f"the diff of patch {patch.patch_id} is gone ({path}), so it cannot be undone")
    return _Step(patch, state.content, applied.meta)


def _files(steps: Sequence[_Step]) -> list[str]:
    return list(dict.fromkeys(step.file for step in steps))


def _of_file(path: str, steps: Sequence[_Step]) -> list[_Step]:
    return [step for step in steps if step.file == path]


def _restored(tree: Tree, path: str, steps: Sequence[_Step], everything: Sequence[RecordedPatch]) -> PlannedFile:
    """Undo the steps of one file, the last one first; check it against the digests on record at both ends."""
    on_file = [patch for patch in everything if patch.events[-1].file_path == path]
    chosen = {step.patch.patch_id for step in steps}
    later = on_file[on_file.index(steps[0].patch) :]
    for patch in later:
        if patch.is_in_force and patch.patch_id not in chosen:
            raise PatchConflict(
                f"patch {patch.patch_id} changed {path} afterwards; revert it first, or the whole batch"
            )
    present = tree.read(path)
    expected = _left(steps, later)
    if (None if present is None else present.sha256) != expected:
        raise PatchConflict(
            f"{path} is no longer what patch {steps[-1].patch.patch_id} left:\n"
            + ("it is gone" if present is None else difference_since(path, steps[-1].diff, present.content))
        )
    content = b"" if present is None else present.content
    for step in reversed(steps):
        content = undone(path, step.diff, content)
    meta = steps[0].meta
    if steps[0].patch is on_file[0]:
        before = None if meta["mode_before"] is None else FileState(content, meta["mode_before"])
        if (None if before is None else before.sha256) != meta["file_before_sha256"]:
            raise PatchConflict(f"the diffs of {path} do not lead back to what it was; they were changed since")
    else:
        before = FileState(content, present.mode if present is not None else meta["mode_before"])
    return PlannedFile(path, present, before, file_diff(path, present, before))


def _left(steps: Sequence[_Step], later: Sequence[RecordedPatch]) -> str | None:
    """Return the digest that the file should have now: that of the last revert on it, or that of the batch."""
    chosen = {step.patch.patch_id for step in steps}
    for patch in later:
        reverted = patch.last(PatchEventName.PATCH_REVERTED)
        if patch.patch_id not in chosen and reverted is not None and reverted.meta is not None:
            left: str | None = reverted.meta["file_after_sha256"]
            return left
    last: str | None = steps[-1].meta["file_after_sha256"]
    return last


def _taken_back(step: _Step) -> AppliedPatch:
    patch = step.patch.requested
    diff = Diff(step.diff, step.meta["added"], step.meta["removed"])
    return AppliedPatch(
        patch.patch_id, step.file, patch.op, journal.diff_path(patch.patch_id), diff.removed, diff.added, patch.task_id
    )
