"""What tsconfig, package.json and wrangler files say follows a move, and every other byte of them stays."""

import json
import re
from collections.abc import Mapping, Sequence

import pytest

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.file import Rewriter, Rewritten
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from tests.migration.rewriting.one_file import rewrite_file

MOVED = {
    "tsconfig.json": "apps/x/tsconfig.json",
    "package.json": "apps/x/package.json",
    "wrangler.toml": "apps/x/wrangler.toml",
    "wrangler.jsonc": "apps/x/wrangler.jsonc",
    "Dockerfile": "apps/x/docker/Dockerfile",
    "config/tsconfig.base.json": "tooling/tsconfig.base.json",
    "src/main.ts": "apps/x/src/main.ts",
    "src/worker.ts": "apps/x/src/worker.ts",
    "lib/index.ts": "packages/lib/src/index.ts",
    "lib/deep/util.ts": "packages/lib/src/deep/util.ts",
    "lib/tsconfig.json": "packages/lib/src/tsconfig.json",
    "lib/package.json": "packages/lib/src/package.json",
    "public/index.html": "apps/x/static/index.html",
    "sql/001.sql": "apps/x/db/migrations/001.sql",
    "mixed/a.ts": "apps/x/a/a.ts",
    "mixed/b.ts": "apps/x/b/b.ts",
}
RELOCATION = Relocation(
    frozenset({*MOVED, "old/left.ts"}), MOVED, {"shared/base.json", "shared/ui/package.json"}.__contains__
)
RULES = (
    ImportRule(exact="@staging/tsconfig", to="@shared/tsconfig"),
    ImportRule(exact="../../base.json", to="../../shared/base.json"),
    ImportRule(exact="../../gone.json", to="../gone.json"),
    ImportRule(exact="./src/main.ts", to="never"),
    ImportRule(prefix="types-", to="kinds-", language="py"),
)


