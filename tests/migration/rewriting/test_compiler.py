"""TypeScript's own parser reads specifiers in a sandbox, and the parser in this process sees the same."""

import posixpath
from collections.abc import Iterator

import pytest

from benchmarks._specifier_tree import make_specifier_tree
from repo_agent_dagster.migration.faults import SpecifiersUnread
from repo_agent_dagster.migration.rewriting.compiler import FOLDER, CompilerReader
from repo_agent_dagster.migration.rewriting.specifiers import Found, Place, Specifier
from repo_agent_dagster.migration.rewriting.typescript import SUFFIXES, AstGrepReader
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import TYPE_ROOTS, SandboxSpec

pytestmark = pytest.mark.docker
MODULES = posixpath.dirname(TYPE_ROOTS)
NODE_MODULES = "/opt/node/lib/node_modules"


@pytest.fixture(scope="module")
def reader(box: Sandbox) -> CompilerReader:
    return CompilerReader(box)


@pytest.fixture(scope="module")
def bare_box(sandbox_image: str) -> Iterator[Sandbox]:
    spec = SandboxSpec(task_id="test-compiler", image=sandbox_image, network="none", deadline_seconds=120, memory_mb=64)
    with Sandbox.open(spec) as sandbox:
        yield sandbox


def without_syntax(found: Found) -> Found:
    return Found(found.specifiers, tuple(unsure for unsure in found.unsure if unsure.form != "syntax"))


def test_it_finds_every_form_and_no_trap_of_the_generated_tree(reader: CompilerReader) -> None:
    tree = make_specifier_tree(300)

    found = reader.read({file.path: file.text for file in tree.files})

    for file in tree.files:
        spans = [(specifier.start, specifier.end) for specifier in found[file.path].specifiers]
        assert spans == [(truth.start, truth.end) for truth in file.truths], file.path
        assert found[file.path].unsure == ()


def test_both_readers_see_the_same_in_the_generated_tree(reader: CompilerReader) -> None:
    files = {file.path: file.text for file in make_specifier_tree(300, seed=11).files if file.text}

    assert reader.read(files) == AstGrepReader().read(files)


@pytest.mark.parametrize(
    ("folder", "at_least"),
    [(f"{MODULES}/@types/node", 300), (f"{NODE_MODULES}/npm/lib", 300), (f"{NODE_MODULES}/npm/node_modules", 1000)],
)
def test_both_readers_see_the_same_in_code_that_others_wrote(
    reader: CompilerReader, box: Sandbox, folder: str, at_least: int
) -> None:
    files = {
        path: content.decode("utf-8-sig", "replace")
        for path, content in box.get_tree(folder).items()
        if posixpath.splitext(path)[1] in SUFFIXES
    }

    compiled, parsed = reader.read(files), AstGrepReader().read(files)

    assert sum(len(found.specifiers) for found in compiled.values()) >= at_least
    # What either does not understand is its own affair: it is listed, and the specifiers around it are the same.
    differing = [path for path in files if without_syntax(compiled[path]) != without_syntax(parsed[path])]
    assert differing == []


RARE_FORMS = (
    ("ts", "import.meta.glob<X>(['./a/*', `./b/*`, `./${c}/*`, d]); import.meta.glob('./e');"),
    ("ts", "import.meta.other('./a'); import.meta.resolve('./b'); import.meta.url; other.resolve('./c');"),
    ("js", "require.context('./a', true); require.other('./b'); require.resolve.paths('./c');"),
    ("js", "require('./a')('./b'); require?.('./c'); (require)('./d'); new require('./e'); require`./f`;"),
    ("ts", "export import a = require('./a'); import type b = require('./b'); export type * from './c';"),
    ("ts", "jest.mock('./a').unmock('./b'); vi.mock(import('./c')); jest['mock']('./d'); jest.mock?.('./e');"),
    ("ts", "(await vi.importActual<typeof import('./a')>('./a')).b; jest.mock<A, B<C>>('./c');"),
    ("ts", "import a from './a' with { type: 'json' }; import './b'; import {} from './c';"),
    ("ts", "import d, * as e from './d'; export * as f from './f'; export { default as g } from './g';"),
    ("ts", "import /* 1 */ './a'; import type from './b'; import type, { c } from './c';"),
    ("ts", "import { type } from './d'; import type from from './e'; import type { f } from './f';"),
    ("ts", "new URL(/* 1 */ './a', import.meta.url); new URL('./b', import . meta . url).href;"),
    ("ts", "new URL('./c', d); new URL('./e'); new (URL)('./f', import.meta.url); URL('./g', import.meta.url);"),
    (
        "ts",
        "/// <reference types='a' path='b' />\n/// <reference path='c' />\nf();\n/// <reference path='d' />",
    ),
    ("tsx", "const a = <T,>(b: T) => import('./a'); const c = <d e={require('./b')}>import './c'</d>;"),
    ("d.ts", "declare module './a' { import b from './b'; export * from './c'; } declare module '*.svg';"),
    ("ts", "import(/* './x' */ './a', { with: {} }); import('./b' + c); require(); import('');"),
    ("ts", "import(d ? './d' : e); import(('./f')); require(('./g'));"),
    ("ts", "class A { @b(require('./b')) c = import.meta.resolve('./c'); require('./d') { return 1 } }"),
    ("ts", "const a = b < c > ('./d'); const e = f<typeof import('./g')>('./h');"),
    (
        "ts",
        "let i: typeof import('./i', { with: { 'resolution-mode': 'import' } }); let j: import('./j').K;",
    ),
    (
        "ts",
        "function f(): asserts x is import('./a').A<import('./b').B> {} let c = <import('./c').D>e;",
    ),
)


