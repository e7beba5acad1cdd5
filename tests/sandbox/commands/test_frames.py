"""Docker's frames and lines, cut anywhere."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.sandbox.commands.frames import LINE_LIMIT, FrameDecoder, LineSplitter


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(payload)) + payload


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8),
    st.lists(st.integers(min_value=1, max_value=20), min_size=1),
)
def test_frames_come_out_whole_wherever_the_bytes_are_cut(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    wire = b"".join(frame(stream, payload) for stream, payload in frames)
    decoder, got = FrameDecoder(), []

    position = 0
    while position < len(wire):
        size = cuts[position % len(cuts)]
        got += decoder.feed(wire[position : position + size])
        position += size

    for number, name in ((1, "stdout"), (2, "stderr")):
        sent = b"".join(payload for stream, payload in frames if stream == number)
        assert b"".join(payload for stream, payload in got if stream == name) == sent


@given(st.text(alphabet=st.characters(exclude_characters="\n", exclude_categories=["Cs"])), st.integers(1, 5))
def test_text_survives_being_cut_inside_its_characters(text: str, size: int) -> None:
    data, splitter, got = f"{text}\n".encode(), LineSplitter(), []

    for start in range(0, len(data), size):
        got += splitter.feed(data[start : start + size])[1]

    assert got == [text]


def test_invalid_utf8_is_replaced_not_raised() -> None:
    assert LineSplitter().feed(b"a\xff\xfeb\n")[1] == ["a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"]


def test_an_unfinished_character_and_line_come_out_at_the_end() -> None:
    splitter = LineSplitter()

    assert splitter.feed(b"half \xe2\x82")[1] == []
    assert splitter.feed(b"", last=True)[1] == ["half \N{REPLACEMENT CHARACTER}"]


def test_a_line_over_the_limit_is_split_before_its_end_arrives() -> None:
    splitter = LineSplitter()

    early = splitter.feed(b"x" * (LINE_LIMIT * 2 + 5))[1]
    late = splitter.feed(b"y\n")[1]

    assert [len(part) for part in early] == [LINE_LIMIT, LINE_LIMIT]
    assert late == ["xxxxxy"]


def test_a_whole_line_over_the_limit_is_split_too() -> None:
    assert [len(part) for part in LineSplitter().feed(b"x" * (LINE_LIMIT + 1) + b"\n")[1]] == [LINE_LIMIT, 1]


def test_empty_lines_are_lines() -> None:
    assert LineSplitter().feed(b"\n\na\n")[1] == ["", "", "a"]
