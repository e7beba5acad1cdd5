"""The engine's calls to the file system, one by one: counted, killed before or after, refused, or cut short.

The calls are those of `os` that write, and syncfs: in a forked child they are wrapped, so that what runs is the code
that is shipped. SQLite's own calls are its own business: a transaction is there or is not.
"""

import os
import signal
from collections.abc import Callable
from typing import Any, NamedTuple

from repo_agent_dagster.patching.disk import tree

CALLS = (
    *("open", "write", "pwrite", "ftruncate", "fchmod", "fchown", "fsync"),
    *("rename", "link", "unlink", "mkdir", "rmdir"),
)


class Point(NamedTuple):
    """A place between two calls: just before or just after the `number`-th of them, from 1."""

    number: int
    call: str
    after: bool


class Calls:
    """Counts the calls, and has something done around each of them."""

    def __init__(self, around: Callable[[Point, Callable[[], Any]], Any]) -> None:
        self._around = around
        self._count = 0

    def install(self) -> None:
        """Wrap the calls, for the rest of this process's life: do that in a child."""
        for name in CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        syncfs = tree._syncfs()
        if syncfs is not None:
            wrapped = self._wrapped("syncfs", syncfs)
            tree._syncfs = lambda: wrapped  # type: ignore[assignment]

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return call(*arguments, **options)
            self._count += 1
            return self._around(Point(self._count, name, after=False), lambda: call(*arguments, **options))

        return wrapper


def killed_at(point: Point) -> Calls:
    """Kill this process at a point."""

    def around(at: Point, call: Callable[[], Any]) -> Any:
        if at.number == point.number and not point.after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call()
        finally:
            if at.number == point.number:
                os.kill(os.getpid(), signal.SIGKILL)

    return Calls(around)


def refused_at(number: int, code: int, *, from_then_on: bool) -> Calls:
    """Have the n-th call, or all from it on, fail with an error number."""

    def around(at: Point, call: Callable[[], Any]) -> Any:
        if at.number == number or (from_then_on and at.number > number):
            raise OSError(code, os.strerror(code))
        return call()

    return Calls(around)


def counted(seen: list[Point]) -> Calls:
    """Write down the points."""

    def around(at: Point, call: Callable[[], Any]) -> Any:
        seen.extend((at, at._replace(after=True)))
        return call()

    return Calls(around)


def chosen(points: list[Point], of_each: int) -> list[Point]:
    """Choose points: of each call, before and after it, so many, evenly spread, the first and the last among them."""
    found: list[Point] = []
    for kind in dict.fromkeys((point.call, point.after) for point in points):
        those = [point for point in points if (point.call, point.after) == kind]
        steps = min(of_each, len(those))
        found += {those[round(step * (len(those) - 1) / max(steps - 1, 1))] for step in range(steps)}
    return sorted(found)
