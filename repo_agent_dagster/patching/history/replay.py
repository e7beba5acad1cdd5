"""Rebuild a tree as it was right after a patch, or at an instant, from the record, the diffs and what was kept.

The events are gone through in their order: an applied patch makes its step, and so does the patch of a revert. What a
file was before the first patch on it, or before a batch that met it changed from outside, is what was kept of it. After
every batch each file is held against the digest on record: a replay that succeeds proves the diffs.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from repo_agent_dagster.contracts.custody import EventRow, RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching.diffs.writing import FileState
from repo_agent_dagster.patching.disk.kept_objects import kept_object
from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.history.recorded_steps import Draft, RecordedStep, make, recorded_step, undo
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict, UnknownPatch, Workspace

_LEFT_OUT = {".git", MISSION_CONTROL, ".repo_agent"}


@dataclass(frozen=True)
class Replayed:
    """What a replay wrote: how many patches it made, the files that patches touched, and the others it copied.

    `notes` tell of files that were changed by something else than patches.
    """

    into: Path
    patches: int
    patched_files: int
    copied_files: int
    notes: tuple[str, ...]


def replay(
    workspace: Workspace,
    events: Iterable[EventRow],
    into: Path,
    *,
    to_patch: str | None = None,
    to_time: datetime | None = None,
    only_patched: bool = False,
) -> Replayed:
    """Write the workspace as it was right after a patch, at a time, or (with neither) after all patches.

    `events` are all events of the workspace in their order. Files that no patch ever touched are copied as they are
    now, unless `only_patched`. `into` must not exist, or be an empty folder outside the workspace.

    Raises:
        InvalidPatch: `into` cannot be written to.
        UnknownPatch: the patch was never applied in this workspace.
        PatchConflict: a diff or a kept file is gone or was altered.
    """
    _refuse_target(workspace, into)
    everything = list(events)
    end = _end(everything, to_patch, to_time)
    with Tree(workspace.root) as tree:
        run = _Replay(tree, everything)
        run.make(everything[:end])
        run.take_back_to_the_start_of(everything[end:])
    into.mkdir(parents=True, exist_ok=True)
    written = _write(into, run.draft.files)
    copied = 0 if only_patched else _copy_others(workspace.root, into, run.draft.files)
    return Replayed(into, run.made, written, copied, tuple(run.notes))


def _refuse_target(workspace: Workspace, into: Path) -> None:
    resolved = into.expanduser().resolve()
    if resolved.is_relative_to(workspace.root) or workspace.root.is_relative_to(resolved):
        raise InvalidPatch(f"{into} lies in the workspace, or around it; replay into a folder elsewhere")
    if resolved.exists() and (not resolved.is_dir() or any(resolved.iterdir())):
        raise InvalidPatch(f"{into} is not an empty folder; name a new one")


def _end(events: Sequence[EventRow], to_patch: str | None, to_time: datetime | None) -> int:
    """Return how many of the events are to be gone through."""
    if to_patch is not None and to_time is not None:
        raise InvalidPatch("replay goes to a patch or to a time, not both")
    if to_time is not None:
        return sum(1 for event in events if event.created_at <= to_time)
    if to_patch is None:
        return len(events)
    for index in range(len(events) - 1, -1, -1):
        if events[index].patch_id == to_patch and events[index].event is PatchEventName.PATCH_APPLIED:
            return index + 1
    raise UnknownPatch(f"patch {to_patch} was never applied in this workspace, as far as this database knows")


@dataclass
class _Replay:
    tree: Tree
    events: Sequence[EventRow]
    draft: Draft = field(default_factory=lambda: Draft(lambda _: None))
    notes: list[str] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        self._patches: dict[str, list[EventRow]] = {}
        for event in self.events:
            self._patches.setdefault(event.patch_id, []).append(event)

    def make(self, events: Sequence[EventRow]) -> None:
        """Go through the events."""
        undone = _undone_at_once(events)
        for run in _runs(events):
            if run[0].event is PatchEventName.PATCH_APPLIED:
                steps = [self._step(event) for event in run if event.patch_id not in undone]
                self._begin(steps)
                for step in steps:
                    make(self.draft, step)
                    self.made += 1
                self._prove(steps, whole=len(run))
            else:
                # A revert of before reverts were patches: it has no diffs of its own.
                for event in reversed(_in_batch_order(run)):
                    if event.patch_id not in undone:
                        undo(self.draft, self._step(event))

    def take_back_to_the_start_of(self, later: Sequence[EventRow]) -> None:
        """Add files that only later patches touched, as they were before those; what they made is not there yet."""
        for run in _runs(later):
            if run[0].event is not PatchEventName.PATCH_APPLIED:
                continue
            for path, step in _found_by([self._step(event, needs_diff=False) for event in run]).items():
                if path not in self.draft.files:
                    self.draft.files[path] = None if step is None else self._kept(step)

    def _step(self, event: EventRow, *, needs_diff: bool = True) -> RecordedStep:
        history = self._patches[event.patch_id]
        patch = RecordedPatch(history[0], tuple(history))
        if needs_diff:
            return recorded_step(self.tree, patch)
        return RecordedStep(patch, event.file_path, event.meta or {}, None)

    def _begin(self, steps: Sequence[RecordedStep]) -> None:
        """Have the files as their batch found them; where one is another than was left, something else came by."""
        for path, step_of in _found_by(steps).items():
            known = path in self.draft.files
            if _is_as_found(self.draft.get(path), step_of):
                continue
            self.draft.files[path] = None if step_of is None else self._kept(step_of)
            if known:
                self.notes.append(
                    f"{path} was changed by something else before batch {steps[0].patch.requested.batch_id}; it goes "
                    "on from what was found"
                )

    def _kept(self, step: RecordedStep) -> FileState:
        sha256 = step.meta["file_before_sha256"]
        content = kept_object(self.tree, sha256)
        if content is None:
            raise PatchConflict(
                f"what {step.origin} was before batch {step.patch.requested.batch_id} (SHA-256 {sha256}) is not kept, "
                "or was altered; it cannot be replayed"
            )
        return FileState(content, step.meta["mode_before"])

    def _prove(self, steps: Sequence[RecordedStep], *, whole: int) -> None:
        """Hold each file against the digest on record, if its whole batch was made."""
        if len(steps) != whole or not steps:
            return
        batch_id = steps[0].patch.requested.batch_id
        applied = sum(
            1
            for history in self._patches.values()
            if history[0].batch_id == batch_id and any(one.event is PatchEventName.PATCH_APPLIED for one in history)
        )
        if applied != whole:
            return
        for step in steps:
            state = self.draft.get(step.result)
            found = None if state is None else state.sha256
            if step.result is not None and found != step.meta["file_after_sha256"]:
                raise PatchConflict(
                    f"replaying batch {batch_id} makes another {step.result} than is on record; its diffs were altered"
                )


def _found_by(steps: Sequence[RecordedStep]) -> dict[str, RecordedStep | None]:
    """Return the paths that a batch names, with the step that tells what was there before it; None: nothing was."""
    found: dict[str, RecordedStep | None] = {step.origin: step for step in steps if step.origin is not None}
    for step in steps:
        for path in (step.path_before, step.path_after, step.result):
            if path is not None:
                found.setdefault(path, None)
    return found


def _is_as_found(state: FileState | None, step: RecordedStep | None) -> bool:
    """Whether a file is what it was when the step's batch began; without a step there was none."""
    if state is None or step is None:
        return state is None and step is None
    is_executable = bool(step.meta["mode_before"] & 0o100)
    return state.sha256 == step.meta["file_before_sha256"] and state.is_executable == is_executable


