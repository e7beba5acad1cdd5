"""A file's lines while one splice after the other is applied, in any order, each in logarithmic time.

The splices of a batch in original coordinates cut the file into pieces and gaps. A Fenwick tree over their present
lengths tells where each begins now, so that the diff of every step carries the line numbers and the context of its own
moment, however many operations a batch has and in whatever order it lists them. The gaps stay where they are, in the
original lines: nothing is copied that does not change.
"""

from collections.abc import Sequence

from repo_agent_dagster.patching.planning.splices import Piece


class Rope:
    """Lines cut into gap, piece, gap, piece, … gap; the pieces are given in the order of their lines."""

    def __init__(self, lines: list[bytes], ordered: Sequence[Piece]) -> None:
        self._lines = lines
        # Where each part, gap or piece, ends in the original lines; it begins where the one before it ends.
        self._ends = [end for one in ordered for end in (one.start, one.end)]
        self._ends.append(len(lines))
        self._new: dict[int, list[bytes]] = {}  # what was put in the place of a part
        self.length = len(lines)
        self._tree = [0] * (len(self._ends) + 1)
        start = 0
        for index, end in enumerate(self._ends, start=1):
            self._tree[index] += end - start
            parent = index + (index & -index)
            if parent < len(self._tree):
                self._tree[parent] += self._tree[index]
            start = end

    def apply(self, rank: int, lines: list[bytes]) -> None:
        """Replace the present lines of the rank-th piece (0-based) by these."""
        part = 2 * rank + 1
        change = len(lines) - self._length(part)
        self._new[part] = lines
        self.length += change
        index = part + 1
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
        return self._length(2 * rank + 1)

    def piece(self, rank: int) -> list[bytes]:
        """Return the rank-th piece's present lines."""
        return self._slice(2 * rank + 1, 0, self._length(2 * rank + 1))

    def around(self, first: int, last: int, margin: int) -> tuple[int, list[bytes]]:
        """Return the lines from piece `first` to piece `last` (by rank) with `margin` more on either side.

        And, before them, at which line they begin; there are fewer at the file's edges.
        """
        part, end = 2 * first + 1, 2 * last + 2
        start = self.start_of(first)
        lines = self.piece(first)
        for inner in range(part + 1, end):
            lines = lines + self._slice(inner, 0, self._length(inner))
        stop, begin = start + len(lines), start
        while margin > start - begin and begin > 0:
            # Mostly it is the part beside; but in a row of empty ones every step would go through all of them.
            part = part - 1 if self._length(part - 1) else self._find(begin - 1)
            length = self._length(part)
            taken = min(margin - (start - begin), length)
            lines = self._slice(part, length - taken, length) + lines
            begin -= taken
        end -= 1
        wanted = min(stop + margin, self.length)
        while stop < wanted:
            end = end + 1 if self._length(end + 1) else self._find(stop)
            taken = min(wanted - stop, self._length(end))
            lines = lines + self._slice(end, 0, taken)
            stop += taken
        return begin, lines

    def lines(self) -> list[bytes]:
        """Return all present lines."""
        found: list[bytes] = []
        for part in range(len(self._ends)):
            found += self._slice(part, 0, self._length(part))
        return found

    def ends_in_original_line(self) -> int | None:
        """Return which original line (0-based) is the last one now; None when it was inserted, or no line is left."""
        if not self.length:
            return None
        part = self._find(self.length - 1)
        return None if part in self._new else self._ends[part] - 1

    def _find(self, line: int) -> int:
        """Return the part that has a present line, by descent in the Fenwick tree."""
        part, step = 0, 1 << (len(self._tree) - 1).bit_length()
        while step:
            candidate = part + step
            if candidate < len(self._tree) and self._tree[candidate] <= line:
                part = candidate
                line -= self._tree[candidate]
            step >>= 1
        return part

    def _length(self, part: int) -> int:
        new = self._new.get(part)
        return len(new) if new is not None else self._ends[part] - (self._ends[part - 1] if part else 0)

    def _slice(self, part: int, start: int, end: int) -> list[bytes]:
        """Return a part's present lines[start:end]."""
        new = self._new.get(part)
        if new is not None:
            return new[start:end]
        origin = self._ends[part - 1] if part else 0
        return self._lines[origin + start : origin + end]
