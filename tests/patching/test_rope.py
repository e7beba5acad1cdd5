"""Lines under splices, held against a plain list."""

from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.patching.planning.rope import Rope
from repo_agent_dagster.patching.planning.splices import Piece


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """A number of lines, and spans of them in their order: many that touch, and many that are empty."""
    length = draw(st.integers(0, 12))
    edges = sorted(draw(st.lists(st.integers(0, length), min_size=2, max_size=12)))
    return length, list(zip(edges[::2], edges[1::2], strict=False))


@given(cuts(), st.data())
def test_a_rope_is_its_lines_whatever_was_applied(cut: tuple[int, list[tuple[int, int]]], data: st.DataObject) -> None:
    length, spans = cut
    original = [b"%d\n" % number for number in range(length)]
    rope = Rope(list(original), [Piece(start, end, []) for start, end in spans])
    present: list[list[bytes]] = []  # gap, piece, gap, piece, … gap
    position = 0
    for start, end in spans:
        present += [original[position:start], original[start:end]]
        position = end
    present.append(original[position:])
    for rank in data.draw(st.permutations(range(len(spans)))):
        lines = [b"new %d.%d\n" % (rank, number) for number in range(data.draw(st.integers(0, 3)))]
        rope.apply(rank, lines)
        present[2 * rank + 1] = lines
        flat = [line for part in present for line in part]
        assert (rope.lines(), rope.length) == (flat, len(flat))
        last = data.draw(st.integers(rank, len(spans) - 1))
        margin = data.draw(st.integers(0, 4))
        begin = sum(map(len, present[: 2 * rank + 1]))
        end = sum(map(len, present[: 2 * last + 2]))
        first = max(begin - margin, 0)
        assert rope.around(rank, last, margin) == (first, flat[first : end + margin])
        assert (rope.start_of(rank), rope.length_of(rank), rope.piece(rank)) == (begin, len(lines), lines)
        ending = flat[-1] if flat else b"new"
        assert rope.ends_in_original_line() == (None if ending.startswith(b"new") else int(ending))
