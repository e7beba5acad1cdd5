"""Descriptions as people write them: what is sought, and what would be run."""

from textwrap import dedent
from typing import Any

import pytest

from repo_agent_dagster.pathways.recreation.candidates import Candidate, build_candidates
from repo_agent_dagster.pathways.recreation.reading.description import read_description, versions
from repo_agent_dagster.pathways.recreation.reading.signature import read_signature
from repo_agent_dagster.pathways.recreation.survey import RepositoryTest, Survey

SURVEY = Survey(
    files=frozenset({"src/shop/cart.py", "src/shop/__init__.py", "lib/index.js", "tests/test_cart.py", "setup.py"}),
    modules={"shop": frozenset({"Cart", "total"}), "shop.cart": frozenset({"Cart", "total", "refund"})},
    bases={"ShopError": frozenset({"Exception"}), "OutOfStock": frozenset({"ShopError"})},
    tests=(RepositoryTest("tests/test_cart.py::test_refund_of_an_empty_cart", "tests/test_cart.py"),),
    node_package="@acme/shop-js",
)
TRACEBACK = """
Traceback (most recent call last):
  File "/home/me/app.py", line 3, in <module>
    shop.total([])
  File "/home/me/venv/lib/python3.8/site-packages/shop/cart.py", line 10, in total
    return max(prices)
ValueError: max() arg is an empty sequence
"""


def read(text: str, expected_error: str | None = None) -> tuple[dict[str, Any], list[Candidate]]:
    description = read_description(dedent(text))
    signature, expectation = read_signature(description, expected_error, SURVEY)
    told = signature.model_dump(exclude_defaults=True, exclude={"source"})
    return told, build_candidates(description, signature, expectation, SURVEY)


def test_an_issue_with_code_and_traceback() -> None:
    told, candidates = read(f"# Crash\n\n```python\nimport shop\nshop.total([])\n```\n\n```\n{TRACEBACK}```\n")

    assert told == {
        "symptom": "exception",
        "exception": "ValueError",
        "message": "max() arg is an empty sequence",
        "frame": "src/shop/cart.py:total",
    }
    assert (candidates[0].origin, candidates[0].kind, candidates[0].repairs) == ("code block 1", "python", ())


def test_a_traceback_pasted_without_a_fence_is_enough_to_rebuild_the_call() -> None:
    told, candidates = read(f"It crashes:\n{TRACEBACK}")

    assert told["frame"] == "src/shop/cart.py:total"
    assert candidates[0].text == "import shop\nshop.total([])"
    assert not candidates[0].is_told


def test_a_session_without_a_fence_with_what_should_come() -> None:
    told, candidates = read("# Wrong\n\n>>> total([1, 2])\n2\n\nI expect 3 here.\n")

    assert told == {"symptom": "wrong_value", "expected": "3", "actual": "2"}
    assert candidates[0].text.splitlines()[:2] == ["from shop import total", "actual = total([1, 2])"]
    assert candidates[0].is_asserting


@pytest.mark.parametrize(
    ("text", "expected", "actual"),
    [
        ("`total([1])` returns `1` instead of `2`", "2", "1"),
        ("total([1]) gives 1 but should be 2: `total([1])`", "2", "1"),
        ("`total([1])` should return 2, but it returns 1", "2", "1"),
        ("Expected: `2`\n\nActual: `1`\n\n```python\ntotal([1])\n```", "2", "1"),
        ("```python\nprint(total([1]))  # prints 1, expected 2\n```", "2", "1"),
        ("```python\ntotal([1])  # is Decimal('1.5'), should be 2\n```", "2", "Decimal('1.5')"),
        ("`total([1])` is `[1, 2]`, expected `[2, 1]`", "[2, 1]", "[1, 2]"),
    ],
)
def test_values_that_are_explicit_become_assertions(text: str, expected: str, actual: str) -> None:
    told, candidates = read(text)

    assert (told["symptom"], told["expected"], told["actual"]) == ("wrong_value", expected, actual)
    assert f"assert actual == {expected}" in candidates[0].text


