"""On a generated unit whose every specifier is known, nothing is missed and nothing else is changed."""

import pytest

from benchmarks._specifier_tree import SpecifierTree, make_specifier_tree
from repo_agent_dagster.migration import load_manifest, plan
from repo_agent_dagster.migration.rewriting.resolve import Relocation, rebase
from repo_agent_dagster.migration.rewriting.typescript import AstGrepReader, find_specifiers
from repo_agent_dagster.migration.rewriting.typescript_candidates import head_end, possible_specifiers
from tests.migration.conftest import Bench


@pytest.fixture(scope="module")
def tree() -> SpecifierTree:
    return make_specifier_tree(300)


def test_the_generated_unit_holds_all_that_makes_it_hard(tree: SpecifierTree) -> None:
    assert len(tree.forms) == 17
    assert tree.specifiers > 1000
    assert tree.traps > 60
    assert any(b"\r\n" in file.content for file in tree.files)
    assert any(file.content.startswith(b"\xef\xbb\xbf") for file in tree.files)
    assert any(file.truths and not file.content.endswith(b"\n") for file in tree.files)
    assert any(not file.text.isascii() for file in tree.files)


def test_every_specifier_is_found_and_no_trap(tree: SpecifierTree) -> None:
    found = AstGrepReader().read({file.path: file.text for file in tree.files if file.text})

    for file in tree.files:
        if file.text:
            spans = [(one.start, one.end, one.text) for one in found[file.path].specifiers]
            assert spans == [(truth.start, truth.end, truth.old) for truth in file.truths], file.path
            assert found[file.path].unsure == ()


def test_every_file_comes_out_as_it_shall_be(tree: SpecifierTree, bench: Bench) -> None:
    tree.write(bench.unit)

    planned = plan(bench.unit, bench.target, load_manifest(bench.unit))

    new = {change.path: change.new for change in planned.changes}
    assert [file.path for file in tree.files if new[file.new_path] != file.expected] == []
    assert planned.unresolved == ()
    assert len(planned.rewrites) == tree.changing


def test_every_relative_specifier_is_re_based_to_the_moved_file(tree: SpecifierTree) -> None:
    moved = {file.path: file.new_path for file in tree.files}
    relocation = Relocation(frozenset(moved), moved, lambda _: False)

    for file in tree.files:
        for truth in file.truths:
            if truth.old.startswith(".") and not truth.new.startswith("@"):
                assert rebase(truth.old, file.path, relocation, truth.form) == truth.new


def test_a_file_of_which_only_a_part_is_parsed_gives_what_all_of_it_gives(tree: SpecifierTree) -> None:
    cut = [file for file in tree.files if file.text and head_end(file.text) < len(file.text)]
    assert len(cut) > 100

    for file in cut:
        whole = f"{file.text}\n;import './at-the-end';"
        assert head_end(whole) == len(whole)
        assert find_specifiers(file.path, whole).specifiers[:-1] == find_specifiers(file.path, file.text).specifiers


def test_what_could_be_a_specifier_holds_all_that_are(tree: SpecifierTree) -> None:
    told = {file.path: possible_specifiers(file.text) for file in tree.files}
    assert sum(possible is not None for possible in told.values()) > 150

    for file in tree.files:
        possible = told[file.path]
        if possible is not None:
            assert {truth.old for truth in file.truths} <= {specifier for _, specifier in possible}


@pytest.mark.parametrize(
    "text",
    [
        "import(\n// which\n'./a')\nlet b;",
        "import x from // why\n'./a'\nlet b;",
        "import {\na,\nb\n} from\n'./a'\nlet b;",
        "jest.requireActual<\nPart\n>('./a')\nlet b;",
        "jest.mock(/* one\ntwo */ './a')\nlet b;",
        "new URL(\n'./a',\nimport.meta\n.url)\nlet b;",
        "require(\n'./a'\n)\nlet b;",
        "require\n.resolve(\n'./a')\nlet b;",
        "function f() {\n  require('./a');\n}\nlet b;",
        "const t = `${require('./a')}\nlet b;`",
    ],
)
def test_a_cut_file_loses_nothing_however_its_last_specifier_is_laid_out(text: str) -> None:
    assert [specifier.text for specifier in find_specifiers("m.ts", text).specifiers] == ["./a"]


@pytest.mark.parametrize(
    "text",
    [
        "const t = `\nimport './a'\nlet b;\n`;",
        "/*\nimport './a'\nlet b;\n*/",
        "const v = <p>\nimport './a'\nlet b\n</p>;",
    ],
)
def test_a_cut_through_what_is_no_code_finds_nothing(text: str) -> None:
    assert find_specifiers("m.tsx", text).specifiers == ()
    assert find_specifiers("m.tsx", text).unsure == ()


def test_of_a_file_in_another_language_only_a_few_places_are_listed() -> None:
    found = find_specifiers("m.js", "import './a';\n" + "let let = @@@ ];\n" * 500 + "require('./b');")

    assert len(found.unsure) == 5
    assert "such places in this file, the first 5 are listed" in found.unsure[0].reason


def test_deeply_nested_code_is_read() -> None:
    text = f"import './a';\nconst x = {'(' * 20_000}1{')' * 20_000};\nrequire('./b');"

    assert [specifier.text for specifier in find_specifiers("m.ts", text).specifiers] == ["./a", "./b"]


def test_a_file_too_long_to_be_parsed_is_listed() -> None:
    found = find_specifiers("m.js", "let a;\n" * 500_000 + "import './a';")

    assert found.specifiers == ()
    assert "too long to be parsed" in found.unsure[0].reason


def test_data_of_any_length_behind_the_imports_is_not_parsed() -> None:
    found = find_specifiers("m.js", "import './a';\n" + "let a;\n" * 500_000)

    assert [specifier.text for specifier in found.specifiers] == ["./a"]
