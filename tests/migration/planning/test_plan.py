"""A plan says what would happen to every file of the target tree, and touches none."""

import json
import pickle
import subprocess
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.migration import DestinationError, UnitError
from tests.migration.conftest import Bench, read_tree, write_tree


def actions(bench: Bench) -> dict[str, str]:
    return {
        change.path.removeprefix("apps/app/"): change.action
        for change in bench.plan().changes
        if not change.path.endswith(".migration-lock.json")
    }


def moves(bench: Bench) -> dict[str, str]:
    return {source: path.removeprefix("apps/app/") for source, path in bench.plan().moved.items()}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("[{from: '**/*'}]", {"a.ts": "a.ts", "src/b.ts": "src/b.ts", "src/deep/c.bak": "src/deep/c.bak"}),
        ("[{from: '**/*', exclude: ['**/*.bak']}]", {"a.ts": "a.ts", "src/b.ts": "src/b.ts"}),
        ("[{from: 'src/**/*', to: lib}]", {"src/b.ts": "lib/b.ts", "src/deep/c.bak": "lib/deep/c.bak"}),
        ("[{from: '*', to: top/}]", {"a.ts": "top/a.ts"}),
        ("[{from: src/b.ts, to: main.ts}]", {"src/b.ts": "main.ts"}),
        ("[{from: src/b.ts, to: lib/}]", {"src/b.ts": "lib/b.ts"}),
        ("[{from: src/b.ts}]", {"src/b.ts": "b.ts"}),
        ("[{from: src/b.ts, to: x.ts}, {from: '**/*.ts', to: y}]", {"a.ts": "y/a.ts", "src/b.ts": "x.ts"}),
        ("[{from: 'src/**'}]", {"src/b.ts": "b.ts", "src/deep/c.bak": "deep/c.bak"}),
        ("[{from: 'src/[!x].{ts,js}'}]", {"src/b.ts": "b.ts"}),
        ("[{from: '?.ts'}]", {"a.ts": "a.ts"}),
        ("[{from: './src/*.ts'}]", {"src/b.ts": "b.ts"}),
    ],
)
def test_files_rules_say_where_each_file_goes(bench: Bench, rules: str, expected: dict[str, str]) -> None:
    bench.put({"a.ts": "", "src/b.ts": "", "src/deep/c.bak": ""}, manifest=f"files: {rules}\n")

    assert moves(bench) == expected


def test_only_the_source_folder_migrates(bench: Bench) -> None:
    bench.put({"README.md": "", "code/a.ts": "import '../README.md'"}, manifest="source: code\n")

    assert moves(bench) == {"code/a.ts": "a.ts"}
    assert "no files rule moves" in bench.plan().unresolved[0].reason


def test_the_manifest_and_an_old_lock_in_the_unit_do_not_migrate(bench: Bench) -> None:
    bench.put({"a.ts": "", ".migration-lock.json": "{}"})

    assert moves(bench) == {"a.ts": "a.ts"}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("source: gone\n", "source 'gone' holds no file"),
        ("files: [{from: '*.go'}]\n", "no files rule matches any of its 2 files"),
        ("files: [{from: a/x, to: same}, {from: b/x, to: same}]\n", "a/x and b/x would both become apps/app/same"),
        ("files: [{from: a/x, to: .migration-lock.json}]\n", "where the migration's lock stands"),
    ],
)
def test_a_unit_that_cannot_be_placed_is_refused(bench: Bench, manifest: str, message: str) -> None:
    bench.put({"a/x": "", "b/x": ""}, manifest=manifest)

    with pytest.raises(UnitError, match=message):
        bench.plan()


def test_rules_that_match_nothing_are_named(bench: Bench) -> None:
    bench.put(
        {"a.ts": "import 'x'"},
        manifest="files: [{from: '*.go'}, {from: '**/*'}]\nimports: [{exact: y, to: z}, {exact: x, to: z}]\n",
    )

    assert bench.plan().dead_rules == ("files[0]: '*.go' matches no file", "imports[0]: no specifier matches")


def test_an_equal_file_that_stands_already_is_unchanged(bench: Bench) -> None:
    write_tree(bench.target, {"apps/app/a.ts": "same"})
    bench.put({"a.ts": "same", "b.ts": ""})

    assert actions(bench) == {"a.ts": "unchanged", "b.ts": "create"}


def test_a_foreign_file_in_the_way_is_a_conflict(bench: Bench) -> None:
    write_tree(bench.target, {"apps/app/a.ts": "theirs"})
    bench.put({"a.ts": "ours"})

    (conflict,) = bench.plan().conflicts
    assert conflict.path == "apps/app/a.ts"
    assert conflict.reason == "exists already and was not written by a migration"


@pytest.mark.parametrize("obstacle", ["folder", "symlink", "file-as-folder", "symlinked-folder"])
def test_what_is_no_plain_file_in_the_way_is_a_conflict(bench: Bench, obstacle: str, tmp_path: Path) -> None:
    bench.put({"src/a.ts": "x"})
    home = bench.target / "apps" / "app"
    home.mkdir(parents=True)
    if obstacle == "folder":
        (home / "src" / "a.ts").mkdir(parents=True)
    elif obstacle == "symlink":
        (home / "src").mkdir()
        (home / "src" / "a.ts").symlink_to("/etc/passwd")
    elif obstacle == "file-as-folder":
        (home / "src").write_text("")
    else:
        (tmp_path / "elsewhere").mkdir()
        (home / "src").symlink_to(tmp_path / "elsewhere")

    assert [conflict.path for conflict in bench.plan().conflicts] == ["apps/app/src/a.ts"]


