"""A model on loopback looks for the error; what counts is what its tests show."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from repo_agent_dagster.ai import Provider, ProviderSpec, into_store
from repo_agent_dagster.contracts.recreation import ErrorRecreationResult, RecreationVerdict
from repo_agent_dagster.pathways.recreation.agent import AgentStep, problems_of
from repo_agent_dagster.store import ai_logs
from repo_agent_dagster.store.engine import read_transaction
from tests.ai.endpoint_server import ModelServer, Says, completion, error, serving
from tests.pathways.recreation.conftest import Bench

BUG = "Taking milk out of an empty cart raises `OutOfStock: no milk`."
SHOWS = "from shop import Cart\n\n\ndef test_milk():\n    Cart().take('milk')\n"
FORGED = "from shop.errors import OutOfStock\n\n\ndef test_milk():\n    raise OutOfStock('no milk')\n"


def step(tool: str, **fields: Any) -> Says:
    return completion({"thought": "next", "tool": tool, **fields})


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serving() as server:
        yield server


Recreate = Callable[..., ErrorRecreationResult]


@pytest.fixture
def recreate(shop: Bench, model: ModelServer) -> Recreate:
    """Recreate a bug of the shop with the model that the test lets speak."""
    context = shop.context
    spec = ProviderSpec(model="m-1", api_key=SecretStr("test-key-of-the-endpoint"), base_url=model.url)

    def provider() -> Provider:
        return Provider(
            spec,
            clock=lambda: datetime.now(UTC),
            record=into_store(context.engine),
            task_request_id=context.task_id,
            pause=lambda _seconds: None,
        )

    bench = replace(shop, context=replace(context, provider=provider))
    return lambda description, **payload: bench.recreate(description, **{"repeats": 1, **payload})


@pytest.mark.docker
def test_the_model_looks_around_and_its_test_is_held_to_the_same_rules(
    recreate: Recreate, model: ModelServer, shop: Bench
) -> None:
    model.says(
        step("search", pattern="class .*Cart"),
        step("read", path="shop/cart.py"),
        step("run", command="echo token=ghp_0123456789abcdefghij0123456789; touch left-over"),
        step("run", command="ls left-over"),
        step("write_test", path="tests/test_forged.py", content=FORGED),
        step("write_test", path="tests/test_milk.py", content=SHOWS),
    )

    result = recreate(BUG)

    assert (result.verdict, result.path) == (RecreationVerdict.REPRODUCED, "model")
    assert [one.origin for one in result.attempts][-2:] == ["model step 5", "model step 6"]
    assert "Cart().take('milk')" in (result.repro or "")
    assert result.repro_fails
    said = [one.said for one in model.got]
    assert "sought: **outofstock: no milk**" in said[0].lower()
    assert "shop/cart.py:34:class Cart:" in said[1]
    assert "raise OutOfStock(" in said[2]
    assert "ghp_0123456789" not in said[3]
    assert "No such file" in said[4]
    assert "no code of the repository raises it" in said[5]
    with read_transaction(shop.context.engine) as conn:
        calls = ai_logs.listing(conn, shop.context.task_id, limit=500)
    assert sum(one.model == "m-1" for one in calls) == 6


@pytest.mark.docker
@pytest.mark.parametrize(
    "says", [error(401, "no such key"), step("finish"), step("read", path="/etc/passwd"), step("read", path="a.py")]
)
def test_without_a_model_that_helps_the_rules_word_stands(recreate: Recreate, model: ModelServer, says: Says) -> None:
    model.says(says)

    result = recreate(BUG, max_steps=2)

    assert (result.verdict, result.path) == (RecreationVerdict.UNCLEAR, "rules")


@pytest.mark.docker
def test_a_model_is_not_asked_where_the_rules_suffice(recreate: Recreate, model: ModelServer) -> None:
    model.says(step("finish"))

    result = recreate("```python\nCart().take('milk')\n```\nraises `OutOfStock: no milk`")

    assert (result.verdict, result.path) == (RecreationVerdict.REPRODUCED, "rules")
    assert model.got == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"tool": "run"}, "command: run needs it"),
        ({"tool": "read", "path": "../../etc/passwd"}, "not a path inside"),
        ({"tool": "read", "path": ".git/config"}, "not a path inside"),
        ({"tool": "write_test", "path": "setup.py", "content": "x"}, "no test's name"),
        ({"tool": "write_test", "path": "/tmp/test_a.py", "content": "x"}, "not a path inside"),
    ],
)
def test_a_step_that_may_not_be_taken_is_told_why(fields: dict[str, Any], problem: str) -> None:
    (found,) = problems_of(AgentStep(thought="x", **fields))
    assert problem in found


def test_plain_steps_are_taken() -> None:
    for fields in ({"tool": "finish"}, {"tool": "read", "path": "a/b.py"}, {"tool": "search", "pattern": "x"}):
        assert problems_of(AgentStep(thought="x", **fields)) == []
