"""What is rewritten in a file, and what is not: each row is one way to be wrong."""

import pytest

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.file import Rewritten
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from tests.migration.conftest import Bench
from tests.migration.rewriting.one_file import rewrite_file

RULES = (
    ImportRule(exact="../../utils", to="@shared/utils"),
    ImportRule(prefix="@staging/", to="@app/"),
    ImportRule(prefix="@old", to="@new"),
    ImportRule(regex=r"(?:\.\./)+lib/(?P<rest>.+)", to=r"@lib/\g<rest>"),
)
MOVED = {
    "src/a/main.ts": "apps/x/main.ts",
    "src/a/near.ts": "apps/x/near.ts",
    "src/b/far.ts": "apps/x/b/far.ts",
    "src/b/index.ts": "apps/x/b/index.ts",
    "src/b/data.json": "apps/x/b/data.json",
    "src/b/icon.svg": "apps/x/b/icon.svg",
    "src/b/view.tsx": "apps/x/b/view.tsx",
}
RELOCATION = Relocation(frozenset({*MOVED, "src/b/left.ts"}), MOVED, lambda _: False)


def rewrite(text: str | bytes, path: str = "src/a/main.ts") -> Rewritten:
    relocation = Relocation(
        RELOCATION.files | {path}, {**MOVED, path: "apps/x/" + path.rpartition("/")[2]}, lambda _: False
    )
    return rewrite_file(path, text.encode() if isinstance(text, str) else text, relocation, RULES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("import { u } from '../../utils';", "import { u } from '@shared/utils';", id="import"),
        pytest.param('import u from "../../utils"', 'import u from "@shared/utils"', id="double-quotes-no-semicolon"),
        pytest.param("import '../../utils';", "import '@shared/utils';", id="side-effect"),
        pytest.param("import type { U } from '../../utils';", "import type { U } from '@shared/utils';", id="type"),
        pytest.param(
            "import { type U, v } from '../../utils'", "import { type U, v } from '@shared/utils'", id="inline-type"
        ),
        pytest.param("import * as u from '../../utils'", "import * as u from '@shared/utils'", id="namespace"),
        pytest.param("import u = require('../../utils');", "import u = require('@shared/utils');", id="import-require"),
        pytest.param("export { u } from '../../utils';", "export { u } from '@shared/utils';", id="export-from"),
        pytest.param("export * from '../../utils';", "export * from '@shared/utils';", id="export-star"),
        pytest.param("export * as u from '../../utils';", "export * as u from '@shared/utils';", id="export-star-as"),
        pytest.param(
            "export type { U } from '../../utils';", "export type { U } from '@shared/utils';", id="export-type"
        ),
        pytest.param(
            "const u = await import('../../utils');", "const u = await import('@shared/utils');", id="dynamic"
        ),
        pytest.param("let u: import('../../utils').U;", "let u: import('@shared/utils').U;", id="import-type-node"),
        pytest.param("type T = typeof import('../../utils');", "type T = typeof import('@shared/utils');", id="typeof"),
        pytest.param("const u = require('../../utils');", "const u = require('@shared/utils');", id="require"),
        pytest.param("require.resolve('../../utils');", "require.resolve('@shared/utils');", id="require-resolve"),
        pytest.param(
            "import(/* chunk: '../../utils' */ '../../utils')",
            "import(/* chunk: '../../utils' */ '@shared/utils')",
            id="magic-comment",
        ),
        pytest.param(
            "jest.mock('../../utils', () => ({}));", "jest.mock('@shared/utils', () => ({}));", id="jest-mock"
        ),
        pytest.param(
            "jest.mock('./near').unmock('../../utils');",
            "jest.mock('./near').unmock('@shared/utils');",
            id="jest-chain",
        ),
        pytest.param("vi.doMock('../../utils');", "vi.doMock('@shared/utils');", id="vi-domock"),
        pytest.param("vi.mock(import('../../utils'), f);", "vi.mock(import('@shared/utils'), f);", id="vi-mock-import"),
        pytest.param(
            "const a = jest.requireActual<typeof import('../../utils')>('../../utils').a;",
            "const a = jest.requireActual<typeof import('@shared/utils')>('@shared/utils').a;",
            id="jest-generic-that-the-grammar-misparses",
        ),
        pytest.param(
            "vi.mock('./near', async () => ({ "
            "...(await vi.importActual<typeof import('../../utils')>('../../utils')) }));",
            "vi.mock('./near', async () => ({ "
            "...(await vi.importActual<typeof import('@shared/utils')>('@shared/utils')) }));",
            id="vi-generic-awaited",
        ),
        pytest.param(
            "jest.mock<typeof import('../../utils')>('../../utils', () => ({}));",
            "jest.mock<typeof import('@shared/utils')>('@shared/utils', () => ({}));",
            id="jest-generic-with-factory",
        ),
        pytest.param("import(`../../utils`);", "import(`@shared/utils`);", id="template-without-substitution"),
        pytest.param(
            "new URL('../b/icon.svg', import.meta.url);", "new URL('./b/icon.svg', import.meta.url);", id="new-url"
        ),
        pytest.param(
            "import.meta.resolve('../b/far.js')", "import.meta.resolve('./b/far.js')", id="import-meta-resolve"
        ),
        pytest.param(
            "import.meta.glob<{ a: 1 }>(['../b/*.tsx', '!../b/v*'], { eager: true })",
            "import.meta.glob<{ a: 1 }>(['./b/*.tsx', '!./b/v*'], { eager: true })",
            id="import-meta-glob",
        ),
        pytest.param("import.meta.glob('../b/*.ts')", "import.meta.glob('./b/*.ts')", id="import-meta-glob-of-one"),
        pytest.param("require.context('../b', true, /x$/)", "require.context('./b', true, /x$/)", id="context"),
        pytest.param(
            "export import u = require('../../utils');",
            "export import u = require('@shared/utils');",
            id="exported-import-require-that-the-grammar-misparses",
        ),
        pytest.param(
            "#!/usr/bin/env node\n/* 1 */\n///<reference path='../b/far.ts'/>\nlet x;",
            "#!/usr/bin/env node\n/* 1 */\n///<reference path='./b/far.ts'/>\nlet x;",
            id="reference-path",
        ),
        pytest.param(
            '/// <reference types="@staging/types" />\n', '/// <reference types="@app/types" />\n', id="reference-types"
        ),
        pytest.param("declare module '../../utils' { }", "declare module '@shared/utils' { }", id="declare-module"),
        pytest.param("import x from '@staging/y/z';", "import x from '@app/y/z';", id="prefix"),
        pytest.param(
            "import x from '@old/y'; import y from '@old';",
            "import x from '@new/y'; import y from '@new';",
            id="prefix-segments",
        ),
        pytest.param("import x from '../../../lib/deep/x';", "import x from '@lib/deep/x';", id="regex-group"),
        pytest.param("import x from '../b/far';", "import x from './b/far';", id="rebase"),
        pytest.param("import x from '../b/far.ts';", "import x from './b/far.ts';", id="rebase-with-ending"),
        pytest.param("import x from '../b/far.js';", "import x from './b/far.js';", id="rebase-js-means-ts"),
        pytest.param("import x from '../b/view.jsx';", "import x from './b/view.jsx';", id="rebase-jsx-means-tsx"),
        pytest.param("import x from '../b';", "import x from './b';", id="rebase-folder"),
        pytest.param("import x from '../b/';", "import x from './b/';", id="rebase-folder-slash"),
        pytest.param("import x from '../b/index';", "import x from './b/index';", id="rebase-index"),
        pytest.param(
            "import x from '../b/data.json' with { type: 'json' };",
            "import x from './b/data.json' with { type: 'json' };",
            id="rebase-json",
        ),
        pytest.param(
            "import x from '../b/icon.svg?raw';", "import x from './b/icon.svg?raw';", id="rebase-bundler-query"
        ),
        pytest.param("import x from '../b/far';\r\nlet y;\r\n", "import x from './b/far';\r\nlet y;\r\n", id="crlf"),
        pytest.param("\ufeffimport x from '../b/far';", "\ufeffimport x from './b/far';", id="bom"),
        pytest.param(
            "/* 😀 é */ import x from '../b/far'; // ü", "/* 😀 é */ import x from './b/far'; // ü", id="astral-before"
        ),
        pytest.param(
            "#!/usr/bin/env node\nimport x from '../b/far'",
            "#!/usr/bin/env node\nimport x from './b/far'",
            id="shebang",
        ),
        pytest.param("import{x}from'../b/far'", "import{x}from'./b/far'", id="minified"),
        pytest.param(
            "import {\n  x, // '../b/far'\n  y,\n} from '../b/far';",
            "import {\n  x, // '../b/far'\n  y,\n} from './b/far';",
            id="many-lines",
        ),
    ],
)
def test_a_specifier_is_rewritten_and_nothing_around_it(before: str, after: str) -> None:
    rewritten = rewrite(before)

    assert rewritten.content.decode() == after
    assert rewritten.unresolved == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("// import x from '../../utils'", id="line-comment"),
        pytest.param("/** @see import('../../utils') */", id="doc-comment"),
        pytest.param("const s = \"import x from '../../utils'\";", id="string"),
        pytest.param("const s = `import x from '../../utils'`;", id="template"),
        pytest.param("const s = '../../utils';", id="bare-path-string"),
        pytest.param("const r = /import x from '..\\/..\\/utils'/;", id="regex-literal"),
        pytest.param("this.require('../../utils');", id="method-named-require"),
        pytest.param("loader.import('../../utils');", id="method-named-import"),
        pytest.param("my.jest.mock('../../utils');", id="member-named-jest"),
        pytest.param("jest.fn('../../utils');", id="jest-fn"),
        pytest.param("requireAll('../../utils');", id="look-alike-name"),
        pytest.param("const o = { from: '../../utils', import: '../../utils' };", id="keys-named-like-keywords"),
        pytest.param("f`../../utils`; import.meta.url;", id="tagged-template-and-meta"),
        pytest.param("import x from './near';", id="relation-unchanged"),
        pytest.param("import x from './././near';", id="odd-spelling-of-an-unchanged-relation"),
        pytest.param("import fs from 'node:fs'; import r from 'react';", id="packages"),
        pytest.param("import x from '@older/y'; import y from '@staging';", id="prefix-is-no-segment"),
        pytest.param("import x from '#internal/x';", id="subpath-import"),
        pytest.param("", id="empty"),
        pytest.param("const a = b < c > ('../../utils');", id="comparison-like-a-generic"),
    ],
)
def test_what_only_looks_like_an_import_stays(text: str) -> None:
    rewritten = rewrite(text)

    assert rewritten.content.decode() == text
    assert rewritten.unresolved == ()
    assert rewritten.rewrites == ()