def test_a_target_root_that_is_not_there_is_refused(bench: Bench) -> None:
    bench.put({"a.ts": ""})
    bench.target.rmdir()

    with pytest.raises(DestinationError, match="is not a folder; name the monorepo's folder"):
        bench.plan()


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        ("{", "restore it from version control"),
        ('{"version": 99, "unit": "app"}', "version: "),
        ("[]", "cannot be read"),
    ],
)
def test_a_damaged_lock_stops_the_unit(bench: Bench, lock: str, message: str) -> None:
    bench.put({"a.ts": ""})
    write_tree(bench.target, {"apps/app/.migration-lock.json": lock})

    with pytest.raises(DestinationError, match=message):
        bench.plan()


def test_a_lock_that_is_a_folder_stops_the_unit(bench: Bench) -> None:
    bench.put({"a.ts": ""})
    (bench.target / "apps" / "app" / ".migration-lock.json").mkdir(parents=True)

    with pytest.raises(DestinationError, match="move it away"):
        bench.plan()


def test_planning_writes_nothing_and_gives_the_same_plan_again(bench: Bench) -> None:
    bench.put({"a.ts": "import './lib/b'", "lib/b.ts": ""}, manifest="files: [{from: 'lib/*', to: ''}, {from: '*'}]\n")
    before = read_tree(bench.target), read_tree(bench.unit)

    first, second = bench.plan(), bench.plan()

    assert first == second
    assert first.diff() == second.diff()
    assert (read_tree(bench.target), read_tree(bench.unit)) == before
    assert pickle.loads(pickle.dumps(first)) == first


def test_a_plan_as_json_names_every_change_by_digest(bench: Bench) -> None:
    bench.put({"a.ts": "import '../x'"})

    told = json.loads(json.dumps(bench.plan().to_json()))

    assert told["counts"] == {"create": 2, "update": 0, "delete": 0, "conflict": 0, "unchanged": 0}
    assert told["unresolved"][0]["specifier"] == "../x"
    assert {change["path"] for change in told["changes"]} == {"apps/app/a.ts", "apps/app/.migration-lock.json"}


def test_git_applies_the_diff_and_gets_what_the_plan_says(bench: Bench) -> None:
    bench.put(
        {
            "a.ts": "import './b'\nlet x;",
            "b.ts": "".join(f"line {number}\n" for number in range(50)),
            "empty": "",
            "crlf.ts": "a\r\nb\r\n",
            "run.sh": "#!/bin/sh\n",
            "odd name é\t.txt": "x\n\fy\rz\n",
        }
    )
    (bench.unit / "run.sh").chmod(0o755)
    planned = bench.plan()

    subprocess.run(["git", "apply", "-"], cwd=bench.target, input=planned.diff().encode(), check=True)

    expected = {change.path: change.new for change in planned.touching}
    assert read_tree(bench.target) == expected
    assert (bench.target / "apps/app/run.sh").stat().st_mode & 0o111


def test_a_binary_file_is_named_in_the_diff(bench: Bench) -> None:
    bench.put({"a.png": b"\x00\xff", "latin.txt": b"\xe9"})

    diff = bench.plan().diff()

    assert "Binary files /dev/null and b/apps/app/a.png differ\n" in diff
    assert "Binary files /dev/null and b/apps/app/latin.txt differ\n" in diff


def test_a_unit_may_become_the_root_itself(bench: Bench) -> None:
    write_tree(bench.unit, {"a.ts": "", "migration-manifest.yaml": "unit: app\ndestination: .\n"})

    assert [change.path for change in bench.plan().changes] == [".migration-lock.json", "a.ts"]


def test_what_stands_as_the_lock_says_is_not_worked_out_again(bench: Bench) -> None:
    bench.put({"a.ts": "import './b';", "b.ts": ""})
    write_plan(bench)

    settled = bench.plan()

    assert settled.is_empty
    assert settled.rewrites == ()
    assert settled.counts() == {"create": 0, "update": 0, "delete": 0, "conflict": 0, "unchanged": 3}
    assert settled.moved == {"a.ts": "apps/app/a.ts", "b.ts": "apps/app/b.ts"}


@pytest.mark.parametrize("path", ["apps/app/a.ts", "apps/app/b.ts"])
def test_an_edit_at_the_destination_is_looked_at(bench: Bench, path: str) -> None:
    bench.put({"a.ts": "import './b';", "b.ts": ""})
    write_plan(bench)
    write_tree(bench.target, {path: "edited"})

    assert [change.path for change in bench.plan().changes if change.reason] == [path]


def test_an_unresolved_name_is_looked_at_again(bench: Bench) -> None:
    bench.put({"a.ts": "import 'x';"}, manifest="imports: [{exact: x, to: '../../lib/x'}]\n")
    write_plan(bench)
    assert bench.plan().unresolved != ()
    write_tree(bench.target, {"lib/x.ts": ""})

    assert bench.new("apps/app/a.ts") == b"import '../../lib/x';"


def write_plan(bench: Bench) -> None:
    planned = bench.plan()
    write_tree(bench.target, {change.path: change.new for change in planned.touching if change.new is not None})


def test_a_standard_that_there_is_not_is_told_before_anything_is_written(bench: Bench) -> None:
    bench.put({"a.ts": ""}, manifest="standards: {rules: [rest-path]}\n")

    with pytest.raises(PermanentFault, match="did you mean 'rest-paths'"):
        bench.plan()
