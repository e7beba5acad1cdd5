"""Log text as a person reads it in a terminal."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.ops.analysis.text import cut, marked, plain, spoken, stamped


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31merror\x1b[0m: no", "error: no"),
        ("\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title\x07text", "text"),
        ("\x9b1mbold\x9bm", "bold"),
        (" 10%\r 50%\r100% done\r", "100% done"),
        ("abc\b\bXY", "aXY"),
        ("a\x00b\x07c\x7f", "abc"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_escapes_progress_and_control_characters_are_taken_out(raw, shown):
    assert plain(raw) == shown


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-04T02:00:00.1234567Z error: no",
        "[2026-03-04 02:00:00,123] error: no",
        "[12:00:01] error: no",
        "#12 3.456 error: no",
        "web-1  | error: no",
        "@acme/ui:test: error: no",
        "packages/ui test: error: no",
        "[gw0] error: no",
        "[1] error: no",
    ],
)
def test_what_wrappers_put_before_each_line_is_taken_off(line):
    assert spoken(line)[1] == "error: no"


@pytest.mark.parametrize(
    "line", ["tests/test_a.py:16: AssertionError", "src/a.ts:3:7: error", "note: see above", "#include <a>"]
)
def test_a_place_is_no_prefix(line):
    assert spoken(line)[1] == line


def test_marks_of_the_build_service_are_read():
    assert (marked("##[error]no").text, marked("##[error]no").mark) == ("no", "error")
    annotation = marked("::error file=src/a.py,line=3,col=7,title=x::100%25 wrong")
    assert (annotation.text, annotation.mark, str(annotation.anchor)) == ("100% wrong", "error", "src/a.py:3:7")
    assert marked("std::error::what").mark is None


def test_a_time_with_an_offset_is_utc():
    ts, rest = stamped("2026-03-04T02:00:00+02:00 hello")

    assert ts is not None
    assert (ts.isoformat(), rest) == ("2026-03-04T00:00:00+00:00", "hello")


def test_a_cut_line_says_how_much_is_missing():
    assert cut("x" * 4001) == "x" * 4000 + " … [1 more characters]"


@given(st.text(max_size=300))
def test_nothing_that_moves_the_cursor_is_left(text):
    shown = plain(text)

    assert not any(ord(character) < 32 and character not in "\t\n" for character in shown)
    assert plain(shown) == shown


@pytest.mark.parametrize(
    "unit", ["\x1b[", "\x1b]", "\r", "[", "::error ", "##[", "2026-", "a:", "#1 ", "\b", "/a_1 | "]
)
def test_long_lines_take_no_long_time(unit):
    line = unit * (1_000_000 // len(unit))

    begun = time.process_time()
    text = plain(line)
    marked(text)
    stamped(text)
    spoken(cut(text))

    assert time.process_time() - begun < 1