@pytest.mark.parametrize(
    ("text", "line", "specifier", "reason"),
    [
        ("\n\nimport x from '../nowhere';", 3, "../nowhere", "no such file in the unit"),
        ("import x from '../../../x';", 1, "../../../x", "climbs out of the unit"),
        ("import x from '../b/left';", 1, "../b/left", "means src/b/left.ts, which no files rule moves"),
        ("let a;\nimport(`../b/${name}`);", 2, "`../b/${name}`", "a template literal"),
        ("require('../b/' + name);", 1, "'../b/' + name", "computed when it runs"),
        ("import(name);", 1, "name", "computed when it runs"),
        ("import x from '../b/f\\u0061r';", 1, "../b/f\\u0061r", "written with escapes"),
        ("import './near'; let @@@;", 1, "@@@", "the parser does not understand"),
    ],
)
def test_what_cannot_be_rewritten_is_left_and_listed_with_its_place(
    text: str, line: int, specifier: str, reason: str
) -> None:
    rewritten = rewrite(text)

    assert rewritten.content.decode() == text
    (unresolved,) = rewritten.unresolved
    assert (unresolved.file, unresolved.line, unresolved.specifier) == ("src/a/main.ts", line, specifier)
    assert unresolved.reason.startswith(reason)


@pytest.mark.parametrize("ending", [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".TS"])
def test_every_ending_of_the_family_is_read(ending: str) -> None:
    assert rewrite("export * from '../b/far';", f"src/a/m{ending}").content == b"export * from './b/far';"


