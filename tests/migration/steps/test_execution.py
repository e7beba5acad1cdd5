"""Executed: the tree is what the plan said. Again: nothing to do. Rolled back: the tree is what it was."""

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.migration import (
    DestinationError,
    MigrationConflict,
    Plan,
    Written,
    execute,
    take_back,
)
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.migration.conftest import Bench, read_tree, write_tree


class Executor:
    def __init__(self, bench: Bench, store: Engine, now: datetime) -> None:
        self.bench, self.custody, self.now = bench, StoreCustody(store), now

    def run(self, planned: Plan | None = None) -> Written:
        planned = planned or self.bench.plan()
        self.bench.bases.keep(planned.bases)
        return execute(planned, custody=self.custody, now=self.now, task_id="task-1")

    def undo(self, written: Written) -> list[str]:
        return take_back(self.bench.target, written.batch_ids, custody=self.custody, now=self.now)

    def tree(self) -> dict[str, bytes]:
        return read_tree(self.bench.target)


@pytest.fixture
def migration(bench: Bench, sqlite_store: Engine, now: datetime) -> Executor:
    bench.put(
        {"src/main.ts": "import './lib/x';\n", "src/lib/x.ts": "export {};\n", "run.sh": "#!/bin/sh\n"},
        manifest="files: [{from: 'src/lib/*', to: lib}, {from: '**/*'}]\norder: {id: '42'}\n",
    )
    (bench.unit / "run.sh").chmod(0o755)
    write_tree(bench.target, {"README.md": "hello\n"})
    return Executor(bench, sqlite_store, now)


def test_what_was_planned_is_what_stands_after(migration: Executor) -> None:
    planned = migration.bench.plan()
    expected = {**migration.tree(), **{change.path: change.new for change in planned.touching}}

    result = migration.run(planned)

    assert len(result.batches) == 1
    assert migration.tree() == expected
    assert migration.tree()["apps/app/src/main.ts"] == b"import '../lib/x';\n"
    assert (migration.bench.target / "apps/app/run.sh").stat().st_mode & 0o111


def test_the_batch_is_on_record_for_the_order(migration: Executor) -> None:
    result = migration.run()

    (first, *_) = recorded = migration.custody.batch(result.batch_ids[0])
    assert len(recorded) == 4
    assert (first.requested.order_id, first.requested.requester) == ("42", "migrate-staging")
    assert (first.requested.phase, first.requested.task_id) == ("migration", "task-1")


def test_a_second_run_finds_nothing_to_do_and_says_so(migration: Executor) -> None:
    migration.run()
    before = migration.tree()

    again = migration.run()

    assert again.batches == ()
    assert again.plan.is_empty
    assert migration.bench.plan().diff() == ""
    assert migration.tree() == before


def test_the_same_unit_gives_the_same_bytes_in_another_root(migration: Executor, tmp_path: Path) -> None:
    migration.run()
    first = migration.tree()
    migration.bench.target = write_tree(tmp_path / "second", {"README.md": "hello\n"})

    migration.run()

    assert migration.tree() == first


def test_rolling_back_restores_the_tree_to_the_byte(migration: Executor) -> None:
    before = migration.tree()
    folders = sorted(path for path in migration.bench.target.rglob("*") if path.is_dir())

    written = migration.run()
    undone = migration.undo(written)

    assert undone == list(written.batch_ids)
    assert migration.tree() == before
    after = sorted(path for path in migration.bench.target.rglob("*") if path.is_dir())
    assert [path for path in after if ".mission_control" not in path.parts] == folders
    assert migration.undo(written) == []


def test_rolling_back_an_update_restores_the_version_before(migration: Executor) -> None:
    migration.run()
    before = migration.tree()
    write_tree(migration.bench.unit, {"src/main.ts": "import './lib/x'; // two\n", "src/new.ts": ""})
    (migration.bench.unit / "run.sh").unlink()

    updated = migration.run()
    assert migration.tree() != before
    migration.undo(updated)

    assert migration.tree() == before
    assert migration.bench.plan().counts()["update"] == 2


