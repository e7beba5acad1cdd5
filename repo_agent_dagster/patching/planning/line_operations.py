"""The five line operations: from line numbers, or a marker, to the splice that they mean."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from repo_agent_dagster.contracts.patches import (
    InsertAfter,
    InsertBefore,
    LineOperation,
    MarkerPlace,
    PatchOperation,
    Prepend,
    ReplaceBlock,
)
from repo_agent_dagster.patching.model import InvalidPatch, MarkerPattern, PatchConflict
from repo_agent_dagster.patching.planning.splices import AFTER, APPENDED, BEFORE, PREPENDED, REPLACED, Splice, describe
from repo_agent_dagster.patching.text import indent, markers
from repo_agent_dagster.patching.text.lines import block_lines, content_of, terminator, terminator_near

# PEP 263: an encoding is declared in a comment on the first or the second line.
_PYTHON_ENCODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*[-_.a-zA-Z0-9]+")
_XML_OR_CSS_DECLARATION = re.compile(rb"^(?:<\?xml\b.*\?>|@charset\b.*;)\s*$")


@dataclass(frozen=True)
class Target:
    """The text that operations are located in; `lines` are terminated, `content` gives the file's bytes."""

    path: str
    lines: Sequence[bytes]
    content: Callable[[], bytes]
    unterminated: bool
    markers: MarkerPattern

    @cached_property
    def is_utf8(self) -> bool:
        """Whether the file is valid UTF-8."""
        try:
            self.content().decode()
        except UnicodeDecodeError:
            return False
        return True

    def region(self, at: MarkerPlace) -> tuple[int, int]:
        """Return the lines [start:end) between a marker's two lines.

        Raises:
            PatchConflict: the file has no such marker, or it is malformed.
        """
        found = markers.find(self.path, self.lines, at.marker, self.markers)
        return found.opening_line, found.closing_line - 1


def locate(index: int, operation: LineOperation, target: Target) -> Splice:
    """Turn a line operation into a splice.

    Raises:
        InvalidPatch: the block cannot go into this file.
        PatchConflict: a line is past the end, or the file is not what the operation expects.
    """
    lines = target.lines
    start, end, rank = _span(index, operation, target)
    check_digest(index, operation, target.content)
    _check_text(index, operation, lines, (start, end))
    block = _block(index, operation, target)
    if rank != REPLACED and not block:
        raise InvalidPatch(f"{describe(index, operation)} has an empty block: there is nothing to insert")
    claimed = ((start, 0), (end, 0))
    if getattr(operation, "open_space", False) and block:
        start, end, block = _open_space(lines, start, end, rank, block)
    return Splice(index, operation, start, end, rank, claimed, _terminated(lines, start, end, rank, block))


def check_digest(index: int, operation: PatchOperation, content: Callable[[], bytes]) -> None:
    """Compare the file with the digest that the operation expects, if it expects one.

    Raises:
        PatchConflict: it is another.
    """
    expect = getattr(operation, "expect", None)
    if expect is None or expect.sha256 is None:
        return
    found = hashlib.sha256(content()).hexdigest()
    if found != expect.sha256:
        raise PatchConflict(
            f"{describe(index, operation)} expects the file with SHA-256 {expect.sha256}, but it is {found}; "
            "read it again"
        )


def text_bytes(index: int, operation: PatchOperation, text: str, what: str, is_utf8: Callable[[], bool]) -> bytes:
    """Encode a text that goes into a file.

    Raises:
        InvalidPatch: it is not valid Unicode, holds a NUL, or the file has another encoding.
    """
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidPatch(f"{describe(index, operation)} has {what} that is not valid Unicode: {error}") from error
    if b"\0" in encoded:
        raise InvalidPatch(f"{describe(index, operation)} has {what} with a NUL character: it is not text")
    if not text.isascii() and not is_utf8():
        raise InvalidPatch(
            f"{describe(index, operation)} has characters beyond ASCII, but the file is not UTF-8; "
            "convert the file first, or keep the patch to ASCII"
        )
    return encoded


