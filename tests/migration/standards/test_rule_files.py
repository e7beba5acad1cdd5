"""Rule files: what they may say, and that every mistake is told with its place and a remedy."""

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest

from repo_agent_dagster.migration.standards import RuleError, load_rules, rule_schema, select, try_examples
from repo_agent_dagster.migration.standards.rules import built_in_files
from tests.migration.standards.conftest import NO_ALERT, Load


def error_of(load: Load, text: str) -> str:
    """What loading says, without the folder of the file."""
    with pytest.raises(RuleError) as raised:
        load(text)
    return "\n".join(line.rpartition("/rules.yaml:")[2] for line in str(raised.value).splitlines())


def changed(old: str, new: str) -> str:
    assert old in NO_ALERT
    return NO_ALERT.replace(old, new)


def test_a_rule_of_a_few_lines_is_enough(load: Load) -> None:
    (rule,) = load(
        "id: no-debugger\ntitle: No debugger\nwhy: It stops the program.\nmessage: remove it\nrule: {kind: "
        "debugger_statement}\nexamples: {good: ['f();'], bad: ['debugger;']}\n"
    )

    assert (rule.id, rule.level, rule.languages) == ("no-debugger", "warning", ("ts", "tsx", "js"))
    assert try_examples([rule]) == ()


def test_a_file_may_hold_several_rules_and_settings_for_others(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    indented = "".join(f"    {line}\n" for line in NO_ALERT.splitlines())
    path.write_text(f"rules:\n  -\n{indented}settings:\n  rest-paths: {{level: error, not_files: 'legacy/**'}}\n")

    rules = {rule.id: rule for rule in load_rules([path])}

    assert rules["no-alert"].origin == str(path)
    assert rules["rest-paths"].level == "error"
    assert not rules["rest-paths"].looks_at("legacy/a.ts")
    assert rules["rest-paths"].looks_at("src/a.ts")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed("title:", "titel:"), "2:1: titel: unknown field; did you mean 'title'?"),
        (changed("why: It stops the page.\n", ""), "1:1: why: is missing; it must be given"),
        (changed("level: error", "level: eror"), "4:8: level: 'eror' is not one of error, warning, info; did you mean"),
        (changed("id: no-alert", "id: No Alert"), "1:5: id: 'No Alert' does not look like one"),
        (changed("title: No alert", "title: 5"), "2:8: title: must be text, not a number; put it in quotes: '5'"),
        (changed("{pattern: alert($TEXT)}", "alert($TEXT)"), "6:7: rule: must be a mapping"),
        (changed("rule: {pattern: alert($TEXT)}\n", ""), "1:1: give either rule"),
        (changed("safe: true}", "safe: true, saef: 1}"), "7:44: fix.saef: unknown field; did you mean 'safe'?"),
        (changed("why:", "title: again\nwhy:"), "3:1: 'title' is given twice; the first is in line 2"),
        (changed("title: No alert", "title: No: alert"), "2:10: not valid YAML"),
        (changed("pattern: alert", "patern: alert"), "6:7: rule: for ts files: unknown field `patern`"),
        (
            changed("{pattern: alert($TEXT)}", "{kind: calls}"),
            "6:7: rule: for ts files: Kind `calls` is invalid",
        ),
        (changed("{pattern: alert($TEXT)}", '{pattern: "alert(("}'), "6:7: rule: pattern 'alert((' is no whole"),
        (changed("{pattern: alert($TEXT)}", '{regex: "(?=x)$TEXT"}'), "6:7: rule: for ts files: a regex that cannot"),
        (changed('message: "alert($TEXT)', 'message: "alert($TXET)'), "5:10: message: $TXET is matched by nothing"),
        (changed("notify($TEXT), safe", "notify($OTHER), safe"), "7:17: fix.template: $OTHER is matched by nothing"),
        (
            changed("level: error", "level: error\nat: PLACE"),
            "5:5: at: $PLACE is matched by nothing in the rule; it has",
        ),
        (changed("level: error", "level: error\nfiles: '[z-a]'"), "5:8: files[0]: glob '[z-a]' cannot be read"),
        (changed("level: error", "level: error\nparams: {folder: x}"), "5:9: params: parameter 'folder' is not used"),
        (
            changed("level: error", "level: error\nparams: {folder: x}\nfiles: '{{foldr}}/**'"),
            "5:9: params: parameter 'folder' is not used; did you mean 'foldr'?",
        ),
        (changed("rule: {pattern: alert($TEXT)}", "text: '(x'"), "6:7: text: regex '(x' does not compile"),
        (changed("rule:", "where: {TEXT: {imported: x}}\nrule:"), "6:15: where.TEXT: imported and from go"),
        (changed("rule:", "where: {TEXT: {collected: true}}\nrule:"), "1:1: collect and where"),
        (changed("id: no-alert", "id: rest-paths"), "1:5: id: 'rest-paths' is a rule already (built-in)"),
        (
            "settings: {rest-pats: {level: error}}",
            "1:23: settings.rest-pats: there is no rule 'rest-pats'; did you mean",
        ),
        (
            "settings: {rest-paths: {params: {prefx: /x}}}",
            "1:41: settings.rest-paths.params.prefx: rule rest-paths has no parameter 'prefx'; did you mean",
        ),
        (
            "settings: {no-local-database: {params: {orchestrator: '[z-a]'}}}",
            "1:31: settings.no-local-database: with its parameters, not_files.0 of no-local-database is wrong",
        ),
        ("- a\n", "1:1: a rule file is a mapping"),
        ("", "1:1: a rule file is a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_remedy(load: Load, text: str, told: str) -> None:
    assert error_of(load, text).startswith(told)


def test_all_mistakes_of_the_schema_are_told_at_once(load: Load) -> None:
    told = error_of(load, changed("level: error", "level: eror").replace("why: It stops the page.\n", ""))

    assert [line.partition(": ")[2].partition(":")[0] for line in told.splitlines()] == ["why", "level"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        (b"id: \xff\n", ":1: byte 4 is not UTF-8"),
        (b"#" * 1_000_001, "1000001 bytes; a rule file has at most"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "rules.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(RuleError, match=told):
        load_rules([path])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed("notify('x');\\n\"]", 'alert(1);"]'), "good[0] found in src/example.ts:1:1: alert(1) stops the page"),
        (changed("code: \"alert('x');\\n\"", 'code: "f();"'), "bad[0] not found"),
        (changed("code: \"alert('x');\\n\"", 'findings: 2, code: "alert(1);"'), "bad[0] found 1 times, not 2"),
        (changed(", fixed: \"notify('x');\\n\"", ""), "bad[0] is fixed, though the example has no fixed:"),
        (changed("fixed: \"notify('x');", 'fixed: "other();'), "bad[0] is fixed to"),
        (changed('["notify(', '[{file: a.py, code: x}, "class {'), "good[1] line 1:1: the parser does not understand"),
        (changed("bad: [{", "bad: [{file: a.md, "), "bad[0] the rule does not look at a.md"),
    ],
)
def test_an_example_that_does_not_show_what_it_says_is_told(load: Load, text: str, told: str) -> None:
    failures = try_examples(load(text))

    assert any(f"{one.example} {one.message}".startswith(told) for one in failures), failures


