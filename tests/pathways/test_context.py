import pytest

from repo_agent_dagster.contracts.suites import CaseResult
from repo_agent_dagster.contracts.tasks import TestingPayload
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.opening import clone, set_up
from repo_agent_dagster.store import ai_logs, container_logs, test_results
from repo_agent_dagster.store.engine import read_transaction
from tests.pathways.conftest import MakeRepository

pytestmark = pytest.mark.docker


def test_a_step_is_timed_also_when_it_fails_and_adds_up_when_it_is_taken_twice(context: TaskContext) -> None:
    with context.step("clone"):
        pass
    with pytest.raises(ValueError, match="broken"), context.step("set_up"):
        raise ValueError("broken")
    with context.step("clone"):
        pass

    assert list(context.durations) == ["clone", "set_up"]


def test_decisions_and_tests_are_on_record_under_the_task(context: TaskContext) -> None:
    context.think("set_up", "pytest.ini is there, so pytest runs the tests")
    context.keep_cases("before", [CaseResult(suite="t.py", case="t.py::a", outcome="failed", message="no")])

    with read_transaction(context.engine) as conn:
        thoughts = ai_logs.listing(conn, context.task_id)
        cases = test_results.listing(conn, context.task_id)
    assert [(one.agent_name, one.ai_provider, one.thought) for one in thoughts] == [
        ("set_up", "rules", "pytest.ini is there, so pytest runs the tests")
    ]
    assert [case.case for case in cases] == ["t.py::a"]


def test_a_repository_is_opened_and_made_runnable(context: TaskContext, repository: MakeRepository) -> None:
    payload = TestingPayload(repo_url=repository({"test_a.py": "def test_a():\n    pass\n"}))

    box, checkout = clone(context, payload)
    environment = set_up(context, box, checkout, payload)

    assert environment.ready is not None
    assert environment.ready.display == "python3 -m pytest"
    assert box.exec("ls", cwd=checkout.path).stdout == "test_a.py\n"
    with read_transaction(context.engine) as conn:
        assert container_logs.listing(conn, context.task_id)
