"""A unit's files are parsed where a specifier could change, and only there."""

from collections.abc import Mapping

import pytest

from benchmarks._specifier_tree import make_specifier_tree
from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.file import Rewriter
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from repo_agent_dagster.migration.rewriting.rules import ImportRules
from repo_agent_dagster.migration.rewriting.specifiers import Found
from repo_agent_dagster.migration.rewriting.typescript import AstGrepReader
from repo_agent_dagster.migration.rewriting.typescript_reading import read_specifiers

RULES = (ImportRule(exact="../../utils", to="@shared/utils"), ImportRule(prefix="@staging/", to="@app/"))
FILES = {"m.ts": "", "near.ts": "", "deep/far.ts": "", "page.html": ""}


class CountingReader:
    """The real reader, which keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, files: Mapping[str, str]) -> Mapping[str, Found]:
        self.asked += files
        return AstGrepReader().read(files)


def asked_for(text: str, moved: Mapping[str, str] | None = None) -> bool:
    """Whether a file with this text, beside a few others, is parsed when the unit moves as a whole."""
    reader = CountingReader()
    moved = moved or {path: f"apps/x/{path}" for path in FILES}
    relocation = Relocation(frozenset(FILES), moved, lambda _: False)
    contents = {path: text.encode() if path == "m.ts" else b"" for path in FILES}
    read_specifiers(contents, relocation, ImportRules(RULES), reader)
    return "m.ts" in reader.asked


@pytest.mark.parametrize(
    "text",
    [
        "import a from './near';\nimport b from \"react\";\nexport * from './deep/far.js';",
        "const a = require('./near'), b = require.resolve('react');",
        "jest.mock('./near', () => ({})); vi.mock('react');",
        "import a = require('./near'); export type T = import('./near').T;",
        "new URL('page.html', import.meta.url); new URL(given, base); const url: URL = x;",
        "import { a } from './near'; // it comes from there, and imports no more",
        "const text = 'nothing of the kind';",
    ],
)
def test_a_file_in_which_nothing_changes_is_not_parsed(text: str) -> None:
    assert not asked_for(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import a from '../../utils';", id="a-rule"),
        pytest.param("import a from '@staging/a';", id="a-rule-for-a-prefix"),
        pytest.param("import a from './gone';", id="leads-nowhere"),
        pytest.param("import(`./near`);", id="template"),
        pytest.param("import(name);", id="computed"),
        pytest.param("require('./near' + name);", id="computed-from-a-literal"),
        pytest.param("import a from './ne\\u0061r';", id="escapes"),
        pytest.param("import a from /* why */ './near';", id="comment-between"),
        pytest.param("jest.requireActual<typeof import('./near')>('./near');", id="generic"),
        pytest.param("import.meta.resolve('./near');", id="import-meta-resolve"),
        pytest.param("/// <reference path='near.ts' />", id="reference"),
        pytest.param("new URL(`page.html`, import.meta.url);", id="url-template"),
        pytest.param("// import a from '../../utils'", id="a-comment-that-only-a-parser-knows-for-one"),
    ],
)
def test_a_file_in_which_something_could_change_or_be_listed_is_parsed(text: str) -> None:
    assert asked_for(text)


def test_a_file_whose_import_moves_apart_is_parsed() -> None:
    moved = {path: f"apps/x/{path}" for path in FILES}

    assert asked_for("import './near'", {**moved, "near.ts": "lib/near.ts"})
    assert asked_for("new URL('page.html', import.meta.url)", {**moved, "page.html": "lib/page.html"})
    assert not asked_for("import './near'", {**moved, "page.html": "lib/page.html"})


def test_what_is_not_parsed_would_not_have_changed() -> None:
    tree = make_specifier_tree(300, seed=3)
    moved = {file.path: file.new_path for file in tree.files}
    contents = {file.path: file.content for file in tree.files}
    relocation = Relocation(frozenset(moved), moved, lambda _: False)
    rules = (*RULES, ImportRule(regex=r"(?:\.\./)+lib/(?P<rest>.+)", to=r"@lib/\g<rest>"))
    reader = CountingReader()

    found = read_specifiers(contents, relocation, ImportRules(rules), reader)

    assert len(reader.asked) < len(moved) - 20
    rewriter = Rewriter(relocation, rules, contents)
    for file in tree.files:
        if file.text:
            assert rewriter.rewrite(file.path, file.content, found[file.path]).content == file.expected
