"""The pathway jobs, run through Dagster on real Docker: what they record when things go well, and when they do not."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import docker
import pytest

from jobs.pathways import run_request
from jobs.tasks import TASK_PARTITIONS
from repo_agent_dagster.cli.example_repo import make_repository
from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.tasks import (
    Pathway,
    SolutionValidationPayload,
    StagingMigrationPayload,
    TaskStatus,
)
from repo_agent_dagster.migration import scan_staging
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.sandbox import list_sandboxes
from repo_agent_dagster.store import container_logs, patch_events, staging_migrations, task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest
from tests.wiring.deployment import Deployment

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("sandbox_image")]

UNIT = "feedback-worker"


@pytest.fixture(autouse=True)
def no_sandbox_left_behind(deployment: Deployment, docker_client: docker.DockerClient) -> Iterator[None]:
    yield
    assert list_sandboxes(owner=str(deployment.settings.home)) == []


def submit(deployment: Deployment, pathway: Pathway, payload: Contract, now: datetime) -> TaskRequest:
    with write_transaction(deployment.engine) as conn:
        return task_requests.submit(conn, pathway, payload, now=now)


def run(deployment: Deployment, task: TaskRequest) -> tuple[dg.ExecuteInProcessResult, TaskRequest]:
    deployment.instance.add_dynamic_partitions(TASK_PARTITIONS, [task.id])
    request = run_request(task)
    result = deployment.defs.get_job_def(request.job_name).execute_in_process(
        partition_key=request.partition_key,
        tags=dict(request.tags),
        instance=deployment.instance,
        raise_on_error=False,
    )
    with read_transaction(deployment.engine) as conn:
        ended = task_requests.get(conn, task.id)
    assert ended is not None
    return result, ended


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".mission_control" not in path.parts
    }


def migration_of(deployment: Deployment, now: datetime) -> TaskRequest:
    shutil.copytree(packaged_path("examples", "monorepo"), deployment.settings.target_root, dirs_exist_ok=True)
    unit = deployment.settings.staging / UNIT
    if not unit.exists():
        shutil.copytree(packaged_path("examples", "STAGING", UNIT), unit)
    (found,) = scan_staging(deployment.settings.staging)
    payload = StagingMigrationPayload(
        unit=found.name,
        unit_path=str(found.path),
        source_digest=found.digest,
        target_root=str(deployment.settings.target_root),
    )
    return submit(deployment, Pathway.STAGING_MIGRATION, payload, now)


def validation_of(deployment: Deployment, now: datetime, **values: Any) -> TaskRequest:
    example = make_repository(deployment.settings.home / "buggy", now=now)
    payload = SolutionValidationPayload(**{"repo_url": example.url, "diff": example.fix, **values})
    return submit(deployment, Pathway.SOLUTION_VALIDATION, payload, now)


def assert_recorded(deployment: Deployment, status: str, reason: str) -> None:
    with read_transaction(deployment.engine) as conn:
        (migration,) = staging_migrations.listing(conn)
    assert migration.status == status
    assert reason in (migration.error or "")


def test_a_unit_is_migrated_type_checked_and_recorded(deployment: Deployment, now: datetime) -> None:
    result, task = run(deployment, migration_of(deployment, now))
    assert result.success
    assert task.status is TaskStatus.SUCCESS
    assert task.result is not None
    assert task.result["check"]["outcome"] == "passed"
    with read_transaction(deployment.engine) as conn:
        (migration,) = staging_migrations.listing(conn)
        activity = patch_events.activity(conn)
    assert migration.status == "validated"
    assert len(activity) == task.result["files"]
    assert {patch.last_event for patch in activity} == {"patch_validated"}
    assert (deployment.settings.target_root / "apps" / UNIT / "src" / "index.ts").is_file()


def test_a_second_run_of_the_same_unit_finds_nothing_to_do(deployment: Deployment, now: datetime) -> None:
    run(deployment, migration_of(deployment, now))
    before = tree(deployment.settings.target_root)
    result, task = run(deployment, migration_of(deployment, now))
    assert result.success
    assert task.result is not None
    assert task.result["status"] == "nothing_to_do"
    assert tree(deployment.settings.target_root) == before


def test_a_unit_that_does_not_type_check_is_rolled_back_to_the_byte(deployment: Deployment, now: datetime) -> None:
    task = migration_of(deployment, now)
    before = tree(deployment.settings.target_root)
    manifest = deployment.settings.staging / UNIT / "migration-manifest.yaml"
    manifest.write_text(manifest.read_text().replace('"@shared/utils"', '"@shared/nothing"'))
    result, task = run(deployment, migration_of(deployment, now))
    assert not result.success
    assert task.status is TaskStatus.FAILED
    assert "src/index.ts:2" in (task.error or "")
    assert tree(deployment.settings.target_root) == before
    with read_transaction(deployment.engine) as conn:
        statuses = {m.source_digest: m.status for m in staging_migrations.listing(conn)}
        events = {event.event for event in patch_events.listing(conn)}
    assert statuses[task.payload["sourceDigest"]] == "rolled_back"
    assert {"patch_failed", "patch_reverted"} <= events


def test_a_unit_that_vanished_fails_with_a_reason_before_anything_is_written(
    deployment: Deployment, now: datetime
) -> None:
    task = migration_of(deployment, now)
    shutil.rmtree(deployment.settings.staging / UNIT)
    before = tree(deployment.settings.target_root)
    result, _ = run(deployment, task)
    assert not result.success
    assert "is no longer at" in str(result.failure_data_for_node("take_inventory").error)
    assert tree(deployment.settings.target_root) == before
    assert_recorded(deployment, "failed", "is no longer at")


@pytest.mark.parametrize("field", ["unit_path", "target_root"])
def test_a_task_that_names_a_folder_of_somebody_elses_is_refused(
    deployment: Deployment, now: datetime, tmp_path: Path, field: str
) -> None:
    elsewhere = tmp_path / "elsewhere" / UNIT
    shutil.copytree(packaged_path("examples", "STAGING", UNIT), elsewhere)
    payload = migration_of(deployment, now).payload_as(StagingMigrationPayload)
    task = submit(deployment, Pathway.STAGING_MIGRATION, payload.model_copy(update={field: str(elsewhere)}), now)
    before = tree(elsewhere)

    result, _ = run(deployment, task)

    assert not result.success
    assert tree(elsewhere) == before
    assert tree(deployment.settings.target_root / "apps") == {}


def test_a_file_of_somebody_elses_at_the_destination_stops_the_unit_and_is_kept(
    deployment: Deployment, now: datetime
) -> None:
    task = migration_of(deployment, now)
    foreign = deployment.settings.target_root / "apps" / UNIT / "README.md"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("ours\n")
    before = tree(deployment.settings.target_root)
    result, _ = run(deployment, task)
    assert not result.success
    assert tree(deployment.settings.target_root) == before
    assert_recorded(deployment, "conflict", "README.md")


def test_a_fix_is_validated_before_and_after_with_its_output_kept(deployment: Deployment, now: datetime) -> None:
    result, task = run(deployment, validation_of(deployment, now))
    assert result.success
    assert task.status is TaskStatus.SUCCESS
    assert task.result is not None
    assert task.result["verdict"] == "fixed"
    assert (task.result["before"]["failed"], task.result["after"]["failed"]) == (1, 0)
    with read_transaction(deployment.engine) as conn:
        output = "".join(row.log_content for row in container_logs.listing(conn, task.id))
    assert "pytest" in output


def test_a_patch_that_repairs_nothing_fails_the_run_and_says_why(deployment: Deployment, now: datetime) -> None:
    diff = "--- /dev/null\n+++ b/NOTES.md\n@@ -0,0 +1 @@\n+nothing\n"
    result, task = run(deployment, validation_of(deployment, now, diff=diff))
    assert not result.success
    assert task.status is TaskStatus.FAILED
    assert (task.error or "").startswith("no_effect: ")


def test_an_unknown_repository_fails_the_run_without_a_verdict(deployment: Deployment, now: datetime) -> None:
    result, task = run(deployment, validation_of(deployment, now, repo_url="file:///no/such/repository"))
    assert not result.success
    assert task.status is TaskStatus.RUNNING  # the run-status sensor closes it; see test_queue_sensor
    assert "/no/such/repository" in str(result.failure_data_for_node("clone").error)


def test_a_task_that_is_done_is_not_run_again(deployment: Deployment, now: datetime) -> None:
    task = validation_of(deployment, now)
    with write_transaction(deployment.engine) as conn:
        task_requests.finish(conn, task.id, TaskStatus.SUCCESS, now=now)
    result, task = run(deployment, task)
    assert not result.success
    assert "repo-agent task retry" in str(result.failure_data_for_node("clone").error)
