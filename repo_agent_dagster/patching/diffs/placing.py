"""Where the hunks of a diff go in a file that may have changed since, and what they change there.

A hunk goes to its stated line, moved as far as the hunk before it was moved, or else to the nearest place where all
its old lines stand, never before the end of the hunk before it. Which terminator a line has plays no part in that,
unless the diff itself has both kinds. Nothing is guessed: two places equally near are a conflict.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.patches import Fuzz
from repo_agent_dagster.patching.diffs import misses as hunk_misses
from repo_agent_dagster.patching.diffs.hunk_lines import CONTEXT, REMOVED, Hunk
from repo_agent_dagster.patching.diffs.search import Haystack, Key, content, spaceless
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.text.lines import BOM, CRLF, LF, terminator, terminator_near


@dataclass(frozen=True, slots=True)
class Change:
    """Lines [start:end) of the file, from 0, become these lines, which are terminated."""

    start: int
    end: int
    lines: list[bytes]


@dataclass(frozen=True, slots=True)
class PlacedHunk:
    """A hunk and where it goes: its old lines begin at `start` (from 0), `offset` lines after where it says.

    `changes` are in order, leave context out and may be none; with `by_whitespace`, old lines differ from the file's
    in white space. `unterminated` tells whether the file's last line shall have no newline; None leaves it as it is.
    """

    hunk: Hunk
    start: int
    offset: int
    changes: tuple[Change, ...]
    by_whitespace: bool = False
    unterminated: bool | None = None


def place(lines: Sequence[bytes], hunks: Sequence[Hunk], fuzz: Fuzz = "none") -> list[PlacedHunk]:
    """Find where each hunk goes in these lines, which are as `lines.parse` gives them: terminated, without a mark.

    With `fuzz` whitespace, a hunk that fits nowhere may go where its old lines differ from the file's in white space
    only; the file's own lines of context stay.

    Raises:
        PatchConflict: a hunk fits nowhere (the nearest miss is shown), or at two places equally near.
        InvalidPatch: a hunk adds or removes a byte-order mark.
    """
    endings = {terminator(text) for hunk in hunks for _, text in hunk.body if text.endswith(LF)}
    keeps_endings = len(endings) > 1
    sides = [_without_mark(hunk) for hunk in hunks]
    needles = [old for old, _ in sides]
    keys: list[Key] = [_ending_with(lines) if keeps_endings else content]
    if fuzz == "whitespace":
        keys.append(spaceless)
    haystacks = [Haystack(lines, needles, key) for key in keys]
    floor = drift = 0
    placed = []
    for hunk, (old, new) in zip(hunks, sides, strict=True):
        start, haystack = _found(haystacks, hunk, old, drift, floor)
        floor, drift = start + len(old), start - hunk.stated
        unterminated = _unterminated(old, new)
        changes = tuple(
            change
            for begin, end, added in _runs(hunk, start, new)
            for change in _change(lines, begin, end, added, keeps_endings=keeps_endings, whole=unterminated is not None)
        )
        placed.append(PlacedHunk(hunk, start, drift, changes, haystack.key is spaceless, unterminated))
    return placed


def apply_forward(lines: Sequence[bytes], hunks: Sequence[Hunk]) -> list[bytes]:
    """Apply hunks at exactly their old lines, to the byte; `lines` are as `split_lines` gives them.

    Raises:
        PatchConflict: the file has other lines there.
    """
    return _applied(lines, [(hunk, hunk.stated, hunk.old, hunk.new) for hunk in hunks], back=False)


def apply_reverse(lines: Sequence[bytes], hunks: Sequence[Hunk]) -> list[bytes]:
    """Take hunks back at exactly their new lines, to the byte; `lines` are as `split_lines` gives them.

    Raises:
        PatchConflict: the file has other lines there.
    """
    return _applied(lines, [(hunk, hunk.stated_new, hunk.new, hunk.old) for hunk in hunks], back=True)


def _applied(
    lines: Sequence[bytes], steps: Sequence[tuple[Hunk, int, list[bytes], list[bytes]]], *, back: bool
) -> list[bytes]:
    result: list[bytes] = []
    position = 0
    for hunk, start, old, new in steps:
        end = start + len(old)
        if start < position or end > len(lines) or lines[start:end] != old:
            haystack = Haystack(lines, [old], bytes)
            raise PatchConflict(hunk_misses.misplaced(haystack, hunk, old, start, position, back=back))
        for part in (lines[position:start], new):
            _extend(result, part, hunk)
        position = end
    if steps:
        _extend(result, lines[position:], steps[-1][0])
    return result if steps else list(lines)


def _extend(result: list[bytes], part: Sequence[bytes], hunk: Hunk) -> None:
    if part and _ends_open(result):
        raise PatchConflict(f"{hunk_misses.described(hunk)} leaves lines after one that has no newline")
    result += part


def _found(
    haystacks: Sequence[Haystack], hunk: Hunk, old: Sequence[bytes], drift: int, floor: int
) -> tuple[int, Haystack]:
    """Return where a hunk goes, and in which of the haystacks: the strictest in which it has a place."""
    expected, length = hunk.stated + drift, len(haystacks[0].lines)
    at_end = _ends_open(hunk.old) or _ends_open(hunk.new)
    for haystack in haystacks:
        if not old:
            places = [expected] if expected == length or (expected < length and not at_end) else []
        elif at_end:
            places = [length - len(old)] if haystack.fits(old, length - len(old)) else []
        elif _claims_end(hunk) and haystack.fits(old, length - len(old)):
            places = [length - len(old)]
            if expected not in places and expected >= floor and haystack.fits(old, expected):
                raise PatchConflict(hunk_misses.perhaps_at_end(hunk, expected, places[0]))
        elif haystack.fits(old, expected) and expected >= floor:
            places = [expected]
        else:
            places = haystack.nearest(old, expected, floor)
        if len(places) > 1:
            raise PatchConflict(hunk_misses.ambiguous(hunk, places))
        if places and places[0] >= floor:
            return places[0], haystack
    raise PatchConflict(hunk_misses.unplaced(haystacks[-1], hunk, old, expected, floor, at_end=at_end))


def _claims_end(hunk: Hunk) -> bool:
    """Whether a hunk ends without context though it begins with some: git takes that for the end of the file."""
    return hunk.body[0].mark == CONTEXT and hunk.body[-1].mark != CONTEXT


def _ends_open(side: Sequence[bytes]) -> bool:
    return bool(side) and not side[-1].endswith(LF)


def _unterminated(old: Sequence[bytes], new: Sequence[bytes]) -> bool | None:
    """Tell whether the last line loses or gets its newline; None if the diff does not change that."""
    return None if _ends_open(old) == _ends_open(new) else _ends_open(new)


def _ending_with(lines: Sequence[bytes]) -> Key:
    """Compare lines with their terminators; a line without one is given that of the file's last."""
    ending = terminator_near(lines, len(lines))
    return lambda line: _finished(line, ending)


