"""Splices: which bytes of a file an operation replaces, and by what.

A splice is found against the text that its coordinates mean: the file as it was when the batch began (`original`), or
as the operations before it left it (`sequential`). Most splices replace whole lines; those of a text operation begin
and end within lines, and then several may meet on one line. `pieces` puts such splices together, so that whoever
applies them deals with whole lines only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.patches import (
    ApplyDiff,
    InsertAfter,
    InsertBefore,
    MoveFile,
    PatchOperation,
    ReplaceBlock,
    ReplaceText,
)
from repo_agent_dagster.patching.model import OverlappingPatches
from repo_agent_dagster.patching.text.lines import LF, content_of, split_lines

# Where several operations meet at one point between two lines, this is their order, and a replaced span comes after.
PREPENDED, AFTER, BEFORE, APPENDED, REPLACED = range(5)

Place = tuple[int, int]
"""A line and a byte of it, both 0-based."""


@dataclass(frozen=True, slots=True)
class Splice:
    """Operation `index` of the batch replaces a part of lines[start:end] (0-based, terminated lines) by `new`.

    `head` and `tail` are how many bytes of these lines stay before and after it: 0 for whole lines. `claimed` is what
    the operation names, where no other may go; with openSpace, blank lines at its edges stay out of start:end.
    `ends` is None for a splice that does not decide whether the file's last line has a newline; else whether it has
    none.
    """

    index: int
    operation: PatchOperation
    start: int
    end: int
    rank: int
    claimed: tuple[Place, Place]
    new: list[bytes]
    head: int = 0
    tail: int = 0
    ends: bool | None = None

    @property
    def joins_next_line(self) -> bool:
        """Whether the line after what is replaced loses its start, because the newline before it goes."""
        return self.claimed[1] < (self.end, 0) and not self.claimed[1][1]

    @property
    def removes_whole_lines(self) -> bool:
        """Whether a text operation leaves nothing of its lines: then what was joined to them is joined to the next."""
        is_text = isinstance(self.operation, ReplaceText)
        return is_text and not self.new and not self.claimed[1][1] and self.ends is None


def describe(index: int, operation: PatchOperation) -> str:
    """Name an operation to people: its place in the batch (from 1), its kind, its file and its lines."""
    where = ""
    if isinstance(operation, ReplaceBlock | InsertBefore | InsertAfter | ReplaceText) and operation.at is not None:
        where = f" at {operation.at.marker}"
    elif isinstance(operation, ReplaceBlock):
        where = f":{operation.start}-{operation.end}"
    elif isinstance(operation, InsertBefore | InsertAfter):
        where = f":{operation.line}"
    elif isinstance(operation, MoveFile):
        where = f" to {operation.to}"
    file = operation.file if not isinstance(operation, ApplyDiff) or operation.file is not None else ""
    return f"patch {index + 1} ({operation.op} {file}{where})".replace(" )", ")")


def refuse_overlaps(splices: Sequence[Splice]) -> list[Splice]:
    """Return one file's splices in the order of their places; operations that meet at one point keep the batch's order.

    Raises:
        OverlappingPatches: two of them claim the same bytes.
    """
    ordered = sorted(splices, key=lambda splice: (splice.claimed[0], splice.rank, splice.index))
    before: Splice | None = None
    for splice, joined in zip(ordered, _joined(ordered), strict=True):
        if before is not None and (
            splice.claimed[0] < before.claimed[1] or (joined and not isinstance(splice.operation, ReplaceText))
        ):
            first, second = sorted((before, splice), key=lambda one: one.index)
            raise OverlappingPatches(
                f"{describe(first.index, first.operation)} and {describe(second.index, second.operation)} overlap; "
                "merge them into one, or send them in two batches"
            )
        if splice.claimed[0] < splice.claimed[1]:
            before = splice
    return ordered


def _joined(ordered: Sequence[Splice]) -> Iterator[bool]:
    """Tell of each splice whether it begins where a line was joined to the one before it by the splices before."""
    joined_at: Place | None = None
    for splice in ordered:
        joined = splice.claimed[0] == joined_at
        yield joined
        if splice.claimed[0] < splice.claimed[1]:
            joins = splice.joins_next_line or (joined and splice.removes_whole_lines)
            joined_at = splice.claimed[1] if joins else None


@dataclass(slots=True)
class Piece:
    """Splices that share lines[start:end], in the order of their places; mostly it is one."""

    start: int
    end: int
    splices: list[Splice]

    def lines(self, applied: Sequence[Splice], old: Sequence[bytes]) -> list[bytes]:
        """Return what becomes of the piece's lines `old` when these of its splices are applied."""
        if len(self.splices) == 1:
            return spliced(self.splices[0], old)
        offsets = [0]
        for line in old:
            offsets.append(offsets[-1] + len(line))
        text = b"".join(old)
        parts, position = [], 0
        for splice in self.splices:
            if splice in applied:
                parts += [text[position : offsets[splice.start - self.start] + splice.head], *splice.new]
                position = offsets[splice.end - self.start] - splice.tail
        return split_lines(b"".join([*parts, text[position:]]))


def spliced(splice: Splice, old: Sequence[bytes]) -> list[bytes]:
    """Return what becomes of the lines old = lines[start:end] by one splice alone."""
    if not splice.head and not splice.tail:
        return splice.new
    text = b"".join(old)
    return split_lines(text[: splice.head] + b"".join(splice.new) + text[len(text) - splice.tail :])


def pieces(ordered: Sequence[Splice]) -> list[Piece]:
    """Put splices that share a line together; give them as `refuse_overlaps` returns them."""
    found: list[Piece] = []
    for splice, joined in zip(ordered, _joined(ordered), strict=True):
        if found and splice.start < found[-1].end:
            # The line after removed ones comes to the one that they were joined to.
            end = splice.end + 1 if joined and splice.removes_whole_lines else splice.end
            found[-1].end = max(found[-1].end, end)
            found[-1].splices.append(splice)
        else:
            found.append(Piece(splice.start, splice.end, [splice]))
    return found


def without_blank_end(lines: list[bytes]) -> bool:
    """Take a last line off that would be nothing without its newline; tell whether one was taken."""
    if lines and not content_of(lines[-1]):
        lines.pop()
        return True
    return False


def ends_with_newline(text: bytes) -> bool:
    """Whether a text ends with a line's terminator."""
    return text.endswith(LF)
