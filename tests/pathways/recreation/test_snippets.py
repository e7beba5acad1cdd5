"""Snippets made runnable, and what is expected of them put in."""

import ast
from textwrap import dedent

import pytest

from repo_agent_dagster.pathways.recreation.reading.expectations import Expectation
from repo_agent_dagster.pathways.recreation.snippets.node_scripts import asserting_node, runnable_node
from repo_agent_dagster.pathways.recreation.snippets.python_assertions import asserting_python
from repo_agent_dagster.pathways.recreation.snippets.python_scripts import (
    indented,
    mended_python,
    python_test,
    runnable_python,
)
from repo_agent_dagster.pathways.recreation.survey import Survey

SURVEY = Survey(modules={"shop": frozenset({"Cart"}), "shop.money": frozenset({"Cart", "cents"})})


def run(text: str) -> tuple[str, tuple[str, ...]]:
    script = runnable_python(mended_python(text), SURVEY)
    return script.text, script.repairs


def test_what_runs_as_it_is_is_left_as_it_is() -> None:
    text = "import shop\n\n# a comment\nshop.Cart()"
    assert run(text) == (text, ())


def test_imports_that_are_left_out_are_added_after_those_of_the_future() -> None:
    text, repairs = run("from __future__ import annotations\nx = json.dumps(cents(shop, np))")

    lines = text.splitlines()
    assert lines[0] == "from __future__ import annotations"
    assert lines[1:5] == ["import json", "from shop.money import cents", "import shop", "import numpy as np"]
    assert len(repairs) == 1


def test_names_that_are_bound_somewhere_are_not_imported() -> None:
    text = dedent(
        """\
        def f(json):
            return [re for re in json]
        try:
            f(1)
        except KeyError as shop:
            print(shop, __name__)
        """
    )
    assert run(text) == (text, ())


def test_sessions_indentation_and_pasted_errors_are_taken_off() -> None:
    assert run(">>> for i in [1]:\n...     print(i)\n1\n>>> x = 2\n")[0] == "for i in [1]:\n    print(i)\nx = 2"
    assert run("In [1]: x = 1\nIn [2]: x\nOut[2]: 1\n")[0] == "x = 1\nx"
    assert run("    x = 1\n    print(x)")[0] == "x = 1\nprint(x)"
    assert run("x = 1\nx()\nTraceback (most recent call last):\n  File ...\nTypeError: no")[0] == "x = 1\nx()"


def test_what_awaits_goes_into_a_function_and_multi_line_strings_stay() -> None:
    text, _ = run('s = """a\nb"""\nawait go(s)'.replace("go", "print"))

    namespace: dict[str, object] = {}
    exec(compile(text.replace("asyncio.run(main())", ""), "x", "exec"), namespace)
    assert 'a\nb"""' in text
    assert text.endswith("asyncio.run(main())")


def test_the_main_guard_is_opened_for_a_test_has_another_name() -> None:
    assert run('x = 1\nif __name__ == "__main__":\n    print(x)\n    print(2)')[0] == "x = 1\nprint(x)\nprint(2)"


@pytest.mark.parametrize("text", ["this is prose", "def f(:\n", "x = (((", "\x00", "(" * 5000])
def test_what_cannot_be_mended_is_left_to_fail_by_itself(text: str) -> None:
    assert mended_python(text).text == text


def test_a_script_becomes_a_test_with_what_must_stand_at_the_top() -> None:
    text = python_test('from __future__ import annotations\nfrom os import *\ns = """\nx\n"""\nprint(s)', "it", "Why.")

    tree = ast.parse(text)
    assert [type(node).__name__ for node in tree.body] == ["Expr", "ImportFrom", "ImportFrom", "FunctionDef"]
    assert '    s = """\nx\n"""\n' in text


def test_lines_inside_of_strings_are_not_indented() -> None:
    assert indented('x = f"""a\n{1}\n"""\ny = 2') == '    x = f"""a\n{1}\n"""\n    y = 2'


def failing(text: str, expectation: Expectation) -> str:
    made = asserting_python(text, expectation)
    assert made is not None
    assert all(part in made.text for part in made.keeps)
    try:
        exec(compile(made.text, "x", "exec"), {})
    except AssertionError as error:
        return str(error)
    return ""


def test_expectations_of_python_fail_with_both_values_and_pass_when_they_hold() -> None:
    wrong = Expectation("wrong_value", "4", "3", "1 + 2")
    assert failing("print(1 + 2)", wrong) == "expected 4, got 3"
    assert failing("x = 1 + 2\nx", Expectation("wrong_value", "3")) == ""
    assert (
        failing("x = {'a': 1}\n", Expectation("wrong_value", "{'a': 2}", "", "x")) == "expected {'a': 2}, got {'a': 1}"
    )
    assert failing("print('a')\nprint('b ')", Expectation("wrong_output", "a\nc")) == "expected 'a\\nc', got 'a\\nb'"
    assert failing("print('a')\nprint('b ')", Expectation("wrong_output", "a\nb\n")) == ""
    assert failing("int('1')", Expectation("not_raised", "ValueError")) == "expected ValueError to be raised, got None"
    assert failing("int('x')", Expectation("not_raised", "ValueError")) == ""
    assert failing("object", Expectation("wrong_value", "<class 'object'>")) == ""


def test_an_expectation_that_does_not_fit_the_snippet_is_not_put_in() -> None:
    assert asserting_python("x = 1", Expectation("wrong_value", "2")) is None
    assert asserting_python("def f(:", Expectation("wrong_value", "2", "", "f()")) is None


def test_node_scripts_get_the_ending_by_which_node_loads_them() -> None:
    assert runnable_node("require('a')", ".js", SURVEY).suffix == ".cjs"
    assert runnable_node("import a from 'a'", ".js", SURVEY).suffix == ".mjs"
    assert runnable_node("await go()", ".js", SURVEY).suffix == ".mjs"
    assert runnable_node("async function f() { await go() }", ".js", SURVEY).suffix == ".cjs"
    assert runnable_node("const x: number = 1", ".ts", SURVEY).suffix == ".cts"
    both = runnable_node("import a from 'a'\nrequire('b')", ".js", SURVEY)
    assert "createRequire" in both.text
    assert both.repairs == ("made `require` for a module",)


def test_expectations_of_node_replace_what_is_printed() -> None:
    made = asserting_node("const a = 1;\nconsole.log(f(a, 2));\n", ".cjs", Expectation("wrong_value", "[1]"))

    assert made is not None
    assert "const actual = f(a, 2);\nif (!isDeepStrictEqual(actual, [1])) {" in made[0]
    assert "console.log" not in made[0]
    assert all(part in made[0] for part in made[1])


def test_what_node_prints_is_compared_whole() -> None:
    made = asserting_node("import a from 'a';\nconsole.log(a);\n", ".mjs", Expectation("wrong_output", "1\n2"))

    assert made is not None
    assert all(part in made[0] for part in made[1])
    assert made[0].index("import a") < made[0].index("const printed") < made[0].index("console.log(a)")
