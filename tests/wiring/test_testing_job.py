"""The testing job with real Docker, git and store: a task comes in, its tests are run, and it is closed."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import docker
import pytest

from jobs.pathways import run_request
from jobs.tasks import TASK_PARTITIONS
from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.contracts.tasks import Pathway, TaskStatus, TestingPayload
from repo_agent_dagster.sandbox import list_sandboxes
from repo_agent_dagster.store import task_requests, test_results
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest
from tests.wiring.deployment import Deployment

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("sandbox_image")]


@pytest.fixture(autouse=True)
def no_sandbox_left_behind(deployment: Deployment, docker_client: docker.DockerClient) -> Iterator[None]:
    yield
    assert list_sandboxes(owner=str(deployment.settings.home)) == []


def run(deployment: Deployment, now: datetime, test: bytes) -> tuple[dg.ExecuteInProcessResult, TaskRequest]:
    folder = deployment.settings.home / "tested"
    commit_files(folder, {"test_a.py": test}, now=now, message="As it was")
    payload = TestingPayload(repo_url=folder.as_uri(), timeout_seconds=60)
    with write_transaction(deployment.engine) as conn:
        task = task_requests.submit(conn, Pathway.TESTING, payload, now=now)
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


def test_a_suite_that_passes_closes_its_task_as_a_success_with_every_test_on_record(
    deployment: Deployment, now: datetime
) -> None:
    result, task = run(deployment, now, b"def test_a():\n    pass\n")

    assert result.success
    assert task.status is TaskStatus.SUCCESS
    assert task.result is not None
    assert (task.result["verdict"], task.result["total"]) == ("passed", 1)
    with read_transaction(deployment.engine) as conn:
        assert test_results.counts(conn, task.id) == {"pytest run 1": {"passed": 1}}


def test_a_failing_test_fails_the_run_and_names_itself(deployment: Deployment, now: datetime) -> None:
    result, task = run(deployment, now, b"def test_a():\n    assert 1 == 2\n")

    assert not result.success
    assert task.status is TaskStatus.FAILED
    assert task.error == "failed: pytest: 1 of 1 failed: test_a.py::test_a."
