"""The output of a running command: frames in; lines to the sink, and the end of the text for the result."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

from repo_agent_dagster.sandbox.commands.frames import Frame, LineSplitter, Stream
from repo_agent_dagster.sandbox.commands.output import OutputLine, OutputSink

TAIL_CHARACTERS = 262_144
"""Characters of the output that a command's result holds: the last ones."""


class Collector:
    """Takes the frames of one command, passes its numbered lines to the sink, and keeps the text's last part."""

    def __init__(self, command_id: str, sink: OutputSink | None) -> None:
        self._id = command_id
        self._sink = sink
        self._lines: dict[Stream, LineSplitter] = {"stdout": LineSplitter(), "stderr": LineSplitter()}
        self._output = _Tail()
        self._stdout = _Tail()
        self._seq = 0

    def take(self, frames: Sequence[Frame]) -> None:
        """Take the frames that arrived since the last call; none at times, so that what waits is passed on."""
        self._take(frames, last=False)

    def finish(self) -> None:
        """The stream is at its end: pass on the unfinished lines too."""
        self._take([("stdout", b""), ("stderr", b"")], last=True)

    @property
    def output(self) -> str:
        """The last characters of stdout and stderr, as they arrived."""
        return self._output.text()

    @property
    def stdout(self) -> str:
        """The last characters of stdout alone."""
        return self._stdout.text()

    @property
    def cut(self) -> bool:
        """Whether the output was longer than what is kept of it."""
        return self._output.cut

    def _take(self, frames: Sequence[Frame], *, last: bool) -> None:
        at = datetime.now(UTC)
        lines: list[OutputLine] = []
        for stream, data in frames:
            text, whole = self._lines[stream].feed(data, last=last)
            self._output.add(text)
            if stream == "stdout":
                self._stdout.add(text)
            for line in whole:
                self._seq += 1
                lines.append(OutputLine(stream, line, at, self._seq))
        if self._sink is not None:
            self._sink.write(self._id, lines)


class _Tail:
    """The last characters of a text that comes in parts."""

    def __init__(self) -> None:
        self._parts: deque[str] = deque()
        self._size = 0
        self._dropped = False

    def add(self, text: str) -> None:
        """Append a part; drop the oldest ones that the limit leaves no room for."""
        if not text:
            return
        self._parts.append(text)
        self._size += len(text)
        while self._size - len(self._parts[0]) >= TAIL_CHARACTERS:
            self._size -= len(self._parts.popleft())
            self._dropped = True

    @property
    def cut(self) -> bool:
        """Whether the text was longer than the limit."""
        return self._dropped or self._size > TAIL_CHARACTERS

    def text(self) -> str:
        """Return the text's last characters."""
        return "".join(self._parts)[-TAIL_CHARACTERS:]
