"""The pathway `testing` on real repositories in real sandboxes: what it finds, runs, keeps and concludes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pydantic import SecretStr

from repo_agent_dagster.ai import Provider, ProviderSpec
from repo_agent_dagster.contracts.tasks import TestingPayload
from repo_agent_dagster.contracts.testing import TestingResult, TestingVerdict
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.testing.steps import run_testing
from repo_agent_dagster.store import ai_logs, test_results
from repo_agent_dagster.store.engine import read_transaction
from tests.ai.endpoint_server import ModelServer, completion, serving
from tests.pathways.conftest import MakeRepository

pytestmark = pytest.mark.docker

CART = "def total(prices, discount=0):\n    return sum(prices) - discount\n"
CART_TESTS = """\
from shop.cart import total

def test_total_of_an_empty_cart_is_zero():
    assert total([]) == 0

def test_discount_is_taken_off():
    assert total([5, 6], 1) == 10
"""
SHOP = {
    "shop/__init__.py": "",
    "shop/cart.py": CART,
    "tests/test_cart.py": CART_TESTS,
    "tests/test_login.py": "def test_a_user_logs_in():\n    pass\n",
    "conftest.py": "",
}
WEB = {
    "web/package.json": '{"name": "web", "scripts": {"test": "node --test"}, "dependencies": {}}',
    "web/button.test.js": "const {test} = require('node:test');\ntest('button is red', () => {});\n",
}

Run = Callable[..., TestingResult]


@pytest.fixture
def run(context: TaskContext, repository: MakeRepository) -> Run:
    def go(files: dict[str, str], **payload: Any) -> TestingResult:
        values = {"timeout_seconds": 60, "test_mode": "both", **payload}
        return run_testing(context, TestingPayload(repo_url=repository(files), **values))

    return go


def test_the_suites_of_both_sides_are_run_and_every_test_is_on_record(context: TaskContext, run: Run) -> None:
    failing = "def test_wrong():\n    open('trace.log', 'w').write('what happened')\n    assert 1 == 2\n"

    result = run({**SHOP, **WEB, "tests/test_wrong.py": failing}, coverage=True)

    assert result.verdict is TestingVerdict.FAILED
    assert [(suite.name, suite.side) for suite in result.suites] == [
        ("pytest", "backend"),
        ("web: node:test", "frontend"),
    ]
    assert (result.total, result.passed, result.failed) == (5, 4, 1)
    assert result.failing == ["tests/test_wrong.py::test_wrong"]
    assert "tests/test_wrong.py::test_wrong" in result.reasons[0]
    assert result.coverage is not None
    assert list(result.durations) == ["clone", "set_up", "find_suites", "run_suites", "generate"]
    with read_transaction(context.engine) as conn:
        assert test_results.counts(conn, context.task_id) == {
            "pytest run 1": {"failed": 1, "passed": 3},
            "web: node:test run 1": {"passed": 1},
        }
        thoughts = [one.thought or "" for one in ai_logs.listing(conn, context.task_id)]
    assert any(thought.startswith("pytest: `python3 -m pytest`: ") for thought in thoughts)
    assert context.artifacts.get("left/trace.log") == b"what happened"
    assert b'name="test_wrong"' in context.artifacts.get("reports/pytest-1.junit.xml")


def test_a_test_that_passes_now_and_then_is_flaky(run: Run) -> None:
    flaky = """\
import os

def test_now_and_then():
    os.mkdir("/tmp/been") if not os.path.exists("/tmp/been") else None
    open(f"/tmp/been/{len(os.listdir('/tmp/been'))}", "w").close()
    assert len(os.listdir("/tmp/been")) != 2

def test_steady():
    pass
"""
    result = run({"test_flaky.py": flaky}, repeat=3)

    assert result.verdict is TestingVerdict.FLAKY
    assert (result.flaky, result.failing) == (["test_flaky.py::test_now_and_then"], [])
    assert len(result.suites[0].runs) == 3


def test_without_a_model_a_prompt_is_matched_to_tests_by_words_and_only_these_are_run(run: Run) -> None:
    result = run({**SHOP, **WEB}, backend_prompt="Discounts in the cart", test_mode="backend")

    assert result.verdict is TestingVerdict.PASSED
    assert result.selected[0] == "tests/test_cart.py::test_discount_is_taken_off"
    assert "tests/test_login.py::test_a_user_logs_in" not in result.selected
    assert result.total == len(result.selected)
    assert any("matched to existing tests by words" in reason for reason in result.reasons)


def test_no_tests_is_never_a_pass(run: Run) -> None:
    assert run({"README.md": "nothing"}).verdict is TestingVerdict.NO_TESTS


def test_a_suite_that_hangs_is_stopped_and_what_ran_is_kept(run: Run) -> None:
    hangs = "require('node:test').test('b', () => new Promise(() => setInterval(() => {}, 1)));\n"

    result = run({"package.json": '{"scripts": {"test": "node --test"}}', "a.test.js": hangs}, timeout_seconds=2)

    assert result.verdict is TestingVerdict.TIMED_OUT
    assert "did not end within" in result.reasons[0]


def test_a_suite_whose_runner_is_not_installed_is_told_and_is_no_pass(run: Run) -> None:
    result = run({"package.json": '{"scripts": {"test": "vitest run"}}'})

    assert result.verdict is TestingVerdict.SETUP_FAILED
    assert "vitest is not installed" in result.reasons[0]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serving() as server:
        yield server


def test_generated_tests_are_kept_only_if_they_pass_twice_and_notice_a_change(
    context: TaskContext, repository: MakeRepository, model: ModelServer, now: datetime
) -> None:
    good = "from shop.cart import total\n\ndef test_discount():\n    assert total([5, 6], 1) == 10\n"
    blind = "from shop.cart import total\n\ndef test_runs():\n    total([5, 6], 1)\n"
    wrong = "from shop.cart import total\n\ndef test_wrong():\n    assert total([1]) == 2\n"
    proposed = [("tests/test_good.py", good), ("tests/test_blind.py", blind), ("tests/test_bad.py", wrong)]
    patches = [{"op": "create-file", "file": file, "content": content} for file, content in proposed]
    model.says(completion({"reason": "discounts", "patches": patches}))
    spec = ProviderSpec(model="m-1", api_key=SecretStr("key"), base_url=model.url)
    asked = replace(context, provider=lambda: Provider(spec, clock=lambda: now, record=lambda _call: None))
    payload = TestingPayload(
        repo_url=repository(SHOP), backend_prompt="the discount of a cart", timeout_seconds=60, test_mode="backend"
    )

    result = run_testing(asked, payload)

    assert result.verdict is TestingVerdict.PASSED
    assert {one.path: one.kept for one in result.generated} == {
        "tests/test_good.py": True,
        "tests/test_blind.py": False,
        "tests/test_bad.py": False,
    }
    notes = {one.path: one.note for one in result.generated}
    assert "failed with shop/cart.py:" in notes["tests/test_good.py"]
    assert "it checks nothing of them" in notes["tests/test_blind.py"]
    assert "assert 1 == 2" in notes["tests/test_bad.py"]
    assert context.artifacts.get("generated/tests/test_good.py").decode() == good
    assert "the discount of a cart" in model.got[0].said
    assert "def total(prices, discount=0):" in model.got[0].said
