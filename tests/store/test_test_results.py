from datetime import datetime

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.suites import CaseResult
from repo_agent_dagster.contracts.tasks import Pathway, TestingPayload
from repo_agent_dagster.store import task_requests, test_results
from repo_agent_dagster.store.engine import read_transaction, write_transaction


@pytest.fixture
def task_id(store: Engine, now: datetime) -> str:
    with write_transaction(store) as conn:
        return task_requests.submit(conn, Pathway.TESTING, TestingPayload(repo_url="https://git.example/r"), now=now).id


def _case(name: str, outcome: str = "passed", **rest: object) -> CaseResult:
    return CaseResult.model_validate({"suite": "test_a.py", "case": f"test_a.py::{name}", "outcome": outcome, **rest})


def test_tests_are_kept_in_the_order_of_the_runner(store: Engine, task_id: str) -> None:
    with write_transaction(store) as conn:
        told = [_case("b", duration_seconds=0.5), _case("a", "failed", message="no\0")]
        test_results.replace(conn, task_id, "before", told)
    with read_transaction(store) as conn:
        kept = test_results.listing(conn, task_id)

    assert [(row.case, row.outcome, row.duration_seconds) for row in kept] == [
        ("test_a.py::b", "passed", 0.5),
        ("test_a.py::a", "failed", None),
    ]
    assert kept[1].message == "no\ufffd"


def test_a_run_told_again_replaces_only_itself(store: Engine, task_id: str) -> None:
    with write_transaction(store) as conn:
        test_results.replace(conn, task_id, "before", [_case("a", "failed"), _case("b")])
        test_results.replace(conn, task_id, "after", [_case("a")])
        test_results.replace(conn, task_id, "before", [_case("a", "error")])
    with read_transaction(store) as conn:
        assert test_results.counts(conn, task_id) == {"after": {"passed": 1}, "before": {"error": 1}}
        assert [row.run for row in test_results.listing(conn, task_id, run="after")] == ["after"]
