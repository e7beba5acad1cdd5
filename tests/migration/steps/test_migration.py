"""A migration from end to end: its steps on account, its gate, its failures taken back, its task left."""

from dataclasses import replace

import pytest

from repo_agent_dagster.contracts.goals import GoalTaskStatus, Verdict
from repo_agent_dagster.migration import (
    STEPS,
    ApprovalNeeded,
    ApprovalRefused,
    ManifestError,
    MigrationConflict,
    UnitNotReady,
    roll_back_last,
)
from repo_agent_dagster.store import approvals, goal_tasks
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus
from tests.migration.steps.conftest import NOW, Yard

V1 = {"src/a.ts": "import { b } from './b';\nexport const a = b;\n", "src/b.ts": "export const b = 1;\n\n\n\n// end\n"}


def decide(yard: Yard, verdict: Verdict) -> None:
    with write_transaction(yard.environment.engine) as conn:
        (waiting,) = approvals.pending(conn)
        assert approvals.decide(conn, waiting.id, verdict, by="ada", rationale="looked at it", now=NOW)


def test_every_step_is_on_account(yard: Yard) -> None:
    yard.drop(V1)

    outcome = yard.run()

    row = yard.row()
    assert (outcome.status, row.status) == ("applied", StagingStatus.APPLIED)
    assert [step["step"] for step in row.steps or ()] == list(STEPS)
    assert {step["status"] for step in row.steps or ()} == {"done", "skipped"}
    assert row.batches == list(outcome.batches)
    assert yard.tree() == {f"apps/app/{path}": text.encode() for path, text in V1.items()}


def test_a_second_run_finds_nothing_to_do(yard: Yard) -> None:
    yard.drop(V1)
    yard.run()
    before = yard.row()

    again = yard.run()

    assert (again.status, again.plan.is_empty) == ("nothing_to_do", True)
    assert yard.row().batches == before.batches


def test_a_rollback_restores_the_tree_and_a_second_one_the_tree_before(yard: Yard) -> None:
    yard.edit({"README.md": "monorepo\n"})
    yard.drop(V1)
    yard.run()
    first = yard.tree()
    yard.drop({"src/b.ts": "export const b = 2;\n"})
    yard.run()

    def back() -> None:
        roll_back_last(yard.environment.engine, "app", custody=yard.environment.custody, now=NOW)

    back()
    assert yard.tree() == first
    back()
    assert yard.tree() == {"README.md": b"monorepo\n"}


def test_upstream_changes_and_local_edits_are_merged(yard: Yard) -> None:
    yard.drop(V1)
    yard.run()
    yard.edit({"apps/app/src/b.ts": "export const b = 1;\n\n\n\n// end of b\n"})
    yard.drop({"src/b.ts": "export const b = 2;\n\n\n\n// end\n"})

    outcome = yard.run()

    assert yard.tree()["apps/app/src/b.ts"] == b"export const b = 2;\n\n\n\n// end of b\n"
    assert "1 merged with local edits" in outcome.message


def test_the_next_merge_begins_from_what_the_unit_brought_last(yard: Yard) -> None:
    yard.drop({"a.txt": "1\n2\n3\n4\n5\n"})
    yard.run()
    yard.edit({"apps/app/a.txt": "1\n2\n3\n4\nfive\n"})
    yard.drop({"a.txt": "one\n2\n3\n4\n5\n"})
    yard.run()
    yard.drop({"a.txt": "one\n2\nthree\n4\n5\n"})

    yard.run()

    assert yard.tree()["apps/app/a.txt"] == b"one\n2\nthree\n4\nfive\n"


def test_a_conflict_leaves_the_destination_and_a_task(yard: Yard) -> None:
    yard.drop(V1)
    yard.run()
    yard.edit({"apps/app/src/b.ts": "export const b = 'local';\n"})
    before = yard.tree()
    yard.drop({"src/b.ts": "export const b = 'upstream';\n"})

    with pytest.raises(MigrationConflict, match=r"src/b\.ts"):
        yard.run()

    row = yard.row()
    assert yard.tree() == before
    assert (row.status, row.conflicts) == (StagingStatus.CONFLICT, 1)
    side = yard.target / ".mission_control" / "conflicts" / "app" / "apps/app/src/b.ts"
    assert b"<<<<<<<" in side.read_bytes()
    with read_transaction(yard.environment.engine) as conn:
        (task,) = goal_tasks.unadopted(conn)
    assert task.id == row.remediation_task_id
    assert "stopped at plan" in task.title
    assert any("conflicts/app" in path for path in task.allowed_paths)


