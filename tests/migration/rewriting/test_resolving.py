"""Paths in `new URL(…, import.meta.url)` and in triple-slash references follow the files that they mean."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.migration.rewriting.resolve import Relocation, Unresolvable, rebase
from repo_agent_dagster.migration.rewriting.typescript_files import place_of, relation

MOVED = {
    "src/a/main.ts": "apps/x/main.ts",
    "src/a/worker.ts": "apps/x/jobs/worker.ts",
    "src/a/types.d.ts": "apps/x/types/types.d.ts",
    "src/a/page.html": "apps/x/pages/page.html",
    "src/assets/one.png": "apps/x/public/one.png",
    "src/assets/deep/two.png": "apps/x/public/deep/two.png",
    "src/torn/one.png": "apps/x/one.png",
    "src/torn/two.png": "apps/y/two.png",
}
RELOCATION = Relocation(frozenset({*MOVED, "src/a/left.html"}), MOVED, lambda _: False)
_NAMES = st.lists(st.sampled_from(["a", "b", "c.d", "é"]), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("./page.html", "./pages/page.html"),
        ("page.html", "pages/page.html"),
        ("./page.html?x=1#top", "./pages/page.html?x=1#top"),
        ("./worker.ts", "./jobs/worker.ts"),
        ("./worker.js", "./jobs/worker.js"),
        ("../assets/one.png", "./public/one.png"),
        ("../assets/", "./public/"),
        ("../assets", "./public"),
        ("../assets/deep", "./public/deep"),
    ],
)
def test_a_url_follows_the_file_or_the_folder_that_it_means(path: str, expected: str) -> None:
    assert rebase(path, "src/a/main.ts", RELOCATION, "url") == expected


@pytest.mark.parametrize("path", ["https://x.org/page.html", "/page.html", "data:text/plain,a", "#top", "?q", ""])
def test_a_url_that_is_no_path_from_its_file_stays(path: str) -> None:
    assert rebase(path, "src/a/main.ts", RELOCATION, "url") == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("./gone.html", "no such file in the unit"),
        ("./left.html", "means src/a/left.html, which no files rule moves"),
        ("../torn/", "means the folder src/torn, whose files do not move to one folder"),
        ("../../../x/", "climbs out of the unit"),
    ],
)
def test_a_url_that_cannot_be_told_is_listed(path: str, reason: str) -> None:
    outcome = rebase(path, "src/a/main.ts", RELOCATION, "url")

    assert isinstance(outcome, Unresolvable)
    assert outcome.reason.startswith(reason)


def test_a_url_of_its_own_folder_stays_where_all_of_it_moves_together() -> None:
    moved = {"src/a.ts": "lib/a.ts", "src/b/c.txt": "lib/b/c.txt"}
    relocation = Relocation(frozenset(moved), moved, lambda _: False)

    assert rebase(".", "src/a.ts", relocation, "url") == "."
    assert rebase("./", "src/a.ts", relocation, "url") == "./"
    assert rebase("b", "src/a.ts", relocation, "url") == "b"


@pytest.mark.parametrize(
    ("path", "expected"), [("types.d.ts", "types/types.d.ts"), ("./types.d.ts", "./types/types.d.ts")]
)
def test_a_reference_is_a_path_with_and_without_its_dot(path: str, expected: str) -> None:
    assert rebase(path, "src/a/main.ts", RELOCATION, "reference-path") == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("../assets/*.png", "./public/*.png"),
        ("../assets/**/*.png", "./public/**/*.png"),
        ("!../assets/deep/t*.png", "!./public/deep/t*.png"),
        ("../assets/{one,two}.png", "./public/{one,two}.png"),
        ("./page.html", "./pages/page.html"),
        ("/src/assets/*.png", "/src/assets/*.png"),
        ("@/assets/*.png", "@/assets/*.png"),
    ],
)
def test_a_glob_follows_the_folder_before_its_first_wildcard(pattern: str, expected: str) -> None:
    assert rebase(pattern, "src/a/main.ts", RELOCATION, "import-meta-glob") == expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("./*.ts", "means the folder src/a, whose files do not move to one folder"),
        ("../torn/*.png", "means the folder src/torn, whose files do not move to one folder"),
        ("../none/*.png", "no such file in the unit"),
        ("../../../x/*.ts", "climbs out of the unit"),
    ],
)
def test_a_glob_over_what_moves_apart_is_listed(pattern: str, reason: str) -> None:
    outcome = rebase(pattern, "src/a/main.ts", RELOCATION, "import-meta-glob")

    assert isinstance(outcome, Unresolvable)
    assert outcome.reason.startswith(reason)


def test_a_glob_in_a_unit_that_moves_as_a_whole_stays() -> None:
    moved = {"src/a.ts": "lib/src/a.ts", "src/b/c.ts": "lib/src/b/c.ts", "d.ts": "lib/d.ts"}
    relocation = Relocation(frozenset(moved), moved, lambda _: False)

    for pattern in ("./*.ts", "./b/**/*.ts", "../*.ts", "./**", "!./b/*"):
        assert rebase(pattern, "src/a.ts", relocation, "import-meta-glob") == pattern


def test_a_context_of_modules_follows_its_folder() -> None:
    assert rebase("../assets/deep", "src/a/main.ts", RELOCATION, "require-context") == "./public/deep"


def test_a_referenced_type_package_is_for_rules_alone() -> None:
    assert rebase("node", "src/a/main.ts", RELOCATION, "reference-types") == "node"


@given(_NAMES, _NAMES)
def test_a_relation_means_the_path_that_it_was_made_from(path: list[str], home: list[str]) -> None:
    target, folder = "/".join(path), "/".join(home)

    specifier = relation(target, folder)

    assert place_of(specifier, f"{folder}/m.ts") == target
    assert specifier.removeprefix("./") == posixpath.relpath(target, folder) or specifier == "."
