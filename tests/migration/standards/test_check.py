"""Checking: where findings stand, what is unsure, what comments suppress, and what the score says."""

import json

import pytest

from repo_agent_dagster.migration.standards import Finding, RuleError, StandardsReport, check
from repo_agent_dagster.migration.standards.checking import FILE_LIMIT_BYTES
from tests.migration.standards.conftest import NO_ALERT, Load, as_bytes

TODO = """\
id: todo-names
title: A to-do names somebody
why: Nobody does what nobody is named for.
level: info
files: ["**/*.md", "**/*.sql"]
message: "to-do without a name: $WHAT"
text: 'TODO(?!\\(\\w+\\)):? (?P<WHAT>.+)$'
examples:
  good: [{file: a.md, code: "TODO(ann): this\\n"}]
  bad: [{file: a.md, code: "TODO: this\\n"}]
"""


def test_findings_are_in_the_order_of_file_line_and_column_whatever_the_order_of_files(load: Load) -> None:
    files = as_bytes({"b.ts": "alert(1);\n", "a.ts": "\nalert(1); alert(2);\n"})

    findings = check(files, load(NO_ALERT)).findings

    assert [(one.file, one.line, one.column) for one in findings] == [("a.ts", 2, 1), ("a.ts", 2, 11), ("b.ts", 1, 1)]
    assert check(dict(reversed(files.items())), load(NO_ALERT)).findings == findings


def test_a_finding_tells_what_its_metavariables_matched_on_one_line(load: Load) -> None:
    (finding,) = check({"a.ts": b"alert({\n  text: 'x',\n});\n"}, load(NO_ALERT)).findings

    assert finding == Finding("no-alert", "error", "a.ts", 1, 1, "alert({ text: 'x', }) stops the page", "safe")


def test_a_text_rule_looks_at_files_of_any_kind(load: Load) -> None:
    files = as_bytes(
        {"a.md": "x\r\n  TODO: tidy\r\nTODO(ann): that\r\n", "b.sql": "-- TODO this\n", "c.ts": "// TODO x\n"}
    )

    findings = check(files, load(TODO)).findings

    assert [(one.file, one.line, one.column) for one in findings] == [("a.md", 2, 3), ("b.sql", 1, 4)]
    assert findings[0].message == "to-do without a name: tidy"


def test_a_text_rule_that_would_search_for_years_is_an_error(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repo_agent_dagster.migration.standards.matching.TEXT_LIMIT_SECONDS", 0.1)
    rules = load(TODO.replace("'TODO(?!\\(\\w+\\)):? (?P<WHAT>.+)$'", "'(?P<WHAT>(?:a+)+)\\d!'"))

    with pytest.raises(RuleError, match=r"rule todo-names .*searched a\.md for more than 0\.1 seconds"):
        check({"a.md": b"a" * 5000}, rules)


def test_what_the_parser_does_not_understand_is_listed_and_the_rest_is_checked(load: Load) -> None:
    report = check({"a.ts": b"alert(1);\nclass {{{ ;\n"}, load(NO_ALERT))

    assert [one.line for one in report.findings] == [1]
    assert report.unsure[0].file == "a.ts"
    assert "the parser does not understand this" in report.unsure[0].reason


def test_files_that_are_no_text_or_too_large_are_listed(load: Load) -> None:
    large = b"alert(1);\n" * (FILE_LIMIT_BYTES // 10 + 1)

    report = check({"a.ts": b"alert(1)\0", "b.ts": "alert(1)".encode("utf-16"), "c.ts": large}, load(NO_ALERT))

    assert report.findings == ()
    assert [(one.file, one.reason.partition(" ")[0]) for one in report.unsure] == [
        ("a.ts", "not"),
        ("c.ts", str(len(large))),
    ]


def test_a_byte_order_mark_and_latin_1_do_not_move_findings(load: Load) -> None:
    files = {"a.ts": b"\xef\xbb\xbfalert(1);\n", "b.ts": b"/* \xe9 */ alert(1);\n"}

    assert [one.column for one in check(files, load(NO_ALERT)).findings] == [1, 9]


@pytest.mark.parametrize(
    "code",
    [
        "alert(1); // standards-ignore: no-alert shown once\n",
        "// standards-ignore: no-alert shown once\nalert(1);\n",
        "/* standards-ignore: no-alert shown once */\nalert(1);\n",
        "// standards-ignore: other, no-alert: shown once\nalert(1);\n",
        "// standards-ignore: no-alert a\n// standards-ignore: other b\nalert(1);\n",
        "// standards-ignore-file: no-alert vendor code\n\n\nalert(1);\nalert(2);\n",
        "const a = <b>\n  {/* standards-ignore: no-alert shown once */}\n  {alert(1)}\n</b>;\n",
        "// standards-ignore: no-alert shown once\r\nalert(1);\r\n",
        "/*\n * standards-ignore: no-alert shown once,\n * as the vendor asks\n */\nalert(1);\n",
    ],
)
def test_a_comment_with_a_reason_suppresses_a_finding(load: Load, code: str) -> None:
    report = check({"a.tsx": code.encode()}, load(NO_ALERT))

    assert report.findings == ()
    assert report.suppressed == code.count("alert(")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("alert(1); // standards-ignore: no-alert\n", "the reason is missing"),
        ("alert(1); // standards-ignore\n", "this suppresses nothing"),
        ("// standards-ignore no-alert it is fine\nalert(1);\n", "this suppresses nothing"),
    ],
)
def test_a_comment_without_rule_or_reason_suppresses_nothing_and_is_found_itself(
    load: Load, code: str, told: str
) -> None:
    findings = check({"a.ts": code.encode()}, load(NO_ALERT)).findings

    assert {one.rule for one in findings} == {"no-alert", "standards-ignore"}
    assert any(told in one.message for one in findings)


