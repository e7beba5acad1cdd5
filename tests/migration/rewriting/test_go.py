"""Go: imports and go.mod follow import rules together, packages that moved inside their module are found again."""

from collections.abc import Sequence

import pytest

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.file import Rewriter, Rewritten
from repo_agent_dagster.migration.rewriting.resolve import Relocation

GO_MOD = """\
module example.com/vendor/demo // the demo

go 1.24

require (
\texample.com/vendor/demo/tools v0.0.0
\tgithub.com/other/lib v1.2.3 // indirect
)

replace example.com/vendor/demo/tools => ./tools
replace github.com/other/lib v1.2.3 => github.com/fork/lib v1.2.4
"""
CONTENTS = {
    "go.mod": GO_MOD.encode(),
    "main.go": b"package main\n",
    "store/store.go": b"package store\n",
    "store/sql.go": b"package store\n",
    "tools/go.mod": b"module example.com/vendor/demo/tools\n",
    "tools/gen/gen.go": b"package gen\n",
    "left/left.go": b"package left\n",
    "torn/a.go": b"package torn\n",
    "torn/b.go": b"package torn\n",
}
MOVED = {
    "go.mod": "apps/demo/go.mod",
    "main.go": "apps/demo/main.go",
    "store/store.go": "apps/demo/internal/store/store.go",
    "store/sql.go": "apps/demo/internal/store/sql.go",
    "tools/go.mod": "tools/demo/go.mod",
    "tools/gen/gen.go": "tools/demo/gen/gen.go",
    "torn/a.go": "apps/demo/a/a.go",
    "torn/b.go": "apps/demo/b/b.go",
}
RENAME = ImportRule(prefix="example.com/vendor/demo", to="example.com/mono/apps/demo", language="go")


def rewrite(
    path: str, text: str, *rules: ImportRule, moved: dict[str, str] = MOVED, contents: dict[str, bytes] = CONTENTS
) -> Rewritten:
    relocation = Relocation(frozenset(contents), moved, lambda _: False)
    return Rewriter(relocation, rules, {**contents, path: text.encode()}).rewrite(path, text.encode())


def stays_as_a_whole() -> dict[str, str]:
    return {path: f"apps/demo/{path}" for path in CONTENTS}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('import "example.com/vendor/demo/x"', 'import "example.com/mono/apps/demo/x"'),
        ('import s "example.com/vendor/demo/x"', 'import s "example.com/mono/apps/demo/x"'),
        ('import _ "example.com/vendor/demo"', 'import _ "example.com/mono/apps/demo"'),
        ("import . `example.com/vendor/demo/x`", "import . `example.com/mono/apps/demo/x`"),
        (
            'import (\n\t"fmt"\r\n\n\tx "example.com/vendor/demo/x" // "example.com/vendor/demo/x"\n)',
            'import (\n\t"fmt"\r\n\n\tx "example.com/mono/apps/demo/x" // "example.com/vendor/demo/x"\n)',
        ),
        ('import "example.com/vendor/demo-two/x"', 'import "example.com/vendor/demo-two/x"'),
        ('import "example.com/vendor/demo.v2"', 'import "example.com/vendor/demo.v2"'),
        ('import "fmt"\n\nvar é = "example.com/vendor/demo/x"', 'import "fmt"\n\nvar é = "example.com/vendor/demo/x"'),
    ],
)
def test_an_import_is_rewritten_by_rule_and_nothing_around_it(before: str, after: str) -> None:
    rewritten = rewrite("main.go", f"package main\n\n// é😀\n{before}\n", RENAME)

    assert rewritten.content.decode() == f"package main\n\n// é😀\n{after}\n"
    assert rewritten.unresolved == ()


@pytest.mark.parametrize(
    "rules", [(RENAME,), (ImportRule(prefix="example.com/vendor/demo", to="example.com/mono/apps/demo"),)]
)
def test_a_rule_for_the_module_renames_go_mod_with_its_imports(rules: Sequence[ImportRule]) -> None:
    rewritten = rewrite("go.mod", GO_MOD, *rules)

    assert rewritten.content.decode() == GO_MOD.replace(
        "example.com/vendor/demo", "example.com/mono/apps/demo"
    ).replace("=> ./tools", "=> ../../tools/demo")
    assert rewritten.rules_hit == {0}
    assert rewritten.unresolved == ()


def test_an_exact_rule_for_the_module_takes_its_packages_along() -> None:
    rule = ImportRule(exact="example.com/vendor/demo", to="example.com/new")

    rewritten = rewrite("main.go", 'package main\nimport "example.com/vendor/demo/store"\n', rule)

    assert rewritten.content == b'package main\nimport "example.com/new/internal/store"\n'


def test_a_package_that_moved_inside_its_module_is_found_again() -> None:
    rewritten = rewrite("main.go", 'package main\nimport "example.com/vendor/demo/store"\nvar _ = store.X\n')

    assert rewritten.content == b'package main\nimport "example.com/vendor/demo/internal/store"\nvar _ = store.X\n'


def test_a_package_of_a_nested_module_belongs_to_that_module() -> None:
    rewritten = rewrite("main.go", 'package main\nimport "example.com/vendor/demo/tools/gen"\n')

    assert (rewritten.rewrites, rewritten.unresolved) == ((), ())


