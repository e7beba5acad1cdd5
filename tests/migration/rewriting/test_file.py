"""Files of all languages through one door: each finds its language, and a whole unit keeps meaning what it meant."""

import json
import posixpath
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.file import Rewriter
from repo_agent_dagster.migration.rewriting.languages import language_for
from repo_agent_dagster.migration.rewriting.moving_unit import folder_moves
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from repo_agent_dagster.migration.rewriting.specifiers import Found, Place, Specifier, Unsure
from repo_agent_dagster.migration.rewriting.typescript import AstGrepReader
from repo_agent_dagster.migration.rewriting.unit import rewrite_unit
from tests.migration.rewriting.one_file import rewrite_file


def relocation(moved: Mapping[str, str]) -> Relocation:
    return Relocation(frozenset(moved), moved, lambda _: False)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b.ts", "TypeScript and JavaScript"),
        ("a/b.D.TS", "TypeScript and JavaScript"),
        ("a/b.pyi", "Python"),
        ("a/b.go", "Go"),
        ("a/go.mod", "Go"),
        ("a/package.json", "configuration"),
        ("a/tsconfig.build.json", "configuration"),
        ("wrangler.staging.toml", "configuration"),
        ("a/data.json", None),
        ("a/pyproject.toml", None),
        ("README.md", None),
        ("Makefile", None),
    ],
)
def test_a_file_has_the_language_of_its_name(path: str, language: str | None) -> None:
    found = language_for(path)

    assert (found.name if found else None) == language


def test_specifiers_that_a_reader_found_are_used_as_they_are() -> None:
    found = Found(
        (Specifier("./x", 8, 11, Place(1, 9), "import"),), (Unsure("y", Place(3, 1), "syntax", "look at it"),)
    )
    rules = [ImportRule(exact="./x", to="@x")]

    rewritten = rewrite_file("a.ts", b"\xef\xbb\xbfimport '\xc3\xa9/x'", relocation({"a.ts": "b.ts"}), rules, found)

    assert rewritten.content == b"\xef\xbb\xbfimport '@x'"
    assert [one.reason for one in rewritten.unresolved] == ["look at it"]


def test_what_a_reader_did_not_find_is_not_looked_for() -> None:
    rules = [ImportRule(exact="./x", to="@x")]

    rewritten = rewrite_file("a.ts", b"import './x'", relocation({"a.ts": "b.ts"}), rules, Found())

    assert rewritten.content == b"import './x'"


@pytest.mark.parametrize("path", ["a.py", "a.go", "a.ts", "package.json"])
def test_a_file_that_is_no_text_is_copied_and_listed(path: str) -> None:
    content = "import x".encode("utf-16")

    rewritten = rewrite_file(path, content, relocation({path: f"b/{path}"}), ())

    assert rewritten.content == content
    assert rewritten.unresolved[0].reason.startswith("not text")


def test_an_exact_rule_yields_to_an_earlier_one_that_matches_too() -> None:
    rules = [ImportRule(prefix="a", to="first"), ImportRule(exact="a", to="second"), ImportRule(exact="b", to="third")]
    rewriter = Rewriter(relocation({"m.ts": "m.ts"}), rules)

    rewritten = rewriter.rewrite("m.ts", b"import 'a'; import 'b'; import 'c'")

    assert rewritten.content == b"import 'first'; import 'third'; import 'c'"
    assert rewritten.rules_hit == {0, 2}


def test_an_alias_that_its_tsconfig_takes_along_stays() -> None:
    contents = {
        "tsconfig.json": b'{"compilerOptions": {"paths": {"@lib/*": ["./lib/*"], "@/*": ["./src/*"]}}}',
        "src/main.ts": b"import '@lib/a'; import '@/near'; import 'react';",
        "src/near.ts": b"",
        "lib/a.ts": b"",
    }
    moved = {path: f"apps/x/{path}" for path in contents} | {"lib/a.ts": "packages/lib/a.ts"}

    rewritten = rewrite_unit(contents, relocation(moved), (), AstGrepReader())

    assert b'["../../packages/lib/*"]' in rewritten["tsconfig.json"].content
    assert rewritten["src/main.ts"].content == contents["src/main.ts"]
    assert not any(one.unresolved for one in rewritten.values())


UNIT = {
    "package.json": '{"main": "./src/main.ts", "bin": {"x": "lib/tool.js"}, "exports": {"./*": "./src/*"}}',
    "tsconfig.json": '// c\n{"include": ["src", "lib/**/*"], "compilerOptions": {"paths": {"@lib/*": ["lib/*"]}}}\r\n',
    "wrangler.toml": 'main = "src/main.ts" # c\n[assets]\ndirectory = "./lib"\n',
    "src/main.ts": "import './other';\nimport '@lib/tool';\nconst f = require('../lib/tool.js');\n",
    "src/other.ts": "export * from './main'",
    "lib/tool.js": "import('../src/main.ts');",
    "demo/__init__.py": "from . import a\n",
    "demo/a.py": "from demo import b\nfrom .b import x\nimport demo.b as c\n",
    "demo/b.py": "import os\n",
    "go.mod": "module example.com/demo\n",
    "cmd/main.go": 'package main\nimport "example.com/demo/store"\n',
    "store/store.go": "package store\n",
}
_FOLDERS = ["src", "lib", "demo", "cmd", "store"]


