"""A shell in a live sandbox for a person at a terminal, or for a script that comes on standard input."""

import os
import select
import signal
import socket
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from types import FrameType
from typing import Any, BinaryIO, cast

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.sandbox.commands.connection import already_read
from repo_agent_dagster.sandbox.commands.frames import FrameDecoder
from repo_agent_dagster.sandbox.docker_engine import engine, engine_errors
from repo_agent_dagster.sandbox.spec import WORKSPACE, SandboxUnavailable

_SHELL = ["sh", "-c", "command -v bash >/dev/null && exec bash; exec sh"]
_CHUNK = 65_536
_SIZE_ATTEMPTS = 20
_ENDING_SECONDS = 3.0
_KILLED = 128 + 9


def run_script(container_id: str, script: int, out: BinaryIO, err: BinaryIO) -> int | None:
    """Run a shell on a script, pass its two streams on, and return its exit code; None if the sandbox ended first.

    `script` is a file descriptor. The shell reads it as it comes, so that its commands find the rest of it on their
    standard input.

    Raises:
        SandboxUnavailable: the sandbox is gone, or the engine does not answer.
    """
    frames = FrameDecoder()

    def show(data: bytes) -> None:
        for stream, part in frames.feed(data):
            target = err if stream == "stderr" else out
            target.write(part)
            target.flush()

    exec_id = _prepared(container_id, terminal=False)
    _relay(exec_id, script, show)
    return _exit_code(container_id, exec_id)


def run_terminal(container_id: str) -> int | None:
    """Give this process's terminal a shell in the sandbox until it ends; return its exit code, None if the sandbox did.

    Every key goes to the shell, Ctrl-C too; Ctrl-D ends it. The size of the terminal follows.

    Raises:
        SandboxUnavailable: the sandbox is gone, or the engine does not answer.
    """
    screen = sys.stdout.fileno()

    def show(data: bytes) -> None:
        while data:
            data = data[os.write(screen, data) :]

    exec_id = _prepared(container_id, terminal=True)
    with _raw_terminal():
        _relay(exec_id, sys.stdin.fileno(), show, begun=lambda: _followed_size(exec_id))
    return _exit_code(container_id, exec_id)


def _prepared(container_id: str, *, terminal: bool) -> str:
    environment = {"TERM": os.environ.get("TERM", "xterm")} if terminal else {}
    with engine_errors(f"opening a shell in the sandbox {container_id[:12]}"):
        made: dict[str, Any] = engine().api.exec_create(
            container_id, _SHELL, stdin=True, tty=terminal, workdir=WORKSPACE, environment=environment
        )
        return str(made["Id"])


def _relay(
    exec_id: str,
    keys: int,
    show: Callable[[bytes], None],
    begun: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Start the exec, send what comes on `keys`, show what comes back, until it says no more.

    Neither side waits for the other: keys are read only when the last ones are sent.
    """
    with engine_errors("opening a shell in a sandbox"):
        raw = cast(Any, engine().api.exec_start(exec_id, socket=True))
    connection = getattr(raw, "_sock", raw)
    try:
        with begun():
            show(already_read(raw, connection))
            connection.setblocking(False)
            _pump(connection, keys, show)
    finally:
        getattr(raw, "_response", raw).close()


def _pump(connection: socket.socket, keys: int, show: Callable[[bytes], None]) -> None:
    unsent, reading = b"", True
    while True:
        poll = select.poll()
        poll.register(connection, select.POLLIN | (select.POLLOUT if unsent else 0))
        if reading and not unsent:
            poll.register(keys, select.POLLIN)
        ready = dict(poll.poll())
        if keys in ready:
            unsent = os.read(keys, _CHUNK)
            if not unsent:
                reading = False
                connection.shutdown(socket.SHUT_WR)
        with suppress(BlockingIOError, BrokenPipeError):
            unsent = unsent[connection.send(unsent) :] if unsent else unsent
        with suppress(BlockingIOError):
            if ready.get(connection.fileno(), 0) & ~select.POLLOUT:
                shown = connection.recv(_CHUNK)
                if not shown:
                    return
                show(shown)


@contextmanager
def _raw_terminal() -> Iterator[None]:
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _followed_size(exec_id: str) -> Iterator[None]:
    def follow(_signum: int = 0, _frame: FrameType | None = None) -> None:
        size = os.get_terminal_size(sys.stdout.fileno())
        for _ in range(_SIZE_ATTEMPTS):  # the engine refuses until the shell has its terminal
            try:
                with engine_errors("sizing the terminal"):
                    engine().api.exec_resize(exec_id, height=size.lines, width=size.columns)
            except (PermanentFault, TransientFault):
                time.sleep(0.05)
            else:
                return

    before = signal.signal(signal.SIGWINCH, follow)
    follow()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _exit_code(container_id: str, exec_id: str) -> int | None:
    """Return how a shell ended whose output has ended; None where its sandbox ended, and the shell with it."""
    code = None
    limit = time.monotonic() + _ENDING_SECONDS
    with suppress(SandboxUnavailable), engine_errors(f"asking the sandbox {container_id[:12]} how its shell ended"):
        while time.monotonic() < limit:
            state = engine().api.exec_inspect(exec_id)
            code = None if state["Running"] else int(state["ExitCode"])
            gone = engine().containers.get(container_id).status != "running"
            if gone:
                return None
            # Killed, like all of a sandbox that ends; the engine learns of a process's end before the container's.
            if code is not None and code != _KILLED:
                return code
            time.sleep(0.1)
        return code
    return None
