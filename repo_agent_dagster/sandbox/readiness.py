"""Process 1 of a sandbox, seen from the engine's host: until it is ready, it neither kills nor guards itself."""

import signal
import time
from contextlib import suppress
from pathlib import Path

_READY = 1 << (signal.SIGUSR2 - 1)
"""What inside/pid1.py ignores as the last thing before it waits."""
_WAIT_SECONDS = 5.0
_LOOK_SECONDS = 0.005


def wait_until_ready(container_id: str, pid: int, proc: Path = Path("/proc")) -> bool:
    """Wait until a sandbox's process 1 (`pid` on the host) awaits its signals; return whether it was seen to.

    False after 5 s, and at once where the engine's host is not this one: then a first kill may have to be repeated.
    """
    folder = proc / str(pid)
    limit = time.monotonic() + _WAIT_SECONDS
    with suppress(OSError):
        # The number may be another host's and mean any process here.
        while container_id in (folder / "cgroup").read_text() and time.monotonic() < limit:
            if _ignored(folder) & _READY:
                return True
            time.sleep(_LOOK_SECONDS)
    return False


def _ignored(folder: Path) -> int:
    for line in (folder / "status").read_text().splitlines():
        if line.startswith("SigIgn:"):
            return int(line.split()[1], 16)
    return 0
