"""The byte stream of a Docker exec: multiplexed frames in, bytes by stream out, with a time limit on every wait.

Docker's framing (Engine API, "Attach to a container"): 8 bytes of header, the first is the stream (1 stdout,
2 stderr), the last four the payload's length, big-endian; then the payload. Frames split lines and characters anywhere.
"""

import codecs
import select
import socket
import struct
from collections.abc import Iterator
from typing import Any, Literal, cast

from docker import DockerClient

from repo_agent_dagster.sandbox.docker_engine import engine_errors

Stream = Literal["stdout", "stderr"]
Frame = tuple[Stream, bytes]

LINE_LIMIT = 65_536
"""Characters of a line; a longer one is split."""
_HEADER = struct.Struct(">BxxxL")
_CHUNK = 65_536


class FrameDecoder:
    """Turns Docker's multiplexed bytes, cut anywhere, into (stream, payload) frames; payloads are passed on at once."""

    def __init__(self) -> None:
        self._header = b""
        self._stream: Stream = "stdout"
        self._left = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames, or parts of frames, that `data` holds."""
        frames: list[Frame] = []
        while data:
            if self._left == 0:
                wanted = _HEADER.size - len(self._header)
                self._header, data = self._header + data[:wanted], data[wanted:]
                if len(self._header) == _HEADER.size:
                    number, self._left = _HEADER.unpack(self._header)
                    self._stream, self._header = "stderr" if number == 2 else "stdout", b""
                continue
            payload, data = data[: self._left], data[self._left :]
            self._left -= len(payload)
            frames.append((self._stream, payload))
        return frames


class LineSplitter:
    """Turns one stream's bytes, cut anywhere, into text and whole lines; invalid UTF-8 becomes U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._pending = ""

    def feed(self, data: bytes, *, last: bool = False) -> tuple[str, list[str]]:
        """Return the decoded text and the lines that are complete now; with `last`, also the unfinished one."""
        text = self._decoder.decode(data, last)
        *lines, self._pending = (self._pending + text).split("\n")
        whole = [part for line in lines for part in _parts(line)]
        while len(self._pending) > LINE_LIMIT:
            whole.append(self._pending[:LINE_LIMIT])
            self._pending = self._pending[LINE_LIMIT:]
        if last and self._pending:
            whole.append(self._pending)
            self._pending = ""
        return text, whole


def _parts(line: str) -> Iterator[str]:
    yield line[:LINE_LIMIT]
    for start in range(LINE_LIMIT, len(line), LINE_LIMIT):
        yield line[start : start + LINE_LIMIT]


class ExecConnection:
    """The open connection of one started exec. Close it; the command itself is not ended by that."""

    def __init__(self, client: DockerClient, exec_id: str) -> None:
        with engine_errors("starting a command in a sandbox"):
            raw = cast(Any, client.api.exec_start(exec_id, socket=True))
        self._raw = raw
        self._socket = getattr(raw, "_sock", raw)  # under http(s), docker-py hands out the file object of the socket
        self._early = _already_read(raw, self._socket)
        self._socket.settimeout(None)
        self._frames = FrameDecoder()

    def send(self, data: bytes) -> None:
        """Send to the command's standard input; returns quietly when the command no longer reads."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def end_input(self) -> None:
        """Close the command's standard input."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def read(self, seconds: float) -> list[Frame] | None:
        """Return the frames that arrive within `seconds` (none: an empty list), or None at the stream's end."""
        if self._early:
            data, self._early = self._early, b""
            return self._frames.feed(data)
        if not _readable(self._socket, seconds):
            return []
        try:
            data = self._socket.recv(_CHUNK)
        except ConnectionResetError:
            return None
        return self._frames.feed(data) if data else None

    def close(self) -> None:
        """Close the connection."""
        getattr(self._raw, "_response", self._raw).close()


def _readable(connection: Any, seconds: float) -> bool:
    if getattr(connection, "pending", int)():  # TLS: decrypted bytes wait in the object, not in the kernel
        return True
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(max(0, round(seconds * 1000))))


def _already_read(raw: Any, connection: Any) -> bytes:
    # http.client reads the answer's headers through a buffer, and the first output may be in it already. docker-py's
    # own stream reader forgets that; under load it is how the output of a quick command gets lost.
    try:
        buffer = raw._response.raw._fp.fp
        connection.settimeout(0.0)
        waiting: bytes = buffer.peek(1)
        return bytes(buffer.read1(len(waiting))) if waiting else b""
    except (AttributeError, BlockingIOError, OSError):
        return b""
