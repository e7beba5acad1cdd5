"""From a batch to what will be written: pure, in memory, and the only place where a batch becomes file contents.

Every patch gets the diff of its own step: patch k leads from the state after patch k-1 to the state after patch k, in
the order of the batch, so that undoing them from the last to the first always fits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from repo_agent_dagster.contracts.patches import Coordinates, PatchBatch, PatchOperation
from repo_agent_dagster.patching.diffs import CONTEXT_LINES, Diff, FileState, file_diff, is_binary, window_diff
from repo_agent_dagster.patching.lines import Text, content_of, parse, render, without_newline
from repo_agent_dagster.patching.matching import Region
from repo_agent_dagster.patching.model import FileChange, InvalidPatch, PatchConflict
from repo_agent_dagster.patching.paths import Allowed, canonical
from repo_agent_dagster.patching.rope import Rope
from repo_agent_dagster.patching.splices import Splice, describe, locate, refuse_overlaps

ReadFile = Callable[[str], FileState | None]

# One more than the context: an edge (byte-order mark, missing last newline) can change the line next to a splice.
_MARGIN = CONTEXT_LINES + 1


@dataclass(frozen=True, slots=True)
class PlannedPatch:
    """One patch: what it is called on record, and the diff of its step."""

    file: str
    op: str
    task_id: str | None
    diff: Diff


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file before and after the whole batch; None is its absence."""

    path: str
    before: FileState | None
    after: FileState | None
    diff: Diff

    @property
    def kind(self) -> Literal["create", "replace", "delete"]:
        """What happens to the file."""
        return "create" if self.before is None else "delete" if self.after is None else "replace"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch will do: its patches in their order, and its files in the order of their first patch."""

    patches: tuple[PlannedPatch, ...]
    files: tuple[PlannedFile, ...]


def plan_batch(batch: PatchBatch, read: ReadFile) -> Plan:
    """Work out a batch of line operations.

    Raises:
        InvalidPatch: a path, an operation or a pair of operations can never be right.
        PatchConflict: the files are not what the batch supposes.
    """
    allowed = Allowed(batch.allowed_paths)
    by_file: dict[str, list[tuple[int, PatchOperation]]] = {}
    for index, operation in enumerate(batch.patches):
        path = canonical(operation.file)
        if not allowed.permits(path):
            raise InvalidPatch(f"{describe(index, operation)} is outside allowedPaths {batch.allowed_paths}")
        by_file.setdefault(path, []).append((index, operation))
    patches: list[PlannedPatch | None] = [None] * len(batch.patches)
    files = []
    for path, operations in by_file.items():
        state = _editable(path, read(path), describe(*operations[0]))
        after, diffs, whole = _edit(path, state, operations, batch.coordinates)
        for (index, operation), diff in zip(operations, diffs, strict=True):
            patches[index] = PlannedPatch(path, operation.op, operation.task_id, diff)
        files.append(PlannedFile(path, state, FileState(after, state.mode), whole))
    return Plan(tuple(patch for patch in patches if patch is not None), tuple(files))


def plan_changes(changes: Sequence[FileChange], read: ReadFile, task_id: str | None) -> Plan:
    """Work out whole-file changes; what is already as it shall be is left out.

    Raises:
        InvalidPatch: a path is unsafe or named twice.
        PatchConflict: a file is not what the change expects.
    """
    patches, files = [], []
    seen: set[str] = set()
    for change in changes:
        path = canonical(change.path)
        if path in seen:
            raise InvalidPatch(f"{path} is changed twice in one call; give each file once, as it shall be in the end")
        seen.add(path)
        before = read(path)
        if change.expect_sha256 is not None and (before is None or before.sha256 != change.expect_sha256):
            found = "is absent" if before is None else f"has SHA-256 {before.sha256}"
            raise PatchConflict(f"{path} {found}, but {change.expect_sha256} is expected; read it again")
        after = _changed(before, change)
        if before == after:
            continue
        diff = file_diff(path, before, after)
        files.append(PlannedFile(path, before, after, diff))
        patches.append(PlannedPatch(path, f"{files[-1].kind}-file", task_id, diff))
    return Plan(tuple(patches), tuple(files))


def _changed(before: FileState | None, change: FileChange) -> FileState | None:
    if change.content is None:
        return None
    if before is None:
        return FileState(change.content, 0o777 if change.executable else 0o666)  # less what the umask takes
    mode = before.mode
    if before.is_executable != change.executable:
        # Whoever may read it may run it, as git and `chmod +x` do under the usual umask.
        mode = mode | (mode & 0o444) >> 2 | 0o100 if change.executable else mode & ~0o111
    return FileState(change.content, mode)


def _editable(path: str, state: FileState | None, who: str) -> FileState:
    if state is None:
        raise PatchConflict(f"{who}: {path} does not exist in the workspace")
    if is_binary(state.content):
        raise InvalidPatch(f"{who}: {path} is binary or UTF-16; line operations need text in an ASCII-based encoding")
    return state


def _edit(
    path: str, state: FileState, operations: Sequence[tuple[int, PatchOperation]], coordinates: Coordinates
) -> tuple[bytes, list[Diff], Diff]:
    """Return the file's new content, each operation's diff, and the diff of the whole."""
    text = parse(state.content)
    is_utf8 = all(op.block is None or op.block.isascii() for _, op in operations) or _is_utf8(state.content)
    edit = _edit_original if coordinates == "original" else _edit_sequential
    after, diffs, regions = edit(path, state, text, operations, is_utf8)
    if len(diffs) == 1:
        return after, diffs, diffs[0]
    return after, diffs, file_diff(path, state, FileState(after, state.mode), regions)


def _edit_original(
    path: str, state: FileState, text: Text, operations: Sequence[tuple[int, PatchOperation]], is_utf8: bool
) -> tuple[bytes, list[Diff], list[Region] | None]:
    splices = [
        locate(index, operation, text.lines, lambda: state.content, is_utf8=is_utf8) for index, operation in operations
    ]
    ordered = refuse_overlaps(splices)
    rank_of = {splice.index: rank for rank, splice in enumerate(ordered)}
    rope = Rope(text.lines, ordered)
    unterminated = text.unterminated
    diffs = []
    for splice in splices:
        rank = rank_of[splice.index]
        start = rope.start_of(rank)
        first, last = start - _MARGIN, start + splice.end - splice.start + _MARGIN
        old = _at_edges(text, rope.slice(first, last), first <= 0, unterminated and last >= rope.length)
        rope.apply(rank, splice.lines)
        # An original last line, or whatever was put in its place, ends without a newline as it did.
        unterminated = text.unterminated and rope.ends_in_original_line() in (None, len(text.lines) - 1)
        last = start + len(splice.lines) + _MARGIN
        new = _at_edges(text, rope.slice(first, last), first <= 0, unterminated and last >= rope.length)
        diffs.append(window_diff(path, max(first, 0), old, new))
    after = render(text.bom, rope.lines(), unterminated)
    # With a byte-order mark or a missing last newline the lines of the edges change beside the splices too.
    regions = None if text.bom or text.unterminated else _regions(text.lines, ordered)
    return after, diffs, regions


def _regions(lines: Sequence[bytes], ordered: Sequence[Splice]) -> list[Region]:
    regions, shift = [], 0
    for splice in ordered:
        if lines[splice.start : splice.end] != splice.lines:
            begin = splice.start + shift
            regions.append(Region(splice.start, splice.end, begin, begin + len(splice.lines)))
        shift += len(splice.lines) - (splice.end - splice.start)
    return regions


def _edit_sequential(
    path: str, state: FileState, text: Text, operations: Sequence[tuple[int, PatchOperation]], is_utf8: bool
) -> tuple[bytes, list[Diff], list[Region] | None]:
    lines, unterminated = list(text.lines), text.unterminated
    diffs = []
    for index, operation in operations:

        def content(unterminated: bool = unterminated) -> bytes:
            return render(text.bom, lines, unterminated)

        splice = locate(index, operation, lines, content, is_utf8=is_utf8)
        first, last = max(splice.start - _MARGIN, 0), splice.end + _MARGIN
        old = _at_edges(text, lines[first:last], first == 0, unterminated and last >= len(lines))
        if splice.end == len(lines) and not splice.lines:
            unterminated = False  # the line without a newline is gone; the one before it has its own
        lines[splice.start : splice.end] = splice.lines
        if lines and not content_of(lines[-1]):
            unterminated = False  # a blank line is none without its newline
        last = splice.start + len(splice.lines) + _MARGIN
        new = _at_edges(text, lines[first:last], first == 0, unterminated and last >= len(lines))
        diffs.append(window_diff(path, first, old, new))
    return render(text.bom, lines, unterminated), diffs, None


def _at_edges(text: Text, window: list[bytes], at_start: bool, unterminated: bool) -> list[bytes]:
    """Give a window the bytes that it has in the file: the mark before the first line, no newline after the last."""
    if unterminated and window:
        window[-1] = without_newline(window[-1])
    if at_start and text.bom:
        window[:1] = [text.bom + (window[0] if window else b"")]
    return window


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
