"""Text and lines of one stream: cut anywhere, redrawn, endless, never finished."""

from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.sandbox.commands.folding import (
    IDLE_SECONDS,
    LINE_LIMIT,
    REDRAW_SECONDS,
    UNFINISHED_SECONDS,
    LineSplitter,
)

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def split(*parts: bytes, last: bool = True, every: float = 0.0) -> tuple[str, list[str]]:
    splitter, text = LineSplitter(), ""
    lines: list[str] = []
    for number, part in enumerate(parts):
        decoded = splitter.feed(part, every * number)
        text, lines = text + decoded.text, lines + decoded.lines
    if last:
        decoded = splitter.feed(b"", every * len(parts), last=True)
        text, lines = text + decoded.text, lines + decoded.lines
    return text, lines


@given(st.text(alphabet="ab\r\né€").map(str.encode) | st.binary(), st.integers(1, 5))
def test_where_the_bytes_are_cut_does_not_matter(data: bytes, size: int) -> None:
    assert split(*(data[start : start + size] for start in range(0, len(data), size))) == split(data)


@given(st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1))
def test_text_without_line_ends_is_one_line(text: str) -> None:
    assert split(text.encode()) == (text, [text])


def test_invalid_utf8_is_replaced_not_raised() -> None:
    assert split(b"a\xff\xfeb\n")[1] == [f"a{REPLACEMENT}{REPLACEMENT}b"]


def test_an_unfinished_character_and_line_come_out_at_the_end() -> None:
    assert split(b"half \xe2\x82", last=False) == ("", [])
    assert split(b"half \xe2\x82") == (f"half {REPLACEMENT}", [f"half {REPLACEMENT}"])


def test_empty_lines_are_lines() -> None:
    assert split(b"\n\na\n") == ("\n\na\n", ["", "", "a"])


def test_a_carriage_return_before_the_line_feed_is_part_of_the_line_end_and_stays_in_the_text() -> None:
    assert split(b"one\r\ntwo\r", b"\nthree\r\r\n") == ("one\r\ntwo\r\nthree\r\n", ["one", "two", "three"])


def test_of_a_line_that_was_redrawn_the_last_state_is_kept() -> None:
    bar = b"".join(b"\r%3d%%" % percent for percent in range(101))

    assert split(b"begin\n", bar, b"\nend\n") == ("begin\n100%\nend\n", ["begin", "100%", "end"])
    assert split(b" 10%\r", b" 20%\r", b"done\n") == ("done\n", ["done"])


def test_a_bar_that_runs_is_shown_once_a_second_and_its_end_once() -> None:
    bar = [b"%d%%\r" % percent for percent in range(1, 101)]

    text, lines = split(*bar, b"\nend\n", every=REDRAW_SECONDS / 10)

    assert text == "100%\r\nend\n"
    assert lines == [f"{percent}%" for percent in range(11, 101, 10)] + ["100%", "end"]


def test_a_bar_is_shown_in_whole_states_where_the_return_comes_first() -> None:
    bar = [part for percent in range(1, 41) for part in (b"\r%d" % percent, b"%")]

    assert split(*bar, b"\n", every=REDRAW_SECONDS / 10)[1] == ["5%", "10%", "15%", "20%", "25%", "30%", "35%", "40%"]


def test_a_line_that_waits_is_shown_and_its_rest_comes_as_another() -> None:
    splitter = LineSplitter()

    splitter.feed(b"Password: ", 0.0)
    early = splitter.feed(b"", IDLE_SECONDS - 0.1)
    shown = splitter.feed(b"", IDLE_SECONDS)
    again = splitter.feed(b"", IDLE_SECONDS * 9)
    end = splitter.feed(b"guessed\nnext\n", IDLE_SECONDS * 9)

    assert (early.lines, shown.lines, again.lines) == ([], ["Password: "], [])
    assert end.lines == ["guessed", "next"]
    assert shown.text + end.text == "Password: guessed\nnext\n"


def test_a_line_that_was_shown_while_it_waited_does_not_end_with_an_empty_one() -> None:
    assert split(b"all of it", b"", b"\n", every=IDLE_SECONDS) == ("all of it\n", ["all of it"])


def test_a_line_that_grows_dot_by_dot_is_shown_in_parts() -> None:
    dots = [b"."] * 25

    assert split(*dots, every=UNFINISHED_SECONDS / 10) == ("." * 25, ["." * 11, "." * 10, "." * 4])


def test_a_line_over_the_limit_is_split_before_its_end_arrives() -> None:
    splitter = LineSplitter()

    early = splitter.feed(b"x" * (LINE_LIMIT * 2 + 5), 0.0)
    late = splitter.feed(b"y\n", 0.0)

    assert [len(part) for part in early.lines] == [LINE_LIMIT, LINE_LIMIT]
    assert late.lines == ["xxxxxy"]
    assert early.text + late.text == "x" * (LINE_LIMIT * 2 + 5) + "y\n"


def test_a_whole_line_over_the_limit_is_split_too() -> None:
    assert [len(part) for part in split(b"x" * (LINE_LIMIT + 1) + b"\n")[1]] == [LINE_LIMIT, 1]


def test_a_line_of_nothing_but_returns_takes_no_memory() -> None:
    splitter = LineSplitter()

    for _ in range(3):
        splitter.feed(b"\r" * LINE_LIMIT * 4, 0.0)

    assert len(splitter._line) == 1
