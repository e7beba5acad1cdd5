"""A file's lines while one splice after the other is applied, in any order, each in logarithmic time.

The splices of a batch in original coordinates cut the file into pieces and gaps. A Fenwick tree over their present
lengths tells where each begins now, so that the diff of every step carries the line numbers and the context of its own
moment, however many operations a batch has and in whatever order it lists them.
"""

from collections.abc import Sequence
from itertools import chain

from repo_agent_dagster.patching.splices import Piece


class Rope:
    """Lines cut into gap, piece, gap, piece, … gap; the pieces are given in the order of their lines."""

    def __init__(self, lines: list[bytes], ordered: Sequence[Piece]) -> None:
        self._pieces: list[list[bytes]] = []
        self._applied: list[bool] = []
        self._line_count = len(lines)
        self._ends: list[int] = []  # where each piece ends in the original lines
        position = 0
        for one in ordered:
            for start, end in ((position, one.start), (one.start, one.end)):
                self._pieces.append(lines[start:end])
                self._ends.append(end)
            position = one.end
        self._pieces.append(lines[position:])
        self._ends.append(len(lines))
        self._applied = [False] * len(self._pieces)
        self._tree = [0, *map(len, self._pieces)]
        for index in range(1, len(self._tree)):
            parent = index + (index & -index)
            if parent < len(self._tree):
                self._tree[parent] += self._tree[index]
        self.length = len(lines)

    def apply(self, rank: int, lines: list[bytes]) -> None:
        """Replace the present lines of the rank-th piece (0-based) by these."""
        piece = 2 * rank + 1
        change = len(lines) - len(self._pieces[piece])
        self._pieces[piece] = lines
        self._applied[piece] = True
        self.length += change
        index = piece + 1
        while index < len(self._tree):
            self._tree[index] += change
            index += index & -index

    def start_of(self, rank: int) -> int:
        """Return where the rank-th piece begins now (0-based line)."""
        total, index = 0, 2 * rank + 1
        while index > 0:
            total += self._tree[index]
            index -= index & -index
        return total

    def length_of(self, rank: int) -> int:
        """Return how many lines the rank-th piece has now."""
        return len(self._pieces[2 * rank + 1])

    def slice(self, start: int, end: int) -> list[bytes]:
        """Return the present lines[start:end]; both ends are clamped to what there is."""
        start, end = max(start, 0), min(end, self.length)
        found: list[bytes] = []
        while start < end:
            piece, offset = self._find(start)
            part = self._pieces[piece][offset : offset + end - start]
            found += part
            start += len(part)
        return found

    def around(self, first: int, last: int, margin: int) -> tuple[list[bytes], list[bytes], list[bytes]]:
        """Return the lines of the pieces `first` to `last` (by rank) and between, and `margin` lines on either side.

        As (before, within, after); the sides are shorter at the file's edges.
        """
        begin, end = 2 * first + 1, 2 * last + 2
        within = self._pieces[begin] if first == last else list(chain.from_iterable(self._pieces[begin:end]))
        before: list[bytes] = []
        while len(before) < margin and begin:
            begin -= 1
            before = self._pieces[begin][len(before) - margin :] + before
        after: list[bytes] = []
        while len(after) < margin and end < len(self._pieces):
            after = after + self._pieces[end][: margin - len(after)]
            end += 1
        return before, within, after

    def lines(self) -> list[bytes]:
        """Return all present lines."""
        return list(chain.from_iterable(self._pieces))

    def ends_in_original_line(self) -> int | None:
        """Return which original line (0-based) is the last one now; None when it was inserted, or no line is left."""
        if not self.length:
            return None
        piece, _ = self._find(self.length - 1)
        return None if self._applied[piece] else self._ends[piece] - 1

    def _find(self, line: int) -> tuple[int, int]:
        """Return (piece, offset in it) of a present line, by descent in the Fenwick tree."""
        piece, step = 0, 1 << (len(self._tree) - 1).bit_length()
        while step:
            candidate = piece + step
            if candidate < len(self._tree) and self._tree[candidate] <= line:
                piece = candidate
                line -= self._tree[candidate]
            step >>= 1
        return piece, line
