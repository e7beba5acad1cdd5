"""The residual scan: what a migration would break silently is listed, and nothing that still holds."""

from collections.abc import Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.migration import ImportRule, Manifest
from repo_agent_dagster.migration.rewriting.residual import Residual, residual_scan

MOVED = {
    "src/index.ts": "apps/x/src/index.ts",
    "src/near.ts": "apps/x/src/near.ts",
    "src/db/store.ts": "packages/db/store.ts",
    "src/db/schema.sql": "packages/db/schema.sql",
    "src/web/[id]/page file.tsx": "apps/x/web/[id]/page file.tsx",
    "demo/__init__.py": "apps/x/core/__init__.py",
    "demo/mod.py": "apps/x/core/mod.py",
    "demo/same.py": "apps/x/core/same.py",
    "tests/test_mod.py": "apps/x/tests/test_mod.py",
    "package.json": "apps/x/package.json",
    "wrangler.toml": "apps/x/wrangler.toml",
    "Dockerfile": "apps/x/Dockerfile",
    "compose.yaml": "apps/x/compose.yaml",
    "run.sh": "apps/x/run.sh",
    "README.md": "apps/x/README.md",
    "docs/deep/guide.md": "apps/x/docs/deep/guide.md",
    "main.go": "apps/x/main.go",
    "lone-name.toml": "elsewhere/lone-name.toml",
}
MANIFEST = Manifest(
    unit="x",
    destination="apps/x",
    imports=(
        ImportRule(prefix="@staging/", to="@app/"),
        ImportRule(prefix="@grow/", to="@grow/more/"),
        ImportRule(exact="../../utils", to="@shared/utils"),
        ImportRule(prefix="legacy", to="modern", language="py"),
        ImportRule(prefix="example.com/demo", to="example.com/mono/demo", language="go"),
    ),
)


def scan(file: str, text: str | bytes, *, standing: Mapping[str, bytes] | None = None) -> tuple[Residual, ...]:
    """Scan one file, named by its path in the unit."""
    content = text.encode() if isinstance(text, str) else text
    files = {**dict.fromkeys(MOVED.values(), b""), **(standing or {}), MOVED[file]: content}
    return residual_scan(files, MOVED, MANIFEST)


STORE = "src/db/store.ts moved to packages/db/store.ts"
MODULE = "module demo.mod is core.mod now"
UI = "imports[0] makes it '@app/ui'"
FOLDER = "folder src/db moved to packages/db"


@pytest.mark.parametrize(
    ("file", "text", "word", "was"),
    [
        pytest.param("src/index.ts", "read('./db/schema.sql')", "./db/schema.sql", None, id="string-in-code"),
        pytest.param("src/index.ts", "run(`node ./db/store.js -v`)", "./db/store.js", STORE, id="js-for-ts"),
        pytest.param("src/index.ts", 'load("src/db/store")', "src/db/store", STORE, id="without-ending-from-root"),
        pytest.param("package.json", '{"scripts": {"x": "tsx src/db/store.ts"}}', "src/db/store.ts", STORE, id="json"),
        pytest.param("package.json", '{"entry": ["src/db/**/*.ts"]}', "src/db/**/*.ts", FOLDER, id="glob"),
        pytest.param("package.json", '{"m": "<rootDir>/src/db/$1"}', "<rootDir>/src/db/$1", FOLDER, id="root-dir"),
        pytest.param("package.json", '{"d": {"@staging/ui": "1"}}', "@staging/ui", UI, id="rule"),
        pytest.param("wrangler.toml", 'main = "src/db/store.ts"', "src/db/store.ts", STORE, id="wrangler-main"),
        pytest.param("Dockerfile", "COPY src/db ./db", "src/db", FOLDER, id="dockerfile-folder"),
        pytest.param("Dockerfile", "COPY demo /app/", "demo", "folder demo moved to apps/x/core", id="dockerfile-word"),
        pytest.param("Dockerfile", 'CMD ["python", "-m", "demo.mod"]', "demo.mod", MODULE, id="m"),
        pytest.param("Dockerfile", "COPY lone-name.toml .", "lone-name.toml", None, id="dockerfile-file"),
        pytest.param("run.sh", "cat lone-name.toml", "lone-name.toml", None, id="file-beside"),
        pytest.param("compose.yaml", "x:\n  - ./src/db:/app/db:ro\n", "./src/db", FOLDER, id="yaml-volume"),
        pytest.param("run.sh", 'cat "$ROOT/src/db/schema.sql"', "$ROOT/src/db/schema.sql", None, id="shell-variable"),
        pytest.param("run.sh", "psql < ${HERE}/src/db/schema.sql", "${HERE}/src/db/schema.sql", None, id="shell"),
        pytest.param("README.md", "Look at `src/db/store.ts`.", "src/db/store.ts", STORE, id="docs"),
        pytest.param("README.md", "It is in src/db/store.ts.", "src/db/store.ts", STORE, id="end-of-sentence"),
        pytest.param("docs/deep/guide.md", "[s](../../src/db/store.ts#L3)", "../../src/db/store.ts", STORE, id="link"),
        pytest.param("README.md", "src/web/[id]/page file.tsx", "src/web/[id]/page file.tsx", None, id="odd-name"),
        pytest.param("tests/test_mod.py", "patch('demo.mod.f')", "demo.mod.f", MODULE, id="patch"),
        pytest.param("tests/test_mod.py", "import_module('legacy.db')", "legacy.db", None, id="py"),
        pytest.param("run.sh", "-X example.com/demo/v.V=1", "example.com/demo/v.V", None, id="go-linker-flag"),
        pytest.param("README.md", "'../../utils'", "../../utils", None, id="exact-rule"),
    ],
)
def test_a_name_that_no_longer_holds_is_listed(file: str, text: str, word: str, was: str | None) -> None:
    (residual,) = scan(file, text)

    assert residual.file == MOVED[file]
    assert residual.text == word
    lines = text.splitlines()
    assert lines[residual.line - 1][residual.column - 1 :].startswith(word)
    if was is not None:
        assert residual.was == was


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("src/index.ts", "import './near'; read('./near.ts'); read('../package.json')", id="from-file"),
        pytest.param("package.json", '{"main": "src/index.ts", "x": "./src/near.js"}', id="from-package"),
        pytest.param("docs/deep/guide.md", "see src/index.ts and package.json", id="resolves-from-folder-above"),
        pytest.param("README.md", "see packages/db/store.ts", id="resolves-from-target-root"),
        pytest.param("README.md", "see https://x.y/src/db/store.ts and /srv/src/db/store.ts", id="url-and-absolute"),
        pytest.param("README.md", "the db folder, the store, and/or a demo of utils", id="plain-words"),
        pytest.param("README.md", "see src/other/store.ts and lib/db", id="never-a-path-of-the-unit"),
        pytest.param("README.md", "@grow/more/ui @app/ui @stagingother/x", id="already-new-or-another"),
        pytest.param("src/index.ts", "// './db/store'\n/* 'src/db' */ const r = /'src\\/db'/;", id="comments-in-code"),
        pytest.param("src/index.ts", "const n = src/db/store.ts;", id="code-outside-strings"),
        pytest.param("tests/test_mod.py", "# demo.mod\nimport demo.mod\n", id="python-comment-and-import"),
        pytest.param("main.go", "// src/db/store.ts\nvar x = src/db", id="go"),
        pytest.param("Dockerfile", "FROM node AS src/db-1\nCOPY --from=b demo /x\nRUN demo", id="other-stage"),
        pytest.param("docs/deep/guide.md", "a lone-name.toml, as every project has one", id="name-without-folder"),
        pytest.param("README.md", "legacy. is a word, legacy.db too where no Python is", id="dotted-in-prose"),
    ],
)
def test_what_holds_or_never_was_a_path_is_not_listed(file: str, text: str) -> None:
    assert scan(file, text) == ()


