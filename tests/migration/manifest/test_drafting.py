"""A drafted manifest always loads and plans; what it switches on is certain, and what is not stands in a comment."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration import DestinationError, UnitError, load_manifest, plan, read_manifest
from repo_agent_dagster.migration.manifest.draft_yaml import comment, quoted
from repo_agent_dagster.migration.manifest.drafting import draft_manifest
from repo_agent_dagster.migration.units.contents import read_unit
from repo_agent_dagster.packaged import packaged_path
from tests.migration.conftest import Files, write_tree

Draft = Callable[..., str]
TSCONFIG = {
    "compilerOptions": {
        "paths": {"@shared/utils": ["./packages/shared/src/utils.ts"], "@shared/*": ["./packages/shared/src/*.ts"]}
    }
}
TARGET = {
    "package.json": '{"workspaces": ["packages/*", "apps/*"]}',
    "tsconfig.base.json": json.dumps(TSCONFIG),
    "packages/shared/package.json": '{"name": "@shared/all"}',
    "packages/shared/src/utils.ts": "export const slug = 1, join = 2;\nexport * from './dates';\n",
    "packages/shared/src/dates.ts": "export function today() {}\n",
    "packages/shared/src/http.ts": "export class HttpError {}\n",
}
ORCHESTRATOR = {
    "packages/orchestrator/package.json": '{"name": "orchestrator"}',
    "packages/orchestrator/wrangler.toml": "",
}


class Desk:
    """A unit, a target root, and the manifest that is drafted for one in the other."""

    def __init__(self, tmp_path: Path) -> None:
        self.unit = tmp_path / "STAGING" / "shop"
        self.target = tmp_path / "monorepo"
        self.unit.mkdir(parents=True)
        self.target.mkdir()

    def put(self, files: Files, target: Files | None = None) -> "Desk":
        write_tree(self.unit, files)
        write_tree(self.target, TARGET if target is None else target)
        return self

    def text(self) -> str:
        return draft_manifest(read_unit(self.unit), self.target)

    def told(self) -> str:
        """The draft's text in one line, without the marks of comments."""
        return " ".join(re.sub(r"^\s*#", "", self.text(), flags=re.MULTILINE).split())

    def manifest(self) -> Manifest:
        (self.unit / "migration-manifest.yaml").write_text(self.text(), encoding="utf-8")
        try:
            return load_manifest(self.unit)
        finally:
            (self.unit / "migration-manifest.yaml").unlink()

    def rules(self) -> list[tuple[str, str]]:
        return [(rule.exact or rule.prefix or rule.regex or "", rule.to) for rule in self.manifest().imports]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_example_unit_gets_the_rules_that_a_person_wrote_for_it(tmp_path: Path) -> None:
    unit, root = packaged_path("examples") / "STAGING" / "feedback-worker", packaged_path("examples") / "monorepo"
    path = tmp_path / "m.yaml"
    path.write_text(draft_manifest(read_unit(unit), root), encoding="utf-8")

    manifest = read_manifest(path)
    planned = plan(unit, root, manifest)

    assert manifest.destination == "apps/feedback-worker"
    assert planned.unresolved == ()
    assert planned.dead_rules == ()
    written = plan(unit, root, load_manifest(unit))
    assert {(one.old, one.new) for one in planned.rewrites} >= {
        (one.old, one.new) for one in written.rewrites if one.rule is not None
    }


def test_an_import_that_climbs_out_becomes_the_one_module_that_exports_its_names(desk: Desk) -> None:
    desk.put(
        {"src/a.ts": "import { slug, today } from '../../utils';\nimport { HttpError } from '../../lib/http.js';\n"}
    )

    assert desk.rules() == [("../../utils", "@shared/utils")]
    assert "# Open: ../../lib/http.js (src/a.ts:2)" in desk.text()


def test_a_module_that_lacks_a_name_is_not_taken_for_it(desk: Desk) -> None:
    desk.put({"src/a.ts": "import { slug, gone } from '../../utils';\n"})

    assert desk.rules() == []
    assert "nothing there fits" in desk.text()


def test_names_that_a_require_takes_apart_count_as_well(desk: Desk) -> None:
    desk.put({"a.js": "const { slug, join: j } = require('../utils');\nconst { gone } = require('../http');\n"})

    assert desk.rules() == [("../utils", "@shared/utils")]


