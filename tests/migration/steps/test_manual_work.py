"""Manual work that a refactoring leaves is put to a model where there is one; what does not hold changes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from repo_agent_dagster.ai import Provider, ProviderSpec
from repo_agent_dagster.pathways.patch_checks.workspace_checks import CheckLimits, project_checker
from repo_agent_dagster.store import goal_tasks
from repo_agent_dagster.store.engine import read_transaction
from tests.ai.endpoint_server import ModelServer, completion, serving
from tests.migration.steps.conftest import NOW, Yard

WORKER = """export interface Env { DB: D1Database }
export interface Item { id: number; name: string; price: number }
export async function sorted(env: Env, by: "name" | "price"): Promise<Item[]> {
  const found = await env.DB.prepare(`SELECT id, name, price FROM items ORDER BY ${by}`).all<Item>();
  return found.results;
}
"""
MANIFEST = "unit: shop\ndestination: apps/shop\nrefactor: {d1_to_rpc: {orchestrator: services/rows, binding: ROWS}}\n"
# Without the browser's and Node.js's types, which take the compiler ten times as long as these files do.
TSCONFIG = '{"compilerOptions": {"strict": true, "noEmit": true, "target": "es2022", "lib": ["es2022"], "types": []}}'
ORCHESTRATOR = {
    "services/rows/src/index.ts": "export {};\n",
    "services/rows/wrangler.toml": 'name = "rows"\n',
    "services/rows/tsconfig.json": TSCONFIG,
}
FILES = {
    "d1.d.ts": "declare interface D1Database { prepare(sql: string): { all<T>(): Promise<{ results: T[] }> } }\n",
    "src/items.ts": WORKER,
    "schema.sql": "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL);\n",
    "tsconfig.json": TSCONFIG,
}


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serving() as server:
        yield server


@pytest.fixture
def shop(yard: Yard, model: ModelServer) -> dict[str, Any]:
    """What a run has that may ask the model."""
    yard.edit(ORCHESTRATOR)
    yard.drop(FILES, manifest=MANIFEST)
    spec = ProviderSpec(model="m", api_key=SecretStr("key-of-the-endpoint"), base_url=model.url)
    return {"provider": lambda: Provider(spec, clock=lambda: NOW, record=lambda _call: None, pause=lambda _s: None)}


def proposal(block: str) -> dict[str, Any]:
    lines = WORKER.split("\n")
    swap = {"op": "replace-block", "file": "apps/shop/src/items.ts", "start": 4, "end": 5}
    return {"reason": "moved", "patches": [{**swap, "expect": {"text": "\n".join(lines[3:5])}, "block": block}]}


def detail(yard: Yard) -> str:
    return next(step["detail"] for step in yard.row("shop").steps or () if step["step"] == "refactor")


def open_tasks(yard: Yard) -> list[goal_tasks.GoalTask]:
    with read_transaction(yard.environment.engine) as conn:
        return goal_tasks.unadopted(conn)


def test_without_a_model_the_place_is_left_and_listed(yard: Yard, shop: dict[str, Any]) -> None:
    outcome = yard.run()

    assert outcome.plan.refactoring is not None
    assert [work.site.line for work in outcome.plan.refactoring.manual] == [4]
    assert "no model is configured" in detail(yard)
    assert yard.tree()["apps/shop/src/items.ts"] == WORKER.encode()


def test_a_model_does_the_place_and_a_rollback_takes_it_back_too(
    yard: Yard, shop: dict[str, Any], model: ModelServer
) -> None:
    model.says(completion(proposal("  return [{ id: 1, name: by, price: 2 }];")))

    outcome = yard.run(**shop)

    assert b"SELECT" not in yard.tree()["apps/shop/src/items.ts"]
    assert len(outcome.batches) == 2
    assert "done by a model" in detail(yard)
    assert yard.run(**shop).status == "nothing_to_do"
    assert len(model.got) == 1


def test_an_answer_that_is_none_changes_nothing_and_leaves_a_task(
    yard: Yard, shop: dict[str, Any], model: ModelServer
) -> None:
    model.says(completion("I would rather not"), completion("still not"))

    outcome = yard.run(**shop)

    assert outcome.status == "applied"
    assert yard.tree()["apps/shop/src/items.ts"] == WORKER.encode()
    assert "does not hold" in detail(yard)


@pytest.mark.docker
@pytest.mark.usefixtures("sandbox_image")
def test_an_answer_that_adds_a_type_error_is_taken_back_and_leaves_a_task(
    yard: Yard, shop: dict[str, Any], model: ModelServer
) -> None:
    model.says(completion(proposal("  return await env.ROWS.listItemsBy(by);")))

    yard.run(**shop, checker=lambda projects: project_checker(projects, CheckLimits()))

    assert yard.tree()["apps/shop/src/items.ts"] == WORKER.encode()
    (task,) = open_tasks(yard)
    assert "TS2339" in task.objective
