"""Locks of a mirror: one task at a time changes it, and none is removed while a task uses it."""

import fcntl
import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from repo_agent_dagster.sandbox.repositories.faults import RepositoryUnavailable

_POLL_SECONDS = 0.05


class Use:
    """A share in the use of a mirror: while it lives, the mirror is not removed. Ends with its holder's process."""

    def __init__(self, path: Path) -> None:
        descriptor = _opened(path)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        self._end = weakref.finalize(self, os.close, descriptor)

    def end(self) -> None:
        """Let the mirror go; does nothing the second time."""
        self._end()


@contextmanager
def exclusive(path: Path, *, doing: str, seconds: float) -> Iterator[None]:
    """Hold a lock for a ``with`` block; `doing` is what others are told who wait for it.

    Raises:
        RepositoryUnavailable: another holds it for longer than `seconds`; the message says who and since when.
    """
    descriptor = _opened(path)
    try:
        until = time.monotonic() + seconds
        while not _taken(descriptor):
            if time.monotonic() >= until:
                holder = os.pread(descriptor, 4096, 0).decode(errors="replace").strip() or "another process"
                raise RepositoryUnavailable(f"waited {seconds:g} s for {holder}; try again when it is done")
            time.sleep(_POLL_SECONDS)
        os.ftruncate(descriptor, 0)
        told = f"process {os.getpid()}, {doing} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        os.pwrite(descriptor, told.encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def if_free(*paths: Path) -> Iterator[bool]:
    """Hold all of these locks for a ``with`` block, or tell by False that one is held by another."""
    descriptors: list[int] = []
    try:
        free = True
        for path in paths:
            descriptors.append(_opened(path))
            free = free and _taken(descriptors[-1])
        yield free
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _opened(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