def test_a_conflict_settled_in_its_side_file_goes_through_and_closes_the_task(yard: Yard) -> None:
    yard.drop(V1)
    yard.run()
    yard.edit({"apps/app/src/b.ts": "export const b = 'local';\n"})
    yard.drop({"src/b.ts": "export const b = 'upstream';\n"})
    with pytest.raises(MigrationConflict):
        yard.run()
    side = yard.target / ".mission_control" / "conflicts" / "app" / "apps/app/src/b.ts"
    side.write_bytes(b"export const b = 'both';\n")

    yard.run()

    assert yard.tree()["apps/app/src/b.ts"] == b"export const b = 'both';\n"
    assert not side.exists()
    task_id = yard.row().remediation_task_id
    assert task_id is not None
    with read_transaction(yard.environment.engine) as conn:
        task = goal_tasks.get(conn, task_id)
    assert task is not None
    assert task.status is GoalTaskStatus.ABANDONED


def test_a_conflict_that_is_settled_stays_so_while_another_waits(yard: Yard) -> None:
    yard.drop({"a.txt": "1\n", "b.txt": "1\n"})
    yard.run()
    yard.edit({"apps/app/a.txt": "local\n", "apps/app/b.txt": "local\n"})
    yard.drop({"a.txt": "upstream\n", "b.txt": "upstream\n"})
    with pytest.raises(MigrationConflict):
        yard.run()
    sides = yard.target / ".mission_control" / "conflicts" / "app" / "apps/app"
    (sides / "a.txt").write_bytes(b"both\n")
    with pytest.raises(MigrationConflict, match=r"b\.txt"):
        yard.run()
    (sides / "b.txt").write_bytes(b"both, too\n")

    yard.run()

    assert yard.tree() == {"apps/app/a.txt": b"both\n", "apps/app/b.txt": b"both, too\n"}


def test_the_same_failure_leaves_one_task(yard: Yard) -> None:
    yard.drop(V1)
    yard.edit({"apps/app/src/b.ts": "somebody else's\n"})

    for _ in range(2):
        with pytest.raises(MigrationConflict):
            yard.run()

    with read_transaction(yard.environment.engine) as conn:
        assert len(goal_tasks.unadopted(conn)) == 1


def test_a_gate_waits_and_writes_nothing_until_somebody_approves(yard: Yard) -> None:
    yard.drop(V1, manifest="unit: app\ndestination: apps/app\napproval: true\n")

    with pytest.raises(ApprovalNeeded, match="approvals approve"):
        yard.run()
    assert yard.tree() == {}
    assert yard.row().status is StagingStatus.WAITING

    decide(yard, Verdict.APPROVED)
    yard.run()
    assert "apps/app/src/a.ts" in yard.tree()


def test_a_refused_plan_is_not_written(yard: Yard) -> None:
    yard.drop(V1)
    with pytest.raises(ApprovalNeeded):
        yard.run(needs_approval=True)
    decide(yard, Verdict.REJECTED)

    with pytest.raises(ApprovalRefused, match="ada refused this plan: looked at it"):
        yard.run(needs_approval=True)

    assert yard.tree() == {}


def test_an_approval_does_not_cover_what_changed_since(yard: Yard) -> None:
    yard.drop(V1)
    with pytest.raises(ApprovalNeeded):
        yard.run(needs_approval=True)
    decide(yard, Verdict.APPROVED)
    yard.edit({"apps/app/src/a.ts": V1["src/a.ts"]})

    with pytest.raises(ApprovalNeeded):
        yard.run(needs_approval=True)


def test_a_manifest_that_says_no_needs_no_approval_whatever_the_settings(yard: Yard) -> None:
    yard.drop(V1, manifest="unit: app\ndestination: apps/app\napproval: false\n")

    assert yard.run(needs_approval=True).status == "applied"


def test_a_unit_waits_for_those_that_it_comes_after(yard: Yard) -> None:
    yard.drop({"a.txt": "a"}, manifest="unit: app\ndestination: apps/app\nafter: [base]\n")
    yard.drop({"b.txt": "b"}, manifest="unit: base\ndestination: packages/base\n", unit="base")

    with pytest.raises(UnitNotReady, match="base"):
        yard.run()
    yard.run("base")

    assert yard.run().status == "applied"


def test_units_that_wait_for_each_other_are_refused_by_name(yard: Yard) -> None:
    yard.drop({"a.txt": "a"}, manifest="unit: app\ndestination: apps/app\nafter: [base]\n")
    yard.drop({"b.txt": "b"}, manifest="unit: base\ndestination: packages/base\nafter: [app]\n", unit="base")

    with pytest.raises(ManifestError, match="app → base → app"):
        yard.run()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("step", STEPS[:-1])
def test_an_interruption_in_any_step_leaves_nothing_written(yard: Yard, step: str, error: type[BaseException]) -> None:
    yard.edit({"README.md": "monorepo\n"})
    yard.drop(V1)

    def interrupt(entry: dict[str, str]) -> None:
        if entry["step"] == step and entry["status"] == "running":
            raise error

    with pytest.raises(error):
        yard.run(on_step=interrupt)

    assert yard.tree() == {"README.md": b"monorepo\n"}
    assert yard.run().status == "applied"