def test_an_output_that_should_come_is_compared_whole() -> None:
    told, candidates = read(
        """
        ```python
        print(total([1]))
        ```
        ### Expected output
        ```
        2
        ```
        ### Actual output
        ```
        1
        ```
        """
    )

    assert told == {"symptom": "wrong_output", "expected": "2", "actual": "1"}
    assert "redirect_stdout" in candidates[0].text


@pytest.mark.parametrize(
    ("text", "exception", "message"),
    [
        ("`Cart().total(None)` gives a TypeError. It should return `0`.", "TypeError", ""),
        ("`total([])` should not raise `ValueError`; it should return 0.", "ValueError", ""),
        ('`Cart().take()` throws "OutOfStock: no tea" since May', "OutOfStock", "no tea"),
    ],
)
def test_an_error_that_comes_wins_over_the_value_that_is_wished_for(text: str, exception: str, message: str) -> None:
    told, _ = read(text)

    assert (told["symptom"], told["exception"], told.get("message", "")) == ("exception", exception, message)


def test_code_in_a_paragraph_of_its_own_is_a_block() -> None:
    told, candidates = read("Closing twice\n\nc = Cart(); c.close(); c.close()\n\nKeyError: 'c'")

    assert told["exception"] == "KeyError"
    assert candidates[0].text == "from shop import Cart\nc = Cart(); c.close(); c.close()"


def test_a_form_that_was_filled_in_with_pieces_of_code() -> None:
    told, candidates = read(
        """
        ### What did you do?
        `total([1])`
        ### What did you expect to happen?
        `'2 coins'`
        ### What actually happened?
        `'1 coins'`
        ### What versions are you using?
        * Python: 3.8
        """
    )

    assert told == {"symptom": "wrong_output", "expected": "'2 coins'", "actual": "'1 coins'"}
    assert "expected = '2 coins'" in candidates[0].text


def test_an_error_that_should_come_and_does_not() -> None:
    told, candidates = read("```python\nrefund(-1)\n```\nThis should raise `ValueError`, but it returns None.")

    assert told == {"symptom": "not_raised", "expected": "ValueError"}
    assert "from shop.cart import refund" in candidates[0].text
    assert "    refund(-1)\nexcept Exception as error:" in candidates[0].text


def test_the_repositorys_own_exceptions_are_known_by_name() -> None:
    told, _ = read("`Cart().take()` raises shop.errors.OutOfStock: no tea")

    assert (told["exception"], told["message"]) == ("OutOfStock", "no tea")


@pytest.mark.parametrize(
    ("expected_error", "told"),
    [
        ("KeyError", {"symptom": "exception", "exception": "KeyError"}),
        ("KeyError: 'x'", {"symptom": "exception", "exception": "KeyError", "message": "'x'"}),
        ("is locked", {"symptom": "exception", "message": "is locked"}),
        (
            "empty sequence",
            {"symptom": "exception", "message": "empty sequence", "frame": "src/shop/cart.py:total"},
        ),
        ("ValueError", {"symptom": "exception", "exception": "ValueError", "frame": "src/shop/cart.py:total"}),
        ("Segmentation fault", {"symptom": "crash", "exception": "SIGSEGV"}),
    ],
)
def test_the_tasks_own_word_on_the_error_wins(expected_error: str, told: dict[str, str]) -> None:
    assert read(f"TypeError: no\n{TRACEBACK}", expected_error)[0] == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The process segfaults on start", {"symptom": "crash", "exception": "SIGSEGV"}),
        ("`total([])` hangs forever", {"symptom": "hang"}),
        ("test_refund_of_an_empty_cart fails on main", {"symptom": "failing_test"}),
        ("It does not work.", {}),
        ("The option should be `--strict`", {}),
    ],
)
def test_other_symptoms_and_none(text: str, told: dict[str, str]) -> None:
    assert read(text)[0] == told


