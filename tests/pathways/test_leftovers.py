"""Which tasks and sandboxes serve nobody any more, and which only look so."""

import socket
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.tasks import Pathway, SolutionValidationPayload, TaskStatus
from repo_agent_dagster.pathways.leftovers import close_vanished, serves_nobody
from repo_agent_dagster.pathways.local_run import local_run_id
from repo_agent_dagster.sandbox.reaper import LiveSandbox
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction

VANISHED = f"local:{socket.gethostname()[:24]}:1:0.00"
ELSEWHERE = "local:another-host:1:0.00"


def task_of(engine: Engine, run_id: str, now: datetime) -> str:
    payload = SolutionValidationPayload(repo_url="https://git.example/shop.git", diff="x")
    with write_transaction(engine) as conn:
        task = task_requests.submit(conn, Pathway.SOLUTION_VALIDATION, payload, now=now)
        assert task_requests.claim(conn, task.id, dagster_run_id=run_id, now=now)
    return task.id


def sandbox(task_id: str, run_id: str | None, created_at: datetime) -> LiveSandbox:
    return LiveSandbox("id", "name", task_id, run_id, "/home", "running", created_at, None)


def test_only_tasks_of_vanished_processes_are_closed_and_the_reason_is_told(
    sqlite_store: Engine, now: datetime
) -> None:
    gone, *others = (task_of(sqlite_store, run, now) for run in (VANISHED, ELSEWHERE, local_run_id(), "a-dagster-run"))

    assert close_vanished(sqlite_store, now=now) == [gone]
    assert close_vanished(sqlite_store, now=now) == []
    with read_transaction(sqlite_store) as conn:
        closed = task_requests.get(conn, gone)
        assert all(task_requests.get(conn, other).status is TaskStatus.RUNNING for other in others)
    assert closed is not None
    assert (closed.status, closed.error and closed.error[:20]) == (TaskStatus.FAILED, "its process vanished")


def test_a_sandbox_serves_the_run_that_has_its_task_and_no_other(sqlite_store: Engine, now: datetime) -> None:
    mine = sandbox(task_of(sqlite_store, "run-1", now), "run-1", now)
    is_over = serves_nobody(sqlite_store, now=now)

    assert not is_over(mine)
    assert is_over(replace(mine, run_id="run-0"))  # the run that crashed before
    with write_transaction(sqlite_store) as conn:
        task_requests.cancel(conn, mine.task_id, now=now)
    assert is_over(mine)


@pytest.mark.parametrize(
    ("run_id", "over"),
    [(VANISHED, True), (ELSEWHERE, False), (local_run_id(), False), (None, True), ("run-1", True)],
    ids=["vanished", "on another host", "this one", "none", "of Dagster"],  # process ids would differ between workers
)
def test_a_sandbox_without_a_task_serves_its_process_while_that_lives(
    run_id: str | None, over: bool, sqlite_store: Engine, now: datetime
) -> None:
    old = sandbox("check-1", run_id, now - timedelta(seconds=61))

    assert serves_nobody(sqlite_store, now=now)(old) is over


def test_a_sandbox_may_be_a_moment_older_than_its_task(sqlite_store: Engine, now: datetime) -> None:
    young = sandbox("soon-there", "run-1", now - timedelta(seconds=5))

    assert not serves_nobody(sqlite_store, now=now)(young)
