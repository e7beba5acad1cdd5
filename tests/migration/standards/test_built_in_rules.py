"""The built-in rules: each shows what it finds and what it lets pass, and holds on code that is not its example."""

import pytest

from repo_agent_dagster.migration.standards import Rule, check, fix, select, try_examples
from tests.migration.standards.conftest import Files, as_bytes

NAMES = [
    "no-local-database",
    "rest-paths",
    "rpc-entrypoints",
    "shared-contracts",
    "shared-ui-components",
    "websocket-paths",
]


def found(rules: tuple[Rule, ...], name: str, files: Files) -> list[str]:
    """Where a rule finds something: `file:line:column`."""
    findings = check(as_bytes(files), select(rules, [name])).findings
    return [f"{one.file}:{one.line}:{one.column}" for one in findings]


def test_these_are_the_built_in_rules(built_in: tuple[Rule, ...]) -> None:
    assert [rule.id for rule in built_in] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_example_of_a_rule_shows_what_it_says(built_in: tuple[Rule, ...], name: str) -> None:
    assert try_examples(select(built_in, [name])) == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_tells_why_and_where_it_does_not_look(built_in: tuple[Rule, ...], name: str) -> None:
    (rule,) = select(built_in, [name])

    assert len(rule.spec.why) > 60
    assert "ooked at" in rule.spec.docs or "ound elsewhere" in rule.spec.docs


def test_an_example_file_for_a_test_or_declaration_is_left_alone(built_in: tuple[Rule, ...]) -> None:
    route = "app.get('/users', h);\n"

    assert found(built_in, "rest-paths", {"a.test.ts": route, "test/a.ts": route, "a.d.ts": route, "a.py": route}) == []
    assert found(built_in, "rest-paths", {"a.mts": route, "b.cjs": route}) == ["a.mts:1:9", "b.cjs:1:9"]


def test_comments_strings_and_look_alikes_are_no_findings(built_in: tuple[Rule, ...]) -> None:
    text = (
        "// app.get('/users', h); import 'bun:sqlite'; class A extends WorkerEntrypoint {}\n"
        "const a = \"app.get('/users', h); env.DB.prepare()\";\n"
        "const b = `import 'bun:sqlite'; ctx.storage.sql`;\n"
        "const c = map.get('/users', 1);\nconst d = other.DB.prepare('x');\n"
    )

    assert check({"a.ts": text.encode()}, built_in).findings == ()


def test_findings_point_at_the_path_in_characters_also_behind_wide_ones(built_in: tuple[Rule, ...]) -> None:
    assert found(built_in, "rest-paths", {"a.ts": "/* 😀é */ app.get('/users', h);\n"}) == ["a.ts:1:18"]


def test_a_prefix_of_a_teams_own_replaces_the_built_in_one(load_settings: tuple[Rule, ...]) -> None:
    files = {"a.ts": "app.get('/v2/users/list', h);\napp.get('/api/users/list', h);\n"}

    assert found(load_settings, "rest-paths", files) == ["a.ts:2:9"]


@pytest.fixture
def load_settings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rule, ...]:
    from repo_agent_dagster.migration.standards import load_rules

    path = tmp_path_factory.mktemp("rules") / "settings.yaml"
    path.write_text(
        "settings:\n"
        "  rest-paths: {params: {prefix: /v2}}\n"
        "  rpc-entrypoints: {params: {module: '@shared/rpc'}}\n"
        "  shared-ui-components: {params: {folder: libs/design}}\n"
    )
    return load_rules([path])


