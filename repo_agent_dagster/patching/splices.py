"""Line operations as splices: which lines of a file each one replaces, and by what.

A splice is found against the text that its coordinates mean: the file as it was when the batch began (`original`), or
as the operations before it left it (`sequential`).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from repo_agent_dagster.contracts.patches import InsertAfter, InsertBefore, PatchOperation, Prepend, ReplaceBlock
from repo_agent_dagster.patching import indent
from repo_agent_dagster.patching.lines import block_lines, content_of, terminator, terminator_near
from repo_agent_dagster.patching.model import InvalidPatch, OverlappingPatches, PatchConflict

# Where several operations meet at one point between two lines, this is their order, and a replaced span comes after.
_PREPENDED, _AFTER, _BEFORE, _APPENDED, _REPLACED = range(5)


@dataclass(frozen=True, slots=True)
class Splice:
    """Operation `index` of the batch replaces lines[start:end] (0-based) by `lines`, which are terminated.

    `claimed` is the span that the operation names; with openSpace, blank lines at its edges stay out of start:end.
    """

    index: int
    operation: PatchOperation
    start: int
    end: int
    rank: int
    claimed: tuple[int, int]
    lines: list[bytes]


def describe(index: int, operation: PatchOperation) -> str:
    """Name an operation to people: its place in the batch (from 1), its kind, its file and its lines."""
    if isinstance(operation, ReplaceBlock):
        where = f":{operation.start}-{operation.end}"
    elif isinstance(operation, InsertBefore | InsertAfter):
        where = f":{operation.line}"
    else:
        where = ""
    return f"patch {index + 1} ({operation.op} {operation.file}{where})"


def locate(
    index: int, operation: PatchOperation, lines: Sequence[bytes], content: Callable[[], bytes], *, is_utf8: bool
) -> Splice:
    """Turn an operation into a splice of these terminated lines.

    `content` gives the file's bytes, asked for only when the operation expects a digest.

    Raises:
        InvalidPatch: the block cannot go into this file.
        PatchConflict: a line is past the end, or the file is not what the operation expects.
    """
    start, end, rank = _span(index, operation, lines)
    _check_expectation(index, operation, lines, (start, end), content)
    block = _block(index, operation, is_utf8=is_utf8)
    if rank != _REPLACED and not block:
        raise InvalidPatch(f"{describe(index, operation)} has an empty block: there is nothing to insert")
    claimed = (start, end)
    if getattr(operation, "open_space", False) and block:
        start, end, block = _open_space(lines, start, end, rank, block)
    return Splice(index, operation, start, end, rank, claimed, _terminated(lines, start, end, rank, block))


def refuse_overlaps(splices: Sequence[Splice]) -> list[Splice]:
    """Return one file's splices in the order of their lines; operations that meet at one point keep the batch's order.

    Raises:
        OverlappingPatches: two of them claim the same lines.
    """
    ordered = sorted(splices, key=lambda splice: (splice.claimed[0], splice.rank, splice.index))
    before: Splice | None = None
    for splice in ordered:
        if before is not None and splice.claimed[0] < before.claimed[1]:
            first, second = sorted((before, splice), key=lambda one: one.index)
            raise OverlappingPatches(
                f"{describe(first.index, first.operation)} and {describe(second.index, second.operation)} overlap; "
                "merge them into one, or send them in two batches"
            )
        if splice.rank == _REPLACED:
            before = splice
    return ordered


def _span(index: int, operation: PatchOperation, lines: Sequence[bytes]) -> tuple[int, int, int]:
    count = len(lines)
    if isinstance(operation, ReplaceBlock):
        last, span = operation.end, (operation.start - 1, operation.end, _REPLACED)
    elif isinstance(operation, InsertBefore):
        last, span = operation.line, (operation.line - 1, operation.line - 1, _BEFORE)
    elif isinstance(operation, InsertAfter):
        last, span = operation.line, (operation.line, operation.line, _AFTER)
    elif isinstance(operation, Prepend):
        return 0, 0, _PREPENDED
    else:
        return count, count, _APPENDED
    if last > count:
        has = f"{count} line" if count == 1 else f"{count} lines"
        raise PatchConflict(f"{describe(index, operation)} names line {last}, but the file has {has}; read it again")
    return span


def _check_expectation(
    index: int,
    operation: PatchOperation,
    lines: Sequence[bytes],
    span: tuple[int, int],
    content: Callable[[], bytes],
) -> None:
    expect = operation.expect
    if expect is None:
        return
    if expect.sha256 is not None:
        found = hashlib.sha256(content()).hexdigest()
        if found != expect.sha256:
            raise PatchConflict(
                f"{describe(index, operation)} expects the file with SHA-256 {expect.sha256}, but it is {found}; "
                "read it again"
            )
    if expect.text is not None:
        start, end = _expected_span(operation, lines, span)
        expected, present = block_lines(expect.text), [content_of(line) for line in lines[start:end]]
        if present != expected:
            raise PatchConflict(
                f"{describe(index, operation)} expects {_excerpt(expected)}, but the file has {_excerpt(present)}; "
                "read it again"
            )


def _expected_span(operation: PatchOperation, lines: Sequence[bytes], span: tuple[int, int]) -> tuple[int, int]:
    """What `expect.text` speaks of: the replaced lines, or the line that an insertion is placed at."""
    start, end = span
    if isinstance(operation, ReplaceBlock):
        return start, end
    if isinstance(operation, InsertBefore | Prepend):
        return start, min(start + 1, len(lines))
    return max(start - 1, 0), start


def _excerpt(lines: Sequence[bytes]) -> str:
    shown = b"\n".join(lines).decode("utf-8", "replace")
    return repr(shown if len(shown) <= 200 else shown[:200] + "…")


def _block(index: int, operation: PatchOperation, *, is_utf8: bool) -> list[bytes]:
    if operation.block is None:
        raise InvalidPatch(
            f"{describe(index, operation)} names blockFile {operation.block_file!r}, which only the caller can read; "
            "send its text as block"
        )
    try:
        block = block_lines(operation.block)
    except UnicodeEncodeError as error:
        raise InvalidPatch(f"{describe(index, operation)} has a block that is not valid Unicode: {error}") from error
    if "\0" in operation.block:
        raise InvalidPatch(f"{describe(index, operation)} has a block with a NUL character: it is not text")
    if not is_utf8 and not operation.block.isascii():
        raise InvalidPatch(
            f"{describe(index, operation)} has characters beyond ASCII, but the file is not UTF-8; "
            "convert the file first, or keep the block to ASCII"
        )
    return block


def _open_space(
    lines: Sequence[bytes], start: int, end: int, rank: int, block: list[bytes]
) -> tuple[int, int, list[bytes]]:
    if rank == _REPLACED:
        # Blank lines at the span's edges stay, so the block brings none of its own.
        first, last = indent.trim_blank_edges(lines[start:end])
        if (first, last) != (0, end - start):
            block = block[slice(*indent.trim_blank_edges(block))]
        start, end = start + first, start + last
        target = indent.around_span(lines, start, end)
    elif rank == _BEFORE:
        target = indent.before_line(lines, start)
    else:
        target = indent.after_line(lines, start - 1)
    return start, end, indent.reindent(block, target, _nearest_first(lines, start, end))


def _nearest_first(lines: Sequence[bytes], start: int, end: int) -> Iterator[bytes]:
    around = chain(range(start, end), range(start - 1, -1, -1), range(end, len(lines)))
    return (lines[index] for index in around)


def _terminated(lines: Sequence[bytes], start: int, end: int, rank: int, block: list[bytes]) -> list[bytes]:
    """Give each line of the block the terminator of what it replaces, or of the line it is placed at."""
    if rank == _REPLACED:
        endings = [terminator(line) for line in lines[start:end]]
        if len(set(endings)) > 1:
            return [line + endings[min(i, len(endings) - 1)] for i, line in enumerate(block)]
        ending = endings[0]
    else:
        ending = terminator_near(lines, start if rank in (_BEFORE, _PREPENDED) else start - 1)
    return [line + ending for line in block]
