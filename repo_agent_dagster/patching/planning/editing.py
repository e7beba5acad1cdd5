"""One text file on its way through a batch: its lines, and what each operation changes of them.

Every operation's change comes out as windows around it, of the lines before and after, so that the diff of each step
costs what the step touches and not the file's length.
"""

from collections.abc import Sequence
from itertools import pairwise

from repo_agent_dagster.patching.diffs.writing import CONTEXT_LINES, Window
from repo_agent_dagster.patching.planning.rope import Rope
from repo_agent_dagster.patching.planning.splices import Splice, pieces, without_blank_end
from repo_agent_dagster.patching.text.lines import Text, content_of, finished, render, without_newline
from repo_agent_dagster.patching.text.matching import Region

# One more than the context: an edge (byte-order mark, missing last newline) can change the line next to a splice.
_MARGIN = CONTEXT_LINES + 1


Span = tuple[int, int, int]
"""Lines [start:end) of the text before, and how many lines are in their place after."""


def regions_of(spans: Sequence[Span], old: Sequence[bytes], new: Sequence[bytes]) -> list[Region]:
    """Return what differs, given the lines before and after and which of them were replaced."""
    found, shift = [], 0
    for start, end, length in spans:
        begin = start + shift
        if old[start:end] != new[begin : begin + length]:
            found.append(Region(start, end, begin, begin + length))
        shift += length - (end - start)
    return found


class Edit:
    """A text and the splices that will be made in it; `ordered` is what `refuse_overlaps` gave."""

    def __init__(self, text: Text, ordered: Sequence[Splice]) -> None:
        self._text = text
        self._pieces = pieces(ordered)
        self._rank_of = {id(splice): rank for rank, piece in enumerate(self._pieces) for splice in piece.splices}
        self._applied: dict[int, list[Splice]] = {}
        self._rope = Rope(text.lines, self._pieces)
        self._unterminated = text.unterminated

    def step(self, splices: Sequence[Splice]) -> list[Window]:
        """Make the splices of one operation; return what changed, in the order of the lines."""
        ranks = sorted({self._rank_of[id(splice)] for splice in splices})
        groups = [ranks] if len(ranks) == 1 else self._neighbours(ranks)
        before = [self._window(group) for group in groups]
        for splice in splices:
            self._applied.setdefault(self._rank_of[id(splice)], []).append(splice)
        for rank in ranks:
            self._rope.apply(rank, self._lines_of(rank))
        after = [self._window(group) for group in groups]
        return [
            Window(old_start, new_start, old, new)
            for (old_start, old), (new_start, new) in zip(before, after, strict=True)
        ]

    def settle(self) -> Text:
        """Put what the edit made into the text that it began with, and return it; the edit itself is over then.

        A last line that is blank has its newline, or there would be no such line.
        """
        unterminated = self._ends_open()
        lines = self._text.lines
        for rank in range(len(self._pieces) - 1, -1, -1):
            lines[self._pieces[rank].start : self._pieces[rank].end] = self._rope.piece(rank)
        last = content_of(lines[-1]) if lines and unterminated else b""
        if last:
            lines[-1] = last
            lines[-1] = finished(lines)
        return Text(self._text.bom, lines, bool(last))

    def content(self) -> bytes:
        """Return the file's bytes as they are now."""
        return render(self._text.bom, self._rope.lines(), self._ends_open())

    def spans(self) -> list[Span] | None:
        """Return which lines were replaced, and by how many; None where edges make it hard to tell."""
        if self._text.bom or self._text.unterminated or self._ends_open():
            return None
        return [(piece.start, piece.end, self._rope.length_of(rank)) for rank, piece in enumerate(self._pieces)]

    def _lines_of(self, rank: int) -> list[bytes]:
        piece = self._pieces[rank]
        lines = piece.lines(self._applied[rank], self._text.lines[piece.start : piece.end])
        for splice in self._applied[rank]:
            if splice.ends is not None:
                lines = list(lines)
                self._unterminated = splice.ends and not without_blank_end(lines)
        return lines

    def _neighbours(self, ranks: Sequence[int]) -> list[list[int]]:
        """Put pieces into one group whose windows would touch."""
        groups = [[ranks[0]]]
        for before, rank in pairwise(ranks):
            gap = self._rope.start_of(rank) - self._rope.start_of(before) - self._rope.length_of(before)
            if gap <= 2 * _MARGIN:
                groups[-1].append(rank)
            else:
                groups.append([rank])
        return groups

    def _window(self, group: Sequence[int]) -> tuple[int, list[bytes]]:
        """Return the lines around a group of pieces as they stand in the file, and the line at which they begin."""
        start, lines = self._rope.around(group[0], group[-1], _MARGIN)
        if self._unterminated and lines and start + len(lines) == self._rope.length and self._ends_open():
            lines[-1] = without_newline(lines[-1])
        if self._text.bom and start == 0:
            lines[:1] = [self._text.bom + (lines[0] if lines else b"")]
        return start, lines

    def _ends_open(self) -> bool:
        # An original last line, or whatever was put in its place, ends without a newline as it did.
        return self._unterminated and self._rope.ends_in_original_line() in (None, len(self._text.lines) - 1)
