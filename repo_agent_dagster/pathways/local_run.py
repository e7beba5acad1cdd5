"""Runs without Dagster: the run id of a task that a process of its own carries out, and whether that still lives."""

import socket
from functools import cache

import psutil

_PREFIX = "local"
_HOST_CHARACTERS = 24


@cache
def local_run_id() -> str:
    """Return this process's run id: ``local:<host>:<pid>:<start time>``, at most 64 characters."""
    process = psutil.Process()
    return ":".join((_PREFIX, _host(), str(process.pid), _started(process)))


def is_local(run_id: str) -> bool:
    """Whether a run id is a process's own and not one of Dagster's."""
    return run_id.startswith(f"{_PREFIX}:")


def is_alive(run_id: str) -> bool:
    """Whether the process of a local run still lives. One on another host counts as alive: nobody here can tell."""
    _, host, pid, started = run_id.split(":", 3)
    if host != _host():
        return True
    try:
        process = psutil.Process(int(pid))
        return _started(process) == started and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _host() -> str:
    return socket.gethostname().replace(":", "-")[:_HOST_CHARACTERS]


def _started(process: psutil.Process) -> str:
    # Hundredths of a second: what the kernel counts in, so that a later process with the same pid differs.
    return f"{process.create_time():.2f}"