@given(st.sampled_from(["", "apps/x/", "deep/er/still/"]))
def test_a_unit_that_moves_as_a_whole_without_rules_is_byte_for_byte_the_same(to: str) -> None:
    contents = {path: text.encode() for path, text in UNIT.items()}

    rewritten = rewrite_unit(contents, relocation({path: to + path for path in UNIT}), (), AstGrepReader())

    assert {path: one.content for path, one in rewritten.items()} == contents
    assert not any(one.unresolved or one.rewrites for one in rewritten.values())


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(st.dictionaries(st.sampled_from(_FOLDERS), st.sampled_from(["packages/one", "apps/x/two", "three"]), max_size=3))
def test_rewriting_what_was_rewritten_changes_nothing_more(folders: dict[str, str]) -> None:
    contents = {path: text.encode() for path, text in UNIT.items()}
    moved = {path: _place(path, folders) for path in UNIT}
    once = rewrite_unit(contents, relocation(moved), (), AstGrepReader())
    landed = {moved[path]: one.content for path, one in once.items()}

    again = rewrite_unit(landed, relocation({path: path for path in landed}), (), AstGrepReader())

    assert {path: one.content for path, one in again.items()} == landed


def _place(path: str, folders: Mapping[str, str]) -> str:
    top, _, rest = path.partition("/")
    return f"{folders[top]}/{top}/{rest}" if top in folders else f"apps/x/{path}"


_FILES = ["a.js", "b/c.js", "b/d/e.js", "f/g.js", "f/h.css"]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["package.json", *_FILES]), st.sampled_from(["", "x", "x/y", "z"])),
    st.sampled_from(["", "./"]),
)
def test_every_path_in_a_package_json_means_the_moved_file_or_is_listed(homes: dict[str, str], dot: str) -> None:
    moved = {path: posixpath.join(homes.get(path, "x"), path) for path in ["package.json", *_FILES]}
    assume(len(set(moved.values())) == len(moved))
    package = {"bin": {path: dot + path for path in _FILES}}

    rewritten = rewrite_file("package.json", json.dumps(package).encode(), relocation(moved), ())

    home = posixpath.dirname(moved["package.json"])
    after = json.loads(rewritten.content)["bin"]
    assert {path: posixpath.normpath(posixpath.join(home, new)) for path, new in after.items()} == {
        path: moved[path] for path in _FILES
    }
    assert rewritten.unresolved == ()


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_FILES), st.sampled_from(["x", "x/y", "z"])))
def test_every_folder_in_a_tsconfig_means_the_moved_folder_or_is_listed(homes: dict[str, str]) -> None:
    moved = {"tsconfig.json": "x/tsconfig.json"} | {path: posixpath.join(homes.get(path, "x"), path) for path in _FILES}
    folders = ["b", "b/d", "f", "."]

    rewritten = rewrite_file("tsconfig.json", json.dumps({"include": folders}).encode(), relocation(moved), ())

    listed = {one.specifier for one in rewritten.unresolved}
    after = dict(zip(folders, json.loads(rewritten.content)["include"], strict=True))
    for folder in set(folders) - listed - {"."}:
        new = posixpath.normpath(posixpath.join("x", after[folder]))
        inside = [path for path in _FILES if path.startswith(f"{folder}/")]
        assert [moved[path] for path in inside] == [
            posixpath.join(new, posixpath.relpath(path, folder)) for path in inside
        ]


_PYTHON = ["demo/__init__.py", "demo/a.py", "demo/sub/__init__.py", "demo/sub/b.py", "demo/sub/c.py"]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(_PYTHON), st.sampled_from(["one", "two/deep", "one/pkg"])),
    st.sampled_from(_PYTHON),
    st.sampled_from(_PYTHON),
)
def test_every_relative_python_import_means_the_moved_module_or_is_listed(
    homes: dict[str, str], importer: str, target: str
) -> None:
    moved = {path: posixpath.join(homes.get(path, "one"), path) for path in _PYTHON}
    text = f"from {_relative(importer, target)} import x\n"

    rewritten = rewrite_file(importer, text.encode(), relocation(moved), ())

    if not rewritten.unresolved:
        assert rewritten.content.decode() == f"from {_relative(moved[importer], moved[target])} import x\n"


def _relative(importer: str, target: str) -> str:
    module = target.removesuffix(".py").removesuffix("/__init__")
    relation = posixpath.relpath(module, posixpath.dirname(importer)).split("/")
    climbs = relation.count("..")
    return "." * (climbs + 1) + ".".join(part for part in relation if part not in {"..", "."})


_FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *('{"main": "./a.ts"', '[[t]]\nimage = "./D"', "import a", "from . import b", 'import "x"', "module x"),
            *("require y v1", "=>", "../z", "}", "[", "(", ")", '"', "'", "=", "#", "//", "/*", "\\"),
            *("\n", "\r\n", "\x0c", "\ufeff", "é😀"),
        ]
    ),
    max_size=8,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["package.json", "tsconfig.json", "wrangler.toml", "go.mod", "go.work", "a.go", "a.py", "a.ts"]),
    _FRAGMENTS.map(str.encode) | st.binary(max_size=40),
)
def test_whatever_a_file_holds_it_comes_through_unchanged_if_nothing_moves(path: str, content: bytes) -> None:
    assert rewrite_file(path, content, relocation({path: path}), ()).content == content


@given(st.dictionaries(st.sampled_from(["a/b/x", "a/b/y", "a/z", "c/x", "w"]), st.sampled_from(["", "p/", "q/r/"])))
def test_a_folder_goes_where_all_of_its_files_go_together(homes: dict[str, str]) -> None:
    moved = {path: home + path for path, home in homes.items()}

    folders = folder_moves(moved)

    for folder, place in folders.items():
        inside = [path for path in moved if path.startswith(f"{folder}/") or not folder]
        expected = {homes[path] + folder for path in inside}
        assert place == (expected.pop().rstrip("/") if len(expected) == 1 else None)
