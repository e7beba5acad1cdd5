"""What a check in a sandbox says decides whether a migration stays; the standards may decide it, too."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from repo_agent_dagster.migration import CheckRefused, Environment, StandardsBroken, render_report
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store import goal_tasks
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus
from tests.migration.steps.conftest import Yard

MANIFEST = "unit: app\ndestination: apps/app\n"
PASSES = MANIFEST + "validate: ['grep -q hello a.txt']\n"
FAILS = MANIFEST + "validate: ['echo boom; exit 3']\n"
FILES = {"a.txt": "hello\n"}


@pytest.fixture(scope="module")
def boxed() -> Iterator[dict[str, Any]]:
    with Sandbox.open(SandboxSpec(task_id="test-validation", network="none", deadline_seconds=300)) as box:
        yield {"open_box": lambda: nullcontext(box)}


def events_of(environment: Environment, batch_id: str) -> list[str]:
    return [event.event for event in environment.custody.batch(batch_id)[0].events]


@pytest.mark.docker
def test_a_passed_check_goes_on_the_record_of_every_patch(yard: Yard, boxed: dict[str, Any]) -> None:
    yard.drop(FILES, manifest=PASSES)

    outcome = yard.run(**boxed)

    assert (outcome.status, yard.row().status) == ("validated", StagingStatus.VALIDATED)
    assert events_of(yard.environment, outcome.batches[0])[-1] == "patch_validated"


@pytest.mark.docker
def test_what_was_written_without_a_check_is_checked_by_the_next_run(yard: Yard, boxed: dict[str, Any]) -> None:
    yard.drop(FILES, manifest=PASSES)
    yard.run()

    assert yard.run(**boxed).status == "validated"
    assert yard.run(**boxed).status == "nothing_to_do"
    assert yard.row().status is StagingStatus.VALIDATED


@pytest.mark.docker
def test_a_failed_check_takes_all_back_and_leaves_a_task_with_its_output(yard: Yard, boxed: dict[str, Any]) -> None:
    yard.edit({"README.md": "monorepo"})
    yard.drop(FILES, manifest=FAILS)

    with pytest.raises(CheckRefused):
        yard.run(**boxed)

    assert yard.tree() == {"README.md": b"monorepo"}
    assert yard.row().status is StagingStatus.ROLLED_BACK
    with read_transaction(yard.environment.engine) as conn:
        (task,) = goal_tasks.unadopted(conn)
    assert "boom" in task.objective
    assert task.allowed_paths == ["apps/app/**/*"]
    assert any(step.startswith("migrate-staging run") for step in task.verification_steps)


@pytest.mark.docker
def test_a_failed_check_keeps_the_files_where_the_manifest_says_so(yard: Yard, boxed: dict[str, Any]) -> None:
    yard.drop(FILES, manifest=FAILS + "on_failure: keep\n")

    with pytest.raises(CheckRefused):
        yard.run(**boxed)

    row = yard.row()
    assert yard.tree() == {"apps/app/a.txt": b"hello\n"}
    assert row.status is StagingStatus.FAILED
    assert events_of(yard.environment, (row.batches or [])[0])[-1] == "patch_failed"


@pytest.mark.docker
def test_a_sandbox_that_cannot_be_opened_leaves_nothing_written(yard: Yard) -> None:
    yard.drop(FILES, manifest=PASSES)

    def broken() -> Any:
        return Sandbox.open(SandboxSpec(task_id="test-validation", image="no-such-image:ever"))

    with pytest.raises(Exception, match="no-such-image"):
        yard.run(open_box=broken)

    assert yard.tree() == {}


def test_standards_fail_a_unit_where_its_manifest_says_so(yard: Yard) -> None:
    files = {"src/store.ts": "import { Database } from 'bun:sqlite';\nexport const db = new Database('a');\n"}
    yard.drop(files, manifest=MANIFEST + "standards: {fail_on: warning}\n")

    with pytest.raises(StandardsBroken):
        yard.run()

    assert yard.tree() == {}


def test_standards_are_scored_where_they_fail_nothing(yard: Yard) -> None:
    yard.drop({"src/store.ts": "import { Database } from 'bun:sqlite';\nexport const db = new Database('a');\n"})

    outcome = yard.run()

    assert outcome.standards is not None
    assert outcome.standards.findings
    assert yard.row().standards_score == outcome.standards.score < 100


def test_a_report_tells_what_happened(yard: Yard) -> None:
    unit = yard.drop(
        {"src/main.ts": "import './lib/x'; import './gone|*';\n", "src/lib/x.ts": "", "run.sh": "#!\n"},
        manifest=MANIFEST + "files: [{from: 'src/lib/*', to: lib}, {from: '**/*'}]\nimports: [{exact: a, to: b}]\n",
    )
    (unit / "link").symlink_to("run.sh")

    report = render_report(yard.run())

    assert report.startswith("# Migration of app\n\napp → apps/app: 4 created; not checked.\n")
    assert "| src/main.ts:1 | side-effect-import | ./lib/x | ../lib/x | moved |" in report
    assert "./gone\\|\\*" in report
    assert "- `link`: symlink to run.sh" in report
    assert "- imports[0]: no specifier matches" in report
    assert "| copy | done |" in report


def test_people_who_break_the_standards_later_do_not_undo_the_migration(yard: Yard) -> None:
    yard.drop({"src/store.ts": "export const a = 1;\n"}, manifest=MANIFEST + "standards: {fail_on: warning}\n")
    yard.run()
    yard.edit(
        {"apps/app/src/store.ts": "import { Database } from 'bun:sqlite';\nexport const a = new Database('a');\n"}
    )
    edited = yard.tree()

    with pytest.raises(StandardsBroken):
        yard.run()

    assert yard.tree() == edited
    assert yard.row().batches


@pytest.mark.docker
def test_a_check_that_what_was_written_unchecked_fails_takes_it_back(yard: Yard, boxed: dict[str, Any]) -> None:
    yard.drop(FILES, manifest=FAILS)
    yard.run()

    with pytest.raises(CheckRefused):
        yard.run(**boxed)

    assert yard.tree() == {}
    assert yard.row().status is StagingStatus.ROLLED_BACK
