"""The reaper: tasks of ended runs are closed, and their sandboxes go with them."""

import socket
import uuid
from datetime import UTC, datetime, timedelta

import dagster as dg
import docker
import pytest

from jobs.tasks import TASK_TAG
from repo_agent_dagster.contracts.tasks import Pathway, SolutionValidationPayload, TaskStatus
from repo_agent_dagster.pathways.local_run import local_run_id
from repo_agent_dagster.sandbox import Sandbox, SandboxSpec, list_sandboxes
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest
from sensors.reaper import sandbox_reaper_sensor
from tests.wiring.deployment import Deployment

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("sandbox_image")]

VANISHED_PROCESS = f"local:{socket.gethostname()[:24]}:1:0.00"


def submit(deployment: Deployment, now: datetime) -> TaskRequest:
    payload = SolutionValidationPayload(repo_url="file:///nowhere", diff="x")
    with write_transaction(deployment.engine) as conn:
        return task_requests.submit(conn, Pathway.SOLUTION_VALIDATION, payload, now=now)


def claimed_by(deployment: Deployment, task: TaskRequest, status: dg.DagsterRunStatus, now: datetime) -> dg.DagsterRun:
    job = deployment.defs.get_job_def("solution_validation_job")
    run = deployment.instance.create_run_for_job(job, status=status, tags={TASK_TAG: task.id})
    with write_transaction(deployment.engine) as conn:
        task_requests.claim(conn, task.id, dagster_run_id=run.run_id, now=now)
    return run


def test_what_ended_or_crashed_runs_left_is_removed_and_a_living_run_keeps_its_sandbox(
    deployment: Deployment, docker_client: docker.DockerClient
) -> None:
    now = datetime.now(UTC)
    owner = str(deployment.settings.home)
    ended, retried = submit(deployment, now), submit(deployment, now)
    ended_run = claimed_by(deployment, ended, dg.DagsterRunStatus.FAILURE, now)
    crashed_run = claimed_by(deployment, retried, dg.DagsterRunStatus.STARTED, now)
    job = deployment.defs.get_job_def("solution_validation_job")
    retry = deployment.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
    with write_transaction(deployment.engine) as conn:
        task_requests.take_over(conn, retried.id, from_run=crashed_run.run_id, to_run=retry)
    boxes = [
        Sandbox.create(SandboxSpec(task.id, run_id=run_id, owner=owner, deadline_seconds=300))
        for task, run_id in ((ended, ended_run.run_id), (retried, crashed_run.run_id), (retried, retry))
    ]
    try:
        deployment.set_clock(now + timedelta(seconds=120))
        tick = deployment.tick(sandbox_reaper_sensor)
        assert tick.skip_message == "2 sandbox(es) removed, 1 task(s) closed, 0 run(s) stopped"
        assert [box.run_id for box in list_sandboxes(owner=owner)] == [retry]
        with read_transaction(deployment.engine) as conn:
            closed = task_requests.get(conn, ended.id)
        assert closed is not None
        assert closed.status is TaskStatus.FAILED
    finally:
        for box in boxes:
            box.destroy()


def test_a_task_whose_run_or_process_vanished_is_closed_and_a_living_process_keeps_its_own(
    deployment: Deployment, docker_client: docker.DockerClient
) -> None:
    now = datetime.now(UTC)
    holders = {"deleted run": str(uuid.uuid4()), "vanished": VANISHED_PROCESS, "alive": local_run_id()}
    tasks = {name: submit(deployment, now) for name in holders}
    with write_transaction(deployment.engine) as conn:
        for name, task in tasks.items():
            task_requests.claim(conn, task.id, dagster_run_id=holders[name], now=now)

    tick = deployment.tick(sandbox_reaper_sensor)

    assert tick.skip_message == "0 sandbox(es) removed, 2 task(s) closed, 0 run(s) stopped"
    with read_transaction(deployment.engine) as conn:
        found = {name: task_requests.get(conn, task.id) for name, task in tasks.items()}
    told = {name: (task.status, (task.error or "")[:20]) for name, task in found.items() if task is not None}
    assert told == {
        "deleted run": (TaskStatus.FAILED, f"its run {holders['deleted run'][:12]}"),
        "vanished": (TaskStatus.FAILED, "its process vanished"),
        "alive": (TaskStatus.RUNNING, ""),
    }