def test_a_module_that_moves_as_a_whole_is_untouched() -> None:
    imports = '"example.com/vendor/demo/store"\n"example.com/vendor/demo/left"\n"github.com/other/lib"'
    text = f"package main\nimport (\n{imports})\n"

    rewritten = rewrite("main.go", text, moved=stays_as_a_whole())
    go_mod = rewrite("go.mod", GO_MOD, moved=stays_as_a_whole())

    assert (rewritten.content.decode(), rewritten.unresolved) == (text, ())
    assert (go_mod.content.decode(), go_mod.unresolved) == (GO_MOD, ())


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ("left", "means left, which no files rule moves"),
        ("torn", "means the package in torn, whose files move apart (apps/demo/a, apps/demo/b)"),
        ("nowhere", "means a package in nowhere, where no Go file is"),
    ],
)
def test_a_package_that_is_not_certain_is_left_and_listed(package: str, reason: str) -> None:
    text = f'package main\nimport "example.com/vendor/demo/{package}"\n'

    rewritten = rewrite("main.go", text)

    assert rewritten.content.decode() == text
    (unresolved,) = rewritten.unresolved
    assert (unresolved.line, unresolved.column) == (2, 8)
    assert unresolved.reason.startswith(reason)


def test_a_package_whose_go_mod_stays_behind_is_listed() -> None:
    moved = {path: place for path, place in MOVED.items() if path != "go.mod"}

    rewritten = rewrite("main.go", 'package main\nimport "example.com/vendor/demo/store"\n', moved=moved)

    assert rewritten.unresolved[0].reason.startswith("is of module example.com/vendor/demo, whose go.mod does not move")


def test_a_package_that_leaves_its_module_is_listed() -> None:
    moved = {**MOVED, "store/store.go": "packages/store/store.go", "store/sql.go": "packages/store/sql.go"}

    rewritten = rewrite("main.go", 'package main\nimport "example.com/vendor/demo/store"\n', moved=moved)

    assert rewritten.unresolved[0].reason.startswith("means store, which moves out of its module, to packages/store")


def test_a_name_that_the_file_uses_stays_bound_when_a_rule_names_another_package() -> None:
    rule = ImportRule(exact="github.com/other/lib", to="example.com/mono/shared/toolkit")
    text = 'package main\nimport "github.com/other/lib"\nvar x = lib.Y\n'

    rewritten = rewrite("main.go", text, rule)

    assert rewritten.content.decode() == text.replace('"github.com/other/lib"', 'lib "example.com/mono/shared/toolkit"')


def test_a_foreign_module_that_a_rule_renames_is_listed_in_go_mod() -> None:
    rewritten = rewrite("go.mod", GO_MOD, ImportRule(prefix="github.com/other/lib", to="example.com/lib"))

    assert [(one.line, one.form) for one in rewritten.unresolved] == [(7, "require"), (11, "replace")]
    assert "go mod tidy" in rewritten.unresolved[0].reason


def test_folders_in_go_work_are_rebased() -> None:
    contents = {**CONTENTS, "go.work": b""}
    moved = {**MOVED, "go.work": "go.work"}
    text = "go 1.24\n\nuse (\n\t.\n\t./tools\n)\nuse ./store // é\n"

    rewritten = rewrite("go.work", text, moved=moved, contents=contents)

    assert rewritten.content.decode() == text.replace("\t.\n", "\t./apps/demo\n").replace(
        "./tools", "./tools/demo"
    ).replace("./store", "./apps/demo/internal/store")


EMBED = """\
package web

import "embed"

//go:embed pages/index.html all:assets "pages/*.css"
var files embed.FS // go:embed pages
"""


@pytest.mark.parametrize(
    ("pages", "after"),
    [
        ("x/web/pages", EMBED),
        ("x/web/html", EMBED.replace("pages/index", "html/index").replace("pages/*", "html/*")),
    ],
)
def test_embedded_files_are_found_again_below_their_file(pages: str, after: str) -> None:
    contents = {"web/web.go": b"", "web/pages/index.html": b"", "web/pages/a.css": b"", "web/assets/a": b""}
    moved = {
        "web/web.go": "x/web/web.go",
        "web/pages/index.html": f"{pages}/index.html",
        "web/pages/a.css": f"{pages}/a.css",
        "web/assets/a": "x/web/assets/a",
    }

    rewritten = rewrite("web/web.go", EMBED, moved=moved, contents=contents)

    assert rewritten.content.decode() == after
    assert rewritten.unresolved == ()


def test_an_embedded_file_that_leaves_is_listed() -> None:
    contents = {"web/web.go": b"", "web/pages/index.html": b""}
    moved = {"web/web.go": "x/web.go", "web/pages/index.html": "y/index.html"}
    text = 'package web\nimport _ "embed"\n//go:embed pages/index.html\nvar page string\n'

    rewritten = rewrite("web/web.go", text, moved=moved, contents=contents)

    assert rewritten.content.decode() == text
    assert [(one.line, one.column, one.form) for one in rewritten.unresolved] == [(3, 12, "embed")]


def test_a_local_replacement_outside_of_the_unit_is_listed() -> None:
    rewritten = rewrite("go.mod", "module m\n\nreplace example.com/a => ../a\n")

    assert [(one.line, one.column, one.specifier) for one in rewritten.unresolved] == [(3, 26, "../a")]
    assert rewritten.unresolved[0].reason.startswith("climbs out of the unit")


def test_a_rule_that_gives_no_import_path_is_listed() -> None:
    rule = ImportRule(exact="github.com/other/lib", to="no path")

    rewritten = rewrite("main.go", 'package main\nimport "github.com/other/lib"\n', rule)

    assert rewritten.unresolved[0].reason == "would become 'no path', which is no import path"


def test_rules_of_other_languages_do_not_count() -> None:
    rule = ImportRule(prefix="example.com/vendor/demo", to="x", language="ts")

    assert rewrite("main.go", 'package main\nimport "example.com/vendor/demo/tools/gen"\n', rule).rewrites == ()


def test_what_the_parser_does_not_understand_is_listed() -> None:
    rewritten = rewrite("main.go", 'package main\nimport "fmt"\nfunc {{{ ]\n')

    assert rewritten.unresolved[0].form == "syntax"
