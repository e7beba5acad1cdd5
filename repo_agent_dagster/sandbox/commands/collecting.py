"""The output of a running command: frames in; lines to the sink, and the end of the text for the result."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count, repeat
from typing import get_args

from repo_agent_dagster.sandbox.commands.folding import LineSplitter
from repo_agent_dagster.sandbox.commands.frames import Frame, Stream
from repo_agent_dagster.sandbox.commands.masking import Masker
from repo_agent_dagster.sandbox.commands.output import OutputLine, OutputSink

TAIL_CHARACTERS = 262_144
"""Characters of the output that a command's result holds: the last ones."""


# A million of them are made: this makes an OutputLine of a tuple without a call of Python's.
_line: Callable[[tuple[Stream, str, datetime, int]], OutputLine] = partial(tuple.__new__, OutputLine)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Collector:
    """Takes the frames of one command, passes its numbered lines to the sink, and keeps the text's last part.

    Secrets are masked before anything else sees the output; lines that are redrawn are folded (see `LineSplitter`).
    """

    def __init__(
        self,
        command_id: str,
        sink: OutputSink | None,
        masker: Masker | None = None,
        *,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._id = command_id
        self._sink = sink
        self._clock = clock
        streams: tuple[Stream, ...] = get_args(Stream)
        self._masks = {stream: None if masker is None else masker.stream() for stream in streams}
        self._lines = {stream: LineSplitter() for stream in streams}
        self._output = _Tail()
        self._stdout = _Tail()
        self._seq = 0

    def take(self, frames: Sequence[Frame]) -> None:
        """Take the frames that arrived since the last call; call it without any now and then, so that nothing waits."""
        fed = {stream for stream, _ in frames}
        self._take([*frames, *((stream, b"") for stream in self._lines if stream not in fed)], last=False)

    def finish(self) -> None:
        """The stream is at its end: pass on the unfinished lines too."""
        self._take([(stream, b"") for stream in self._lines], last=True)

    @property
    def output(self) -> str:
        """The last characters of stdout and stderr, redrawn lines folded, in the order in which lines were finished."""
        return self._output.text()

    @property
    def stdout(self) -> str:
        """The last characters of stdout alone, as they came, for programs that read it."""
        return self._stdout.text()

    @property
    def cut(self) -> bool:
        """Whether the output was longer than what is kept of it."""
        return self._output.cut

    def _take(self, frames: Iterable[Frame], *, last: bool) -> None:
        at = self._clock()
        now = at.timestamp()
        lines: list[OutputLine] = []
        for stream, data in frames:
            mask = self._masks[stream]
            shown = data if mask is None else mask.feed(data, last=last)
            decoded = self._lines[stream].feed(shown, now, last=last)
            self._output.add(decoded.text)
            if stream == "stdout":
                self._stdout.add(decoded.raw)
            numbers = count(self._seq + 1)
            lines += map(_line, zip(repeat(stream), decoded.lines, repeat(at), numbers, strict=False))
            self._seq += len(decoded.lines)
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
