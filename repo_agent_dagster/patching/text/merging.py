"""Merge two versions of a file that come from one base, line by line, as diff3 and git do.

What only one side changed is taken, what both changed alike is taken once; changes that overlap or touch are a
conflict, as in git: between two changes there must be a line that neither has changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from repo_agent_dagster.patching.model import PatchConflict
from repo_agent_dagster.patching.text.lines import LF, terminator_near
from repo_agent_dagster.patching.text.matching import Region, changed_regions

ConflictStyle = Literal["merge", "diff3"]

_MARKER_WIDTH = 7


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides changed the base's lines [base_start:base_end), from 0, each in its own way."""

    base_start: int
    base_end: int
    base: list[bytes]
    ours: list[bytes]
    theirs: list[bytes]


@dataclass(frozen=True, slots=True)
class Merge:
    """Two versions put together: runs of merged lines, and the conflicts between them."""

    parts: tuple[list[bytes] | Conflict, ...]

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What must be decided, in the order of the lines."""
        return tuple(part for part in self.parts if isinstance(part, Conflict))

    @property
    def is_clean(self) -> bool:
        """Whether nothing must be decided."""
        return not self.conflicts

    @property
    def lines(self) -> list[bytes]:
        """The merged lines.

        Raises:
            PatchConflict: there are conflicts.
        """
        if not self.is_clean:
            where = ", ".join(_span(conflict) for conflict in self.conflicts[:5])
            raise PatchConflict(f"both sides changed the base's lines {where}; decide there, or take one side")
        return [line for part in self.parts if not isinstance(part, Conflict) for line in part]

    def marked(
        self, ours: str = "ours", theirs: str = "theirs", base: str = "base", style: ConflictStyle = "merge"
    ) -> list[bytes]:
        """Return all lines, the conflicts between git's markers with these labels; `diff3` shows the base too.

        In `merge` style, lines at the edges of a conflict that both sides have are outside the markers.
        """
        known = [part if isinstance(part, list) else part.ours or part.theirs for part in self.parts]
        ending = terminator_near([line for lines in known for line in lines[:1] if line.endswith(LF)], 0)
        marked: list[bytes] = []
        for part in self.parts:
            if not isinstance(part, Conflict):
                marked += part
                continue
            head, tail = _common_edges(part) if style == "merge" else (0, 0)
            marked += part.ours[:head]
            marked.append(_marker("<", ours, ending))
            marked += _finished(part.ours[head : len(part.ours) - tail], ending)
            if style == "diff3":
                marked.append(_marker("|", base, ending))
                marked += _finished(part.base, ending)
            marked.append(_marker("=", "", ending))
            marked += _finished(part.theirs[head : len(part.theirs) - tail], ending)
            marked.append(_marker(">", theirs, ending))
            marked += part.ours[len(part.ours) - tail :]
        return marked


def merge3(base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]) -> Merge:
    """Merge two versions of the base; lines are as `split_lines` gives them, with their terminators."""
    parts: list[list[bytes] | Conflict] = []
    position = ours_shift = theirs_shift = 0
    for mine, other in _grouped(_changes(base, ours), _changes(base, theirs)):
        start = min(region.old_start for region in (*mine, *other))
        end = max(region.old_end for region in (*mine, *other))
        _extend(parts, base[position:start])
        ours_start, theirs_start = start + ours_shift, start + theirs_shift
        ours_shift += sum(_growth(region) for region in mine)
        theirs_shift += sum(_growth(region) for region in other)
        mine_lines = list(ours[ours_start : end + ours_shift])
        other_lines = list(theirs[theirs_start : end + theirs_shift])
        if not other or mine_lines == other_lines:
            _extend(parts, mine_lines)
        elif not mine:
            _extend(parts, other_lines)
        else:
            parts.append(Conflict(start, end, list(base[start:end]), mine_lines, other_lines))
        position = end
    _extend(parts, base[position:])
    return Merge(tuple(parts))


def _changes(base: Sequence[bytes], side: Sequence[bytes]) -> list[Region]:
    """Return what a side changed, each run of added or of removed lines as far down as it can stand.

    Where such a run stands can be open: of two equal lines one after the other, either may be the new one. Git puts it
    last, and which changes touch depends on it.
    """
    slid: list[Region] = []
    for region in changed_regions(base, side):
        # It stays away from the next region: between two there is a line that occurs once, which no run can pass.
        length = 0
        if region.new_start == region.new_end:
            length = _slide(base, region.old_start, region.old_end)
        elif region.old_start == region.old_end:
            length = _slide(side, region.new_start, region.new_end)
        bounds = (region.old_start, region.old_end, region.new_start, region.new_end)
        slid.append(Region(*(bound + length for bound in bounds)))
    return slid


def _slide(lines: Sequence[bytes], start: int, end: int) -> int:
    """Return how far lines[start:end] can go down so that the rest stays the same."""
    length = 0
    while end + length < len(lines) and lines[start + length] == lines[end + length]:
        length += 1
    return length


def _extend(parts: list[list[bytes] | Conflict], lines: Sequence[bytes]) -> None:
    if parts and isinstance(parts[-1], list):
        parts[-1] += lines
    elif lines:
        parts.append(list(lines))


def _growth(region: Region) -> int:
    return (region.new_end - region.new_start) - (region.old_end - region.old_start)


def _grouped(ours: Sequence[Region], theirs: Sequence[Region]) -> list[tuple[list[Region], list[Region]]]:
    """Put regions of both sides that overlap or touch into one group, in the order of the base's lines."""
    groups: list[tuple[list[Region], list[Region]]] = []
    end = -1
    for region, side in sorted(
        [*((region, 0) for region in ours), *((region, 1) for region in theirs)],
        key=lambda one: (one[0].old_start, one[0].old_end),
    ):
        if region.old_start > end or not groups:
            groups.append(([], []))
        groups[-1][side].append(region)
        end = max(end, region.old_end)
    return groups


def _common_edges(conflict: Conflict) -> tuple[int, int]:
    limit = min(len(conflict.ours), len(conflict.theirs))
    head = 0
    while head < limit and conflict.ours[head] == conflict.theirs[head]:
        head += 1
    tail = 0
    while tail < limit - head and conflict.ours[-1 - tail] == conflict.theirs[-1 - tail]:
        tail += 1
    return head, tail


def _marker(sign: str, label: str, ending: bytes) -> bytes:
    return (sign * _MARKER_WIDTH + (f" {label}" if label else "")).encode() + ending


def _finished(lines: Sequence[bytes], ending: bytes) -> list[bytes]:
    """Give a last line without a newline one, so that the marker after it has its own line."""
    return [line if line.endswith(LF) else line + ending for line in lines]


def _span(conflict: Conflict) -> str:
    if conflict.base_start == conflict.base_end:
        return f"after {conflict.base_start}"
    return f"{conflict.base_start + 1}-{conflict.base_end}"