def rewrite(path: str, text: str, rules: Sequence[ImportRule] = RULES) -> Rewritten:
    return rewrite_file(path, text.encode(), RELOCATION, rules)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('"include": ["lib/**/*.ts"]', '"include": ["../../packages/lib/src/**/*.ts"]', id="include"),
        pytest.param(
            '"include": ["./lib", "src"]', '"include": ["../../packages/lib/src", "src"]', id="include-folder"
        ),
        pytest.param('"include": ["lib/*/"]', '"include": ["../../packages/lib/src/*/"]', id="trailing-slash"),
        pytest.param(
            '"exclude": ["lib/deep", "dist"]', '"exclude": ["../../packages/lib/src/deep", "dist"]', id="exclude"
        ),
        pytest.param('"files": ["lib/index.ts"]', '"files": ["../../packages/lib/src/index.ts"]', id="files"),
        pytest.param(
            '"references": [{"path": "./lib"}]', '"references": [{"path": "../../packages/lib/src"}]', id="ref"
        ),
        pytest.param(
            '"references": [{"path": "lib/tsconfig.json"}]',
            '"references": [{"path": "../../packages/lib/src/tsconfig.json"}]',
            id="reference-to-file",
        ),
        pytest.param(
            '"extends": "./config/tsconfig.base.json"', '"extends": "../../tooling/tsconfig.base.json"', id="ext"
        ),
        pytest.param(
            '"extends": ["./config/tsconfig.base"]', '"extends": ["../../tooling/tsconfig.base"]', id="ext-short"
        ),
        pytest.param('"extends": "@staging/tsconfig"', '"extends": "@shared/tsconfig"', id="extends-by-rule"),
        pytest.param('"extends": "../../base.json"', '"extends": "../../shared/base.json"', id="extends-relative-rule"),
        pytest.param(
            '"compilerOptions": {"rootDir": "./lib"}',
            '"compilerOptions": {"rootDir": "../../packages/lib/src"}',
            id="rd",
        ),
        pytest.param(
            '"compilerOptions": {"typeRoots": ["lib/deep", "node_modules/@types"]}',
            '"compilerOptions": {"typeRoots": ["../../packages/lib/src/deep", "node_modules/@types"]}',
            id="type-roots",
        ),
        pytest.param(
            '"compilerOptions": {"paths": {"@lib/*": ["./lib/*"], "@u": ["lib/deep/util"]}}',
            '"compilerOptions": {"paths": {"@lib/*": ["../../packages/lib/src/*"], '
            '"@u": ["../../packages/lib/src/deep/util"]}}',
            id="paths",
        ),
        pytest.param(
            '"compilerOptions": {"baseUrl": "./lib", "paths": {"u": ["deep/util.ts"], "m": ["../src/*"]}}',
            '"compilerOptions": {"baseUrl": "../../packages/lib/src", '
            '"paths": {"u": ["deep/util.ts"], "m": ["../../../apps/x/src/*"]}}',
            id="paths-by-base-url",
        ),
        pytest.param(
            '"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/*"]}}',
            '"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/*"]}}',
            id="paths-that-still-hold",
        ),
    ],
)
def test_tsconfig_goes_on_meaning_what_it_meant(before: str, after: str) -> None:
    rewritten = rewrite("tsconfig.json", f"{{{before}}}")

    assert rewritten.content.decode() == f"{{{after}}}"
    assert rewritten.unresolved == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('"main": "lib/index.ts"', '"main": "../../packages/lib/src/index.ts"', id="main"),
        pytest.param('"main": "./lib"', '"main": "../../packages/lib/src"', id="folder"),
        pytest.param('"types": "./lib/deep/util"', '"types": "../../packages/lib/src/deep/util"', id="without-ending"),
        pytest.param('"bin": {"x": "./lib/index.ts"}', '"bin": {"x": "../../packages/lib/src/index.ts"}', id="bin"),
        pytest.param(
            '"exports": {".": {"import": "./public/index.html"}}',
            '"exports": {".": {"import": "./static/index.html"}}',
            id="exports",
        ),
        pytest.param('"exports": "./public/*.html"', '"exports": "./static/*.html"', id="exports-pattern"),
        pytest.param(
            '"imports": {"#a": "./public/index.html", "#b": "dep"}',
            '"imports": {"#a": "./static/index.html", "#b": "dep"}',
            id="imports",
        ),
        pytest.param('"files": ["public", "!public/*.map"]', '"files": ["static", "!static/*.map"]', id="files"),
        pytest.param(
            '"browser": {"x": "./public/index.html"}', '"browser": {"x": "./static/index.html"}', id="browser"
        ),
        pytest.param(
            '"browser": {"./public/index.html": "./public/index.html", "fs": false}',
            '"browser": {"./static/index.html": "./static/index.html", "fs": false}',
            id="browser-keys",
        ),
        pytest.param(
            '"dependencies": {"l": "file:./lib"}', '"dependencies": {"l": "file:../../packages/lib/src"}', id="file"
        ),
        pytest.param(
            '"devDependencies": {"l": "link:lib"}', '"devDependencies": {"l": "link:../../packages/lib/src"}', id="link"
        ),
        pytest.param(
            '"dependencies": {"l": "./lib"}', '"dependencies": {"l": "../../packages/lib/src"}', id="bare-path"
        ),
        pytest.param('"main": "dist/index.js"', '"main": "dist/index.js"', id="built-later"),
        pytest.param(
            '"dependencies": {"a": "^1", "b": "workspace:*"}',
            '"dependencies": {"a": "^1", "b": "workspace:*"}',
            id="versions",
        ),
        pytest.param(
            '"dependencies": {"u": "file:../../shared/ui"}',
            '"dependencies": {"u": "file:../../shared/ui"}',
            id="stands-there",
        ),
        pytest.param(
            '"name": "lib", "scripts": {"x": "lib/index.ts"}',
            '"name": "lib", "scripts": {"x": "lib/index.ts"}',
            id="no-paths",
        ),
    ],
)
def test_package_json_goes_on_meaning_what_it_meant(before: str, after: str) -> None:
    rewritten = rewrite("package.json", f"{{{before}}}")

    assert rewritten.content.decode() == f"{{{after}}}"
    assert rewritten.unresolved == ()


WRANGLER_TOML = """\
# the worker
name = "x"   # keep
main = 'lib/index.ts'
migrations_dir = "sql"

[assets]
directory = "./public/"

[site]
bucket = '''./public'''

[[containers]]
class_name = "C"
image = "./Dockerfile"

[[containers]]
image = "docker.io/library/node:24"

[[d1_databases]]
binding = "DB"
migrations_dir = "./sql"

[alias]
fs = "./lib/deep/util"
path = "node:path"

[env.production]
main = "src/worker.ts"
assets = { directory = "public" }
"""