def test_rules_with_other_parameters_still_show_what_they_say(load_settings: tuple[Rule, ...]) -> None:
    chosen = select(load_settings, ["rpc-entrypoints", "shared-ui-components"])

    assert try_examples(chosen) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import { WorkerEntrypoint } from 'cloudflare:workers';\nclass A extends WorkerEntrypoint {}\n",
            "import { BaseWorkerEntrypoint } from '@shared/rpc';\nclass A extends BaseWorkerEntrypoint {}\n",
        ),
        (
            'import { env, WorkerEntrypoint } from "cloudflare:workers"\r\nclass A extends WorkerEntrypoint<E> {}',
            'import { env } from "cloudflare:workers"\r\nimport { BaseWorkerEntrypoint } from "@shared/rpc"\r\n'
            "class A extends BaseWorkerEntrypoint<E> {}",
        ),
        (
            "import * as cf from 'cloudflare:workers'; // rpc\nclass A extends cf.WorkerEntrypoint {}\n",
            "import * as cf from 'cloudflare:workers'; // rpc\nimport { BaseWorkerEntrypoint } from '@shared/rpc';\n"
            "class A extends BaseWorkerEntrypoint {}\n",
        ),
        (
            "import { WorkerEntrypoint } from 'cloudflare:workers';\nclass A extends WorkerEntrypoint {}\n"
            "type B = WorkerEntrypoint;\n",
            "import { WorkerEntrypoint } from 'cloudflare:workers';\n"
            "import { BaseWorkerEntrypoint } from '@shared/rpc';\n"
            "class A extends BaseWorkerEntrypoint {}\ntype B = WorkerEntrypoint;\n",
        ),
        (
            "import cf, { WorkerEntrypoint } from 'cloudflare:workers';\nclass A extends WorkerEntrypoint {}\ncf;\n",
            "import cf from 'cloudflare:workers';\nimport { BaseWorkerEntrypoint } from '@shared/rpc';\n"
            "class A extends BaseWorkerEntrypoint {}\ncf;\n",
        ),
    ],
)
def test_an_entrypoint_gets_the_base_class_and_its_import(
    load_settings: tuple[Rule, ...], before: str, after: str
) -> None:
    rules = select(load_settings, ["rpc-entrypoints"])

    fixed = fix({"a.ts": before.encode()}, rules)

    assert fixed.changes["a.ts"].decode() == after
    assert fix(dict(fixed.changes), rules).changes == {}


def test_many_entrypoints_of_one_file_are_all_fixed_and_the_old_import_goes_last(
    load_settings: tuple[Rule, ...],
) -> None:
    classes = "".join(f"export class C{number} extends WorkerEntrypoint {{}}\n" for number in range(25))
    before = "import { WorkerEntrypoint } from 'cloudflare:workers';\n" + classes

    after = fix({"a.ts": before.encode()}, select(load_settings, ["rpc-entrypoints"])).changes["a.ts"].decode()

    assert after.startswith("import { BaseWorkerEntrypoint } from '@shared/rpc';\n")
    assert "cloudflare:workers" not in after
    assert after.count("extends BaseWorkerEntrypoint") == 25


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "import { WorkerEntrypoint } from 'cloudflare:workers';\nclass A extends WorkerEntrypoint {}\n",
            "does not say from where",
        ),
        (
            "import { WorkerEntrypoint } from 'cloudflare:workers';\nimport type { BaseWorkerEntrypoint } from './b';\n"
            "class A extends WorkerEntrypoint {}\n",
            "as a type only",
        ),
        (
            "import { WorkerEntrypoint } from 'cloudflare:workers';\nconst BaseWorkerEntrypoint = 1;\n"
            "class A extends WorkerEntrypoint {}\n",
            "for something else",
        ),
    ],
)
def test_an_entrypoint_whose_import_is_uncertain_is_found_and_not_fixed(
    built_in: tuple[Rule, ...], code: str, why: str
) -> None:
    rules = select(built_in, ["rpc-entrypoints"])

    (finding,) = check({"a.ts": code.encode()}, rules).findings

    assert (finding.fix, finding.fixable) == ("no", False)
    assert why in finding.why_not
    assert fix({"a.ts": code.encode()}, rules).changes == {}


def test_contracts_are_gathered_from_context_that_is_not_checked_itself(built_in: tuple[Rule, ...]) -> None:
    rules = select(built_in, ["shared-contracts"])
    files = as_bytes({"apps/a/types.ts": "export interface User {}\nexport interface Own {}\n"})
    context = as_bytes({"packages/contracts/src/index.ts": "export interface User {}\ninterface Own {}\n"})

    report = check(files, rules, context=context)

    assert [(one.file, one.line) for one in report.findings] == [("apps/a/types.ts", 1)]
    assert report.idle == ()
    assert check(files, rules).findings == ()
    assert "shared-contracts: nothing to go by" in check(files, rules).idle[0]
