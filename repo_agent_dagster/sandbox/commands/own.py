"""Our own commands in a sandbox, e.g. to move files: no log, no sink, output to where the caller says."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from repo_agent_dagster.sandbox.commands.connection import ExecConnection
from repo_agent_dagster.sandbox.container import LiveContainer
from repo_agent_dagster.sandbox.docker_engine import engine
from repo_agent_dagster.sandbox.spec import SandboxUnavailable

STALLED_SECONDS = 120.0
"""One of our own commands that takes and gives nothing for so long does not go on: somebody stopped it."""
_LOOK_SECONDS = 5.0
_MESSAGE_BYTES = 4096

Take = Callable[[bytes], object]


class RunOwn(Protocol):
    """Runs one of our own commands: its exit code, and what it wrote to standard error (at most 4 KiB)."""

    def __call__(self, command: Sequence[str], *, stdin: Iterable[bytes] = ..., take: Take = ...) -> tuple[int, str]:
        """Run it; `take` is given its standard output in parts, and ends the reading by raising."""


def drop(_data: bytes) -> None:
    """Take output and keep none."""


def run_own(
    box: LiveContainer,
    command: Sequence[str],
    *,
    stdin: Iterable[bytes] = (),
    take: Take = drop,
    stalled_seconds: float = STALLED_SECONDS,
) -> tuple[int, str]:
    """Run one of our own commands in a sandbox. See `RunOwn`.

    Raises:
        SandboxUnavailable: the sandbox is gone, or the command does not go on; every process is killed then.
    """
    exec_id = box.exec_create(command, "/", {}, stdin=True)
    said = bytearray()
    connection = ExecConnection(engine(), exec_id, stdin)
    try:
        while (frames := connection.read(min(_LOOK_SECONDS, stalled_seconds))) is not None:
            for stream, data in frames:
                if stream == "stdout":
                    take(data)
                else:
                    said += data[: max(0, _MESSAGE_BYTES - len(said))]
            if frames:
                continue
            if not box.exec_state(exec_id)["Running"]:
                break
            if time.monotonic() - connection.moved_at > stalled_seconds:
                box.kill_processes()
                raise SandboxUnavailable(
                    f"sandbox {box.name}: {command[0]} moved no byte for {stalled_seconds:.0f} s; killed it"
                )
    finally:
        connection.close()
    return box.exit_code(exec_id), said.decode(errors="replace")
