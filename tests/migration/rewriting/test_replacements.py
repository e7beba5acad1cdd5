"""Text replacements: what a rule may touch, what it keeps, and what it is told when it cannot work."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.migration import ReplaceRule
from repo_agent_dagster.migration import ManifestError
from repo_agent_dagster.migration.rewriting.replacements import Replaced, Replacement, Replacements


def rule(files: str, regex: str, to: str) -> ReplaceRule:
    return ReplaceRule(files=files, regex=regex, to=to)


def replace(text: str | bytes, *rules: ReplaceRule, path: str = "docs/a.md", source: str = ".") -> Replaced:
    return Replacements(rules, source=source).apply(path, text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize(
    ("before", "regex", "to", "after"),
    [
        pytest.param("a port 80\n", r"port (\d+)", r"Port \1\1", "a Port 8080\n", id="groups"),
        pytest.param("key=old", r"(?P<k>\w+)=old", r"\g<k>=new", "key=new", id="named-groups"),
        pytest.param("a\nb\na\n", "^a$", "x", "x\nb\nx\n", id="lines"),
        pytest.param("a\r\nb\r\na", "^a$", "x", "x\r\nb\r\nx", id="crlf-lines"),
        pytest.param("a\r\nb\r\n", r"a\nb", "c\nd", "c\r\nd\r\n", id="across-crlf"),
        pytest.param("a\nb\r\nc\n", "[abc]$", "x", "x\nx\r\nx\n", id="mixed-line-ends-stay"),
        pytest.param("ab c", r"\b", "-", "-ab- -c-", id="empty-matches"),
        pytest.param("\ufeffé old", "old", "neu ü", "\ufeffé neu ü", id="byte-order-mark"),
    ],
)
def test_every_match_is_replaced_and_nothing_else(before: str, regex: str, to: str, after: str) -> None:
    assert replace(before, rule("**/*", regex, to)).content.decode() == after


def test_rules_apply_in_order_each_to_what_the_one_before_left() -> None:
    replaced = replace("one", rule("**/*", "one", "two"), rule("**/*", "two", "three"))

    assert replaced.content == b"three"
    assert [(made.old, made.new, made.rule) for made in replaced.replacements] == [
        ("one", "two", 0),
        ("two", "three", 1),
    ]


def test_each_replacement_is_told_with_its_place() -> None:
    replaced = replace("x\r\n  old\r\n", rule("**/*", "old", "new"))

    assert replaced.replacements == (Replacement("docs/a.md", 2, 3, "old", "new", 0),)


@pytest.mark.parametrize(
    ("path", "source", "touched"),
    [
        ("docs/a.md", ".", True),
        ("unit/docs/a.md", "unit", True),
        ("docs/a.md", "unit", False),
        ("docs/a.txt", ".", False),
        ("a.md", ".", False),
    ],
)
def test_the_glob_is_relative_to_the_source(path: str, source: str, *, touched: bool) -> None:
    replaced = replace("old", rule("docs/*.md", "old", "new"), path=path, source=source)

    assert replaced.content == (b"new" if touched else b"old")


def test_a_rule_that_matches_nowhere_is_dead() -> None:
    replacements = Replacements([rule("**/*", "old", "new"), rule("*.md", "gone", "x")])

    made = replacements.apply("a.md", b"old").replacements

    assert replacements.dead_rules(made) == ("replace[1]: 'gone' matches nowhere in '*.md'",)


def test_a_match_that_is_right_already_counts_as_a_hit() -> None:
    replacements = Replacements([rule("**/*", "new|old", "new")])

    replaced = replacements.apply("a.md", b"new")

    assert replaced.content == b"new"
    assert replacements.dead_rules(replaced.replacements) == ()


def test_a_file_that_is_no_text_is_left_and_listed() -> None:
    replaced = replace(b"old\0", rule("**/*", "old", "new"))

    assert replaced.content == b"old\0"
    assert replaced.unresolved[0].reason.startswith("not text")


def test_what_a_latin_1_file_cannot_say_is_left_and_listed() -> None:
    replaced = replace(b"\xe9 old", rule("**/*", "old", "α"))

    assert replaced.content == b"\xe9 old"
    assert replaced.unresolved[0].reason == "'α' cannot be written: the file is not UTF-8; save it as UTF-8"


def test_bytes_of_a_latin_1_file_stay() -> None:
    assert replace(b"\xe9 old \xff", rule("**/*", "old", "ü")).content == b"\xe9 \xfc \xff"


def test_an_expression_that_would_take_years_is_an_error_that_names_rule_and_file() -> None:
    slow = Replacements([rule("**/*", "x", "y"), rule("**/*", "(a|aa)+$", "x")], limit_seconds=0.1)

    with pytest.raises(ManifestError, match=r"replace\[1\].*longer than 0.1 seconds, in docs/a.md"):
        slow.apply("docs/a.md", b"a" * 60 + b"b")


def test_the_time_limit_holds_for_all_files_together() -> None:
    seconds = count()  # every search takes one second
    slow = Replacements([rule("**/*", "(a|aa)+$", "b")], limit_seconds=30, clock=lambda: next(seconds))
    for _ in range(30):
        slow.apply("short", b"aab")

    with pytest.raises(ManifestError, match="longer than 30 seconds, in long"):
        slow.apply("long", b"a" * 60 + b"b")


@given(st.text(st.sampled_from("ab\r\n\té"), max_size=40))
def test_a_rule_that_puts_back_what_it_found_changes_no_byte(text: str) -> None:
    content = text.encode()

    replaced = replace(content, rule("**/*", r"(?s)(a.*?b|\n)", r"\1"))

    assert replaced.content == content


@given(st.text(st.sampled_from("ab\r\nxé"), max_size=40))
def test_only_matches_change(text: str) -> None:
    replaced = replace(text.encode(), rule("**/*", "a", "A"))

    assert replaced.content.decode() == text.replace("a", "A")
