"""The cheap look at a file's bytes: it may let too many files through, but never loses one that matches."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.migration.standards import Rule
from repo_agent_dagster.migration.standards.needs import ANYTHING, of_regex
from repo_agent_dagster.migration.standards.prefilter import needs_of


@pytest.mark.parametrize(
    ("regex", "met", "unmet"),
    [
        ("^prepare$", "x.prepare()", "x.exec()"),
        ("^(?:bun:sqlite|node:sqlite)$", "import 'node:sqlite'", "import 'mysql'"),
        (r"""^["']/""", "get('/x')", "get('x')"),
        (r"env\.\w*(?:DB|D1)$", "env.MY_DB", "env.MY_KV"),
        ("^(?:await +)?fetch", "fetch()", "await get()"),
        ("ab+c", "abbc", "acb"),
        ("(?:one|two)three", "twothree", "one two"),
    ],
)
def test_plain_texts_of_a_regex_are_needed(regex: str, met: str, unmet: str) -> None:
    need = of_regex(regex)

    assert need.is_met(met.encode())
    assert not need.is_met(unmet.encode())


@pytest.mark.parametrize(
    "regex", ["(?i)select", "[a-z]+", "x*", ".*", r"\d+", "(?:a|)", "é", "(?:one)?", "[[:alpha:]]", "("]
)
def test_a_regex_without_certain_texts_needs_nothing(regex: str) -> None:
    assert of_regex(regex) == ANYTHING


_ATOMS = ["ab", "cde", r"\.", r"\w", ".", "[xy]", "[^q]", "(?:fg|hi)", "(?:jk)?", "l*", "m+", "n{2}", "(o|pp)", "[a-c]"]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_text_that_a_regex_matches_always_meets_its_need(data: st.DataObject) -> None:
    regex = "".join(data.draw(st.lists(st.sampled_from([*_ATOMS, "|"]), min_size=1, max_size=6)))
    text = data.draw(st.from_regex(re.compile(regex, re.ASCII)))

    assert of_regex(regex).is_met(text.encode())


def test_the_parts_of_a_rule_add_up() -> None:
    rule = {
        "all": [
            {"any": [{"pattern": "app.get($PATH)"}, {"pattern": "app.post($PATH)"}]},
            {"not": {"regex": "health"}},
            {"inside": {"stopBy": "end", "kind": "class_declaration", "has": {"matches": "hono"}}},
        ]
    }
    need = needs_of(rule, {"hono": {"regex": "^Hono$"}}, {})

    assert need.is_met(b"class A { Hono app.get() }")
    assert need.is_met(b"class A { Hono app.post() }")
    assert not need.is_met(b"class A { Hono app.put() }")
    assert not need.is_met(b"Hono app.get()")
    assert not need.is_met(b"class A { app.get() }")


def test_a_constraint_counts_only_where_its_variable_is_always_bound() -> None:
    constraint = {"PATH": {"regex": "^users$"}}

    assert not needs_of({"pattern": "f($PATH)"}, {}, constraint).is_met(b"")
    certain = needs_of({"pattern": "$F($PATH)"}, {}, constraint)
    uncertain = needs_of({"any": [{"pattern": "$F($PATH)"}, {"kind": "string"}]}, {}, constraint)

    assert not certain.is_met(b"x(y)")
    assert uncertain == ANYTHING


def test_every_built_in_rule_needs_something(built_in: tuple[Rule, ...]) -> None:
    assert [rule.id for rule in built_in if rule.need == ANYTHING] == []
