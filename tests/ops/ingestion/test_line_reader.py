"""Bytes become numbered lines, wherever the chunks are cut."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.ops.ingestion.line_reader import MAX_LINE_BYTES, BrokenLine, read_lines


def flat(chunks: list[bytes]) -> list[str | BrokenLine]:
    return [line for lines in read_lines(chunks) for line in lines]


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[i : i + size] for i in range(0, len(content), size)]


@given(content=st.binary(max_size=200).map(lambda b: b.replace(b"\x01", b"\n")), size=st.integers(1, 50))
def test_the_cuts_between_chunks_do_not_matter(content: bytes, size: int) -> None:
    lines = flat(pieces(content, size))

    assert lines == flat([content] if content else [])
    assert len(lines) == len(content.split(b"\n")) - (content.endswith(b"\n") or not content)


def test_lines_lose_their_line_feed_and_the_last_needs_none() -> None:
    assert flat([b"a\nb", b"c\n\nd"]) == ["a", "bc", "", "d"]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert flat([b"\xef\xbb\xbf{}\n", b"\xef\xbb\xbf{}\n"]) == ["{}", "\ufeff{}"]


def test_invalid_utf_8_breaks_its_own_line_only() -> None:
    good, broken, last = flat([b"good \xc3\xa9\nbad \xff\nlast\n"])

    assert (good, last) == ("good é", "last")
    assert broken == BrokenLine("invalid UTF-8 at byte 5 of the line", "bad \\xff")


def test_a_line_of_the_longest_length_is_read_and_a_longer_one_is_broken() -> None:
    longest, over = b"x" * MAX_LINE_BYTES, b"y" * (MAX_LINE_BYTES + 1)

    first, second, third = flat(pieces(longest + b"\n" + over + b"\nnext\n", 256 * 1024))

    assert first == longest.decode()
    assert isinstance(second, BrokenLine)
    assert f"over {MAX_LINE_BYTES} bytes" in second.reason
    assert third == "next"


def test_an_over_long_line_counts_once_also_at_the_end() -> None:
    lines = flat(pieces(b"a\n" + b"y" * (5 * MAX_LINE_BYTES), 256 * 1024))

    assert [type(line) for line in lines] == [str, BrokenLine]


def test_several_over_long_lines_in_one_chunk_are_each_broken() -> None:
    over = b"y" * (MAX_LINE_BYTES + 1)

    assert [type(line) for line in flat([over + b"\nok\n" + over + b"\n"])] == [BrokenLine, str, BrokenLine]


def test_memory_does_not_grow_with_a_lines_length() -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(4000):  # a line of 4 GB, were it kept
            yield chunk
        yield b"\nend\n"

    chunk = b"z" * MAX_LINE_BYTES
    lines = [line for lines in read_lines(endless()) for line in lines]

    assert [type(line) for line in lines] == [BrokenLine, str]