def test_jsx_text_is_not_code() -> None:
    text = "const a = <p>import x from '../../utils'</p>; import b from '../b/view';"

    assert rewrite(text, "src/a/m.tsx").content.decode() == text.replace("../b/view", "./b/view")


def test_bytes_that_are_not_utf8_come_back_as_they_were() -> None:
    assert rewrite(b"// \xe9\xff\nimport x from '../b/far';").content == b"// \xe9\xff\nimport x from './b/far';"


def test_a_name_that_a_latin_1_file_cannot_hold_is_listed_not_written() -> None:
    relocation = Relocation(frozenset({"m.ts"}), {"m.ts": "m.ts"}, lambda _: False)
    content = b"// \xe9\nimport x from 'alpha';"

    rewritten = rewrite_file("m.ts", content, relocation, [ImportRule(exact="alpha", to="α")])

    assert rewritten.content == content
    assert "cannot be written" in rewritten.unresolved[0].reason


def test_a_file_with_nul_bytes_is_copied_and_listed() -> None:
    content = "import x from '../b/far';".encode("utf-16")

    rewritten = rewrite(content)

    assert rewritten.content == content
    assert rewritten.unresolved[0].reason.startswith("not text")


def test_other_files_are_copied_whatever_they_hold() -> None:
    content = b'{"main": "../../utils"}\xff\x00'

    assert rewrite(content, "src/a/notes.bin") == Rewritten(content)


