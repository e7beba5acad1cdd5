"""Tests found by the words of a prompt."""

import pytest

from repo_agent_dagster.pathways.testing.candidates import candidates_of
from repo_agent_dagster.pathways.testing.words import Candidate, matching, stems

LINES = [
    "tests/test_cart.py:3:class TestCart:",
    "tests/test_cart.py:4:    def test_discount_is_subtracted(self):",
    'tests/test_cart.py:5:        """Rebates of a customer are taken off."""',
    "tests/test_cart.py:9:    async def test_empty(self):",
    "tests/test_cart.py:20:def test_free_shipping():",
    "web/login.spec.ts:4:describe('login form', () => {",
    'web/login.spec.ts:5:  it("shows an error for a wrong password", async () => {',
    "web/style.css:1:it is nothing",
]


def ids(prompt: str) -> list[str]:
    return [one.id for one in matching(prompt, candidates_of(LINES))]


def test_python_tests_are_found_with_their_classes_and_others_by_their_files() -> None:
    assert [one.id for one in candidates_of(LINES)] == [
        "tests/test_cart.py::TestCart::test_discount_is_subtracted",
        "tests/test_cart.py::TestCart::test_empty",
        "tests/test_cart.py::test_free_shipping",
        "web/login.spec.ts",
    ]


@pytest.mark.parametrize(
    ("prompt", "first"),
    [
        ("Please check that discounts work", "tests/test_cart.py::TestCart::test_discount_is_subtracted"),
        ("rebates", "tests/test_cart.py::TestCart::test_discount_is_subtracted"),
        ("the user logs in with a wrong password", "web/login.spec.ts"),
        ("ship for free", "tests/test_cart.py::test_free_shipping"),
    ],
)
def test_the_best_match_comes_first(prompt: str, first: str) -> None:
    assert ids(prompt)[0] == first


def test_a_prompt_of_other_words_matches_nothing() -> None:
    assert ids("Please test the invoices of the tests") == []


def test_a_name_weighs_more_than_a_path_and_a_rare_word_more_than_a_common_one() -> None:
    several = [
        Candidate(f"cart/test_{n}.py::test_{w}", f"cart/test_{n}.py", w) for n, w in enumerate(["tax", "cart", "x"])
    ]

    assert matching("cart tax", several)[0].name == "tax"
    assert matching("cart", several)[0].name == "cart"


def test_endings_and_ways_of_writing_do_not_matter() -> None:
    assert stems("addedItems") == stems("adding an item") == stems("ADD_ITEM")
    assert stems("HTTPServer") == stems("http server")
