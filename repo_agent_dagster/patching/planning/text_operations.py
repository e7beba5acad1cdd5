"""replace-text: an exact text, wherever it occurs, and as often as it was said to occur."""

import difflib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from repo_agent_dagster.contracts.patches import ReplaceText
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.planning.line_operations import Target, check_digest, text_bytes
from repo_agent_dagster.patching.planning.splices import REPLACED, Splice, describe
from repo_agent_dagster.patching.text.lines import CRLF, LF, content_of, terminator

_SHOWN_PLACES = 10
_SHOWN_MISSES = 3
_COMPARED_LINES = 5000
_LIKENESS = 0.6


def locate_text(index: int, operation: ReplaceText, target: Target) -> list[Splice]:
    """Return a splice for each occurrence of the text, in the order of their places.

    Raises:
        InvalidPatch: a text cannot stand in this file, or old and new are the same.
        PatchConflict: it does not occur exactly `count` times; the places or near misses are told.
    """
    check_digest(index, operation, target.content)
    if operation.old == operation.new:
        raise InvalidPatch(f"{describe(index, operation)} has the same old and new text: there is nothing to replace")
    old = text_bytes(index, operation, operation.old, "an old text", lambda: True).replace(CRLF, LF)
    new = text_bytes(index, operation, operation.new, "a new text", lambda: target.is_utf8).replace(CRLF, LF)
    first, last = (0, len(target.lines)) if operation.at is None else target.region(operation.at)
    lines = target.lines[first:last]
    contents = [content_of(line) + LF for line in lines]
    if target.unterminated and last == len(target.lines) and contents:
        contents[-1] = contents[-1][:-1]
    text = b"".join(contents)
    starts = [0, *accumulate(map(len, contents))]
    found = _occurrences(text, old)
    if len(found) != operation.count:
        raise PatchConflict(_miscounted(index, operation, target.path, found, starts, first, contents))
    region = _Region(first, starts, reaches_end=last == len(target.lines))
    return [_splice(index, operation, target, new, begin, begin + len(old), region) for begin in found]


@dataclass(frozen=True, slots=True)
class _Region:
    """The text that is searched: the number of its first line, and where its lines begin; the last is its length."""

    first: int
    starts: Sequence[int]
    reaches_end: bool


def _occurrences(text: bytes, wanted: bytes) -> list[int]:
    found, position = [], text.find(wanted)
    while position >= 0:
        found.append(position)
        position = text.find(wanted, position + len(wanted))
    return found


def _splice(
    index: int, operation: ReplaceText, target: Target, new: bytes, begin: int, end: int, region: _Region
) -> Splice:
    """Return the splice for text[begin:end] of the region."""
    starts = region.starts
    first, last = bisect_right(starts, begin) - 1, bisect_right(starts, end - 1) - 1
    head = begin - starts[first]
    start, stop = region.first + first, region.first + last + 1
    claimed_end = (stop, 0)
    tail, ends = 0, None
    inserted = _terminated(new, target.lines[start:stop])
    if end < starts[last + 1]:
        claimed_end = (stop - 1, end - starts[last])
        tail = len(target.lines[stop - 1]) - claimed_end[1]
    elif region.reaches_end and last + 2 == len(starts):
        ends = not new.endswith(LF)
        if ends:
            unfinished = inserted.pop() if new else b""
            inserted.append(unfinished + terminator(target.lines[stop - 1]))
    elif not new.endswith(LF) and (new or head):
        tail = len(target.lines[stop])
        stop += 1  # without its newline, the next line joins the text
    return Splice(index, operation, start, stop, REPLACED, ((start, head), claimed_end), inserted, head, tail, ends)


def _terminated(new: bytes, replaced: Sequence[bytes]) -> list[bytes]:
    """Give each line break of the new text the terminator of the line that it replaces, or of the last of them."""
    *whole, rest = new.split(LF)
    lines = [part + terminator(replaced[min(i, len(replaced) - 1)]) for i, part in enumerate(whole)]
    return [*lines, rest] if rest else lines


def _miscounted(
    index: int,
    operation: ReplaceText,
    path: str,
    found: Sequence[int],
    starts: Sequence[int],
    first: int,
    contents: Sequence[bytes],
) -> str:
    who = describe(index, operation)
    if found:
        numbers = [first + bisect_right(starts, begin) for begin in found[:_SHOWN_PLACES]]
        more = f" and {len(found) - _SHOWN_PLACES} more" if len(found) > _SHOWN_PLACES else ""
        return (
            f"{who}: the old text occurs {len(found)} times in {path}, not {operation.count}: "
            f"line {', '.join(map(str, numbers))}{more}; lengthen it, or give count: {len(found)}"
        )
    misses = _near_misses(operation.old, contents, first)
    told = "; nothing like it is there" if not misses else "; near misses:\n" + "\n".join(misses)
    return f"{who}: the old text does not occur in {path}{told}"


def _near_misses(old: str, contents: Sequence[bytes], first: int) -> list[str]:
    """Return where the text nearly is: first where only white space differs, then the lines most like its first one."""
    wanted = [line.split() for line in old.splitlines()]
    while wanted and not wanted[0]:
        wanted.pop(0)
    while wanted and not wanted[-1]:
        wanted.pop()
    if not wanted:
        return []
    shown: list[str] = []
    lines = [content.decode("utf-8", "replace").rstrip("\r\n") for content in contents]
    for number in range(len(lines) - len(wanted) + 1):
        if lines[number].split() == wanted[0] and all(
            lines[number + offset].split() == words for offset, words in enumerate(wanted)
        ):
            shown.append(f"  line {first + number + 1}, where only white space differs: {_cut(lines[number])}")
            if len(shown) == _SHOWN_MISSES:
                return shown
    if shown:
        return shown
    key = " ".join(wanted[0])
    matcher = difflib.SequenceMatcher(b=key[: _SHOWN_MISSES * 100], autojunk=False)
    scored = []
    for number, line in enumerate(lines[:_COMPARED_LINES]):
        text = " ".join(line.split())[: _SHOWN_MISSES * 100]
        matcher.set_seq1(text)
        if matcher.real_quick_ratio() >= _LIKENESS and matcher.quick_ratio() >= _LIKENESS:
            likeness = matcher.ratio()
            if likeness >= _LIKENESS:
                scored.append((-likeness, number))
    return [f"  line {first + number + 1}: {_cut(lines[number])}" for _, number in sorted(scored)[:_SHOWN_MISSES]]


def _cut(line: str) -> str:
    return repr(line if len(line) <= 120 else line[:120] + "…")