def test_modules_that_pass_on_each_others_names_are_read_once(desk: Desk) -> None:
    circle = {**TARGET, "packages/shared/src/dates.ts": "export * from './utils';\nexport const today = 1;\n"}
    desk.put({"a.ts": "import { slug } from '../utils';\n"}, circle)

    assert desk.rules() == [("../utils", "@shared/utils")]


def test_two_modules_that_fit_are_both_told_and_none_is_chosen(desk: Desk) -> None:
    twin = {
        **TARGET,
        "packages/utils/package.json": '{"name": "@other/utils", "exports": "./index.ts"}',
        "packages/utils/index.ts": "export const slug = 1;",
    }
    desk.put({"src/a.ts": "import { slug } from '../../utils';\n"}, twin)

    assert desk.rules() == []
    assert "it may be @shared/utils" in desk.text()
    assert "@other/utils (packages/utils/index.ts)" in desk.told()


def test_a_package_that_nobody_declares_may_be_one_of_the_targets(desk: Desk) -> None:
    package = {"packages/kit/package.json": '{"name": "@mono/kit", "exports": {".": "./a.ts", "./*": "./src/*.ts"}}'}
    files = {**package, "packages/kit/a.ts": "export const kit = 1;", "packages/kit/src/deep.ts": "export const d = 1;"}
    text = "import { kit } from '@vendor/kit';\nimport { d } from '@vendor/kit/deep';\nimport { h } from 'hono';\n"
    desk.put({"a.ts": text, "package.json": '{"dependencies": {"hono": "*"}}'}, {**TARGET, **files})

    assert desk.rules() == [("@vendor/kit", "@mono/kit"), ("@vendor/kit/deep", "@mono/kit/deep")]


def test_a_family_of_imports_gets_one_rule_only_if_it_says_the_same_for_all_it_matches(desk: Desk) -> None:
    modules = {f"packages/shared/src/utils/{name}.ts": f"export const {name} = 1;" for name in "ab"}
    text = "import { a } from '../../utils/a';\nimport { b } from '../../utils/b';\n"
    desk.put({"src/x.ts": text}, {**TARGET, **modules})
    assert desk.rules() == [(r"(?:\.\./)+utils/(.+)", r"@shared/utils/\1")]

    desk.put({"src/deep/y.ts": "import '../utils/own';\n", "src/utils/own.ts": ""})
    assert desk.rules() == [("../../utils/a", "@shared/utils/a"), ("../../utils/b", "@shared/utils/b")]


def test_a_specifier_that_means_a_file_of_the_unit_elsewhere_gets_no_rule(desk: Desk) -> None:
    desk.put(
        {"a.ts": "import { slug } from '../utils';\n", "x/b.ts": "import { own } from '../utils';", "utils.ts": ""}
    )

    assert desk.rules() == []


@pytest.mark.parametrize(
    ("files", "destination"),
    [
        ({"wrangler.toml": 'name = "x"'}, "apps/shop"),
        ({"package.json": '{"main": "a.js"}', "a.js": ""}, "packages/shop"),
        ({"README.md": "# x"}, "packages/shop"),
    ],
)
def test_the_destination_follows_what_the_unit_is(desk: Desk, files: dict[str, str], destination: str) -> None:
    assert desk.put(files).manifest().destination == destination


def test_a_project_in_a_folder_of_its_own_is_offered_as_the_source(desk: Desk) -> None:
    desk.put({"README.md": "# x", "demo/main/package.json": "{}", "demo/main/sub/package.json": "{}"})

    assert "# source: demo/main\n" in desk.text()
    assert desk.manifest().source == "."


def test_the_destination_follows_the_targets_workspaces(desk: Desk) -> None:
    target = {"pnpm-workspace.yaml": "packages:\n  - 'workers/*'\n  - '!workers/old'\n  - 'libs/*'\n"}

    assert desk.put({"wrangler.toml": ""}, target).manifest().destination == "workers/shop"


_DIGESTS = {"source_digest": "0" * 64, "manifest_digest": "0" * 64}


@pytest.mark.parametrize("lock", [json.dumps({"version": 1, "unit": "other", "files": {}, **_DIGESTS}), "broken"])
def test_a_folder_of_another_unit_is_not_taken(desk: Desk, lock: str) -> None:
    desk.put({"wrangler.toml": ""}, {"apps/shop/.migration-lock.json": lock})

    assert desk.manifest().destination == "apps/shop-2"
    assert "apps/shop is not free" in desk.told()


