"""A contest: contenders in turn, round by round, their wall and CPU seconds, and ratios taken within each round.

Modules that begin with an underscore are no benchmarks themselves.
"""

import array
import contextlib
import fcntl
import os
import resource
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

OURS, CHILDREN = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN

_ATTEMPTS = 6
_QUIET_MICROSECONDS = 50
_FS_IOC_GETFLAGS, _FS_IOC_SETFLAGS, _FS_TOPDIR_FL = 0x80086601, 0x40086602, 0x00020000


@dataclass
class Times:
    """Wall and CPU seconds of one contender, one number for each round."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, work: Callable[[], object], who: int) -> None:
        """Run the work and keep its times; `who` says whose CPU counts, ours or that of our children."""
        before, start = resource.getrusage(who), time.perf_counter()
        work()
        self.wall.append(time.perf_counter() - start)
        after = resource.getrusage(who)
        self.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def __str__(self) -> str:
        return f"{self.name:34}" + "".join(
            f"  {kind} {spread([1000 * one for one in values], '7.1f')} ms"
            for kind, values in (("wall", self.wall), ("cpu", self.cpu))
        )


def spread(values: list[float], form: str = ".2f") -> str:
    """Write values as min – median – max."""
    return " – ".join(f"{value:{form}}" for value in (min(values), statistics.median(values), max(values)))


def ratio(one: Times, other: Times, bar: float | None = None) -> str:
    """Compare two contenders round by round; say whether the median of the wall times meets the bar."""
    wall, cpu = (
        [mine / theirs for mine, theirs in zip(ours, others, strict=True)]
        for ours, others in ((one.wall, other.wall), (one.cpu, other.cpu))
    )
    verdict = "" if bar is None else f"   bar {bar:g}: {'met' if statistics.median(wall) <= bar else 'NOT met'}"
    return f"{one.name} / {other.name}: wall {spread(wall)}, cpu {spread(cpu)}{verdict}"


@contextmanager
def folder_for_trees(prefix: str) -> Iterator[Path]:
    """Make a temporary folder (under TMPDIR), and have each folder in it in a part of the disk of its own if possible.

    On ext4 without a journal each new file is searched for past every inode that was deleted nearby in the last
    minutes: what others deleted, or the round before, would be measured. So nothing is deleted before the end either.
    """
    with TemporaryDirectory(prefix=prefix) as name:
        with contextlib.suppress(OSError):  # another file system: it has no such flag
            _spread_folders(name)
        yield Path(name)


def _spread_folders(name: str) -> None:
    """Set ext4's "top of a hierarchy" flag, as `chattr +T` does."""
    folder = os.open(name, os.O_RDONLY)
    try:
        flags = array.array("L", [0])
        fcntl.ioctl(folder, _FS_IOC_GETFLAGS, flags, True)
        flags[0] |= _FS_TOPDIR_FL
        fcntl.ioctl(folder, _FS_IOC_SETFLAGS, flags)
    finally:
        os.close(folder)


def quiet_copy(tree: Path, target: Path) -> tuple[Path, float]:
    """Copy a git repository, elsewhere again if new files are dear there; return the copy and a new file's price (µs).

    `target` gets a number at its end; a repository is copied, as what is tried out goes into its `.git`.
    """
    for attempt in range(_ATTEMPTS):
        copy = target.with_name(f"{target.name}-{attempt}")
        shutil.copytree(tree, copy)
        price = _microseconds_per_new_file(copy / ".git" / "tried")
        if price <= _QUIET_MICROSECONDS:
            break
    return copy, price


def _microseconds_per_new_file(folder: Path, count: int = 40) -> float:
    folder.mkdir()
    start = time.process_time()
    for number in range(count):
        (folder / str(number)).write_bytes(b"x" * 500)
    return (time.process_time() - start) / count * 1e6
