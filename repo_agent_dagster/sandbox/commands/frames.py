"""The byte stream of a Docker exec: multiplexed frames in, bytes by stream and lines out.

Docker's framing (Engine API, "Attach to a container"): 8 bytes of header, the first is the stream (1 stdout,
2 stderr), the last four the payload's length, big-endian; then the payload. Frames split lines and characters anywhere.
"""

import codecs
import struct
from collections.abc import Iterator
from typing import Literal

Stream = Literal["stdout", "stderr"]
Frame = tuple[Stream, bytes]

LINE_LIMIT = 65_536
"""Characters of a line; a longer one is split."""
_HEADER = struct.Struct(">BxxxL")


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
