"""What undoing some patches of a batch makes of the files: strictly, or merged with what was done since."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from repo_agent_dagster.contracts.custody import RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching.diffs.writing import Diff, FileState, file_diff, is_binary, no_diff
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.history.batch_states import StepStates, states_of
from repo_agent_dagster.patching.history.recorded_steps import Draft, RecordedStep, recorded_step, undo, undone_regions
from repo_agent_dagster.patching.model import PatchConflict
from repo_agent_dagster.patching.planning.plan import Plan, PlannedFile, PlannedPatch, with_executable
from repo_agent_dagster.patching.text.lines import split_lines
from repo_agent_dagster.patching.text.merging import merge3

_SHOWN_LINES = 80


@dataclass(slots=True)
class _Lineage:
    """A file through the reversal: where it is before it, and where it is now; None is no file."""

    origin: str | None
    name: str | None


class Reversal:
    """The undoing of some patches of one batch.

    `applied` are all patches of the batch that were ever applied, in their order; `steps` those of them to be undone,
    by patch id, in the batch's order.
    """

    def __init__(
        self,
        tree: Tree,
        applied: Sequence[RecordedPatch],
        steps: Mapping[str, RecordedStep],
        *,
        three_way: bool,
    ) -> None:
        self._tree = tree
        self._applied = applied
        self._steps = steps
        self._three_way = three_way
        self._found: dict[str, FileState | None] = {}
        self._draft = Draft(self._read)
        self._lineages: dict[str, _Lineage] = {}
        self._lineage_of: dict[str, _Lineage] = {}

    def plan(self, op_of: Callable[[RecordedPatch], str]) -> Plan:
        """Work out the patches that undo the steps, the last one first.

        Raises:
            PatchConflict: a file is not what the batch left, or it cannot be merged.
        """
        untouched = [group for group in self._groups() if self._is_untouched(group)]
        strict = {step.patch.patch_id for group in untouched for step in group}
        planned = [
            self._undone(step, op_of(step.patch), strictly=step.patch.patch_id in strict)
            for step in reversed(list(self._steps.values()))
        ]
        for group in untouched:
            self._arrive(group)
        patches = [
            PlannedPatch(
                patch.file,
                patch.op,
                patch.task_id,
                patch.diff,
                origin=lineage.origin,
                result=lineage.name,
                moved_to=patch.moved_to,
            )
            for patch, lineage in planned
        ]
        return Plan(tuple(patches), tuple(self._files()))

    def left(self, patch_id: str) -> dict[str, Any]:
        """Return where the file of an undone patch is after the reversal, and its digest, for the record."""
        lineage = self._lineage_of[patch_id]
        state = self._draft.get(lineage.name)
        return {"result": lineage.name, "file_after_sha256": None if state is None else state.sha256}

    def _groups(self) -> list[list[RecordedStep]]:
        """Put the steps on one file together, in the batch's order."""
        groups: dict[Any, list[RecordedStep]] = {}
        for step in self._steps.values():
            groups.setdefault(_key(step), []).append(step)
        return list(groups.values())

    def _on_same_file(self, group: Sequence[RecordedStep]) -> list[RecordedPatch]:
        return [patch for patch in self._applied if _key_of(patch) == _key(group[0])]

    def _is_untouched(self, group: Sequence[RecordedStep]) -> bool:
        """Whether a file is as the batch left it, so that its steps can be undone as they stand.

        Raises:
            PatchConflict: it is not, and it is not to be merged.
        """
        try:
            self._refuse_later_patches(group)
            self._refuse_later_work(group)
        except PatchConflict:
            if self._three_way:
                return False
            raise
        return True

    def _refuse_later_patches(self, group: Sequence[RecordedStep]) -> None:
        same = self._on_same_file(group)
        for patch in same[same.index(group[0].patch) :]:
            if patch.is_in_force and patch.patch_id not in self._steps:
                raise PatchConflict(
                    f"patch {patch.patch_id} changed {group[0].file} afterwards; revert it first, the whole batch, or "
                    "merge three ways (--three-way)"
                )

    def _refuse_later_work(self, group: Sequence[RecordedStep]) -> None:
        path, expected = self._left_by_batch(group)
        if expected is None and any(_result_of(patch) == path for patch in self._applied if patch.is_in_force):
            return  # another file of the batch came to its place, and is looked at itself
        present = self._draft.get(path)
        if (None if present is None else present.sha256) == expected:
            return
        last = group[-1].patch.patch_id
        told = f"{path} is no longer what patch {last} left; to keep the later work, merge three ways (--three-way)"
        if present is None:
            raise PatchConflict(f"{path} is no longer what patch {last} left: it is gone")
        known = self._states.get(self._on_same_file(group)[-1].patch_id)
        left = None if known is None else known[1]
        if left is None or left.sha256 != expected:
            raise PatchConflict(f"{told}\n(what the patch left is not kept, so the difference cannot be shown)")
        raise PatchConflict(f"{told}\n{_difference(path or '', left, present)}")

    def _left_by_batch(self, group: Sequence[RecordedStep]) -> tuple[str | None, str | None]:
        """Return where the file should be now and with which digest: as the batch, or a revert in it, left it."""
        newest = None
        for patch in reversed(self._on_same_file(group)):
            reverted = patch.last(PatchEventName.PATCH_REVERTED)
            if reverted is None or "file_after_sha256" not in (reverted.meta or {}):
                continue
            # What is undone later stands earlier in the batch, so of two at one time that is the newer.
            if newest is None or reverted.created_at >= newest.created_at:
                newest = reverted
        if newest is not None and newest.meta is not None:
            return newest.meta.get("result", group[-1].result or group[-1].file), newest.meta["file_after_sha256"]
        return group[-1].result or group[-1].file, group[-1].meta["file_after_sha256"]

    def _undone(self, step: RecordedStep, op: str, *, strictly: bool) -> tuple[PlannedPatch, _Lineage]:
        here, there = step.path_after, step.path_before
        before = self._draft.get(here)
        if strictly:
            undo(self._draft, step)
        else:
            self._merge(step)
        after = self._draft.get(there)
        lineage = self._moved(here, there)
        self._lineage_of[step.patch.patch_id] = lineage
        path = there or here or step.file
        regions = undone_regions(step) if strictly else None
        moved = here is not None and there is not None and here != there
        diff = file_diff(path, before, after, regions, old_path=here if moved else None)
        patch = PlannedPatch(
            here or path, op, step.patch.requested.task_id, diff, None, None, moved_to=there if moved else None
        )
        return patch, lineage

    def _moved(self, here: str | None, there: str | None) -> _Lineage:
        known = None if here is None else self._lineages.pop(here, None)
        lineage = known or _Lineage(here, here)
        lineage.name = there
        if there is not None:
            self._lineages[there] = lineage
        return lineage

    def _arrive(self, group: Sequence[RecordedStep]) -> None:
        """Hold a file of which nothing of the batch is left against what it was before the batch; give it its mode."""
        if any(patch.is_in_force and patch.patch_id not in self._steps for patch in self._on_same_file(group)):
            return
        first = group[0]
        state = self._draft.get(first.origin)
        if (None if state is None else state.sha256) != first.meta["file_before_sha256"]:
            raise PatchConflict(f"the diffs of {first.file} do not lead back to what it was; they were changed since")
        if first.origin is not None and state is not None and not self._has_other_permissions(group[-1]):
            self._draft.files[first.origin] = FileState(state.content, first.meta["mode_before"])

    def _read(self, path: str) -> FileState | None:
        """Return a file as it is on the disk; it is read once, so that what is undone is what will be replaced."""
        if path not in self._found:
            self._found[path] = self._tree.read(path)
        return self._found[path]

    def _has_other_permissions(self, last: RecordedStep) -> bool:
        """Whether somebody changed a file's permissions since the batch: then they stay."""
        present = None if last.result is None else self._read(last.result)
        return present is not None and present.mode != last.meta["mode_after"]

    @cached_property
    def _states(self) -> dict[str, StepStates]:
        steps = []
        for patch in self._applied:
            try:
                steps.append(self._steps.get(patch.patch_id) or recorded_step(self._tree, patch))
            except PatchConflict:
                continue  # its file's states are not known then, which whoever needs them is told
        return states_of(self._tree, steps)

    def _merge(self, step: RecordedStep) -> None:
        """Take what a step did out of the file as it is now."""
        if step.diff is None:
            return
        known = self._states.get(step.patch.patch_id)
        if known is None:
            raise PatchConflict(
                f"what patch {step.patch.patch_id} left of {step.file} is not kept, so it cannot be merged"
            )
        was, left = known
        here, there = step.path_after, step.path_before
        present = self._draft.get(here)
        if there is None:
            if present is not None and left is not None and present.content != left.content:
                raise PatchConflict(
                    f"{here} was changed since the patch made it, and is not deleted; delete it yourself"
                )
            self._draft.move(here, None, None)
            return
        if here != there and self._draft.get(there) is not None:
            raise PatchConflict(f"{there} exists, where the file was before the patch; move it away first")
        if here is None or left is None or was is None:
            self._draft.move(None, there, was)
            return
        if present is None:
            raise PatchConflict(f"{here} is gone, so the patch cannot be taken out of it")
        content = _merged(here, left.content, present.content, was.content)
        state = FileState(content, present.mode)
        if step.diff.old_mode is not None:
            state = with_executable(state, bool(step.diff.old_mode & 0o100))
        self._draft.move(here, there, state)

    def _files(self) -> Iterator[PlannedFile]:
        after = {path: state for path, state in self._draft.files.items() if state is not None}
        for path, state in self._draft.files.items():
            before = self._read(path)
            if before is None and state is None:
                continue
            lineage = self._lineages.get(path)
            origin = None if lineage is None or lineage.origin == path else lineage.origin
            if state is not None and before is None and origin is not None and origin not in after:
                make_diff: Callable[[], Diff] = partial(file_diff, path, self._read(origin), state, old_path=origin)
            elif state is None and any(one.origin == path and one.name is not None for one in self._lineages.values()):
                make_diff = no_diff  # the file's new place has its rename
            else:
                make_diff = partial(file_diff, path, before, state)
            yield PlannedFile(path, before, state, make_diff, origin)


