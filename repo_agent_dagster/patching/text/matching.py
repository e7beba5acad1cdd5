"""Which lines two versions of a file share: patience matching, in time n log n whatever the input.

Lines that occur exactly once in both versions are matched in their longest common order and extended to their equal
neighbours. What has no such anchor is told as one replaced region: a diff may then be longer than the shortest, never
wrong.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """Lines old[old_start:old_end] became new[new_start:new_end]."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def changed_regions(old: Sequence[bytes], new: Sequence[bytes]) -> list[Region]:
    """Return what differs, in order; regions neither touch nor are empty on both sides."""
    head = _common_prefix(old, new, Region(0, len(old), 0, len(new)))
    tail = _common_suffix(old, new, Region(head, len(old), head, len(new)))
    whole = Region(head, len(old) - tail, head, len(new) - tail)
    regions: list[Region] = []
    position = (whole.old_start, whole.new_start)
    for old_index, new_index in [*_anchors(old, new, whole), (whole.old_end, whole.new_end)]:
        if old_index < position[0]:
            continue  # already matched as a neighbour of the anchor before
        between = Region(position[0], old_index, position[1], new_index)
        grown = _common_suffix(old, new, between)
        changed = Region(between.old_start, old_index - grown, between.new_start, new_index - grown)
        if changed.old_start < changed.old_end or changed.new_start < changed.new_end:
            regions.append(changed)
        rest = Region(old_index, whole.old_end, new_index, whole.new_end)
        length = _common_prefix(old, new, rest)
        position = (old_index + length, new_index + length)
    return regions


def _common_prefix(old: Sequence[bytes], new: Sequence[bytes], within: Region) -> int:
    limit = min(within.old_end - within.old_start, within.new_end - within.new_start)
    length = 0
    while length < limit and old[within.old_start + length] == new[within.new_start + length]:
        length += 1
    return length


def _common_suffix(old: Sequence[bytes], new: Sequence[bytes], within: Region) -> int:
    limit = min(within.old_end - within.old_start, within.new_end - within.new_start)
    length = 0
    while length < limit and old[within.old_end - 1 - length] == new[within.new_end - 1 - length]:
        length += 1
    return length


def _anchors(old: Sequence[bytes], new: Sequence[bytes], within: Region) -> list[tuple[int, int]]:
    """Return pairs of indices of lines that are unique in both, in their longest common increasing order."""
    where_old = _unique(old, within.old_start, within.old_end)
    where_new = _unique(new, within.new_start, within.new_end)
    pairs = [(index, where_new[line]) for line, index in where_old.items() if line in where_new]
    pairs.sort()
    # Longest increasing subsequence of the new indices: piles of patience, with a link to the pile on the left.
    tops: list[int] = []
    top_pairs: list[int] = []
    left: list[int] = []
    for number, (_, new_index) in enumerate(pairs):
        pile = bisect_left(tops, new_index)
        left.append(top_pairs[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(new_index)
            top_pairs.append(number)
        else:
            tops[pile] = new_index
            top_pairs[pile] = number
    chosen: list[tuple[int, int]] = []
    number = top_pairs[-1] if top_pairs else -1
    while number >= 0:
        chosen.append(pairs[number])
        number = left[number]
    chosen.reverse()
    return chosen


def _unique(lines: Sequence[bytes], start: int, end: int) -> dict[bytes, int]:
    seen: dict[bytes, int] = {}
    repeated: set[bytes] = set()
    for index in range(start, end):
        line = lines[index]
        if line in seen:
            repeated.add(line)
        seen[line] = index
    for line in repeated:
        del seen[line]
    return seen