def test_wrangler_toml_goes_on_meaning_what_it_meant() -> None:
    rewritten = rewrite("wrangler.toml", WRANGLER_TOML)

    assert rewritten.content.decode() == (
        WRANGLER_TOML.replace("'lib/index.ts'", "'../../packages/lib/src/index.ts'")
        .replace('"sql"', '"db/migrations"')
        .replace('"./sql"', '"./db/migrations"')
        .replace('"./public/"', '"./static/"')
        .replace("'''./public'''", "'''./static'''")
        .replace('"public"', '"static"')
        .replace("./lib/deep/util", "../../packages/lib/src/deep/util")
        .replace('"./Dockerfile"', '"./docker/Dockerfile"')
    )
    assert rewritten.unresolved == ()
    assert ("wrangler containers.image", 14, 10) in {(one.form, one.line, one.column) for one in rewritten.rewrites}


def test_wrangler_jsonc_is_read_like_wrangler_toml() -> None:
    text = '{\n  // main\n  "main": "lib/index.ts",\n  "env": {"p": {"assets": {"directory": "public",},},},\n}\n'

    assert rewrite("wrangler.jsonc", text).content.decode() == text.replace(
        "lib/index.ts", "../../packages/lib/src/index.ts"
    ).replace("public", "static")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_formatting_comments_line_ends_and_byte_order_mark_stay(newline: str, mark: str) -> None:
    lines = ["{ // é", '\t"include" : [ "lib" , ],/* x */', '"files":["\\u006cib/index.ts"], }', ""]
    text = mark + newline.join(lines)

    rewritten = rewrite("tsconfig.json", text)

    new = text.replace('"lib"', '"../../packages/lib/src"').replace(
        "\\u006cib/index.ts", "../../packages/lib/src/index.ts"
    )
    assert rewritten.content == new.encode()
    assert [(one.line, one.column) for one in rewritten.rewrites] == [(2, 17), (3, 11)]


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("tsconfig.json", '{"include": ["mixed"]}', "means the folder mixed, whose files move apart"),
        (
            "tsconfig.json",
            '{"include": ["mixed/*.ts"]}',
            "matches files that move apart (mixed/a.ts goes to apps/x/a/a.ts)",
        ),
        ("tsconfig.json", '{"files": ["old/left.ts"]}', "means old/left.ts, which no files rule moves"),
        ("tsconfig.json", '{"include": ["old"]}', "means old, which no files rule moves"),
        ("tsconfig.json", '{"extends": "../base"}', "climbs out of the unit"),
        ("tsconfig.json", '{"extends": "./nothing"}', "no such file in the unit"),
        (
            "tsconfig.json",
            '{"extends": "../../gone.json"}',
            "rule imports[2] makes it '../gone.json', which is no file",
        ),
        ("tsconfig.json", '{"include": ["..\\\\lib"]}', "has backslashes"),
        ("tsconfig.json", '{"include": ["/lib"]}', "is an absolute path"),
        ("tsconfig.json", '{"compilerOptions": {"paths": {"a": ["../../shared/*"]}}}', "climbs out of the unit"),
        ("tsconfig.json", '{"include": [}', "here should be a value"),
        (
            "package.json",
            '{"exports": "./lib/index.ts"}',
            "would become '../../packages/lib/src/index.ts', and a package",
        ),
        ("package.json", '{"files": ["lib"]}', "would become '../../packages/lib/src', and a package"),
        ("package.json", '{"dependencies": {"a": "file:../a"}}', "climbs out of the unit"),
        ("wrangler.toml", 'main = "mixed"', "means the folder mixed, whose files move apart"),
        ("wrangler.toml", 'main = "a"\nmain = "b"', "not TOML"),
    ],
)
def test_what_cannot_be_rewritten_is_left_and_listed(path: str, text: str, reason: str) -> None:
    rewritten = rewrite(path, text)

    assert rewritten.content.decode() == text
    assert [one.reason[: len(reason)] for one in rewritten.unresolved] == [reason]


@pytest.mark.parametrize(
    "text",
    [
        '{"exclude": ["node_modules", "old", "**/*.test.ts", "../out"]}',
        '{"include": ["src/**/*", "*.d.ts"], "compilerOptions": {"outDir": "../lib"}}',
        '{"compilerOptions": {"types": ["types-node"], "paths": {"@/*": ["${configDir}/src/*"]}}}',
        '{"extends": "@tsconfig/node24/tsconfig.json", "$schema": "lib/index.ts"}',
        "{}",
        "",
    ],
)
def test_what_needs_no_change_is_untouched_and_not_listed(text: str) -> None:
    rewritten = rewrite("tsconfig.json", text)

    assert (rewritten.content.decode(), rewritten.unresolved, rewritten.rewrites) == (text, (), ())