def _finished(line: bytes, ending: bytes) -> bytes:
    """Terminate a line; after a CR that is content, LF alone would make a terminator of the two."""
    if line.endswith(LF):
        return line
    return line + (CRLF if line.endswith(b"\r") else ending)


def _without_mark(hunk: Hunk) -> tuple[list[bytes], list[bytes]]:
    """Return a hunk's old and new lines; those of a file's start without its byte-order mark."""
    old, new = hunk.old, hunk.new
    if hunk.stated == 0:
        marked = [bool(side) and side[0].startswith(BOM) for side in (old, new)]
        if marked[0] != marked[1]:
            raise InvalidPatch(f"{hunk_misses.described(hunk)} adds or removes a byte-order mark; send the whole file")
        if marked[0]:
            old[:1], new[:1] = ([line.removeprefix(BOM) for line in side[:1]] for side in (old, new))
    return old, new


def _runs(hunk: Hunk, start: int, new: Sequence[bytes]) -> list[tuple[int, int, list[bytes]]]:
    """Return what a hunk changes between its lines of context: lines [begin:end) become these."""
    runs: list[tuple[int, int, list[bytes]]] = []
    begin = position = start
    added: list[bytes] = []
    following = iter(new)
    for mark, _ in hunk.body:
        if mark == REMOVED:
            position += 1
            continue
        line = next(following)
        if mark == CONTEXT:
            runs.append((begin, position, added))
            position += 1
            begin, added = position, []
        else:
            added.append(line)
    runs.append((begin, position, added))
    return [(begin, end, added) for begin, end, added in runs if begin < end or added]


def _change(
    lines: Sequence[bytes], start: int, end: int, new: list[bytes], *, keeps_endings: bool, whole: bool
) -> list[Change]:
    """Give the new lines the terminators of their place, and leave out what stays at both edges; none may be left.

    With `whole`, a change at the file's end stays as it is, because the last line's newline is part of it.
    """
    if keeps_endings or not lines:
        nearby = lines[max(start - 1, 0) : max(end, 1)] or [line for line in new if line.endswith(LF)]
        ending = _ending_with(nearby)
        new = [ending(line) for line in new]
    same = bytes if keeps_endings else content
    if not (whole and end == len(lines)):
        head, limit = 0, min(end - start, len(new))
        while head < limit and same(lines[start + head]) == same(new[head]):
            head += 1
        tail = 0
        while tail < limit - head and same(lines[end - 1 - tail]) == same(new[-1 - tail]):
            tail += 1
        start, end, new = start + head, end - tail, new[head : len(new) - tail]
    if start == end and not new:
        return []
    if lines and not keeps_endings:
        endings = usual_endings(lines, start, end, len(new))
        new = [_finished(content(line), ending) for line, ending in zip(new, endings, strict=True)]
    return [Change(start, end, new)]


def usual_endings(lines: Sequence[bytes], start: int, end: int, count: int) -> list[bytes]:
    """Return the terminators that so many new lines get in the place of lines[start:end]."""
    endings = [terminator(line) for line in lines[start:end]] or [terminator_near(lines, max(start - 1, 0))]
    return [endings[min(index, len(endings) - 1)] for index in range(count)]
