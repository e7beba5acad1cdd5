"""Which unit waits for which: `after:` in the manifests, and the circles that it can make."""

from collections import deque
from collections.abc import Mapping, Sequence


def circles(waits_for: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return, for each unit that waits for itself, the shortest way around, e.g. ``("a", "b", "a")``.

    `waits_for` has the units that each unit waits for. A unit that only waits for one in a circle is not in it.
    """
    return {unit: way for unit in sorted(waits_for) if (way := _way_around(unit, waits_for))}


def _way_around(start: str, waits_for: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    came_from: dict[str, str] = {}
    pending = deque([start])
    while pending:
        unit = pending.popleft()
        for other in waits_for.get(unit, ()):
            if other == start:
                return _way_back(unit, start, came_from)
            if other not in came_from:
                came_from[other] = unit
                pending.append(other)
    return ()


def _way_back(last: str, start: str, came_from: Mapping[str, str]) -> tuple[str, ...]:
    way = [start, last] if last != start else [start]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return (start, *reversed(way[1:-1]), start) if len(way) > 1 else (start, start)
