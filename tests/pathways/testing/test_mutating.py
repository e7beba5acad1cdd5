"""Small changes of a program: each is another program that still can be read."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.pathways.testing.mutating import mutants


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("x = a == b\n", ["x = a != b\n"]),
        ("x = a in b\n", ["x = a not in b\n"]),
        ("x = a + b\n", ["x = a - b\n"]),
        ("x = 41\n", ["x = 42\n"]),
        ("x = True\n", ["x = False\n"]),
        ("def f():\n    return a\n", ["def f():\n    return None\n"]),
        ("ä = 'ö' + a\n", ["ä = 'ö' - a\n"]),
        ("def f():\n    return\n", []),
        ("x = (a) < (b)\n", []),
        ("not python\n", []),
    ],
)
def test_python_is_changed_in_one_place(source: str, changed: list[str]) -> None:
    assert [one.text for one in mutants(source, "a.py")] == changed


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("if (a === b) {}", ["if (a !== b) {}"]),
        ("return a;", ["return undefined && a;"]),
        ("x = a < b", ["x = a >= b"]),
        ("const x = 'a === b'; // 1 === 2", []),
        ("x = 2", ["x = 3"]),
        ("const f = (a) => true", ["const f = (a) => false"]),
        ("a.b2 = `1 + 1`", []),
    ],
)
def test_scripts_are_changed_outside_strings_and_comments(source: str, changed: list[str]) -> None:
    assert [one.text for one in mutants(source, "a.ts")] == changed


def test_a_mutant_tells_its_line_and_what_was_done() -> None:
    (one,) = mutants("# a\nx = a == b\n", "a.py")

    assert (one.line, one.change) == (2, "== → !=")


@given(names=st.lists(st.sampled_from(["a == 1", "b + 2", "not c", "d < e - 3", "True"]), min_size=1, max_size=4))
def test_each_mutant_of_python_can_be_read_and_differs_in_one_line(names: list[str]) -> None:
    source = "".join(f"x = {name}\n" for name in names)
    for one in mutants(source, "a.py"):
        ast.parse(one.text)
        lines = zip(source.splitlines(), one.text.splitlines(), strict=True)
        assert [number for number, (old, new) in enumerate(lines, 1) if old != new] == [one.line]


@given(source=st.text(max_size=100))
def test_whatever_the_text_is_its_mutants_are_an_answer(source: str) -> None:
    for file in ("a.py", "a.js"):
        assert all(one.text != source for one in mutants(source, file))