def test_commands_lose_what_only_installs_and_tests_named_in_them_are_run_as_tests() -> None:
    _, candidates = read(
        """
        ```console
        $ git clone https://example.org/shop && cd shop
        $ pip install -e .
        (venv) $ python -m shop --verbose
        boom
        ```
        ```bash
        cd shop && pytest tests/test_cart.py -k refund
        ```
        """
    )

    assert ("shell", "python -m shop --verbose") in [(one.kind, one.text) for one in candidates]
    assert ("test", "tests/test_cart.py") in [(one.kind, one.text) for one in candidates]


def test_tests_whose_words_fit_are_tried_last() -> None:
    _, candidates = read("# Refund of an empty cart crashes\n\n```python\nrefund()\n```\nKeyError: 1")

    assert candidates[-1].text == "tests/test_cart.py::test_refund_of_an_empty_cart"
    assert not candidates[-1].is_told


def test_files_that_are_shown_whole_are_written_beside_the_candidates() -> None:
    _, candidates = read(
        "Save as `app.py`:\n\n```python\nimport shop\n```\n\n```\n$ python app.py\n```\nValueError: no"
    )

    command = next(one for one in candidates if one.kind == "shell")
    assert (command.text, dict(command.files)) == ("python app.py", {"app.py": "import shop\n"})


def test_names_that_leave_the_folder_are_no_files() -> None:
    _, candidates = read("```python\n# ../../etc/x.py\nimport shop\n```\n```python title=/etc/passwd.py\nshop\n```")

    assert all(not one.files for one in candidates)


def test_blocks_that_belong_together_are_joined_and_what_repairs_comes_last() -> None:
    _, candidates = read(
        """
        Setup:
        ```python
        cart = Cart()
        ```
        Then:
        ```python
        cart.go()
        ```
        Proposed fix:
        ```python
        cart.stop()
        ```
        KeyError: 1
        """
    )

    joined = next(one for one in candidates if one.origin == "code blocks joined")
    assert joined.text == "from shop import Cart\ncart = Cart()\ncart.go()"
    assert candidates[-1].origin == "code block 3"


def test_a_module_of_node_imports_itself_by_name_and_awaits() -> None:
    told, candidates = read("```js\nawait shopJs.go();\n```\n```\nTypeError: x\n    at go (/n/lib/index.js:1:1)\n```")

    assert told["frame"] == "lib/index.js:go"
    assert candidates[0].suffix == ".mjs"
    assert candidates[0].text.startswith('import * as shopJs from "@acme/shop-js";')


def test_a_node_session_and_a_comment_with_what_should_come() -> None:
    _, candidates = read("```js\n> const a = require('@acme/shop-js')\n> a.sum(1, 2) // 4, should be 3\n4\n```")

    assert "const actual = a.sum(1, 2);" in candidates[0].text
    assert "isDeepStrictEqual(actual, 3)" in candidates[0].text


def test_asserts_of_the_snippet_run_as_a_test_which_tells_their_values() -> None:
    told, candidates = read("```python\nassert total([1]) == 2\n```")

    assert told["exception"] == "AssertionError"
    assert (candidates[0].kind, candidates[0].is_asserting) == ("test", True)
    assert "def test_as_described():\n    from shop import total\n    assert total([1]) == 2" in candidates[0].text


def test_versions_are_told_by_name() -> None:
    text = "- Python 3.8.1\n- shop==1.2.3\n- Node.js v20.1.0\n\nIt returns 3.5 since version 2.0"
    assert versions(read_description(text)) == {"python": "3.8.1", "shop": "1.2.3", "node": "20.1.0"}


def test_nothing_to_run_gives_no_candidates() -> None:
    assert read("Something is off.\n\n| a | b |\n|---|---|\n")[1] == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["a", "A.", "_a", "` ", "raises A ", ">>> a\n", "```py\nx = 1\n```\n", '  File "a", line 1\n']
)
def test_a_description_of_one_thing_over_and_over_is_read_in_time(piece: str) -> None:
    read(piece * (60_000 // len(piece)))