def _runs(events: Sequence[EventRow]) -> Iterator[list[EventRow]]:
    """Cut out what changes files: runs of one batch's applied patches, and of reverts that are no patches."""
    run: list[EventRow] = []
    for event in events:
        if not _changes_files(event):
            continue
        if run and (run[-1].batch_id, run[-1].event) != (event.batch_id, event.event):
            yield run
            run = []
        run.append(event)
    if run:
        yield run


def _changes_files(event: EventRow) -> bool:
    if event.event is PatchEventName.PATCH_APPLIED:
        return True
    return event.event is PatchEventName.PATCH_REVERTED and "by" not in (event.meta or {})


def _undone_at_once(events: Sequence[EventRow]) -> set[str]:
    """Return the patches that failed and were taken back in one go, by a check or after a crash: they leave nothing."""
    failed = {event.patch_id for event in events if event.event is PatchEventName.PATCH_FAILED}
    return {
        event.patch_id
        for event in events
        if event.event is PatchEventName.PATCH_REVERTED and "by" not in (event.meta or {}) and event.patch_id in failed
    }


def _in_batch_order(run: Sequence[EventRow]) -> list[EventRow]:
    return sorted(run, key=lambda event: event.patch_id)  # ids are made in the batch's order


def _write(into: Path, files: dict[str, FileState | None]) -> int:
    count = 0
    for name, state in files.items():
        if state is None:
            continue
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(state.content)
        path.chmod(0o755 if state.is_executable else 0o644)
        count += 1
    return count


def _copy_others(root: Path, into: Path, patched: dict[str, FileState | None]) -> int:
    count = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in _LEFT_OUT)
        here = Path(folder)
        for name in [*files, *(name for name in names if (here / name).is_symlink())]:
            path = here / name
            relative = path.relative_to(root)
            if relative.as_posix() in patched or not (path.is_file() or path.is_symlink()):
                continue
            (into / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, into / relative, follow_symlinks=False)
            count += 1
    return count