def test_a_path_that_another_file_of_the_target_root_fills_holds() -> None:
    files = {"apps/x/README.md": b"see src/db/store.ts"}
    moved = {"README.md": "apps/x/README.md", "src/db/store.ts": "packages/db/store.ts"}

    assert len(residual_scan(files, moved, MANIFEST)) == 1
    assert residual_scan(files, moved, MANIFEST, stands=lambda path: path == "apps/x/src/db/store.ts") == ()


def test_a_folder_whose_files_part_is_told_so() -> None:
    moved = {"run.sh": "x/run.sh", "lib/a.ts": "x/a/a.ts", "lib/b.ts": "y/b/b.ts"}

    (residual,) = residual_scan({"x/run.sh": b"ls ./lib"}, moved, MANIFEST)

    assert residual.was == "folder lib moved apart"


def test_a_renamed_file_is_told_with_its_new_name() -> None:
    moved = {"run.sh": "x/run.sh", "old.ts": "x/new.ts"}

    (residual,) = residual_scan({"x/run.sh": b"a\n tsx old.ts\n"}, moved, MANIFEST)

    assert residual == Residual("x/run.sh", 2, 6, "old.ts", "old.ts moved to x/new.ts")


@pytest.mark.parametrize("name", ["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "go.sum", "bundle.js.map"])
def test_generated_files_are_not_searched(name: str) -> None:
    moved = {name: f"x/{name}", "src/a.ts": "y/a.ts"}

    assert residual_scan({f"x/{name}": b"src/a.ts"}, moved, MANIFEST) == ()


@pytest.mark.parametrize("content", [b"src/db/store.ts\0", b"x" * 5_000_001 + b" src/db/store.ts"])
def test_binary_and_huge_files_are_not_searched(content: bytes) -> None:
    assert scan("README.md", content) == ()


def test_bytes_that_are_no_utf_8_do_not_stop_the_search() -> None:
    assert [one.text for one in scan("README.md", b"\xff src/db/store.ts")] == ["src/db/store.ts"]


def test_every_place_is_listed_in_order() -> None:
    found = scan("README.md", "src/db/store.ts src/db/store.ts\r\nsrc/db/store.ts")

    assert [(one.line, one.column) for one in found] == [(1, 1), (1, 17), (2, 1)]


_PATHS = st.lists(
    st.sampled_from(["/".join(parts) for parts in product(["a", "b"], ["c", "lib"], ["x.ts", "y.sql", "z.md"])]),
    min_size=2,
    max_size=6,
    unique=True,
)


@given(_PATHS)
def test_a_unit_that_moves_as_a_whole_leaves_nothing_over(paths: list[str]) -> None:
    moved = {path: f"apps/deep/{path}" for path in paths}
    text = " ".join([*paths, *(f"../../{path}" for path in paths), *(f"./{path}" for path in paths)]).encode()

    assert residual_scan(dict.fromkeys(moved.values(), text), moved, MANIFEST) == ()


@given(_PATHS, st.data())
def test_a_file_that_moves_alone_is_listed_wherever_it_is_named(paths: list[str], data: st.DataObject) -> None:
    alone, reader = data.draw(st.permutations(paths))[:2]
    moved = {**{path: f"apps/deep/{path}" for path in paths}, alone: "elsewhere/new-name.txt"}

    found = residual_scan({moved[reader]: f'"{alone}"'.encode()}, moved, MANIFEST)

    assert [one.was for one in found] == [f"{alone} moved to elsewhere/new-name.txt"]
