"""Import rules: the first that matches decides, in its language, at the ends of segments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.migration import ImportLanguage, ImportRule
from repo_agent_dagster.migration import ManifestError
from repo_agent_dagster.migration.rewriting.rules import ImportRules, Ruled


@pytest.mark.parametrize(
    ("language", "specifier", "new"),
    [
        ("ts", "utils", "tools"),
        ("ts", "utils/a", "tools/a"),
        ("ts", "utils.js", "tools.js"),
        ("ts", "utils?raw", "tools?raw"),
        ("ts", "utils-x", None),
        ("py", "utils.a", "tools.a"),
        ("py", "utils_a", None),
        ("go", "utils/a", "tools/a"),
        ("go", "utils.v2", None),
    ],
)
def test_a_prefix_ends_where_a_segment_of_the_language_ends(
    language: ImportLanguage, specifier: str, new: str | None
) -> None:
    rules = ImportRules([ImportRule(prefix="utils", to="tools")])

    assert rules.apply(specifier, language) == (None if new is None else Ruled(new, 0))


def test_a_prefix_that_ends_with_a_mark_matches_any_rest() -> None:
    assert ImportRules([ImportRule(prefix="@a/", to="@b/")]).apply("@a/x", "ts") == Ruled("@b/x", 0)


def test_a_rule_counts_in_its_language_only() -> None:
    rules = ImportRules([ImportRule(exact="a", to="b", language="py")])

    assert (rules.apply("a", "py"), rules.apply("a", "ts"), rules.apply("a", "go")) == (Ruled("b", 0), None, None)


def test_a_regular_expression_that_takes_too_long_is_an_error_that_names_the_rule() -> None:
    rules = ImportRules([ImportRule(exact="x", to="y"), ImportRule(regex="(a|aa)+", to="y")])

    with pytest.raises(ManifestError, match=r"imports\[1\].*longer than 1 seconds"):
        rules.apply("a" * 80 + "b", "ts")


_RULES = st.lists(
    st.builds(
        lambda kind, text, to: ImportRule(**{kind: text, "to": to}),
        st.sampled_from(["exact", "prefix", "regex"]),
        st.sampled_from(["a", "a/b", "@a/", "b"]),
        st.sampled_from(["x", "y", "a"]),
    ),
    max_size=5,
)


@given(_RULES, st.sampled_from(["a", "a/b", "a/b/c", "@a/c", "b", "ab"]))
def test_all_rules_together_say_what_the_first_that_matches_says_alone(rules: list[ImportRule], specifier: str) -> None:
    alone = [ImportRules([rule]).apply(specifier, "ts") for rule in rules]

    expected = next((Ruled(one.text, index) for index, one in enumerate(alone) if one is not None), None)
    assert ImportRules(rules).apply(specifier, "ts") == expected