def test_a_process_that_dies_after_writing_is_gone_on_with(yard: Yard) -> None:
    yard.drop(V1)
    killed = yard.open()
    killed.take_inventory()
    killed.copy(killed.make_plan())

    outcome = yard.run()

    assert outcome.batches == tuple(yard.row().batches or ())
    assert len(outcome.batches) == 1
    assert yard.row().status is StagingStatus.APPLIED


def test_what_an_earlier_attempt_wrote_is_taken_back_with_the_failure_of_the_next(yard: Yard) -> None:
    yard.drop(V1)
    killed = yard.open()
    killed.copy(killed.make_plan())

    def fail(entry: dict[str, str]) -> None:
        if entry["step"] == "validate":
            raise RuntimeError("no sandbox")

    with pytest.raises(RuntimeError):
        yard.run(on_step=fail)

    assert yard.tree() == {}
    assert yard.row().status is StagingStatus.ROLLED_BACK


def test_renamed_files_and_executable_bits_are_as_the_manifest_says(yard: Yard) -> None:
    manifest = """unit: app
destination: apps/app
files:
  - from: "bin/*"
    to: bin
    executable: true
    rename: [{match: '(.*)\\.sh', to: '\\1'}]
  - {from: "**/*", to: ""}
"""
    yard.drop({"bin/start.sh": "#!/bin/sh\n", "x.txt": "x"}, manifest=manifest)

    yard.run()

    start = yard.target / "apps/app/bin/start"
    assert start.stat().st_mode & 0o100
    assert (yard.target / "apps/app/x.txt").exists()


def test_a_base_that_this_machine_never_kept_comes_from_the_repositorys_objects(yard: Yard, tmp_path) -> None:
    import subprocess

    from repo_agent_dagster.migration import Bases

    yard.drop(V1)
    yard.run()
    git = ["git", "-C", str(yard.target), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "all"], check=True)
    yard.environment = replace(yard.environment, bases=Bases(tmp_path / "another machine"))
    yard.edit({"apps/app/src/b.ts": "export const b = 1;\n\n\n\n// end of b\n"})
    yard.drop({"src/b.ts": "export const b = 2;\n\n\n\n// end\n"})

    yard.run()

    assert yard.tree()["apps/app/src/b.ts"] == b"export const b = 2;\n\n\n\n// end of b\n"


def test_a_unit_of_several_stages_is_at_rest_after_one_run(yard: Yard) -> None:
    manifest = "unit: app\ndestination: apps/app\nstandards: {fix: true, rules: [rpc-entrypoints]}\n"
    source = (
        "import { WorkerEntrypoint } from 'cloudflare:workers';\n"
        "import { BaseWorkerEntrypoint } from '@shared/base';\n"
        "export class Api extends WorkerEntrypoint {}\nexport class Other extends BaseWorkerEntrypoint {}\n"
    )
    yard.drop({"src/index.ts": source}, manifest=manifest)

    outcome = yard.run()

    assert [stage.name for stage in outcome.plan.stages] == ["copy", "standards"]
    assert len(outcome.batches) == 2
    assert b"class Api extends BaseWorkerEntrypoint" in yard.tree()["apps/app/src/index.ts"]
    assert yard.run().status == "nothing_to_do"
    yard.drop({"src/index.ts": source + "// upstream\n"}, manifest=manifest)
    yard.edit({"apps/app/src/index.ts": "// local\n" + yard.tree()["apps/app/src/index.ts"].decode()})
    yard.run()
    merged = yard.tree()["apps/app/src/index.ts"].decode()
    assert merged.startswith("// local\n")
    assert merged.endswith("// upstream\n")
    assert "class Api extends BaseWorkerEntrypoint" in merged


@pytest.mark.parametrize("step", ["inventory", "plan", "diff", "standards", "validate", "report"])
def test_what_a_finished_run_wrote_stays_when_a_later_run_is_interrupted(yard: Yard, step: str) -> None:
    yard.drop(V1)
    finished = yard.run()
    tree = yard.tree()

    def interrupt(entry: dict[str, str]) -> None:
        if entry["step"] == step and entry["status"] == "running":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        yard.run(on_step=interrupt)

    row = yard.row()
    assert yard.tree() == tree
    assert (row.status, row.batches) == (StagingStatus.APPLIED, list(finished.batches))
    assert roll_back_last(yard.environment.engine, "app", custody=yard.environment.custody, now=NOW).batches


def test_what_people_changed_is_not_lost_when_a_failed_run_cannot_be_taken_back(yard: Yard) -> None:
    yard.drop(V1)

    def edit_and_fail(entry: dict[str, str]) -> None:
        if entry["step"] == "validate":
            yard.edit({"apps/app/src/b.ts": "mine\n"})
            raise RuntimeError("no sandbox")

    with pytest.raises(RuntimeError, match="no sandbox"):
        yard.run(on_step=edit_and_fail)

    row = yard.row()
    assert yard.tree()["apps/app/src/b.ts"] == b"mine\n"
    assert row.status is StagingStatus.FAILED
    assert "could not be taken back" in (row.error or "")
    assert row.batches
