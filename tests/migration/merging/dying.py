"""Work done in a child whose calls to the file system are counted, refused, or kill it."""

import os
from collections.abc import Callable
from pathlib import Path

from tests.patching.file_system_calls import Calls, Point, counted


def in_child(calls: Calls, work: Callable[[], object]) -> int:
    """Do the work in a forked child with these calls; return how it ended, as `os.waitpid` tells it."""
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            calls.install()
            work()
            ended = 0
        finally:
            os._exit(ended)
    return os.waitpid(child, 0)[1]


def points_of(work: Callable[[], object], told: Path) -> list[Point]:
    """Return the places at which the work can be killed; it writes them to the file `told`."""
    seen: list[Point] = []

    def doing() -> None:
        work()
        told.write_text("\n".join(f"{one.number} {one.call} {int(one.after)}" for one in seen))

    assert in_child(counted(seen), doing) == 0
    lines = (line.split() for line in told.read_text().splitlines())
    return [Point(int(number), call, after == "1") for number, call, after in lines]
