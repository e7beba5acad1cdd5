"""The queue's sensors: pending rows become runs once, and ended runs close their rows."""

from datetime import date, datetime

import dagster as dg
import pytest

from jobs.tasks import TASK_TAG
from repo_agent_dagster.contracts.tasks import (
    OpsScanPayload,
    Pathway,
    SolutionValidationPayload,
    TaskStatus,
)
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest
from sensors.queue import close_after_run, task_queue_sensor
from tests.wiring.deployment import Deployment


def submit_validation(deployment: Deployment, now: datetime, **values: object) -> TaskRequest:
    payload = SolutionValidationPayload(repo_url="file:///nowhere", diff="--- a\n+++ b\n", **values)
    with write_transaction(deployment.engine) as conn:
        return task_requests.submit(conn, Pathway.SOLUTION_VALIDATION, payload, now=now)


def stored(deployment: Deployment, task: TaskRequest) -> TaskRequest:
    with read_transaction(deployment.engine) as conn:
        found = task_requests.get(conn, task.id)
    assert found is not None
    return found


def ended_run(deployment: Deployment, task: TaskRequest, status: dg.DagsterRunStatus, **tags: str) -> dg.DagsterRun:
    job = deployment.defs.get_job_def("solution_validation_job")
    run = deployment.instance.create_run_for_job(job, status=status, tags={TASK_TAG: task.id, **tags})
    with write_transaction(deployment.engine) as conn:
        task_requests.claim(conn, task.id, dagster_run_id=run.run_id, now=task.created_at)
    return run


def test_an_empty_queue_is_skipped_with_a_reason(deployment: Deployment) -> None:
    tick = deployment.tick(task_queue_sensor)
    assert tick.run_requests == []
    assert tick.skip_message == "no pending task request"


def test_a_pending_request_becomes_a_run_on_its_own_partition(deployment: Deployment, now: datetime) -> None:
    task = submit_validation(deployment, now, order_id="order-7")
    tick = deployment.tick(task_queue_sensor)
    (request,) = tick.run_requests
    assert request.job_name == "solution_validation_job"
    assert request.partition_key == task.id
    assert request.run_key == f"{task.id}:1"
    assert request.tags["repo_agent/order"] == "order-7"
    assert request.tags["repo_agent/repo"] == "file:///nowhere"
    (added,) = tick.dynamic_partitions_requests
    assert added.partition_keys == [task.id]


def test_a_repeated_tick_asks_for_the_same_run_key(deployment: Deployment, now: datetime) -> None:
    submit_validation(deployment, now)
    first = deployment.tick(task_queue_sensor)
    second = deployment.tick(task_queue_sensor)
    assert [r.run_key for r in first.run_requests] == [r.run_key for r in second.run_requests]


def test_a_retried_request_gets_a_new_run_key(deployment: Deployment, now: datetime) -> None:
    task = submit_validation(deployment, now)
    with write_transaction(deployment.engine) as conn:
        task_requests.finish(conn, task.id, TaskStatus.FAILED, now=now, error="x")
        task_requests.retry(conn, task.id, now=now)
    (request,) = deployment.tick(task_queue_sensor).run_requests
    assert request.run_key == f"{task.id}:2"


def test_an_ops_scan_runs_on_its_day_with_its_scope(deployment: Deployment, now: datetime) -> None:
    with write_transaction(deployment.engine) as conn:
        payload = OpsScanPayload(day=date(2026, 3, 3), scope="cicd")
        task_requests.submit(conn, Pathway.OPS_SCAN, payload, now=now)
    tick = deployment.tick(task_queue_sensor)
    (request,) = tick.run_requests
    assert request.job_name == "ops_scan_job"
    assert request.partition_key == "2026-03-03"
    assert request.run_config == {"ops": {"ops_scan": {"config": {"scope": "cicd"}}}}
    assert not tick.dynamic_partitions_requests


def close(deployment: Deployment, run: dg.DagsterRun) -> bool:
    return close_after_run(deployment.instance, deployment.resources["store"], deployment.resources["clock"], run)


@pytest.mark.parametrize(
    ("run_status", "task_status"),
    [
        (dg.DagsterRunStatus.SUCCESS, TaskStatus.SUCCESS),
        (dg.DagsterRunStatus.FAILURE, TaskStatus.FAILED),
        (dg.DagsterRunStatus.CANCELED, TaskStatus.CANCELLED),
    ],
)
def test_an_ended_run_closes_its_task(
    deployment: Deployment, now: datetime, run_status: dg.DagsterRunStatus, task_status: TaskStatus
) -> None:
    task = submit_validation(deployment, now)
    run = ended_run(deployment, task, run_status)
    assert close(deployment, run)
    assert stored(deployment, task).status is task_status
    expected = None if task_status is TaskStatus.SUCCESS else f"the run ended as {run_status.value}"
    assert stored(deployment, task).error == expected


def test_a_task_that_its_run_closed_keeps_what_the_run_said(deployment: Deployment, now: datetime) -> None:
    task = submit_validation(deployment, now)
    run = ended_run(deployment, task, dg.DagsterRunStatus.FAILURE)
    with write_transaction(deployment.engine) as conn:
        task_requests.finish(conn, task.id, TaskStatus.FAILED, now=now, result={"verdict": "no_tests"}, error="why")
    assert not close(deployment, run)
    assert stored(deployment, task).error == "why"


def test_a_run_that_will_be_retried_leaves_its_task_open_for_the_retry(deployment: Deployment, now: datetime) -> None:
    task = submit_validation(deployment, now)
    run = ended_run(deployment, task, dg.DagsterRunStatus.FAILURE, **{"dagster/will_retry": "true"})
    assert not close(deployment, run)
    assert stored(deployment, task).status is TaskStatus.RUNNING


def test_an_old_run_does_not_close_the_attempt_that_another_run_has(deployment: Deployment, now: datetime) -> None:
    task = submit_validation(deployment, now)
    old = ended_run(deployment, task, dg.DagsterRunStatus.FAILURE)
    with write_transaction(deployment.engine) as conn:
        task_requests.cancel(conn, task.id, now=now)
        task_requests.retry(conn, task.id, now=now)
        task_requests.claim(conn, task.id, dagster_run_id="another", now=now)
    assert not close(deployment, old)
    assert stored(deployment, task).status is TaskStatus.RUNNING
