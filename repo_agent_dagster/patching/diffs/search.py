"""Find runs of lines in a file: each different line is a character, so that finding is searching in a string.

That is linear in the file's length whatever the lines are, and costs little even for thousands of hunks.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from repo_agent_dagster.patching.model import InvalidPatch
from repo_agent_dagster.patching.text.lines import LF, content_of

Key = Callable[[bytes], bytes]
"""What of a line is compared."""

_CHARACTERS = 0x110000
_OTHER = "\0"  # every line of the file that no hunk has


def content(line: bytes) -> bytes:
    """Return a line without its terminator, if it has one."""
    return content_of(line) if line.endswith(LF) else line


def spaceless(line: bytes) -> bytes:
    """Return a line without its white space."""
    return b"".join(line.split())


@dataclass(frozen=True)
class Haystack:
    """The lines of a file, in which any of these needles is looked for; `key` tells which lines are equal."""

    lines: Sequence[bytes]
    needles: Sequence[Sequence[bytes]]
    key: Key

    def fits(self, needle: Sequence[bytes], position: int) -> bool:
        """Whether the needle stands at this line, from 0."""
        present = self.lines[position : position + len(needle)] if position >= 0 else []
        return len(present) == len(needle) and all(
            one == other or self.key(one) == self.key(other) for one, other in zip(present, needle, strict=True)
        )

    def nearest(self, needle: Sequence[bytes], expected: int, floor: int) -> list[int]:
        """Return where, from line `floor` on, the needle stands nearest to a line; two places if they are equally near.

        The expected line itself is not looked at.
        """
        pattern, length = self._text_of(needle), len(self.lines)
        after = self._text.find(pattern, max(expected + 1, floor))
        # The last occurrence before a place is the first one after it in the reversed text: `str.rfind` is quadratic.
        last_end = min(expected - 1 + len(pattern), length)
        found = self._reversed.find(pattern[::-1], length - last_end) if last_end >= len(pattern) else -1
        before = length - found - len(pattern) if found >= 0 else -1
        places = [place for place in (before, after) if place >= floor]
        distance = min((abs(place - expected) for place in places), default=0)
        return [place for place in places if abs(place - expected) == distance]

    def first(self, needle: Sequence[bytes]) -> int | None:
        """Return the first line at which the needle stands anywhere."""
        place = self._text.find(self._text_of(needle))
        return None if place < 0 else place

    def _text_of(self, needle: Iterable[bytes]) -> str:
        return "".join([self._characters[self.key(line)] for line in needle])

    @cached_property
    def _characters(self) -> dict[bytes, str]:
        keys = dict.fromkeys(self.key(line) for needle in self.needles for line in needle)
        if len(keys) >= _CHARACTERS:
            raise InvalidPatch(f"the diff has {len(keys)} different lines for one file; send it in several diffs")
        return {one: chr(number) for number, one in enumerate(keys, start=1)}

    @cached_property
    def _text(self) -> str:
        characters, key = self._characters, self.key
        return "".join([characters.get(key(line), _OTHER) for line in self.lines])

    @cached_property
    def _reversed(self) -> str:
        return self._text[::-1]
