"""A failure block: the lines in which a tool tells of one failure, and what is read from them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from repo_agent_dagster.ops.analysis.model import Anchor, Frame
from repo_agent_dagster.ops.analysis.stacks import frame_of, frames_of

MAX_BLOCK_LINES = 400
"""A block that does not end is cut off here."""

MAX_HEADLINE_CHARACTERS = 500


class Rank(IntEnum):
    """How sure it is that a block is why the step failed; within a step the highest rank speaks for the rest."""

    LOUD = 1
    """A line that speaks of an error: a program may log such lines and go on."""

    CRASH = 2
    """A stack trace or a shell's last word: it ended a program, but maybe not this step's."""

    VERDICT = 3
    """A tool's own verdict: a failed test, a compiler's error, a refused installation."""


@dataclass(frozen=True, slots=True)
class Block:
    """One failure as a tool tells it. Indexes count from 0 in the texts that the reader was given.

    It covers ``start`` to ``end`` (exclusive); nothing else reads these lines. `picked` are those that tell of the
    failure. `rule` is the tool's code for what is wrong (TS2322, E501, no-undef). A block that `wraps`
    tells that what ran inside of it failed: where that told why, it is no failure of its own.
    """

    tool: str
    start: int
    end: int
    picked: tuple[int, ...]
    headline: str
    exception: str | None = None
    frames: tuple[Frame, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    test: str | None = None
    command: str | None = None
    exit_code: int | None = None
    rule: str | None = None
    rank: Rank = Rank.VERDICT
    is_trace: bool = False
    wraps: bool = False


class Reader(Protocol):
    """Finds one tool's blocks. The texts are a step's lines without escapes, marks and prefixes."""

    def __call__(self, texts: Sequence[str]) -> Iterator[Block]:
        """Yield the blocks in order; they do not overlap."""
        ...


def until(texts: Sequence[str], start: int, ends: Callable[[str], object], limit: int = MAX_BLOCK_LINES) -> int:
    """Return the index after `start` of the first line that ends a block, or of the end."""
    stop = min(len(texts), start + limit)
    index = start
    while index < stop and not ends(texts[index]):
        index += 1
    return index


def trimmed(texts: Sequence[str], indexes: Iterable[int]) -> tuple[int, ...]:
    """Return the indexes in order and once, without blank lines at both ends."""
    kept = sorted(set(indexes))
    while kept and not texts[kept[-1]].strip():
        kept.pop()
    while kept and not texts[kept[0]].strip():
        kept.pop(0)
    return tuple(kept)


def own_frame_lines(texts: Sequence[str], start: int, end: int) -> list[int]:
    """Return the lines of frames in our own code, or the first frame's where none is."""
    found = [(index, frame) for index in range(start, end) if (frame := frame_of(texts[index]))]
    ours = [index for index, frame in found if frame.is_ours]
    return ours or [index for index, _ in found[:1]]


def anchors_of(frames: Iterable[Frame]) -> tuple[Anchor, ...]:
    """Return the first places in our own code that the frames name."""
    return tuple(dict.fromkeys(frame.anchor for frame in frames if frame.is_ours and frame.anchor.file))[:5]


def stack_in(texts: Sequence[str], start: int, end: int) -> tuple[Frame, ...]:
    """Return the frames in the lines from `start` to `end`, innermost first."""
    return frames_of(texts[start:end])


def shown(text: str) -> str:
    """Return a headline: the line without spaces around it, cut."""
    return text.strip()[:MAX_HEADLINE_CHARACTERS]
