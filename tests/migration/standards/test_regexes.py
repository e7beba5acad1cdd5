"""Regular expressions of rules go by ASCII, and say the same otherwise."""

import pytest

from repo_agent_dagster.migration.standards import check
from repo_agent_dagster.migration.standards.regexes import ascii_regex, with_ascii_classes
from tests.migration.standards.conftest import Load


@pytest.mark.parametrize(
    ("regex", "ascii"),
    [
        (r"^\w+$", "^[0-9A-Za-z_]+$"),
        (r"[\w.-]\d", "[0-9A-Za-z_.-][0-9]"),
        (r"[^\w$]", "[^0-9A-Za-z_$]"),
        (r"\bx\b", r"(?-u:\b)x(?-u:\b)"),
        (r"\\w\.\S", r"\\w\.\S"),
        (r"[]\w]", "[]0-9A-Za-z_]"),
        (r"[\]\s]", r"[\] \t\n\r\f\v]"),
        (r"[a[\w]]", r"[a[\w]]"),
        ("\\", "\\"),
    ],
)
def test_classes_are_written_out(regex: str, ascii: str) -> None:
    assert ascii_regex(regex) == ascii


def test_only_regexes_of_a_rule_are_changed() -> None:
    rule = {"all": [{"pattern": r"f('\w')"}, {"not": {"regex": r"\d"}}], "kind": "string"}

    assert with_ascii_classes(rule) == {"all": [{"pattern": r"f('\w')"}, {"not": {"regex": "[0-9]"}}], "kind": "string"}


def test_a_rule_with_such_a_regex_finds_what_it_says(load: Load) -> None:
    rules = load(
        "id: short\ntitle: t\nwhy: w\nmessage: m\nrule: {kind: identifier, regex: '^\\w\\d$'}\n"
        "examples: {good: [abc], bad: [a1]}\n"
    )

    findings = check({"a.ts": b"a1; ab; b2; a12;"}, rules).findings

    assert [one.column for one in findings] == [1, 9]
