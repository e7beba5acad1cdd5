"""A migration that waits for a person ends its run at the gate, and goes on once it is approved, by whatever face."""

import shutil
from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import docker
import pytest

from jobs.pathways import run_request
from jobs.tasks import TASK_PARTITIONS
from repo_agent_dagster.contracts.goals import ApprovalState, Verdict
from repo_agent_dagster.contracts.tasks import Pathway, StagingMigrationPayload, TaskStatus
from repo_agent_dagster.migration import scan_staging
from repo_agent_dagster.sandbox import list_sandboxes
from repo_agent_dagster.store import approvals, staging_migrations, task_requests
from repo_agent_dagster.store.approvals import Approval
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus
from repo_agent_dagster.store.task_requests import TaskRequest
from sensors.approvals import approvals_sensor
from tests.migration.conftest import write_tree
from tests.wiring.deployment import Deployment

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("sandbox_image")]
MANIFEST = "unit: app\ndestination: apps/app\napproval: true\n"


@pytest.fixture(autouse=True)
def no_sandbox_left_behind(deployment: Deployment, docker_client: docker.DockerClient) -> Iterator[None]:
    yield
    assert list_sandboxes(owner=str(deployment.settings.home)) == []


@pytest.fixture
def waiting(deployment: Deployment, now: datetime) -> Approval:
    """The approval that a unit's migration waits for, its run being over."""
    write_tree(deployment.settings.staging / "app", {"migration-manifest.yaml": MANIFEST, "a.txt": "a\n"})
    deployment.settings.target_root.mkdir(parents=True, exist_ok=True)
    (unit,) = scan_staging(deployment.settings.staging)
    payload = StagingMigrationPayload(
        unit=unit.name,
        unit_path=str(unit.path),
        source_digest=unit.digest,
        target_root=str(deployment.settings.target_root),
    )
    with write_transaction(deployment.engine) as conn:
        task = task_requests.submit(conn, Pathway.STAGING_MIGRATION, payload, now=now)
    result, ended = run(deployment, task)
    assert result.success
    assert ended.status is TaskStatus.SUCCESS
    assert ended.result is not None
    assert ended.result["status"] == "waiting"
    with read_transaction(deployment.engine) as conn:
        (approval,) = approvals.pending(conn)
    assert ended.result["approvalId"] == approval.id
    return approval


def run(deployment: Deployment, task: TaskRequest) -> tuple[dg.ExecuteInProcessResult, TaskRequest]:
    deployment.instance.add_dynamic_partitions(TASK_PARTITIONS, [task.id])
    request = run_request(task)
    result = deployment.defs.get_job_def(request.job_name).execute_in_process(
        partition_key=request.partition_key, instance=deployment.instance, raise_on_error=False
    )
    with read_transaction(deployment.engine) as conn:
        ended = task_requests.get(conn, task.id)
    assert ended is not None
    return result, ended


def submitted(deployment: Deployment) -> list[TaskRequest]:
    with read_transaction(deployment.engine) as conn:
        return task_requests.listing(conn, status=TaskStatus.PENDING)


def status(deployment: Deployment) -> StagingStatus:
    with read_transaction(deployment.engine) as conn:
        (row,) = staging_migrations.listing(conn)
    return row.status


def decide(deployment: Deployment, approval: Approval, verdict: Verdict, now: datetime) -> None:
    with write_transaction(deployment.engine) as conn:
        assert approvals.decide(conn, approval.id, verdict, by="ada", rationale="looked", now=now)


def test_an_undecided_plan_waits_with_nothing_written(deployment: Deployment, waiting: Approval) -> None:
    assert "no approval" in (deployment.tick(approvals_sensor).skip_message or "")
    assert submitted(deployment) == []
    assert status(deployment) is StagingStatus.WAITING
    assert list(deployment.settings.target_root.iterdir()) == []


def test_an_approved_plan_is_submitted_once_and_goes_through(
    deployment: Deployment, waiting: Approval, now: datetime
) -> None:
    decide(deployment, waiting, Verdict.APPROVED, now)

    deployment.tick(approvals_sensor)
    deployment.tick(approvals_sensor)

    (task,) = submitted(deployment)
    result, ended = run(deployment, task)
    assert result.success
    assert ended.status is TaskStatus.SUCCESS
    assert (deployment.settings.target_root / "apps/app/a.txt").read_text() == "a\n"


def test_a_rejected_plan_is_closed_with_who_and_why(deployment: Deployment, waiting: Approval, now: datetime) -> None:
    decide(deployment, waiting, Verdict.REJECTED, now)

    deployment.tick(approvals_sensor)

    assert submitted(deployment) == []
    with read_transaction(deployment.engine) as conn:
        (row,) = staging_migrations.listing(conn, status=StagingStatus.FAILED)
    assert row.error == "ada refused the plan: looked"


def test_the_ui_decides_by_a_job(deployment: Deployment, waiting: Approval) -> None:
    config = {"approval_id": waiting.id, "approve": True, "decided_by": "ada", "rationale": "fine"}
    job = deployment.defs.get_job_def("decide_approval")

    first = job.execute_in_process(
        run_config={"ops": {"decide": {"config": config}}}, instance=deployment.instance, raise_on_error=False
    )
    second = job.execute_in_process(
        run_config={"ops": {"decide": {"config": config}}}, instance=deployment.instance, raise_on_error=False
    )

    assert first.success
    assert not second.success
    with read_transaction(deployment.engine) as conn:
        found = approvals.get(conn, waiting.id)
    assert found is not None
    assert (found.verdict, found.decided_by) == (ApprovalState.APPROVED, "ada")


def test_a_unit_that_vanished_while_it_waited_fails_with_the_reason(
    deployment: Deployment, waiting: Approval, now: datetime
) -> None:
    decide(deployment, waiting, Verdict.APPROVED, now)
    deployment.tick(approvals_sensor)
    shutil.rmtree(deployment.settings.staging / "app")
    (task,) = submitted(deployment)

    result, ended = run(deployment, task)

    assert not result.success
    assert "is no longer at" in (ended.error or "")