def test_the_first_rule_that_matches_decides() -> None:
    relocation = Relocation(frozenset({"m.ts"}), {"m.ts": "m.ts"}, lambda _: False)
    rules = [ImportRule(prefix="@a/", to="@first/"), ImportRule(exact="@a/b", to="@second")]

    rewritten = rewrite_file("m.ts", b"import '@a/b';", relocation, rules)

    assert rewritten.content == b"import '@first/b';"
    assert rewritten.rules_hit == {0}


def test_a_rule_for_another_language_does_not_match() -> None:
    relocation = Relocation(frozenset({"m.ts"}), {"m.ts": "m.ts"}, lambda _: False)

    rewritten = rewrite_file("m.ts", b"import 'x';", relocation, [ImportRule(exact="x", to="y", language="py")])

    assert rewritten.content == b"import 'x';"


def test_a_rule_that_gives_a_relative_path_to_nothing_is_listed(bench: Bench) -> None:
    bench.put({"a.ts": "import 'old';"}, manifest="imports: [{exact: old, to: ./gone}]\n")

    planned = bench.plan()

    assert planned.rewrites == ()
    assert "no file at the destination" in planned.unresolved[0].reason


def test_an_import_that_names_a_file_of_the_target_tree_stays(bench: Bench) -> None:
    (bench.target / "packages").mkdir()
    (bench.target / "packages" / "log.ts").write_text("")
    bench.put({"a.ts": "import '../../packages/log'; import '../../packages/gone';"})

    planned = bench.plan()

    assert [unresolved.specifier for unresolved in planned.unresolved] == ["../../packages/gone"]


def test_an_index_file_is_named_in_full_where_another_file_takes_its_short_name(bench: Bench) -> None:
    (bench.target / "apps" / "app").mkdir(parents=True)
    (bench.target / "apps" / "app" / "store.ts").write_text("")
    bench.put({"main.ts": "import './store';", "store/index.ts": ""})

    assert bench.new("apps/app/main.ts") == b"import './store/index';"


def test_a_renamed_file_is_imported_by_its_new_name(bench: Bench) -> None:
    bench.put(
        {"main.ts": "import './old'; import './old.js'; import './old.ts';", "old.ts": ""},
        manifest="files: [{from: old.ts, to: lib/new.ts}, {from: '**/*'}]\n",
    )

    assert bench.new("apps/app/main.ts") == b"import './lib/new'; import './lib/new.js'; import './lib/new.ts';"
