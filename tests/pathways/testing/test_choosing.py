"""Which suites and tests a task is about."""

import pytest

from repo_agent_dagster.contracts.tasks import TestingPayload
from repo_agent_dagster.contracts.testing import TestMode
from repo_agent_dagster.pathways.suites.detection import Ecosystem, TestCommand
from repo_agent_dagster.pathways.suites.finding import Kind, Suite
from repo_agent_dagster.pathways.suites.hints import hints_of
from repo_agent_dagster.pathways.suites.sides import Side
from repo_agent_dagster.pathways.testing.choosing import choose, ids_to_run, narrow
from repo_agent_dagster.pathways.testing.words import Candidate


def suite(name: str, side: Side, kind: Kind, *, ecosystem: Ecosystem = "node", folder: str = "") -> Suite:
    return Suite(name, TestCommand(ecosystem, (name,), name, "", folder=folder), side, kind)


SUITES = [
    suite("pytest", "backend", "unit", ecosystem="python"),
    suite("web: vitest", "frontend", "unit", folder="web"),
    suite("web: playwright", "frontend", "e2e", folder="web"),
    suite("lib: mocha", "unknown", "unit", folder="lib"),
]
CANDIDATES = [
    Candidate("tests/test_cart.py::test_discount", "tests/test_cart.py", "test_discount"),
    Candidate("tests/test_login.py::test_password", "tests/test_login.py", "test_password"),
    Candidate("web/button.test.ts", "web/button.test.ts", "button is red"),
    Candidate("lib/discount.js", "lib/discount.js", "adds"),
]


def payload(**values: str) -> TestingPayload:
    return TestingPayload.model_validate({"repo_url": "https://git.example/r", **values})


@pytest.mark.parametrize(
    ("mode", "names"),
    [
        ("unit", ["pytest", "web: vitest", "lib: mocha"]),
        ("e2e", ["web: playwright"]),
        ("both", ["pytest", "web: vitest", "web: playwright", "lib: mocha"]),
        ("frontend", ["web: vitest", "web: playwright"]),
        ("backend", ["pytest", "lib: mocha"]),
    ],
)
def test_a_mode_takes_the_suites_it_is_about_and_says_what_it_left_out(mode: TestMode, names: list[str]) -> None:
    chosen = choose(SUITES, mode)

    left = ", ".join(one.name for one in SUITES if one.name not in names)
    assert [one.name for one in chosen.suites] == names
    assert chosen.remarks == ((f"Left out by test mode {mode}: {left}.",) if left else ())


def test_a_prompt_narrows_its_own_side_to_the_tests_of_its_words() -> None:
    chosen = narrow(choose(SUITES, "both"), payload(backend_prompt="discounts"), CANDIDATES)

    assert chosen.only == {"pytest": ("tests/test_cart.py::test_discount",), "lib: mocha": ("lib/discount.js",)}
    assert [one.name for one in chosen.suites] == ["web: vitest", "web: playwright", "pytest", "lib: mocha"]
    assert chosen.remarks[-1].endswith("the back-end prompt was matched to existing tests by words: 2 match.")


def test_a_prompt_of_no_known_word_runs_nothing_of_its_side_and_says_so() -> None:
    chosen = narrow(choose(SUITES, "backend"), payload(backend_prompt="invoices"), CANDIDATES)

    assert chosen.suites == ()
    assert "no existing back-end test shares a word" in chosen.remarks[-1]


def test_a_prompt_for_a_side_that_is_not_there_is_told() -> None:
    chosen = narrow(choose(SUITES, "backend"), payload(frontend_prompt="red buttons"), CANDIDATES)

    assert [one.name for one in chosen.suites] == ["pytest", "lib: mocha"]
    assert chosen.remarks[-1] == "There is no front-end suite for the front-end prompt."


def test_ids_are_given_as_the_suite_may_name_them() -> None:
    inner = suite("a: pytest", "backend", "unit", ecosystem="python", folder="a")

    assert ids_to_run(inner, ["a/test_x.py::test_y"]) == ["a/test_x.py::test_y", "test_x.py::test_y"]


def test_hints_are_read_line_by_line_and_unknown_ones_are_passed_over() -> None:
    hints = hints_of(["pytest a b.py", "tool go", "tool rm", "nonsense", "unittest t.py"])

    assert (hints.importing("pytest"), hints.importing("node:test"), hints.tools) == (
        frozenset({"a b.py"}),
        frozenset(),
        frozenset({"go"}),
    )
