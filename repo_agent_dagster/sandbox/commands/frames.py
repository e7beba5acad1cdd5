"""Docker's framing of an exec's output: multiplexed frames in, bytes by stream out.

The format (Engine API, "Attach to a container"): 8 bytes of header, the first is the stream (1 stdout, 2 stderr), the
last four the payload's length, big-endian; then the payload. Frames split lines and characters anywhere.
"""

import struct
from typing import Literal

Stream = Literal["stdout", "stderr"]
Frame = tuple[Stream, bytes]

_HEADER = struct.Struct(">BxxxL")


class FrameDecoder:
    """Turns Docker's multiplexed bytes, cut anywhere, into (stream, payload) frames; payloads are passed on at once.

    Neighbouring payloads of one stream come as one: a program that writes line by line makes a frame of every line.
    """

    def __init__(self) -> None:
        self._header = b""
        self._stream: Stream = "stdout"
        self._left = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames, or parts of frames, that `data` holds."""
        data = self._header + data
        frames: list[Frame] = []
        parts: list[bytes] = []
        position = 0
        while position < len(data):
            if self._left:
                payload = data[position : position + self._left]
                parts.append(payload)
                position += len(payload)
                self._left -= len(payload)
                continue
            if len(data) - position < _HEADER.size:
                break
            number, self._left = _HEADER.unpack_from(data, position)
            position += _HEADER.size
            stream: Stream = "stderr" if number == 2 else "stdout"
            if self._left and stream != self._stream:
                if parts:
                    frames.append((self._stream, b"".join(parts)))
                    parts.clear()
                self._stream = stream
        self._header = data[position:]
        if parts:
            frames.append((self._stream, b"".join(parts)))
        return frames