def test_import_rules_count_where_an_entry_names_a_module() -> None:
    rules = [ImportRule(prefix="@staging/", to="@app/")]
    text = '{"compilerOptions": {"types": ["@staging/t"], "jsxImportSource": "@staging/jsx", "baseUrl": "@staging/x"}}'

    rewritten = rewrite("tsconfig.json", text, rules)

    assert rewritten.content.decode() == text.replace("@staging/t", "@app/t").replace("@staging/jsx", "@app/jsx")
    assert rewritten.rules_hit == {0}


def test_paths_are_relative_to_an_inherited_base_url() -> None:
    contents = {
        "tsconfig.json": b'{"extends": "./config/base", "compilerOptions": {"paths": {"l": ["../lib/*"], "s": ["*"]}}}',
        "config/base.json": b'{"compilerOptions": {"baseUrl": "../src"}}',
        "lib/a.ts": b"",
        "src/a.ts": b"",
    }
    moved = {
        "tsconfig.json": "apps/x/tsconfig.json",
        "config/base.json": "apps/x/config/base.json",
        "lib/a.ts": "packages/lib/a.ts",
        "src/a.ts": "apps/x/src/a.ts",
    }
    rewriter = Rewriter(Relocation(frozenset(moved), moved, lambda _: False), (), contents)

    rewritten = rewriter.rewrite("tsconfig.json", contents["tsconfig.json"])

    assert json.loads(rewritten.content)["compilerOptions"]["paths"] == {"l": ["../../../packages/lib/*"], "s": ["*"]}


def test_a_folder_whose_files_all_stay_in_it_stays() -> None:
    moved = {
        "tsconfig.json": "x/tsconfig.json",
        "src/a.ts": "x/src/a.ts",
        "src/b/c.ts": "x/src/other/c.ts",
        "lib/a.ts": "x/lib/a.ts",
        "lib/b/c.ts": "y/c.ts",
    }
    relocation = Relocation(frozenset(moved), moved, lambda _: False)

    rewritten = rewrite_file("tsconfig.json", b'{"include": ["src", "src/**/*.ts", "lib"]}', relocation, ())

    assert [one.specifier for one in rewritten.unresolved] == ["lib"]
    assert rewritten.rewrites == ()


@pytest.mark.parametrize(
    "name", ["tsconfig.json", "tsconfig.build.json", "jsconfig.json", "base.tsconfig.json", "tsconfig-app.json"]
)
def test_every_usual_name_of_a_tsconfig_is_known(name: str) -> None:
    moved = {name: f"x/{name}", "lib/a.ts": "y/a.ts"}
    relocation = Relocation(frozenset(moved), moved, lambda _: False)

    assert rewrite_file(name, b'{"include": ["lib"]}', relocation, ()).content == b'{"include": ["../y"]}'


def test_a_config_that_climbs_and_now_stands_elsewhere_finds_its_folder() -> None:
    moved = {"a/b/package.json": "x/package.json", "c/d.js": "y/z/d.js", "c/package.json": "y/z/package.json"}
    relocation = Relocation(frozenset(moved), moved, lambda _: False)
    text = b'{"main": "../../c/d.js", "dependencies": {"c": "file:../../c/"}}'

    rewritten = rewrite_file("a/b/package.json", text, relocation, ())

    assert rewritten.content == b'{"main": "../y/z/d.js", "dependencies": {"c": "file:../y/z/"}}'


def _all_strings(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for member in value.values() for text in _all_strings(member)]
    if isinstance(value, list):
        return [text for member in value for text in _all_strings(member)]
    return [value] if isinstance(value, str) else []


def test_the_new_file_says_what_the_list_of_rewrites_says() -> None:
    text = re.sub(r"\n", "\r\n", '{"files": ["lib/index.ts", "src/main.ts"],\n "include": ["public/**"]}')

    rewritten = rewrite("tsconfig.json", text)

    assert {one.new for one in rewritten.rewrites} <= set(_all_strings(json.loads(rewritten.content)))
