"""The reaper: tasks of ended runs are closed, and their sandboxes go with them."""

from datetime import datetime, timedelta

import dagster as dg
import docker
import pytest

from jobs.tasks import TASK_TAG
from repo_agent_dagster.contracts.tasks import Pathway, SolutionValidationPayload, TaskStatus
from repo_agent_dagster.sandbox import Sandbox, SandboxSpec, list_sandboxes
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from sensors.reaper import sandbox_reaper_sensor
from tests.wiring.deployment import Deployment

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("sandbox_image")]


def test_a_sandbox_whose_run_was_killed_is_removed_and_its_task_closed(
    deployment: Deployment, docker_client: docker.DockerClient
) -> None:
    now = datetime.now().astimezone()
    owner = str(deployment.settings.home)
    payload = SolutionValidationPayload(repo_url="file:///nowhere", diff="x")
    with write_transaction(deployment.engine) as conn:
        task = task_requests.submit(conn, Pathway.SOLUTION_VALIDATION, payload, now=now)
        living = task_requests.submit(conn, Pathway.SOLUTION_VALIDATION, payload, now=now)
    run = deployment.instance.create_run_for_job(
        deployment.defs.get_job_def("solution_validation_job"),
        status=dg.DagsterRunStatus.FAILURE,
        tags={TASK_TAG: task.id},
    )
    with write_transaction(deployment.engine) as conn:
        task_requests.claim(conn, task.id, dagster_run_id=run.run_id, now=now)
    boxes = [Sandbox.create(SandboxSpec(t.id, owner=owner, deadline_seconds=300)) for t in (task, living)]
    try:
        deployment.set_clock(now + timedelta(seconds=120))
        tick = deployment.tick(sandbox_reaper_sensor)
        assert tick.skip_message == "1 sandbox(es) removed, 1 task(s) closed"
        assert [box.task_id for box in list_sandboxes(owner=owner)] == [living.id]
        with read_transaction(deployment.engine) as conn:
            closed = task_requests.get(conn, task.id)
        assert closed is not None
        assert closed.status is TaskStatus.FAILED
    finally:
        for box in boxes:
            box.destroy()
