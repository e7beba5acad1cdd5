"""The open connection of a started exec: input goes out while output comes in, with a time limit on every wait."""

import select
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from typing import Any, cast

from docker import DockerClient

from repo_agent_dagster.sandbox.commands.frames import Frame, FrameDecoder
from repo_agent_dagster.sandbox.docker_engine import engine_errors

_CHUNK = 1 << 18
_BLOCKED = (BlockingIOError, TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_HANGS_UP = (BrokenPipeError, ConnectionResetError)


class ExecConnection:
    """The open connection of one exec, which it starts. Close it; the command itself is not ended by that.

    `stdin` is sent as the command takes it, and closed at its end; None is for an exec that was made without one. Its
    size does not matter, nor how much the command writes meanwhile: neither side waits for the other with a full pipe.
    """

    def __init__(self, client: DockerClient, exec_id: str, stdin: Iterable[bytes] | None = None) -> None:
        with engine_errors("starting a command in a sandbox"):
            raw = cast(Any, client.api.exec_start(exec_id, socket=True))
        self._raw = raw
        self._socket = getattr(raw, "_sock", raw)  # under http(s), docker-py hands out the file object of the socket
        self._early = already_read(raw, self._socket)
        self._socket.setblocking(False)  # no read time-out either: a quiet command is no dead one
        self._frames = FrameDecoder()
        self._input: Iterator[bytes] | None = None if stdin is None else iter(stdin)
        self._unsent = memoryview(b"")
        self.moved_at = time.monotonic()
        """When bytes last went either way (`time.monotonic`)."""

    def read(self, seconds: float) -> list[Frame] | None:
        """Return the frames that arrive within `seconds` (none: an empty list), or None at the stream's end.

        Meanwhile the command's input is sent as far as it takes it.
        """
        limit = time.monotonic() + seconds
        if self._early:
            data, self._early = self._early, b""
            return self._frames.feed(data)
        while True:
            readable, writable = self._wait(max(0.0, limit - time.monotonic()))
            if writable:
                self._send()
            received = self._receive() if readable else None
            if received is not None:
                return self._frames.feed(received) if received else None
            if time.monotonic() >= limit:
                return []

    def close(self) -> None:
        """Close the connection."""
        getattr(self._raw, "_response", self._raw).close()

    def _wait(self, seconds: float) -> tuple[bool, bool]:
        if getattr(self._socket, "pending", int)():  # TLS: decrypted bytes wait in the object, not in the kernel
            return True, False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._input is not None else 0))
        events = dict(poll.poll(round(seconds * 1000))).get(self._socket.fileno(), 0)
        return bool(events & ~select.POLLOUT), bool(events & select.POLLOUT)

    def _receive(self) -> bytes | None:
        try:
            data: bytes = self._socket.recv(_CHUNK)
        except _BLOCKED:
            return None
        except ConnectionResetError:
            return b""
        self.moved_at = time.monotonic()
        return data

    def _send(self) -> None:
        if self._input is None:
            return
        try:
            if not self._unsent:
                part = next(self._input, None)
                if part is None:
                    _end_input(self._socket)
                    self._input = None
                    return
                self._unsent = memoryview(part)
            if self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent[:_CHUNK]) :]
                self.moved_at = time.monotonic()
        except _BLOCKED:
            return
        except _HANGS_UP:  # the command reads no more: that is its right
            self._input = None


def _end_input(connection: Any) -> None:
    if isinstance(connection, ssl.SSLSocket):
        # `shutdown` would drop the TLS layer of the reading side too; this says "no more from me" and reads on.
        try:
            connection.unwrap()
        except _BLOCKED:
            return
    else:
        connection.shutdown(socket.SHUT_WR)


def already_read(raw: Any, connection: Any) -> bytes:
    """Return the first bytes of an exec's stream that were read with the headers of the engine's answer."""
    # http.client reads the answer's headers through a buffer, and the first output may be in it already. docker-py's
    # own stream reader forgets that; under load it is how the output of a quick command gets lost.
    try:
        buffer = raw._response.raw._fp.fp
        connection.settimeout(0.0)
        waiting: bytes = buffer.peek(1)
        return bytes(buffer.read1(len(waiting))) if waiting else b""
    except (AttributeError, BlockingIOError, OSError):
        return b""