def test_secrets_caches_ignored_output_and_spare_lock_files_stay_behind(desk: Desk) -> None:
    desk.put(
        {
            ".gitignore": "dist/\n",
            ".env": "KEY=1",
            "package-lock.json": "{}",
            "dist/a.js": "",
            "build/b.js": "",
            ".wrangler/state": "",
            "src/a.ts": "",
        }
    )
    (rule,) = desk.manifest().files

    assert rule.exclude == ("**/.env", "**/.wrangler/**", "**/dist/**", "**/package-lock.json")
    assert "Not left out; add it to exclude if it is built anew: **/build/**" in desk.text()


def test_output_that_the_code_imports_comes_along(desk: Desk) -> None:
    desk.put({".gitignore": "dist\n", "dist/made.js": "", "a.ts": "import './dist/made.js';"})

    assert desk.manifest().files[0].exclude == ()


def test_a_unit_of_nothing_but_lock_files_is_not_emptied(desk: Desk) -> None:
    assert desk.put({"package-lock.json": "{}"}).manifest().files[0].exclude == ()


def test_checks_come_from_scripts_and_tests_and_are_off_where_the_sandbox_lacks_the_program(desk: Desk) -> None:
    scripts = {"typecheck": "tsc --noEmit", "lint": "bun run lint", "test": 'echo "Error: no test specified" && exit 1'}
    desk.put(
        {
            "package.json": json.dumps({"scripts": scripts}),
            "sub/package.json": '{"scripts": {"test": "vitest run"}}',
            "py/pyproject.toml": "[project]\nname = 'x'\n",
            "py/test_x.py": "def test_x(): ...\n",
            "go.mod": "module x.org/y\n",
        }
    )

    assert [(check.run, check.package) for check in desk.manifest().checks] == [
        ("npm run typecheck", "."),
        ("npm test", "sub"),
        ("pytest -q", "py"),
    ]
    assert "the sandbox has no bun" in desk.text()
    assert "the sandbox has no Go" in desk.text()


def test_a_local_database_is_moved_to_the_one_orchestrator(desk: Desk) -> None:
    files = {"a.ts": "import { Database } from 'bun:sqlite';\n"}
    assert desk.put(files).manifest().refactor.d1_to_rpc is None

    moved = desk.put(files, {**TARGET, **ORCHESTRATOR}).manifest().refactor.d1_to_rpc

    assert moved is not None
    assert moved.orchestrator == "packages/orchestrator"


def test_settings_files_are_merged_by_key(desk: Desk) -> None:
    desk.put({"package.json": "{}", "sub/tsconfig.json": "{}"})

    assert [(rule.files, rule.by) for rule in desk.manifest().merge] == [
        ("**/package.json", "json-merge"),
        ("**/tsconfig.json", "json-merge"),
    ]


def test_comments_tell_of_aliases_extends_import_roots_and_modules(desk: Desk) -> None:
    desk.put(
        {
            "tsconfig.json": '{"extends": "../../tsconfig.base.json", "compilerOptions": {"paths": {"@/*": ["./*"]}}}',
            "src/shop/__init__.py": "",
            "go.mod": "module x.org/shop\n",
            "a.ts": "import '../utils-of-vendor';\n",
        }
    )
    (desk.unit.parent / "utils-of-vendor").mkdir()
    text = desk.told()

    assert "tsconfig.json maps @/*" in text
    assert "at the destination that is tsconfig.base.json, which is there" in text
    assert "Python: the import root is src/ (shop)" in text
    assert "Go: go.mod is module x.org/shop" in text
    assert "after: [utils-of-vendor]" in text


@pytest.mark.parametrize("field", ["destination", "refactor", "standards", "after", "approval", "order"])
def test_an_alternative_can_be_switched_on(desk: Desk, field: str) -> None:
    desk.put({"a.ts": "import '../vendor';\nimport { Database } from 'bun:sqlite';\n"})
    (desk.unit.parent / "vendor").mkdir()
    lines = desk.text().splitlines()
    alternative = next(line for line in lines if line.startswith(f"# {field}: "))
    path = desk.unit.parent / "switched-on.yaml"

    kept = [line for line in lines if not line.startswith(f"{field}:")]
    path.write_text("\n".join([*kept, alternative.removeprefix("# ")]), encoding="utf-8")

    assert read_manifest(path) != desk.manifest()


