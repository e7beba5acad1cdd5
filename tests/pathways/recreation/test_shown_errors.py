"""What is read out of tracebacks and reports, of descriptions and of runs alike."""

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.pathways.recreation.reading.shown_errors import Frame, shown_errors


def only(text: str) -> tuple[str, str, list[tuple[str, int, str]]]:
    (error,) = shown_errors(dedent(text))
    return error.type, error.message, [(frame.file, frame.line, frame.function) for frame in error.frames]


def test_a_python_traceback_gives_type_message_and_frames_with_their_source() -> None:
    (error,) = shown_errors(
        dedent(
            """\
            Traceback (most recent call last):
              File "app.py", line 3, in <module>
                shop.total([])
                ^^^^^^^^^^^^^^
              File "/venv/shop/core.py", line 10, in total
                return max(prices)
            ValueError: max() arg is an empty sequence
            """
        )
    )

    assert (error.name, error.message) == ("ValueError", "max() arg is an empty sequence")
    assert error.frames == (
        Frame("app.py", 3, "<module>", "shop.total([])"),
        Frame("/venv/shop/core.py", 10, "total", "return max(prices)"),
    )


def test_of_chained_errors_each_is_one_in_order() -> None:
    text = """\
        Traceback (most recent call last):
          File "a.py", line 1, in f
            g()
        KeyError: 'x'

        During handling of the above exception, another exception occurred:

        Traceback (most recent call last):
          File "a.py", line 3, in f
            raise Lost("gone") from error
        shop.errors.Lost: gone
        """
    assert [error.line for error in shown_errors(dedent(text))] == ["KeyError: 'x'", "Lost: gone"]


def test_a_traceback_without_its_header_is_read_and_one_without_its_end_gives_no_error() -> None:
    assert only('  File "a.py", line 1, in f\n    g()\nshop.Lost: gone\n') == ("shop.Lost", "gone", [("a.py", 1, "f")])
    assert shown_errors('  File "a.py", line 1, in f\n    g()\n\nThanks for looking\nAnna') == []


def test_quoted_and_coloured_tracebacks_are_read() -> None:
    text = (
        '> Traceback (most recent call last):\n>   File "a.py", line 1, in f\n>     g()\n> \x1b[31mKeyError\x1b[0m: 1\n'
    )
    assert only(text) == ("KeyError", "1", [("a.py", 1, "f")])


def test_repeated_frames_of_a_recursion_are_passed_over() -> None:
    text = """\
        Traceback (most recent call last):
          File "a.py", line 2, in f
            return f()
          [Previous line repeated 996 more times]
        RecursionError: maximum recursion depth exceeded
        """
    assert only(text) == ("RecursionError", "maximum recursion depth exceeded", [("a.py", 2, "f")])


def test_a_node_stack_has_its_innermost_frame_last_and_none_of_nodes_own() -> None:
    text = """\
        /w/lib/a.js:3
            throw new TypeError('x');
            ^

        TypeError [ERR_X]: bad thing
            at Cart.total (/w/lib/a.js:3:11)
            at async file:///w/main.mjs:7:1
            at node:internal/main:1:1 {
          code: 'ERR_X'
        }
        """
    assert only(text) == ("TypeError", "bad thing", [("/w/main.mjs", 7, ""), ("/w/lib/a.js", 3, "Cart.total")])


def test_a_message_of_several_lines_before_nodes_frames_is_whole() -> None:
    text = "AssertionError [ERR_ASSERTION]: Expected values:\n+ actual\n- expected\n    at f (/w/a.js:1:1)\n"
    assert only(text)[1] == "Expected values:\n+ actual\n- expected"


def test_pytest_reports_are_read_in_both_styles() -> None:
    long = """\
            def test_x():
        >       total()

        tests/test_a.py:3:
        _ _ _ _ _

            def total():
        >       return d['x']
        E       KeyError: 'x'

        shop/core.py:10: KeyError
        """
    short = """\
        tests/test_a.py:3: in test_x
            total()
        shop/core.py:10: in total
            return 1
        E   assert 1 == 2
        E    +  where 1 = total()
        """
    assert only(long)[:2] == ("KeyError", "'x'")
    assert only(long)[2][-1] == ("shop/core.py", 10, "")
    assert only(short) == (
        "AssertionError",
        "assert 1 == 2",
        [("tests/test_a.py", 3, "test_x"), ("shop/core.py", 10, "total")],
    )


@pytest.mark.parametrize(
    ("line", "name", "message"),
    [
        ("Uncaught TypeError: x is not a function", "TypeError", "x is not a function"),
        ("json.decoder.JSONDecodeError: Expecting value: line 1", "JSONDecodeError", "Expecting value: line 1"),
        ("[ERROR] KeyError: 'a'", "KeyError", "'a'"),
        ("FAILED tests/test_a.py::test_x - ValueError: no", "ValueError", "no"),
        ("KeyboardInterrupt", "KeyboardInterrupt", ""),
    ],
)
def test_a_line_alone_is_an_error_without_frames(line: str, name: str, message: str) -> None:
    (error,) = shown_errors(line)
    assert (error.name, error.message, error.frames) == (name, message, ())


@given(st.text(st.characters(codec="utf-8"), max_size=400))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    shown_errors(f'Traceback (most recent call last):\n  File "a", line 1\n{text}')
