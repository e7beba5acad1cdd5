"""A sandbox emptied of processes, and the proof that it is."""

import time

from repo_agent_dagster.sandbox.commands.connection import ExecConnection
from repo_agent_dagster.sandbox.container import ENDING_SECONDS, LiveContainer
from repo_agent_dagster.sandbox.docker_engine import engine
from repo_agent_dagster.sandbox.spec import SandboxUnavailable

_SENTINEL = ("/bin/sleep", "3600")
_KILLED = 128 + 9


def clear(box: LiveContainer) -> None:
    """Kill every process of a sandbox but its first, and wait until that is done.

    A kill works a moment after it was asked for, and would hit whatever is started next. So a process of ours is
    started first: it was killed, hence everything older was.

    Raises:
        SandboxUnavailable: the sandbox is gone, or it does not work within 15 s.
    """
    limit = time.monotonic() + ENDING_SECONDS
    while time.monotonic() < limit:
        exec_id = box.exec_create(_SENTINEL, "/", {})
        connection = ExecConnection(engine(), exec_id)
        try:
            while box.exec_state(exec_id)["Running"] and time.monotonic() < limit:
                box.kill_processes()
                connection.read(0.2)
        finally:
            connection.close()
        state = box.exec_state(exec_id)
        # It may not have started at all: the process limit may have been reached.
        if not state["Running"] and state["ExitCode"] == _KILLED:
            return
        box.kill_processes()
        time.sleep(0.1)
    raise SandboxUnavailable(f"sandbox {box.name}: its processes cannot be killed")