def test_without_a_target_root_the_draft_says_what_it_could_not_look_up(desk: Desk) -> None:
    write_tree(desk.unit, {"a.ts": "import '../utils';\n"})

    text = draft_manifest(read_unit(desk.unit), None)

    assert "No target root was given" in text
    assert yaml.safe_load(text)["destination"] == "packages/shop"


def test_a_unit_without_files_and_a_target_that_is_not_there_are_told(desk: Desk) -> None:
    with pytest.raises(UnitError, match="holds no file"):
        draft_manifest(read_unit(desk.unit), None)
    write_tree(desk.unit, {"a.ts": ""})
    with pytest.raises(DestinationError, match="is not a folder"):
        draft_manifest(read_unit(desk.unit), desk.target / "gone")


@given(st.text(max_size=30))
@example("no")
@example("a'\\b\n")
@example("1.0")
def test_a_quoted_text_reads_back_as_it_was_and_a_comment_stays_one(text: str) -> None:
    text = "".join(character for character in text if not 0xD800 <= ord(character) <= 0xDFFF)

    assert yaml.safe_load(f"key: [{quoted(text)}, x]") == {"key": [text, "x"]}
    assert yaml.safe_load("\n".join([*comment(f"x {text}"), "a: 1"])) == {"a": 1}


_PATHS = st.sampled_from(
    ["package.json", "tsconfig.json", "wrangler.toml", "src/a.ts", "src/b.tsx", "lib/c.js", "d.py", "pkg/__init__.py",
     "pkg/e.py", "tests/test_e.py", "go.mod", "main.go", "index.html", "README.md", "Dockerfile", "dist/x.js", ".env",
     "package-lock.json", ".gitignore", "sub/package.json", "strange name '\"#: {}.ts", "line\nbreak.ts",
     "лес/ß.ts", "a/b/c/d.ts",
     "-x.ts", "~home/y.ts", "C:/z/package.json", "target/debug", "!not.ts", ".migrations/x.sql", "[id]/page.tsx",
     "migration-manifest.json.bak", "sub/migration-manifest.yaml", "sub/.migration-lock.json.txt"]
)  # fmt: skip
_CONTENTS = st.sampled_from(
    ["", "{}", "{", "import '../../utils';\n", "import { slug } from '../../../utils';\n",
     "import x from '@vendor/utils';\n", "import 'x\ufffdy'", "[[d1_databases]]\nbinding = 'DB'\n",
     "import { slug } from \"../utils\";\nexport * from './c';\n", "import \"..\\\\x\";\nimport '../a\\nb';\n",
     "const s = `import '../x'`;", '{"extends": "../../x", "compilerOptions": {"paths": {"@/*": ["./*"]}}}',
     '{"scripts": {"test": "x", "lint": "y # \\n z", "typecheck": "tsc"}, "dependencies": {"a": "1"}}',
     '{"name": "@s/x", "main": "./a.js", "workspaces": ["x"], "scripts": []}',
     "module example.com/x\n", "from ...x import y\nimport sqlite3\n", "env.DB.prepare('SELECT 1 FROM t')\n",
     "dist\n*\n!x\n", "\0\1",
     "\ufeffimport '../../utils'\r\n"]
)  # fmt: skip
_TARGETS = st.sampled_from(
    [{}, TARGET, {**TARGET, **ORCHESTRATOR}, {"package.json": "[]", "tsconfig.json": "{,"}, {"apps": "a file"},
     {"packages/shop/.migration-lock.json": "{}", "apps/shop/.migration-lock.json": "x"},
     {"package.json": '{"workspaces": ["*", "../x", 1]}'},
     {"pnpm-workspace.yaml": "packages: [a/**, 'we ird/*', ./tools/*/]"}]
)  # fmt: skip


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(_PATHS, _CONTENTS, min_size=1, max_size=7), _TARGETS, st.sampled_from(["shop", "-", "лес", "a b'c"])
)
def test_whatever_the_trees_hold_the_draft_loads_and_plans_and_is_the_same_again(
    files: dict[str, str], target: dict[str, str], name: str
) -> None:
    with TemporaryDirectory() as folder:
        unit = write_tree(Path(folder) / "STAGING" / name, files)
        root = write_tree(Path(folder) / "root", target)
        contents = read_unit(unit)
        assume(contents.files)
        text = draft_manifest(contents, root)
        (unit / "migration-manifest.yaml").write_text(text, encoding="utf-8")

        planned = plan(unit, root, load_manifest(unit))

        assert planned.changes
        assert draft_manifest(read_unit(unit), root) == text
