"""The queue: submitted once, claimed by one run, closed once, retried as a next attempt."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import Engine, update

from repo_agent_dagster.contracts.tasks import OpsScanPayload, Pathway, SolutionValidationPayload, TaskStatus
from repo_agent_dagster.store import tables, task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.storable import UnfitValueError
from repo_agent_dagster.store.task_requests import (
    PayloadError,
    TaskIdTakenError,
    TaskRequest,
    TaskStateError,
    UnknownTaskError,
)

ResultT = TypeVar("ResultT")
SCAN = OpsScanPayload(day=date(2026, 3, 3))
VALIDATION = SolutionValidationPayload(repo_url="https://example.org/a.git", diff="--- a\n", order_id="42")


def _all_at_once(calls: int, call: Callable[[int], ResultT]) -> list[ResultT]:
    """Run the call in that many threads, all released at one moment."""
    gate = Barrier(calls)

    def _run(number: int) -> ResultT:
        gate.wait(timeout=30)
        return call(number)

    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(_run, range(calls)))


def _stored(store: Engine, task_id: str) -> TaskRequest:
    with read_transaction(store) as conn:
        found = task_requests.get(conn, task_id)
    assert found is not None
    return found


def test_a_submitted_task_is_pending_with_its_payload(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        submitted = task_requests.submit(
            conn, Pathway.SOLUTION_VALIDATION, VALIDATION, now=now, initial_prompt="repair it"
        )

    stored = _stored(store, submitted.id)
    assert stored == submitted
    assert (stored.status, stored.attempt, stored.created_at, stored.started_at) == (TaskStatus.PENDING, 1, now, None)
    assert stored.is_open
    assert stored.payload_as(SolutionValidationPayload) == VALIDATION


def test_repo_and_order_default_to_those_of_the_payload(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        implied = task_requests.submit(conn, Pathway.SOLUTION_VALIDATION, VALIDATION, now=now)
        given = task_requests.submit(conn, Pathway.SOLUTION_VALIDATION, VALIDATION, now=now, repo_url="x", order_id="7")
        without = task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now)
    assert (implied.repo_url, implied.order_id) == ("https://example.org/a.git", "42")
    assert (given.repo_url, given.order_id) == ("x", "7")
    assert (without.repo_url, without.order_id) == (None, None)


def test_a_payload_of_another_pathway_is_refused(store: Engine, now: datetime) -> None:
    with (
        write_transaction(store) as conn,
        pytest.raises(PayloadError, match="staging_migration takes a StagingMigrationPayload, not a OpsScanPayload"),
    ):
        task_requests.submit(conn, Pathway.STAGING_MIGRATION, SCAN, now=now)


def test_reading_the_payload_as_another_model_names_the_task(store: Engine, task: TaskRequest) -> None:
    with pytest.raises(PayloadError, match=rf"task {task.id} \(ops_scan\) holds no SolutionValidationPayload"):
        task.payload_as(SolutionValidationPayload)


def test_the_same_dedupe_key_gives_the_first_task_unchanged(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        first = task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now, dedupe_key="scan:2026-03-03")
    with write_transaction(store) as conn:
        later = now + timedelta(hours=1)
        second = task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=later, dedupe_key="scan:2026-03-03")
        assert len(task_requests.listing(conn)) == 1
    assert second == first


def test_many_submitters_of_one_dedupe_key_make_one_task(store: Engine, now: datetime) -> None:
    def _submit(_: int) -> str:
        with write_transaction(store) as conn:
            return task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now, dedupe_key="one").id

    ids = _all_at_once(8, _submit)

    assert len(set(ids)) == 1
    with read_transaction(store) as conn:
        assert task_requests.open_ids(conn) == ids[:1]


def test_a_chosen_id_that_is_taken_is_refused_and_the_transaction_goes_on(
    store: Engine, task: TaskRequest, now: datetime
) -> None:
    with write_transaction(store) as conn:
        with pytest.raises(TaskIdTakenError, match=f"task id {task.id} is taken"):
            task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now, task_id=task.id)
        with pytest.raises(TaskIdTakenError):
            task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now, task_id=task.id, dedupe_key="new")
        chosen = task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now, task_id="my-id")
    assert _stored(store, "my-id") == chosen


def test_a_text_longer_than_its_column_is_refused_on_both_databases(store: Engine, now: datetime) -> None:
    with (
        write_transaction(store) as conn,
        pytest.raises(UnfitValueError, match=r"task_requests\.order_id takes at most 200 characters, not 201"),
    ):
        task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now, order_id="x" * 201)


def test_exactly_one_of_many_claimants_wins(store: Engine, task: TaskRequest, now: datetime) -> None:
    def _claim(number: int) -> bool:
        with write_transaction(store) as conn:
            return task_requests.claim(conn, task.id, dagster_run_id=f"run-{number}", now=now)

    won = _all_at_once(8, _claim)

    assert won.count(True) == 1
    claimed = _stored(store, task.id)
    assert (claimed.status, claimed.started_at) == (TaskStatus.RUNNING, now)
    assert claimed.dagster_run_id == f"run-{won.index(True)}"


def test_a_run_leads_to_the_task_that_it_carries_out(store: Engine, task: TaskRequest, now: datetime) -> None:
    with write_transaction(store) as conn:
        task_requests.claim(conn, task.id, dagster_run_id="run-1", now=now)
        found = task_requests.by_run(conn, "run-1")
        assert found is not None
        assert found.id == task.id
        assert task_requests.by_run(conn, "run-2") is None


def test_the_retry_of_a_crashed_run_takes_its_task_over_once(store: Engine, task: TaskRequest, now: datetime) -> None:
    with write_transaction(store) as conn:
        assert not task_requests.take_over(conn, task.id, from_run="run-1", to_run="run-2")
        task_requests.claim(conn, task.id, dagster_run_id="run-1", now=now)

        assert task_requests.take_over(conn, task.id, from_run="run-1", to_run="run-2")
        assert not task_requests.take_over(conn, task.id, from_run="run-1", to_run="run-3")

    taken = _stored(store, task.id)
    assert (taken.status, taken.dagster_run_id, taken.started_at) == (TaskStatus.RUNNING, "run-2", now)


def test_pending_tasks_come_oldest_first(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        newer, oldest, newest = (
            task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now + timedelta(minutes=minutes)).id
            for minutes in (1, 0, 2)
        )
        running = task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now).id
        task_requests.claim(conn, running, dagster_run_id="r", now=now)

        assert [task.id for task in task_requests.pending(conn)] == [oldest, newer, newest]
        assert [task.id for task in task_requests.pending(conn, limit=2)] == [oldest, newer]
        assert task_requests.open_ids(conn) == [oldest, running, newer, newest]


def test_a_list_obeys_every_filter_newest_first(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        scan = task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now).id
        early = task_requests.submit(conn, Pathway.SOLUTION_VALIDATION, VALIDATION, now=now).id
        late = task_requests.submit(conn, Pathway.SOLUTION_VALIDATION, VALIDATION, now=now + timedelta(1)).id
        task_requests.cancel(conn, early, now=now)

        def _ids(**filters: object) -> list[str]:
            return [task.id for task in task_requests.listing(conn, **filters)]  # type: ignore[arg-type] # keywords vary

        assert _ids(limit=1) == [late]
        assert _ids(pathway=Pathway.OPS_SCAN) == [scan]
        assert _ids(order_id="42") == [late, early]
        assert _ids(order_id="42", status=TaskStatus.PENDING) == [late]
        assert _ids(status=TaskStatus.RUNNING) == []


@pytest.mark.parametrize("status", [TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.CANCELLED])
def test_a_task_is_finished_once(store: Engine, task: TaskRequest, now: datetime, status: TaskStatus) -> None:
    end = now + timedelta(seconds=5)
    with write_transaction(store) as conn:
        task_requests.claim(conn, task.id, dagster_run_id="run-1", now=now)
        assert task_requests.finish(conn, task.id, status, now=end, result={"verdict": "fixed"}, error="e")
        assert not task_requests.finish(conn, task.id, TaskStatus.FAILED, now=end + timedelta(1), error="too late")
        assert not task_requests.cancel(conn, task.id, now=end)
        assert not task_requests.claim(conn, task.id, dagster_run_id="run-2", now=end)

    ended = _stored(store, task.id)
    assert (ended.status, ended.ended_at, ended.result, ended.error) == (status, end, {"verdict": "fixed"}, "e")
    assert not ended.is_open


def test_the_error_of_a_task_is_stored_without_secrets(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        task = task_requests.submit(conn, Pathway.OPS_SCAN, SCAN, now=now)
        task_requests.finish(
            conn, task.id, TaskStatus.FAILED, now=now, error="no answer of https://bot:hunter2@example.com/"
        )

    assert _stored(store, task.id).error == "no answer of https://[REDACTED:url-credentials]@example.com/"


def test_a_task_cannot_end_as_running(store: Engine, task: TaskRequest, now: datetime) -> None:
    with write_transaction(store) as conn, pytest.raises(TaskStateError, match="cannot end as running"):
        task_requests.finish(conn, task.id, TaskStatus.RUNNING, now=now)


def test_a_result_with_a_nul_is_stored_alike_on_both_databases(store: Engine, task: TaskRequest, now: datetime) -> None:
    with write_transaction(store) as conn:
        task_requests.finish(
            conn, task.id, TaskStatus.FAILED, now=now, result={"tail\0": ["a\0b", 1, None]}, error="\0boom"
        )
    ended = _stored(store, task.id)
    assert (ended.result, ended.error) == ({"tail\ufffd": ["a\ufffdb", 1, None]}, "\ufffdboom")


def test_a_pending_task_can_be_cancelled_and_is_not_claimed_any_more(
    store: Engine, task: TaskRequest, now: datetime
) -> None:
    with write_transaction(store) as conn:
        assert task_requests.cancel(conn, task.id, now=now)
        assert not task_requests.claim(conn, task.id, dagster_run_id="r", now=now)
    assert _stored(store, task.id).status is TaskStatus.CANCELLED


def test_a_failed_task_is_retried_as_its_next_attempt(store: Engine, task: TaskRequest, now: datetime) -> None:
    with write_transaction(store) as conn:
        task_requests.claim(conn, task.id, dagster_run_id="run-1", now=now)
        task_requests.finish(conn, task.id, TaskStatus.FAILED, now=now, result={}, error="no network")
        retried = task_requests.retry(conn, task.id, now=now + timedelta(hours=1))

    assert retried == _stored(store, task.id)
    assert (retried.status, retried.attempt, retried.error, retried.result) == (TaskStatus.PENDING, 2, None, None)
    assert (retried.dagster_run_id, retried.started_at, retried.ended_at) == (None, None, None)
    assert (retried.payload, retried.created_at) == (task.payload, task.created_at)


def test_a_run_that_outlived_the_cancellation_cannot_close_the_retry(
    store: Engine, task: TaskRequest, now: datetime
) -> None:
    with write_transaction(store) as conn:
        task_requests.claim(conn, task.id, dagster_run_id="old", now=now)
        task_requests.cancel(conn, task.id, now=now)
        task_requests.retry(conn, task.id, now=now)
        task_requests.claim(conn, task.id, dagster_run_id="new", now=now)

        assert not task_requests.finish(conn, task.id, TaskStatus.SUCCESS, now=now, dagster_run_id="old")
        assert task_requests.finish(conn, task.id, TaskStatus.SUCCESS, now=now, dagster_run_id="new")


def test_an_open_task_cannot_be_retried(store: Engine, task: TaskRequest, now: datetime) -> None:
    with (
        write_transaction(store) as conn,
        pytest.raises(TaskStateError, match="is pending; only a failed or cancelled"),
    ):
        task_requests.retry(conn, task.id, now=now)


def test_retrying_an_unknown_task_says_so(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn, pytest.raises(UnknownTaskError, match="no task request has the id nobody"):
        task_requests.retry(conn, "nobody", now=now)


def test_a_row_with_a_pathway_that_this_version_does_not_know_is_named(store: Engine, task: TaskRequest) -> None:
    with write_transaction(store) as conn:
        conn.execute(update(tables.task_requests).values(pathway="unheard_of"))
    with read_transaction(store) as conn, pytest.raises(ValueError, match="'unheard_of' is not a valid Pathway"):
        task_requests.get(conn, task.id)


def test_a_retried_run_takes_a_task_over_only_from_the_run_that_crashed(
    store: Engine, task: TaskRequest, now: datetime
) -> None:
    with write_transaction(store) as conn:
        task_requests.claim(conn, task.id, dagster_run_id="crashed", now=now)
    with write_transaction(store) as conn:
        assert not task_requests.take_over(conn, task.id, from_run="another", to_run="retry")
        assert task_requests.take_over(conn, task.id, from_run="crashed", to_run="retry")
        assert not task_requests.take_over(conn, task.id, from_run="crashed", to_run="late")
        taken = task_requests.get(conn, task.id)
    assert taken is not None
    assert taken.dagster_run_id == "retry"
