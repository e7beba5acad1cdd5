"""Whatever the tree: after a migration every relative import means the file it meant before, at its new place."""

import posixpath
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.contracts.migration import FileRule, ImportRule, Manifest
from repo_agent_dagster.migration import Plan, plan
from repo_agent_dagster.migration.rewriting.resolve import resolves
from tests.migration.conftest import read_tree, write_tree

_NAMES = st.sampled_from(["a", "b", "index", "x.service", "лес"])
_FOLDERS = st.lists(st.sampled_from(["src", "lib", "deep", "a"]), max_size=3).map("/".join)
_ENDINGS = st.sampled_from([".ts", ".tsx", ".js", ".mjs", ".d.ts", ".json", "/index.ts", "/index.js"])
_PATHS = st.builds(lambda folder, name, ending: posixpath.join(folder, name + ending), _FOLDERS, _NAMES, _ENDINGS)
_GLOBS = ["src/**/*", "lib/**/*", "a/*", "a/**/*", "**/index.*", "**/deep/**/*", "**/*.js", "src/*"]
_RULES = st.lists(
    st.builds(
        lambda glob, to: FileRule(from_=glob, to=to),
        st.sampled_from(_GLOBS),
        st.sampled_from(["", "src", "other/place", "lib", "one", "two"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda rule: rule.from_,
)
_FORMS = ["import '{}';", 'export * from "{}";', "const x = require('{}');", "await import('{}');", "jest.mock('{}');"]
_IMPORT = re.compile(r"""['"]([^'"]+)['"]""")


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    """Files that import each other in every way that a relative specifier can be written."""
    paths = draw(st.lists(_PATHS, min_size=2, max_size=8, unique=True))
    # A folder cannot be a file too.
    paths = [path for path in paths if not any(other.startswith(path + "/") for other in paths)]
    files = {}
    for path in paths:
        lines = []
        for target in draw(st.lists(st.sampled_from(paths), max_size=4)) if not path.endswith(".json") else []:
            relative = posixpath.relpath(target, posixpath.dirname(path) or ".")
            relative = relative if relative.startswith("../") else f"./{relative}"
            written = draw(st.sampled_from(_ways_to_write(relative)))
            lines.append(draw(st.sampled_from(_FORMS)).format(written))
        files[path] = "\n".join(lines)
    return files


def _ways_to_write(relative: str) -> list[str]:
    ways = [relative]
    for ending in (".d.ts", ".ts", ".tsx", ".js", ".json"):
        if relative.endswith(ending):
            ways.append(relative.removesuffix(ending))
    if relative.endswith(".ts") and not relative.endswith(".d.ts"):
        ways.append(relative.removesuffix(".ts") + ".js")
    if posixpath.basename(relative) in {"index.ts", "index.js"}:
        ways += [posixpath.dirname(relative), posixpath.dirname(relative) + "/"]
    return ways


def _collides(files: dict[str, str], rules: list[FileRule]) -> bool:
    from repo_agent_dagster.migration.planning.placement import _first_rule

    places = [place[1] for path in files if (place := _first_rule(path, [*rules, FileRule(from_="**/*")])) is not None]
    clash = any(one.startswith(other + "/") for one in places for other in places)
    return clash or len(set(places)) < len(places)


def _planned(root: Path, files: dict[str, str], rules: list[FileRule], imports: tuple[ImportRule, ...] = ()) -> Plan:
    unit = write_tree(root / "unit", files)
    (root / "target").mkdir(exist_ok=True)
    manifest = Manifest(unit="u", destination="apps/u", files=(*rules, FileRule(from_="**/*")), imports=imports)
    return plan(unit, root / "target", manifest)


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees(), _RULES)
def test_every_import_that_resolved_means_the_same_file_at_its_new_place(
    files: dict[str, str], rules: list[FileRule]
) -> None:
    assume(not _collides(files, rules))
    with TemporaryDirectory() as folder:
        planned = _planned(Path(folder), files, rules)
    moved = planned.moved
    after = {change.path: change.new.decode() for change in planned.changes if change.new is not None}
    listed = {(one.file, one.line) for one in planned.unresolved}
    assert set(moved) == set(files)
    for path, text in files.items():
        for number, (old, new) in enumerate(zip(text.splitlines(), after[moved[path]].splitlines(), strict=True), 1):
            meant = resolves(_IMPORT.search(old)[1], path, frozenset(files))  # type: ignore[index]  # every line has one
            means = resolves(_IMPORT.search(new)[1], moved[path], frozenset(moved.values()))  # type: ignore[index]  # as above
            if (path, number) in listed:
                assert new == old
            else:
                assert meant is not None
                assert means == moved[meant]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees())
def test_a_tree_that_moves_as_a_whole_is_untouched(files: dict[str, str]) -> None:
    with TemporaryDirectory() as folder:
        planned = _planned(Path(folder), files, [])

    assert {
        change.path.removeprefix("apps/u/"): change.new for change in planned.changes if "lock" not in change.path
    } == {path: text.encode() for path, text in files.items()}
    assert planned.rewrites == ()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees(), _RULES)
def test_migrating_what_was_migrated_changes_nothing_more(files: dict[str, str], rules: list[FileRule]) -> None:
    assume(not _collides(files, rules))
    with TemporaryDirectory() as folder:
        root = Path(folder)
        first = _planned(root, files, rules)
        for change in first.touching:
            write_tree(root / "target", {change.path: change.new or b""})
        before = read_tree(root / "target")

        again = plan(root / "unit", root / "target", first.manifest)

        assert again.is_empty
        assert read_tree(root / "target") == before
