"""Fixing: only what is found, nothing else of the file, and once is enough."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.migration.standards import Rule, check, fix, load_rules, select
from tests.migration.standards.conftest import NO_ALERT, Load

RULE = """\
id: {id}
title: t
why: w
message: m
rule: {{pattern: "{pattern}"}}
fix: {{template: "{template}", safe: {safe}}}
examples: {{good: ["x;\\n"], bad: ["y;\\n"]}}
"""


def rule(id: str, pattern: str, template: str, *, safe: bool = True) -> str:
    return RULE.format(id=id, pattern=pattern, template=template, safe=str(safe).lower())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"alert('x');\n", b"notify('x');\n"),
        (b"\xef\xbb\xbfalert('x')\r\nalert(\"y\")\r\n", b"\xef\xbb\xbfnotify('x')\r\nnotify(\"y\")\r\n"),
        (b"if (a) {\talert( 1 ) }", b"if (a) {\tnotify(1) }"),
        (b"/* \xe9 */ alert('\xe9')\n", b"/* \xe9 */ notify('\xe9')\n"),
        ("alert('😀');alert('é');\n".encode(), "notify('😀');notify('é');\n".encode()),
    ],
)
def test_a_fix_changes_the_span_and_no_other_byte(load: Load, before: bytes, after: bytes) -> None:
    fixed = fix({"a.ts": before}, load(NO_ALERT))

    assert fixed.changes == {"a.ts": after}
    assert {one.rule for one in fixed.applied} == {"no-alert"}


def test_files_without_a_finding_that_can_be_fixed_are_not_touched(load: Load) -> None:
    files = {"a.ts": b"notify(1)", "b.ts": b"// alert(1)\n", "c.py": b"alert(1)\n", "d.ts": b"alert(1)\0"}

    assert fix(files, load(NO_ALERT)).changes == {}


def test_a_finding_that_a_comment_allows_is_not_fixed(load: Load) -> None:
    files = {"a.ts": b"alert(1); // standards-ignore: no-alert shown once\nalert(2);\n"}

    assert fix(files, load(NO_ALERT)).changes["a.ts"].endswith(b"\nnotify(2);\n")
    assert fix(files, load(NO_ALERT)).changes["a.ts"].startswith(b"alert(1);")


def test_nested_findings_are_fixed_from_the_outside_in(load: Load) -> None:
    assert fix({"a.ts": b"alert(alert(alert(1)));"}, load(NO_ALERT)).changes == {"a.ts": b"notify(notify(notify(1)));"}


def test_of_overlapping_fixes_the_first_wins_and_the_next_goes_by_what_it_left(load: Load) -> None:
    rules = (
        *load(rule("outer", "f($A)", "g($A)"), "1.yaml"),
        *load(rule("inner", "g(x)", "h(x)"), "2.yaml"),
    )

    assert fix({"a.ts": b"f(g(x));"}, rules).changes == {"a.ts": b"g(h(x));"}
    assert fix({"a.ts": b"f(x);"}, rules[::-1]).changes == {"a.ts": b"h(x);"}


def test_several_nodes_are_put_back_as_they_stand(load: Load) -> None:
    rules = load(rule("many", "log($$$ALL)", "info($$$ALL)"))

    assert fix({"a.ts": b"log(a,  /* b */ b,\n  c);"}, rules).changes == {"a.ts": b"info(a,  /* b */ b,\n  c);"}


def test_fixes_that_are_not_safe_are_made_only_when_asked_for(load: Load) -> None:
    rules = load(rule("careful", "f($A)", "g($A)", safe=False))

    assert fix({"a.ts": b"f(1);"}, rules).changes == {}
    assert check({"a.ts": b"f(1);"}, rules).findings[0].fix == "unsafe"
    assert fix({"a.ts": b"f(1);"}, rules, unsafe=True).changes == {"a.ts": b"g(1);"}


def test_a_rule_that_never_ends_is_left_out_and_the_others_are_applied(load: Load) -> None:
    rules = (*load(NO_ALERT, "1.yaml"), *load(rule("grows", "f($A)", "f(f($A))"), "2.yaml"))

    fixed = fix({"a.ts": b"alert(1); f(1);"}, rules)

    assert fixed.changes == {"a.ts": b"notify(1); f(1);"}
    assert [(one.rule, "no end" in one.reason) for one in fixed.declined] == [("grows", True)]


def test_two_rules_that_undo_each_other_are_both_left_out(load: Load) -> None:
    rules = (*load(rule("to-g", "f($A)", "g($A)"), "1.yaml"), *load(rule("to-f", "g($A)", "f($A)"), "2.yaml"))

    fixed = fix({"a.ts": b"f(1);"}, rules)

    assert fixed.changes == {}
    assert fixed.declined


def test_a_fix_that_would_break_the_syntax_is_not_made(load: Load) -> None:
    rules = (*load(rule("breaks", "f($A)", "class $A {{"), "1.yaml"), *load(NO_ALERT, "2.yaml"))

    fixed = fix({"a.ts": b"f(1); alert(1);"}, rules)

    assert fixed.changes == {"a.ts": b"f(1); notify(1);"}
    assert [(one.rule, one.reason) for one in fixed.declined] == [("breaks", "it would leave code that does not parse")]


def test_a_fix_that_the_encoding_cannot_hold_is_not_made(load: Load) -> None:
    rules = load(rule("euro", "f($A)", "g('€', $A)"))

    fixed = fix({"a.ts": b"/* \xe9 */ f(1);"}, rules)

    assert fixed.changes == {}
    assert "not UTF-8" in fixed.declined[0].reason


def test_a_text_rule_fixes_the_part_that_it_points_at(load: Load) -> None:
    rules = load(
        "id: old-host\ntitle: t\nwhy: w\nmessage: m\nfiles: '**/*.md'\nat: HOST\n"
        "text: 'https://(?P<HOST>old\\.example)/(?P<REST>\\S*)'\nfix: {template: 'new.example', safe: true}\n"
        "examples: {good: [x], bad: [{code: 'https://old.example/a', fixed: 'https://new.example/a'}]}\n"
    )

    assert fix({"a.md": b"\xef\xbb\xbfsee https://old.example/a\r\n"}, rules).changes == {
        "a.md": b"\xef\xbb\xbfsee https://new.example/a\r\n"
    }


PIECES = [
    "import { WorkerEntrypoint } from 'cloudflare:workers';",
    'import { WorkerEntrypoint as W, env } from "cloudflare:workers"',
    "import { BaseWorkerEntrypoint } from './base';",
    "import type { X } from './x' // x",
    "export class A extends WorkerEntrypoint<Env> {}",
    "const B = class extends W {};",
    "let w: WorkerEntrypoint;",
    "app.get('/users', h);",
    "// standards-ignore: rpc-entrypoints they keep theirs",
    "const s = `class A extends WorkerEntrypoint {}`;",
    "é('😀');",
    "class {",
]


@pytest.fixture(scope="module")
def with_module(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rule, ...]:
    path = tmp_path_factory.mktemp("rules") / "settings.yaml"
    path.write_text("settings: {rpc-entrypoints: {params: {module: '@shared/rpc'}}}\n")
    return select(load_rules([path]), ["rpc-entrypoints", "rest-paths"])


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.sampled_from(PIECES), max_size=9),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_fixing_again_changes_nothing_and_what_is_not_fixed_stays_in_place(
    with_module: tuple[Rule, ...], lines: list[str], end: str, bom: bytes
) -> None:
    files = {"a.ts": bom + end.join(lines).encode()}

    fixed = fix(files, with_module)

    after = {**files, **fixed.changes}
    assert fix(after, with_module).changes == {}
    assert after["a.ts"].startswith(bom)
    assert end == "\n" or b"\n" not in after["a.ts"].replace(b"\r\n", b"")
    assert bool(fixed.changes) == bool(fixed.applied)
    left = [one for one in check(after, with_module).findings if one.fixable]
    assert not left or fixed.declined
