"""Docker's frames, cut anywhere."""

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.sandbox.commands.frames import FrameDecoder


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(payload)) + payload


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8),
    st.lists(st.integers(min_value=1, max_value=20), min_size=1),
)
def test_frames_come_out_whole_wherever_the_bytes_are_cut(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    wire = b"".join(frame(stream, payload) for stream, payload in frames)
    decoder, got = FrameDecoder(), []

    position = turn = 0
    while position < len(wire):
        size = cuts[turn % len(cuts)]
        got += decoder.feed(wire[position : position + size])
        position, turn = position + size, turn + 1

    for number, name in ((1, "stdout"), (2, "stderr")):
        sent = b"".join(payload for stream, payload in frames if stream == number)
        assert b"".join(payload for stream, payload in got if stream == name) == sent


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=9)), max_size=20))
def test_neighbours_of_one_stream_are_joined_and_the_streams_stay_in_order(frames: list[tuple[int, bytes]]) -> None:
    got = FrameDecoder().feed(b"".join(frame(stream, payload) for stream, payload in frames))

    assert all(one != other for (one, _), (other, _) in pairwise(got))
    names = {1: "stdout", 2: "stderr"}
    by_byte = [(names[stream], byte) for stream, payload in frames for byte in payload]
    assert [(stream, byte) for stream, payload in got for byte in payload] == by_byte