def test_both_readers_see_the_same_in_rare_forms(reader: CompilerReader) -> None:
    files = {f"m{number}.{ending}": text for number, (ending, text) in enumerate(RARE_FORMS)}

    compiled, parsed = reader.read(files), AstGrepReader().read(files)

    assert {path: one.specifiers for path, one in parsed.items()} == {
        path: one.specifiers for path, one in compiled.items()
    }


def test_spans_are_in_characters_whatever_node_counts(reader: CompilerReader) -> None:
    text = "/* 😀 é 𝒳 */ import x from './a'; // 😀\nrequire(`./ü😀`); import('./b')"

    found = reader.read({"m.ts": text})["m.ts"]

    assert [(one.text, text[one.start : one.end]) for one in found.specifiers] == [
        ("./a", "./a"),
        ("./ü😀", "./ü😀"),
        ("./b", "./b"),
    ]
    assert found.specifiers[1].place == Place(2, 9)


def test_a_syntax_error_is_listed_beside_what_was_found(reader: CompilerReader) -> None:
    found = reader.read({"m.ts": "import a from './a';\nlet = = 3;\nimport b from './b';"})["m.ts"]

    assert [specifier.text for specifier in found.specifiers] == ["./a", "./b"]
    assert [(unsure.form, unsure.place.line) for unsure in found.unsure] == [("syntax", 2)]


def test_a_file_that_the_parser_fails_on_is_listed_and_the_others_are_read(reader: CompilerReader) -> None:
    deep = f"const x = {'(' * 50_000}1{')' * 50_000};\nimport './a';"

    found = reader.read({"deep.ts": deep, "m.ts": "import './b';"})

    assert "the parser failed" in found["deep.ts"].unsure[0].reason
    assert [specifier.text for specifier in found["m.ts"].specifiers] == ["./b"]


def test_jsx_is_read_by_its_file_name(reader: CompilerReader) -> None:
    files = dict.fromkeys(["m.tsx", "m.jsx", "m.js"], "const a = <p>import('./x')</p>;\nimport b from './b';")

    for found in reader.read(files).values():
        assert [specifier.text for specifier in found.specifiers] == ["./b"]
        assert found.unsure == ()


def test_what_it_found_comes_back_whole_however_much_it_is(reader: CompilerReader) -> None:
    text = "".join(f"import './m{number * number}';" for number in range(30_000))

    found = reader.read({"m.ts": text})["m.ts"]

    assert [specifier.text for specifier in found.specifiers] == [f"./m{number * number}" for number in range(30_000)]


def test_more_text_than_one_process_can_hold_is_read_in_parts_and_what_is_too_long_is_listed(
    reader: CompilerReader,
) -> None:
    filler = f"/*{'x' * 2_900_000}*/"
    files = {f"m{number}.js": f"{filler}import './a{number}';" for number in range(6)}

    found = reader.read({**files, "long.js": f"{filler}{filler}import './a';"})

    assert [found[path].specifiers[0].text for path in files] == [f"./a{number}" for number in range(6)]
    assert "too long to be parsed" in found["long.js"].unsure[0].reason


def test_files_without_a_word_for_it_cost_nothing(reader: CompilerReader) -> None:
    assert reader.read({"a.ts": "const a = 1;", "b.ts": ""}) == {"a.ts": Found(), "b.ts": Found()}


def test_names_of_files_are_only_names(reader: CompilerReader, box: Sandbox) -> None:
    path = "../../tmp/$(touch x)'\n é.ts"

    found = reader.read({path: "import './a';"})

    assert found[path].specifiers == (Specifier("./a", 8, 11, Place(1, 8), "side-effect-import"),)
    assert not box.exec(["ls", FOLDER]).ok


def test_a_reading_that_takes_too_long_is_told(box: Sandbox) -> None:
    files = {f"{number}.ts": "import './a';\n" * 20_000 for number in range(40)}

    with pytest.raises(SpecifiersUnread, match=r"took more than 0\.5 s"):
        CompilerReader(box, timeout_seconds=0.5).read(files)


def test_a_process_that_fails_is_told_with_its_words(bare_box: Sandbox) -> None:
    with pytest.raises(SpecifiersUnread, match="in the sandbox's image"):
        CompilerReader(bare_box).read({"m.ts": "import './a';\n" * 200_000})