def test_rules_are_chosen_by_name_and_a_wrong_name_gets_a_suggestion() -> None:
    rules = load_rules()

    assert [rule.id for rule in select(rules, ["rest-paths", "no-local-database"])] == [
        "no-local-database",
        "rest-paths",
    ]
    assert len(select(rules, None, ["rest-paths"])) == len(rules) - 1
    assert select(rules, []) == ()
    with pytest.raises(RuleError, match="there is no rule 'rest-path'; did you mean 'rest-paths'"):
        select(rules, ["rest-path"])
    with pytest.raises(RuleError, match="there is no rule 'zzz'; there are no-local-database"):
        select(rules, None, ["zzz"])


def test_the_schema_is_json_and_describes_a_rule() -> None:
    schema = rule_schema()

    assert json.loads(json.dumps(schema)) == schema
    assert {"id", "why", "examples", "rule", "text"} <= set(schema["$defs"]["RuleSpec"]["properties"])
    references = json.dumps(schema).count('"#/$defs/')
    assert references > 10
    for name in schema["$defs"]:
        assert f"#/$defs/{name}" in json.dumps(schema)


def test_what_the_page_shows_can_be_used_as_it_stands(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "standards.md").read_text()
    blocks = re.findall(r"(?:^    .+\n)+", page, re.MULTILINE)
    shown = [dedent(block) for block in blocks if block.lstrip().startswith(("id:", "settings:"))]
    paths = [tmp_path / f"{number}.yaml" for number in range(len(shown))]
    for path, text in zip(paths, shown, strict=True):
        path.write_text(text)

    rules = load_rules(paths)

    assert len(shown) == 2
    assert try_examples(select(rules, ["no-alert"])) == ()


def test_built_in_rules_are_files_of_their_name() -> None:
    assert [path.stem for path in built_in_files()] == [rule.id for rule in load_rules()]