def _span(index: int, operation: LineOperation, target: Target) -> tuple[int, int, int]:
    count = len(target.lines)
    if isinstance(operation, ReplaceBlock | InsertBefore | InsertAfter) and operation.at is not None:
        start, end = target.region(operation.at)
        if isinstance(operation, ReplaceBlock):
            # A region without lines takes the block like an insertion, but claims its place like a replacement.
            return start, end, REPLACED
        return (start, start, AFTER) if isinstance(operation, InsertBefore) else (end, end, BEFORE)
    if isinstance(operation, ReplaceBlock):
        first, last = operation.start or 1, operation.end or 1
        span = (first - 1, last, REPLACED)
    elif isinstance(operation, InsertBefore):
        last = operation.line or 1
        span = (last - 1, last - 1, BEFORE)
    elif isinstance(operation, InsertAfter):
        last = operation.line or 1
        span = (last, last, AFTER)
    elif isinstance(operation, Prepend):
        start = 0 if operation.strict else _declarations(target.lines)
        return start, start, PREPENDED
    else:
        return count, count, APPENDED
    if last > count:
        has = f"{count} line" if count == 1 else f"{count} lines"
        raise PatchConflict(f"{describe(index, operation)} names line {last}, but the file has {has}; read it again")
    return span


def _declarations(lines: Sequence[bytes]) -> int:
    """Return how many lines at the start must stay there: a shebang, an encoding, an XML or CSS declaration."""
    count = 0
    if lines and (lines[0].startswith(b"#!") or _XML_OR_CSS_DECLARATION.match(lines[0])):
        count = 1
    if len(lines) > count and count < 2 and _PYTHON_ENCODING.match(lines[count]):
        count += 1
    return count


def _check_text(index: int, operation: LineOperation, lines: Sequence[bytes], span: tuple[int, int]) -> None:
    expect = operation.expect
    if expect is None or expect.text is None:
        return
    start, end = _expected_span(operation, lines, span)
    expected, present = block_lines(expect.text), [content_of(line) for line in lines[start:end]]
    if present != expected:
        raise PatchConflict(
            f"{describe(index, operation)} expects {_excerpt(expected)}, but the file has {_excerpt(present)}; "
            "read it again"
        )


def _expected_span(operation: LineOperation, lines: Sequence[bytes], span: tuple[int, int]) -> tuple[int, int]:
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


def _block(index: int, operation: LineOperation, target: Target) -> list[bytes]:
    if operation.block is None:
        raise InvalidPatch(
            f"{describe(index, operation)} names blockFile {operation.block_file!r}, which only the caller can read; "
            "send its text as block"
        )
    text_bytes(index, operation, operation.block, "a block", lambda: target.is_utf8)
    return block_lines(operation.block)


def _open_space(
    lines: Sequence[bytes], start: int, end: int, rank: int, block: list[bytes]
) -> tuple[int, int, list[bytes]]:
    if rank == REPLACED:
        # Blank lines at the span's edges stay, so the block brings none of its own.
        first, last = indent.trim_blank_edges(lines[start:end])
        if (first, last) != (0, end - start):
            block = block[slice(*indent.trim_blank_edges(block))]
        start, end = start + first, start + last
        target = indent.around_span(lines, start, end)
    elif rank == BEFORE:
        target = indent.before_line(lines, start)
    else:
        target = indent.after_line(lines, start - 1)
    return start, end, indent.reindent(block, target, _nearest_first(lines, start, end))


def _nearest_first(lines: Sequence[bytes], start: int, end: int) -> Iterator[bytes]:
    around = chain(range(start, end), range(start - 1, -1, -1), range(end, len(lines)))
    return (lines[index] for index in around)


def _terminated(lines: Sequence[bytes], start: int, end: int, rank: int, block: list[bytes]) -> list[bytes]:
    """Give each line of the block the terminator of what it replaces, or of the line it is placed at."""
    if start < end:
        endings = [terminator(line) for line in lines[start:end]]
        if len(set(endings)) > 1:
            return [line + endings[min(i, len(endings) - 1)] for i, line in enumerate(block)]
        ending = endings[0]
    else:
        ending = terminator_near(lines, start if rank in (BEFORE, PREPENDED) else start - 1)
    return [line + ending for line in block]
