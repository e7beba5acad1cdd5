"""What the D1-to-RPC refactoring leaves is shown to a model, and what that proposes ends up in the files."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.ai import propose_batch
from repo_agent_dagster.contracts.migration import D1ToRpc
from repo_agent_dagster.migration.refactor import Refactoring, manual_work_prompt, refactor_d1_to_rpc
from repo_agent_dagster.patching import Workspace, apply_batch
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.ai.conftest import MakeProvider
from tests.ai.endpoint_server import ModelServer, completion

WORKER = "apps/shop/src/items.ts"
UNIT = {
    WORKER: b"""export interface Env { DB: D1Database }
export interface Item { id: number; name: string; price: number }
export async function sorted(env: Env, by: "name" | "price"): Promise<Item[]> {
  const found = await env.DB.prepare(`SELECT id, name, price FROM items ORDER BY ${by}`).all<Item>();
  return found.results;
}
""",
    "apps/shop/schema.sql": b"CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL);\n",
}
TARGET = {"services/rows/src/index.ts": b"export {};\n", "services/rows/wrangler.toml": b'name = "rows"\n'}
SPEC = D1ToRpc(orchestrator="services/rows", binding="ROWS")


def refactor(files: dict[str, bytes]) -> Refactoring:
    return refactor_d1_to_rpc(files, TARGET, unit="shop", destination="apps/shop", spec=SPEC)


@pytest.fixture
def context() -> dict[str, Any]:
    names = {
        "unit": "shop",
        "destination": "apps/shop",
        "orchestrator": SPEC.orchestrator,
        "binding": SPEC.binding,
        "database": SPEC.database,
    }
    return manual_work_prompt(refactor(UNIT), {**UNIT, **TARGET}) | names


def test_a_place_that_was_left_is_done_by_a_proposal(
    model: ModelServer,
    provider: MakeProvider,
    context: dict[str, Any],
    tmp_path: Path,
    sqlite_store: Engine,
    now: datetime,
) -> None:
    for path, content in UNIT.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    lines = UNIT[WORKER].decode().split("\n")
    swap = {"op": "replace-block", "file": WORKER, "start": 4, "end": 5, "expect": {"text": "\n".join(lines[3:5])}}
    env = {"op": "replace-text", "file": WORKER, "old": "{ DB: D1Database }", "new": "{ ROWS: ShopRpc }", "count": 1}
    block = "  return await env.ROWS.listItemsBy(by);"
    model.says(completion({"reason": "moved", "patches": [swap | {"block": block}, env]}))

    batch = propose_batch(provider(), "d1_to_rpc", context, allowed=["apps/shop", "services/rows"])
    apply_batch(Workspace(tmp_path), batch, custody=StoreCustody(sqlite_store), now=now)

    assert f"`{WORKER}:4`" in model.got[0].said
    assert lines[3] in model.got[0].said
    done = (tmp_path / WORKER).read_bytes()
    assert b"SELECT" not in done
    assert refactor({**UNIT, WORKER: done}).manual == ()
