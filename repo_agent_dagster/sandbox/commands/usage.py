"""What a command took of the machine, from its sandbox's control group: read on the host, or inside where it is remote.

The files are the kernel's (Documentation/admin-guide/cgroup-v1/memory.rst, cpuacct.rst, and cgroup-v2.rst).
"""

import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.sandbox.commands.own import run_own
from repo_agent_dagster.sandbox.container import LiveContainer
from repo_agent_dagster.sandbox.spec import ResourceUsage, SandboxUnavailable

_SAMPLE_SECONDS = 0.25
_INSIDE_SECONDS = 10.0
_V1 = ("cpuacct.usage", "memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control")
_V2 = ("cpu.stat", "memory.current", "memory.peak", "memory.events")
_INSIDE = f"""cd /sys/fs/cgroup
for name in {" ".join(_V2)}; do test -r $name && echo "== $name" && cat $name; done
for name in {" ".join(_V1)}; do test -r */$name && for file in */$name; do echo "== $name"; cat $file; break; done; done
exit 0"""


@dataclass(frozen=True)
class Reading:
    """The counters of a control group at one instant; the peak is of its whole life so far, or since a reset."""

    cpu_seconds: float
    oom_kills: int
    memory_bytes: int
    peak_bytes: int | None


def reading_of(texts: Mapping[str, str]) -> Reading | None:
    """Return what the files of a control group say, by file name, of either version; None: they say too little."""
    try:
        if "memory.current" in texts:
            peak = texts.get("memory.peak")
            return Reading(
                _field(texts["cpu.stat"], "usage_usec") / 1e6,
                _field(texts["memory.events"], "oom_kill"),
                int(texts["memory.current"]),
                None if peak is None else int(peak),
            )
        return Reading(
            int(texts["cpuacct.usage"]) / 1e9,
            _field(texts["memory.oom_control"], "oom_kill"),
            int(texts["memory.usage_in_bytes"]),
            int(texts["memory.max_usage_in_bytes"]),
        )
    except (KeyError, ValueError):
        return None


def _field(text: str, name: str) -> int:
    return int(dict(line.split(maxsplit=1) for line in text.splitlines())[name])


class HostCgroup:
    """A container's control group on this host; `folders` hold its files: one, or one for each controller."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders
        self._peak: int | None = None  # descriptor of a memory.peak that was reset

    def read(self) -> Reading | None:
        """Return the counters now; None when the container is gone."""
        texts: dict[str, str] = {}
        for folder in self._folders:
            for name in (*_V1, *_V2):
                with suppress(OSError):
                    texts[name] = (folder / name).read_text()
        if self._peak is not None:
            with suppress(OSError):
                texts["memory.peak"] = os.pread(self._peak, 64, 0).decode()
        return reading_of(texts)

    def reset_peak(self) -> bool:
        """Let the peak begin at what is in use now; return whether this kernel lets us."""
        self.close()
        for folder in self._folders:
            with suppress(OSError):  # version 1; it takes root
                with (folder / "memory.max_usage_in_bytes").open("r+") as peak:
                    peak.write("0")
                return True
            with suppress(OSError):  # version 2 since Linux 6.12; it is reset for this descriptor alone
                descriptor = os.open(folder / "memory.peak", os.O_RDWR | os.O_CLOEXEC)
                try:
                    os.write(descriptor, b"reset")
                except OSError:
                    os.close(descriptor)
                    raise
                self._peak = descriptor
                return True
        return False

    def close(self) -> None:
        """Give back what `reset_peak` holds open."""
        if self._peak is not None:
            os.close(self._peak)
            self._peak = None


def find_host_cgroup(container_id: str, pid: int, proc: Path = Path("/proc")) -> HostCgroup | None:
    """Return the control group of a container by its first process; None when the engine's host is not this one."""
    try:
        memberships = (proc / str(pid) / "cgroup").read_text()
        mounts = (proc / "self" / "mountinfo").read_text()
    except OSError:
        return None
    folders: list[Path] = []
    for line in memberships.splitlines():
        _, controllers, path = line.split(":", 2)
        named = set(controllers.split(","))
        # The number may be another host's and mean any process here: the group's name must be the container's.
        if container_id in path and (not controllers or named & {"memory", "cpuacct"}):
            folders += [Path(mount + path) for mount in _mounted(mounts, named)]
    found = HostCgroup(tuple(folders))
    return found if found.read() is not None else None


def _mounted(mounts: str, controllers: set[str]) -> list[str]:
    # mountinfo: "36 35 0:31 / /sys/fs/cgroup/memory rw,… - cgroup cgroup rw,memory"
    found = []
    for line in mounts.splitlines():
        place, _, source = line.partition(" - ")
        kind, _, options = source.split(" ", 2)
        if kind == "cgroup2" if controllers == {""} else kind == "cgroup" and controllers <= set(options.split(",")):
            found.append(place.split(" ")[4])
    return found


class Meter:
    """Measures the commands of one sandbox, one at a time: `begin`, now and then `sample`, `end`."""

    def __init__(self, host: HostCgroup | None, read_inside: Callable[[], Reading | None]) -> None:
        self._host = host
        self._read = read_inside if host is None else host.read
        self._before: Reading | None = None
        self._fresh = False
        self._highest = 0
        self._sampled_at = 0.0

    def begin(self) -> None:
        """A command is about to start."""
        self._highest = 0
        if self._host is not None:
            self._fresh = self._host.reset_peak()
        # Inside, a look costs a command of its own: the last one serves, though what ran between counts too then.
        if self._host is not None or self._before is None:
            self._before = self._read()

    def sample(self) -> None:
        """Look at the memory, where that is cheap and the kernel does not keep the peak for us."""
        if self._host is None or self._fresh or time.monotonic() - self._sampled_at < _SAMPLE_SECONDS:
            return
        self._sampled_at = time.monotonic()
        now = self._host.read()
        self._highest = max(self._highest, 0 if now is None else now.memory_bytes)

    def end(self) -> ResourceUsage | None:
        """Return what the command took; None where nobody tells."""
        before, after = self._before, self._read()
        if self._host is not None:
            self._host.close()
        else:
            self._before = after
        if before is None or after is None:
            return None
        return ResourceUsage(
            peak_memory_bytes=self._peak(before, after),
            cpu_seconds=round(max(0.0, after.cpu_seconds - before.cpu_seconds), 6),
            oom_killed=after.oom_kills > before.oom_kills,
        )

    def _peak(self, before: Reading, after: Reading) -> int | None:
        if after.peak_bytes is not None and (self._fresh or after.peak_bytes > (before.peak_bytes or 0)):
            return after.peak_bytes
        seen = max(self._highest, before.memory_bytes, after.memory_bytes)
        return None if self._host is None else seen


def reader_inside(box: LiveContainer) -> Callable[[], Reading | None]:
    """Return a function that reads the control group from inside the sandbox; None: that did not work."""

    def read() -> Reading | None:
        out = bytearray()
        try:
            code, _ = run_own(box, ["/bin/sh", "-c", _INSIDE], take=out.extend, stalled_seconds=_INSIDE_SECONDS)
        except SandboxUnavailable:  # the command itself meets the same trouble, and tells it
            return None
        texts = re.findall(r"^== (\S+)\n(.*?)(?=^== |\Z)", out.decode(errors="replace"), re.MULTILINE | re.DOTALL)
        return reading_of(dict(texts)) if code == 0 else None

    return read
