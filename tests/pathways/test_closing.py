from datetime import UTC, datetime

import pytest

from repo_agent_dagster.contracts.outcomes import Standing
from repo_agent_dagster.contracts.suites import RunSummary
from repo_agent_dagster.contracts.tasks import TaskStatus
from repo_agent_dagster.contracts.testing import SuiteResult, TestingResult, TestingVerdict
from repo_agent_dagster.pathways.closing import close_with
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.local_run import is_alive, is_local, local_run_id
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction

pytestmark = pytest.mark.docker

_RUN = RunSummary(
    total=2, passed=1, failed=1, errors=0, skipped=0, exit_code=1, timed_out=False, duration_seconds=0.25,
    source="junit", failing=[],
)  # fmt: skip


def _result(verdict: TestingVerdict, reason: str = "1 of 2 tests fails: <b>test_a</b>") -> TestingResult:
    return TestingResult(
        verdict=verdict,
        reasons=[reason],
        repo_url="https://git.example/r",
        ref="main",
        commit="a" * 40,
        durations={"clone": 0.5, "run_suites": 1.5},
        test_mode="unit",
        total=2,
        passed=1,
        failed=1,
        failing=["test_a.py::test_a"],
        suites=[
            SuiteResult(name="pytest", runner="pytest", side="backend", kind="unit", command="pytest", runs=[_RUN])
        ],
    )


def _claim(context: TaskContext, run_id: str = "run") -> None:
    with write_transaction(context.engine) as conn:
        assert task_requests.claim(conn, context.task_id, dagster_run_id=run_id, now=context.now())


def _task(context: TaskContext) -> task_requests.TaskRequest:
    with read_transaction(context.engine) as conn:
        found = task_requests.get(conn, context.task_id)
    assert found is not None
    return found


def test_a_bad_verdict_closes_its_task_as_failed_with_the_first_reason(context: TaskContext) -> None:
    _claim(context)
    close_with(context, _result(TestingVerdict.FAILED), run_id="run")

    task = _task(context)
    assert (task.status, task.error) == (TaskStatus.FAILED, "failed: 1 of 2 tests fails: <b>test_a</b>")
    assert task.result is not None
    assert [one["name"] for one in task.result["artifacts"]] == ["report.html", "result.json"]


def test_the_page_shows_verdict_reasons_tests_steps_and_decisions_and_runs_nothing(context: TaskContext) -> None:
    _claim(context)
    context.think("find_suites", "pytest.ini is there <script>alert(1)</script>")
    close_with(context, _result(TestingVerdict.FAILED), run_id="run")

    page = context.artifacts.get("report.html").decode()
    for shown in ("failed", "1 of 2 tests fails", "test_a.py::test_a", "run suites", "1.50 s", "pytest.ini is there"):
        assert shown in page
    assert "<script>" not in page
    assert "<b>test_a" not in page


def test_a_task_that_was_cancelled_meanwhile_stays_cancelled(context: TaskContext) -> None:
    _claim(context)
    with write_transaction(context.engine) as conn:
        task_requests.cancel(conn, context.task_id, now=datetime.now(UTC))
    close_with(context, _result(TestingVerdict.PASSED), run_id="run")

    assert _task(context).status is TaskStatus.CANCELLED


@pytest.mark.parametrize(
    ("verdict", "code"), [(TestingVerdict.PASSED, 0), (TestingVerdict.FAILED, 1), (TestingVerdict.NO_TESTS, 3)]
)
def test_a_verdict_is_good_bad_or_not_judged(verdict: TestingVerdict, code: int) -> None:
    assert _result(verdict).standing.exit_code == code
    assert Standing.GOOD.exit_code == 0


def test_a_local_run_names_its_process_and_lives_as_long_as_it() -> None:
    run_id = local_run_id()

    assert is_local(run_id)
    assert len(run_id) <= 64
    assert is_alive(run_id)
    host, pid = run_id.split(":")[1:3]
    assert not is_alive(f"local:{host}:{pid}:1.00")
    assert not is_alive(f"local:{host}:4194305:1.00")
    assert is_alive("local:elsewhere:1:1.00")