def _key(step: RecordedStep) -> tuple[str | None, str | None, str]:
    return step.origin, step.result, step.file if step.origin is step.result is None else ""


def _key_of(patch: RecordedPatch) -> tuple[str | None, str | None, str] | None:
    applied = patch.last(PatchEventName.PATCH_APPLIED)
    if applied is None or applied.meta is None:
        return None
    return _key(RecordedStep(patch, applied.file_path, applied.meta, None))


def _result_of(patch: RecordedPatch) -> str | None:
    """Return where the file of an applied patch was after the batch; None if it was nowhere."""
    applied = patch.last(PatchEventName.PATCH_APPLIED)
    if applied is None or applied.meta is None:
        return None
    return RecordedStep(patch, applied.file_path, applied.meta, None).result


def _merged(path: str, base: bytes, present: bytes, wanted: bytes) -> bytes:
    if present == base or wanted == base:
        return wanted if present == base else present
    if any(is_binary(content) for content in (base, present, wanted)):
        raise PatchConflict(f"{path} is binary and was changed since, so it cannot be merged")
    merge = merge3(split_lines(base), split_lines(present), split_lines(wanted))
    if not merge.is_clean:
        marked = b"".join(merge.marked("as it is", "as it was before the patch")).decode("utf-8", "replace")
        raise PatchConflict(
            f"{path}: later work changed the same lines as the patch ({len(merge.conflicts)} conflict(s)); "
            f"nothing was written:\n{_cut(marked)}"
        )
    return b"".join(merge.lines)


def _difference(path: str, left: FileState, present: FileState) -> str:
    return _cut(file_diff(path, left, present).text.decode("utf-8", "replace"))


def _cut(text: str) -> str:
    lines = text.splitlines()
    more = [f"… and {len(lines) - _SHOWN_LINES} lines more"] if len(lines) > _SHOWN_LINES else []
    return "\n".join([*lines[:_SHOWN_LINES], *more])
