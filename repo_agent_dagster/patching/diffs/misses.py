"""Tell people why a hunk does not fit: where it nearly does, and which line differs there."""

from collections.abc import Sequence

from repo_agent_dagster.patching.diffs.diff_lines import shown
from repo_agent_dagster.patching.diffs.hunk_lines import ADDED, REMOVED, Hunk
from repo_agent_dagster.patching.diffs.search import Haystack

_TRIED_PLACES = 200
_COMPARED_LINES = 1000


def described(hunk: Hunk) -> str:
    """Name a hunk: its line in the diff, and the line of the file that it says."""
    return f"the hunk at line {hunk.line} of the diff (for line {hunk.stated + 1})"


def ambiguous(hunk: Hunk, places: Sequence[int]) -> str:
    """Tell that a hunk fits at two places equally near."""
    first, second = places
    return (
        f"{described(hunk)} does not fit there, but equally near at lines {first + 1} and {second + 1}; "
        "correct its line, or give it more lines of context"
    )


def perhaps_at_end(hunk: Hunk, expected: int, end: int) -> str:
    """Tell that a hunk fits where it says, and also at the file's end, which its lack of context speaks of."""
    return (
        f"{described(hunk)} fits at line {expected + 1}, but has no context after its change, which means the end of "
        f"the file, and fits there too, at line {end + 1}; give it the lines that follow"
    )


def unplaced(haystack: Haystack, hunk: Hunk, old: Sequence[bytes], expected: int, floor: int, *, at_end: bool) -> str:
    """Tell why a hunk fits nowhere."""
    lines = haystack.lines
    if not old:
        has = f"the file has {len(lines)} line{'' if len(lines) == 1 else 's'}"
        return f"{described(hunk)} inserts after line {expected}, but {_before_floor(expected, floor) or has}"
    elsewhere = haystack.first(old)
    if elsewhere is not None:
        why = f"its text must be at the end, which is at line {len(lines)}" if at_end else ""
        return f"{described(hunk)} fits at line {elsewhere + 1}, but {_before_floor(elsewhere, floor) or why}"
    if any(mark == ADDED for mark, _ in hunk.body) and haystack.fits(hunk.new, expected):
        return f"{described(hunk)} seems to be applied already: its new lines stand at line {expected + 1}"
    place = _nearest_miss(haystack, old, expected, floor)
    return f"{described(hunk)} fits nowhere; {_first_difference(haystack, hunk, old, place, ADDED)}"


def misplaced(haystack: Haystack, hunk: Hunk, old: Sequence[bytes], start: int, floor: int, *, back: bool) -> str:
    """Tell why a hunk does not fit at exactly one place."""
    overlap = _before_floor(start, floor)
    if overlap is not None:
        return f"{described(hunk)} cannot be at line {start + 1}: {overlap}"
    difference = _first_difference(haystack, hunk, old, start, REMOVED if back else ADDED)
    return f"{described(hunk)} does not fit; {difference}"


def _before_floor(place: int, floor: int) -> str | None:
    return f"the hunk before it goes as far as line {floor}" if place < floor else None


def _nearest_miss(haystack: Haystack, old: Sequence[bytes], expected: int, floor: int) -> int:
    """Return the place, of some, at which most of the old lines stand: the expected one if none is better."""
    key, lines = haystack.key, haystack.lines
    wanted = [key(line) for line in old[:_COMPARED_LINES]]
    rarest: dict[bytes, list[int]] = {one: [] for one in wanted if one.strip()}
    for index, line in enumerate(lines):
        places = rarest.get(key(line))
        if places is not None:
            places.append(index)
    present = [(len(places), one) for one, places in rarest.items() if places]
    candidates = [expected]
    if present:
        one = min(present)[1]
        starts = (place - wanted.index(one) for place in rarest[one])
        candidates += sorted((start for start in starts if start >= floor), key=lambda start: abs(start - expected))
    return max(
        candidates[:_TRIED_PLACES],
        key=lambda start: sum(
            0 <= start + index < len(lines) and key(lines[start + index]) == line for index, line in enumerate(wanted)
        ),
    )


def _first_difference(haystack: Haystack, hunk: Hunk, old: Sequence[bytes], place: int, other: bytes) -> str:
    """Tell which line of the file differs; lines of the hunk with the other mark are not of the side looked for."""
    lines, key = haystack.lines, haystack.key
    index = next(
        (
            index
            for index, line in enumerate(old)
            if not (0 <= place + index < len(lines) and key(lines[place + index]) == key(line))
        ),
        0,
    )
    numbers = [number for number, line in enumerate(hunk.body) if line.mark != other]
    at = place + index
    found = shown(lines[at]) if 0 <= at < len(lines) else "no line"
    return (
        f"line {at + 1} of the file is {found}, not {shown(old[index])} (line {hunk.line_of(numbers[index])} of the "
        "diff); read the file again"
    )
