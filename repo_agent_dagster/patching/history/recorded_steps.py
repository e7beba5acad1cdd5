"""The steps of patches that are on record, made and undone again in memory by the diffs that they left."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from repo_agent_dagster.contracts.custody import RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching.diffs.hunk_lines import ADDED, CONTEXT, REMOVED, Hunk
from repo_agent_dagster.patching.diffs.placing import apply_forward, apply_reverse
from repo_agent_dagster.patching.diffs.unified import FilePatch, parse
from repo_agent_dagster.patching.diffs.writing import FileState
from repo_agent_dagster.patching.disk import journal
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.planning.plan import NEW_EXECUTABLE, NEW_FILE, with_executable
from repo_agent_dagster.patching.text.lines import split_lines
from repo_agent_dagster.patching.text.matching import Region


@dataclass(frozen=True)
class RecordedStep:
    """A patch that was applied: what its record says of its file, and the diff of its step; None: it changed nothing.

    `origin` and `result` are the file's paths before and after the whole batch, None where there was no file.
    """

    patch: RecordedPatch
    file: str
    meta: dict[str, Any]
    diff: FilePatch | None

    @property
    def origin(self) -> str | None:
        """Where the file was before the batch."""
        return None if self.meta["file_before_sha256"] is None else self.meta.get("origin", self.file)

    @property
    def result(self) -> str | None:
        """Where the file was after the batch."""
        return None if self.meta["file_after_sha256"] is None else self.meta.get("result", self.file)

    @property
    def path_before(self) -> str | None:
        """Where the file was before the step."""
        return self.file if self.diff is None else self.diff.old_path

    @property
    def path_after(self) -> str | None:
        """Where the file was after the step."""
        return self.file if self.diff is None else self.diff.new_path


def recorded_step(tree: Tree, patch: RecordedPatch) -> RecordedStep:
    """Read a patch's step from its record and its diff.

    Raises:
        PatchConflict: its diff is gone, or cannot be read.
    """
    applied = patch.last(PatchEventName.PATCH_APPLIED)
    path = journal.diff_path(patch.patch_id)
    state = tree.read(path)
    if applied is None or applied.meta is None or state is None:
        raise PatchConflict(f"the diff of patch {patch.patch_id} is gone ({path}), so it cannot be undone or replayed")
    if not state.content:
        return RecordedStep(patch, applied.file_path, applied.meta, None)
    try:
        (diff,) = parse(state.content)
    except (InvalidPatch, ValueError) as error:
        raise PatchConflict(f"the diff of patch {patch.patch_id} cannot be read ({path}): {error}") from error
    return RecordedStep(patch, applied.file_path, applied.meta, diff)


class Draft:
    """Files as they will be: read where they are, changed in memory."""

    def __init__(self, read: Callable[[str], FileState | None]) -> None:
        self._read = read
        self.files: dict[str, FileState | None] = {}

    def get(self, path: str | None) -> FileState | None:
        """Return the file at a path, None if there is none."""
        if path is None:
            return None
        if path not in self.files:
            self.files[path] = self._read(path)
        return self.files[path]

    def move(self, source: str | None, target: str | None, state: FileState | None) -> None:
        """Have the file no longer at `source` but, as `state`, at `target`; None is nowhere."""
        if source is not None and source != target:
            self.files[source] = None
        if target is not None:
            self.files[target] = state


def make(draft: Draft, step: RecordedStep) -> None:
    """Make a step, at the very lines that its diff names.

    Raises:
        PatchConflict: the file is not what the step was made on.
    """
    if step.diff is None:
        return
    before, after = step.diff.old_path, step.diff.new_path
    present = draft.get(before)
    _refuse_wrong_presence(step, draft, before, after)
    content = _content(step, present, forward=True)
    draft.move(before, after, None if after is None else _with_mode(step, present, content, step.diff.new_mode))


def undo(draft: Draft, step: RecordedStep) -> None:
    """Undo a step, at the very lines that its diff names.

    Raises:
        PatchConflict: the file is not what the step left.
    """
    if step.diff is None:
        return
    before, after = step.diff.old_path, step.diff.new_path
    present = draft.get(after)
    _refuse_wrong_presence(step, draft, after, before)
    content = _content(step, present, forward=False)
    draft.move(after, before, None if before is None else _with_mode(step, present, content, step.diff.old_mode))


def undone_regions(step: RecordedStep) -> list[Region] | None:
    """Return which lines undoing a step changes, from what it left to what it was made on; None where it is no text."""
    if step.diff is None or step.diff.binary is not None:
        return None
    return [region for hunk in step.diff.hunks for region in _regions(hunk)]


def _regions(hunk: Hunk) -> Iterable[Region]:
    here, there = hunk.stated_new, hunk.stated
    start: tuple[int, int] | None = None
    for mark, _ in hunk.body:
        if mark == CONTEXT:
            if start is not None:
                yield Region(start[0], here, start[1], there)
                start = None
        elif start is None:
            start = here, there
        here += mark != REMOVED
        there += mark != ADDED
    if start is not None:
        yield Region(start[0], here, start[1], there)


def _refuse_wrong_presence(step: RecordedStep, draft: Draft, source: str | None, target: str | None) -> None:
    if source is not None and draft.get(source) is None:
        raise PatchConflict(f"{source} is no longer what patch {step.patch.patch_id} left: it is gone")
    if target is not None and target != source and draft.get(target) is not None:
        raise PatchConflict(
            f"{target} exists by now, where patch {step.patch.patch_id} knows no file; move it away first"
        )


def _content(step: RecordedStep, present: FileState | None, *, forward: bool) -> bytes:
    diff = step.diff
    content = b"" if present is None else present.content
    if diff is None:
        return content
    if diff.binary is not None:
        expected, result = diff.binary.before or b"", diff.binary.after
        if not forward:
            expected, result = result, expected
        if content != expected:
            raise PatchConflict(f"{step.file} is binary, and its content is not what patch {step.patch.patch_id} knows")
        return result
    apply = apply_forward if forward else apply_reverse
    try:
        return b"".join(apply(split_lines(content), diff.hunks))
    except PatchConflict as error:
        raise PatchConflict(f"{step.file}: patch {step.patch.patch_id} does not fit: {error}") from error


def _with_mode(step: RecordedStep, present: FileState | None, content: bytes, mode: int | None) -> FileState:
    executable = None if mode is None else bool(mode & 0o100)
    if present is None:
        known = step.meta.get("mode_before")
        if known is not None and bool(known & 0o100) == bool(executable):
            return FileState(content, known)
        return FileState(content, NEW_EXECUTABLE if executable else NEW_FILE)
    state = FileState(content, present.mode)
    return state if executable is None else with_executable(state, executable)
