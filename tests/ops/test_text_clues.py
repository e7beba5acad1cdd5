"""Clues are found where they are said first, and leaving out what has no anchor in the text changes nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.ops.analysis.causes.contract import CauseRules
from repo_agent_dagster.ops.analysis.causes.rulebook import FOLDER
from repo_agent_dagster.ops.rule_files import read_rules
from repo_agent_dagster.ops.text_clues import TextClue, Told

RULES = [rule for path in sorted(FOLDER.glob("*.yaml")) for rule in read_rules(path, CauseRules).rules]
EXPRESSIONS = [one for rule in RULES for clues in (*rule.when, *rule.unless) for one in clues.matches]
TOLD = [Told(sample.text.lower()) for rule in RULES for sample in (*rule.examples.holds, *rule.examples.passes_over)]


def position(text: str, *, says: tuple[str, ...] = (), matches: tuple[str, ...] = ()) -> int | None:
    clue = TextClue.of(says, matches)
    assert clue is not None
    return clue.position(Told(text))


def test_what_is_said_first_counts() -> None:
    assert position("one two three", says=("three", "two"), matches=(r"\bthr",)) == 4
    assert position("one two three", says=("four",)) is None
    assert TextClue.of((), ()) is None


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (r"colou?rs? are", "the color are"),
        (r"a{0,3}bcdef", "bcdef"),
        (r"(?:not)? here now", " here now"),
        (r"first|second", "the second"),
        (r"[|]bars[]x]", "|barsx"),
        (r"wait\.{3} done", "wait... done"),
        (r"go\|stop", "go|stop"),
        (r"x(?:a(?:b|[)])c)*yzabc", "xa)cyzabc"),
        (r"(?x) over  there", "overthere"),
        (r"(?x: over  there)", "overthere"),
        (r"(?:maybe){,2} so it is", " so it is"),
        (r"wait.*+", "waited"),
        (r"a+?bcd(?=efgh)", "abcdefgh"),
        (r"(?<!never )before{1,2}", "now beforee"),
        (r"set {x} to", "set {x} to"),
    ],
)
def test_an_optional_part_is_no_anchor(expression: str, text: str) -> None:
    assert position(text, matches=(expression,)) is not None


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_of_the_rules_is_found_wherever_a_plain_search_finds_it(expression: str) -> None:
    clue, plain = TextClue.of((), (expression,)), re.compile(expression, re.MULTILINE)
    assert clue is not None

    for told in TOLD:
        found = plain.search(told.text)
        assert clue.position(told) == (found.start() if found else None), told.text


@given(st.data())
def test_what_an_expression_makes_it_finds(data: st.DataObject) -> None:
    expression = data.draw(st.sampled_from([one for one in EXPRESSIONS if one.isascii()]))
    text = data.draw(st.from_regex(re.compile(expression, re.MULTILINE), alphabet=st.characters(codec="ascii")))
    found = re.compile(expression, re.MULTILINE).search(text)

    assert found is not None
    assert position(text, matches=(expression,)) == found.start()