@pytest.mark.parametrize(
    "code",
    [
        "const a = '// standards-ignore: no-alert x'; alert(1);\n",
        "// standards-ignore: no-alert too far up\n\nalert(1);\n",
        "f(); // standards-ignore: no-alert the line below\nalert(1);\n",
        "const t = `\n// standards-ignore: no-alert x\n${alert(1)}`;\n",
    ],
)
def test_strings_and_comments_elsewhere_suppress_nothing(load: Load, code: str) -> None:
    findings = check({"a.ts": code.encode()}, load(NO_ALERT)).findings

    assert [one.rule for one in findings if one.level == "error"] == ["no-alert"]


def test_a_comment_that_suppresses_nothing_any_more_can_go(load: Load) -> None:
    (finding,) = check({"a.ts": b"// standards-ignore: no-alert shown once\nnotify(1);\n"}, load(NO_ALERT)).findings

    assert (finding.rule, finding.level) == ("standards-ignore", "info")
    assert "no-alert finds nothing here" in finding.message


@pytest.mark.parametrize("lead", ["-- {}", "# {}", "<!-- {} -->"])
def test_text_files_suppress_by_the_comments_that_they_have(load: Load, lead: str) -> None:
    text = lead.format("standards-ignore: todo-names not ours") + "\nTODO: tidy\n"

    report = check({"a.md": text.encode()}, load(TODO))

    assert (report.findings, report.suppressed) == ((), 1)


def finding(file: str, level: str) -> Finding:
    return Finding("r", level, file, 1, 1, "m")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "findings", "score"),
    [
        (0, [], 100),
        (4, [], 100),
        (4, [("a", "error")], 75),
        (4, [("a", "error"), ("a", "error")], 75),
        (4, [("a", "warning")], 87),
        (4, [("a", "warning"), ("a", "warning"), ("b", "info")], 75),
        (2, [("a", "error"), ("b", "error")], 0),
        (1000, [("a", "warning")], 99),
    ],
)
def test_the_score_is_the_share_of_files_without_a_fault(
    files: int, findings: list[tuple[str, str]], score: int
) -> None:
    report = StandardsReport(("r",), files, tuple(finding(*one) for one in findings))

    assert report.score == score


def test_a_report_is_json_with_counts_by_level_and_rule(load: Load) -> None:
    told = json.loads(json.dumps(check({"a.ts": b"alert(1);\n"}, load(NO_ALERT)).to_json()))

    assert told["counts"] == {"error": 1, "warning": 0, "info": 0, "suppressed": 0, "unsure": 0}
    assert (told["by_rule"], told["score"], told["files"], told["rules"]) == ({"no-alert": 1}, 0, 1, ["no-alert"])
    assert told["findings"][0]["fix"] == "safe"


@pytest.mark.parametrize(
    ("level", "fail_on", "fails"),
    [
        ("error", "error", True),
        ("warning", "error", False),
        ("warning", "warning", True),
        ("error", "warning", True),
        ("info", "warning", False),
        ("error", "never", False),
    ],
)
def test_a_report_fails_on_findings_of_a_level_or_a_graver_one(level: str, fail_on: str, fails: bool) -> None:
    assert StandardsReport(("r",), 1, (finding("a", level),)).fails(fail_on) is fails  # type: ignore[arg-type]
