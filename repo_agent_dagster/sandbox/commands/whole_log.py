"""The whole log of a command that writes more than the store keeps: in a compressed file, its last lines at hand."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import zstandard

from repo_agent_dagster.sandbox.commands.output import OutputLine

WHOLE_LOG_BYTES = 1 << 30
"""Bytes of a whole log before its compression: a command that never stops must not fill the disk."""
LAST_LINES = 200
"""Lines that are shown of the end of a log that was cut."""
_LAST_CHARACTERS = 262_144


class WholeLog:
    """A compressed file (zstd) of lines ``<time> <stream> <text>``, in the folder for temporary files. Close it."""

    def __init__(self, *, limit_bytes: int = WHOLE_LOG_BYTES) -> None:
        file = NamedTemporaryFile(prefix="repo-agent-log-", suffix=".zst", delete=False)  # noqa: SIM115 - `close` does
        self.path = Path(file.name)
        self._limit = limit_bytes
        self._left = limit_bytes
        self._writer: IO[bytes] = zstandard.ZstdCompressor(level=3).stream_writer(file)
        self._last: deque[OutputLine] = deque()
        self._last_size = 0
        self._ending = 0

    def write_stored(self, lines: Iterable[OutputLine]) -> None:
        """Write lines that the store keeps too."""
        self._write(lines)

    def write(self, lines: Sequence[OutputLine]) -> None:
        """Write lines that the store does not keep."""
        self._write(lines)
        self._ending += len(lines)
        for line in lines[-LAST_LINES:]:
            self._last.append(line)
            self._last_size += len(line.text)
        while len(self._last) > LAST_LINES or (self._last_size > _LAST_CHARACTERS and len(self._last) > 1):
            self._last_size -= len(self._last.popleft().text)

    @property
    def last(self) -> Sequence[OutputLine]:
        """The last of the lines that the store does not keep: 200, fewer if they are long."""
        return list(self._last)

    @property
    def left_out(self) -> int:
        """Lines that neither the store has nor `last`."""
        return self._ending - len(self._last)

    def finish(self) -> Path:
        """Complete the file and return it; it is there until `close`."""
        self._writer.close()
        return self.path

    def close(self) -> None:
        """Delete the file."""
        self._writer.close()
        with suppress(FileNotFoundError):  # whoever keeps it may have moved it away
            self.path.unlink()

    def _write(self, lines: Iterable[OutputLine]) -> None:
        if self._left <= 0:
            return
        data = "".join(_logged(lines)).encode(errors="replace")
        self._writer.write(data)
        self._left -= len(data)
        if self._left <= 0:
            self._writer.write(f"[cut after {self._limit - self._left} bytes]\n".encode())


def _logged(lines: Iterable[OutputLine]) -> Iterator[str]:
    last_at: datetime | None = None
    time = ""
    for stream, text, at, _ in lines:
        if at is not last_at:
            last_at, time = at, at.isoformat(timespec="milliseconds")
        yield f"{time} {stream} {text}\n"