def test_an_update_writes_only_what_changed(migration: Executor) -> None:
    migration.run()
    write_tree(migration.bench.unit, {"src/main.ts": "import './lib/x'; // two\n"})

    planned = migration.bench.plan()
    migration.run(planned)

    assert [change.path for change in planned.touching] == ["apps/app/.migration-lock.json", "apps/app/src/main.ts"]
    assert migration.tree()["apps/app/src/main.ts"] == b"import '../lib/x'; // two\n"
    assert migration.run().batches == ()


def test_a_file_that_left_the_unit_is_deleted(migration: Executor) -> None:
    migration.run()
    (migration.bench.unit / "run.sh").unlink()

    migration.run()

    assert "apps/app/run.sh" not in migration.tree()
    assert migration.run().batches == ()


def test_a_file_that_left_the_unit_but_was_edited_here_is_kept(migration: Executor) -> None:
    migration.run()
    (migration.bench.unit / "run.sh").unlink()
    write_tree(migration.bench.target, {"apps/app/run.sh": "edited"})

    migration.run()

    assert migration.tree()["apps/app/run.sh"] == b"edited"
    assert migration.run().batches == ()


def test_an_edit_here_is_never_overwritten(migration: Executor) -> None:
    migration.run()
    write_tree(migration.bench.target, {"apps/app/src/main.ts": "edited here\n"})
    write_tree(migration.bench.unit, {"src/main.ts": "changed there\n", "src/new.ts": ""})
    before = migration.tree()

    with pytest.raises(MigrationConflict, match="edited here since the last migration") as caught:
        migration.run()

    assert caught.value.paths == ("apps/app/src/main.ts",)
    assert migration.tree() == before


def test_a_deletion_here_of_a_file_that_changed_there_is_a_conflict(migration: Executor) -> None:
    migration.run()
    (migration.bench.target / "apps/app/src/main.ts").unlink()
    write_tree(migration.bench.unit, {"src/main.ts": "changed there\n"})

    with pytest.raises(MigrationConflict, match="deleted here since the last migration"):
        migration.run()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_change_here_alone_is_kept_and_nothing_is_to_do(migration: Executor, deleted: bool) -> None:
    migration.run()
    path = migration.bench.target / "apps/app/src/main.ts"
    path.unlink() if deleted else path.write_text("edited here\n")
    before = migration.tree()

    assert migration.run().batches == ()
    assert migration.tree() == before
    assert [change.reason for change in migration.bench.plan().changes if change.reason] != []


def test_the_same_edit_on_both_sides_is_no_conflict(migration: Executor) -> None:
    migration.run()
    write_tree(migration.bench.target, {"apps/app/src/main.ts": "same\n"})
    write_tree(migration.bench.unit, {"src/main.ts": "same\n"})

    assert len(migration.run().batches) == 1
    assert migration.run().batches == ()


def test_an_executable_bit_alone_is_a_change(migration: Executor) -> None:
    migration.run()
    (migration.bench.unit / "src/main.ts").chmod(0o755)

    planned = migration.bench.plan()
    migration.run(planned)

    assert "old mode 100644\nnew mode 100755\n" in planned.diff()
    assert (migration.bench.target / "apps/app/src/main.ts").stat().st_mode & 0o111
    assert migration.run().batches == ()


def test_a_tree_that_changed_since_the_plan_stops_it(migration: Executor) -> None:
    planned = migration.bench.plan()
    write_tree(migration.bench.target, {"apps/app/src/main.ts": "just now"})

    with pytest.raises(MigrationConflict, match="changed since the plan was made"):
        migration.run(planned)

    assert migration.tree()["apps/app/src/main.ts"] == b"just now"


def test_a_destination_of_another_unit_is_refused(migration: Executor) -> None:
    migration.run()
    write_tree(migration.bench.unit, {"migration-manifest.yaml": "unit: other\ndestination: apps/app\n"})

    with pytest.raises(DestinationError, match="belongs to unit 'app'"):
        migration.run()


def test_a_long_list_of_conflicts_is_cut(migration: Executor) -> None:
    names = [f"f{number}" for number in range(12)]
    write_tree(migration.bench.unit, dict.fromkeys(names, "ours"))
    write_tree(migration.bench.target, {f"apps/app/{name}": "theirs" for name in names})

    with pytest.raises(MigrationConflict, match="and 2 more") as caught:
        migration.run()

    assert len(caught.value.paths) == 12
