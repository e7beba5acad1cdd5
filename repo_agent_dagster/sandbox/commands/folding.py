"""Bytes of one stream into text and lines: characters and lines cut anywhere, progress bars folded, memory bounded."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

LINE_LIMIT = 65_536
"""Characters of a line; a longer one is split."""
REDRAW_SECONDS = 1.0
"""A line that a program redraws (a progress bar) is shown at most this often while it is not finished."""
IDLE_SECONDS = 2.0
"""An unfinished line is shown when nothing was added to it for so long: a prompt, or where a program hangs."""
UNFINISHED_SECONDS = 10.0
"""An unfinished line that goes on growing is shown this often, in parts."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What some bytes of a stream came to: their text as it is, the text that stays after redrawing, and lines."""

    raw: str
    text: str
    lines: list[str]


class LineSplitter:
    r"""Turns one stream's bytes, cut anywhere, into text and lines.

    Invalid UTF-8 becomes U+FFFD. ``\n`` and ``\r\n`` end a line. A ``\r`` alone begins the line anew: of a line that is
    redrawn the last state is kept, and others only as often as `REDRAW_SECONDS`, so that a bar that runs for minutes
    is seen to run. `now` is in seconds, of any clock.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._line = ""
        """The unfinished line as it looks now; a `\\r` at its end may yet turn out to be half a line end."""
        self._shown = 0
        """Characters of it that were passed on as lines already."""
        self._began = self._grew = 0.0
        self._drawn: float | None = None
        """When a state of the unfinished line was last shown, or it was redrawn first; None: it was not redrawn."""

    def feed(self, data: bytes, now: float, *, last: bool = False) -> Decoded:
        """Return what is new; with `last`, also the unfinished line."""
        new = self._decoder.decode(data, last)
        whole = self._line + new
        cut = whole.rfind("\n") + 1
        self._line = whole[cut:]
        text, lines = self._finish(whole[:cut]) if cut else ("", [])
        if new:
            self._grew = now
            if cut or len(whole) == len(new):
                self._began = now
            if "\r" in self._line:
                lines += self._redraw(now)
            if len(self._line) > LINE_LIMIT:
                text += self._split(lines)
        if last:
            text += self._end(lines)
        elif self._line and not lines:
            lines = self._overdue(now)
        return Decoded(new, text, lines)

    def _finish(self, text: str) -> tuple[str, list[str]]:
        """Take whole lines; return their text and them."""
        lines = text.split("\n")
        lines.pop()
        shown = self._shown
        if "\r" in text:
            if "\r" in lines[0].rstrip("\r"):
                shown = 0
            ends = ["\r\n" if line.endswith("\r") else "\n" for line in lines]
            lines = [_states(line)[-1] for line in lines]
            text = "".join([part for pair in zip(lines, ends, strict=True) for part in pair])
        if shown:
            rest = lines[0][shown:]
            lines[:1] = [rest] if rest else []
        self._shown, self._drawn = 0, None
        if len(text) > LINE_LIMIT and any(len(line) > LINE_LIMIT for line in lines):
            lines = [part for line in lines for part in _parts(line)]
        return text, lines

    def _redraw(self, now: float) -> list[str]:
        """Forget the unfinished line's states that were drawn over; return the newest whole one if it is time."""
        half_end = "\r" if self._line.endswith("\r") else ""
        states = _states(self._line)
        newest = len(states) - (1 if half_end else 2)
        shown = self._shown if newest == 0 else 0
        if len(states) > 1:
            self._shown = 0
        self._line = states[-1] + half_end
        if self._drawn is None:
            self._drawn = now
        state = states[newest][shown:]
        if now - self._drawn < REDRAW_SECONDS or not state.strip():
            return []
        self._drawn = now
        if half_end:
            self._shown = shown + len(state)
        return list(_parts(state))

    def _split(self, lines: list[str]) -> str:
        """Take full parts off the over-long unfinished line; return their text."""
        size = max(self._shown, len(self._line) // LINE_LIMIT * LINE_LIMIT)
        text, self._line = self._line[:size], self._line[size:]
        if len(text) > self._shown:
            lines += _parts(text[self._shown :])
        self._shown = 0
        return text

    def _end(self, lines: list[str]) -> str:
        """Take the unfinished line as it is; return its text."""
        text, self._line = self._line.rstrip("\r"), ""
        if len(text) > self._shown:
            lines += _parts(text[self._shown :])
        self._shown = 0
        return text

    def _overdue(self, now: float) -> list[str]:
        """Return the part of the unfinished line that has waited for too long."""
        line = self._line.rstrip("\r")
        is_bar = self._drawn is not None
        waits = now - self._grew >= IDLE_SECONDS or (now - self._began >= UNFINISHED_SECONDS and not is_bar)
        if not waits or len(line) <= self._shown:
            return []
        part = line[self._shown :]
        self._shown, self._began = len(line), now
        return list(_parts(part))


def _states(line: str) -> list[str]:
    """Return the states of a line that was redrawn, the last one last."""
    return line.rstrip("\r").split("\r")


def _parts(line: str) -> Iterator[str]:
    yield line[:LINE_LIMIT]
    for start in range(LINE_LIMIT, len(line), LINE_LIMIT):
        yield line[start : start + LINE_LIMIT]
