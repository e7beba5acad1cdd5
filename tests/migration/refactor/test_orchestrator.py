"""What the orchestrator gets: a class, its export, a migration; again, it gets nothing; later, what is new."""

import pytest

from repo_agent_dagster.contracts.migration import D1ToRpc
from tests.migration.refactor.workers import ORCHESTRATOR, TABLES, Refactored, bun, code, d1, refactor

ALL = "return await env.DB.prepare('SELECT * FROM orders').all();"


def again(refactored: Refactored, files: dict[str, str]) -> Refactored:
    """Refactor these files on the orchestrator that an earlier refactoring left."""
    theirs = {
        path.removeprefix(f"{ORCHESTRATOR}/"): content.decode()
        for path, content in refactored.tree.items()
        if path.startswith(f"{ORCHESTRATOR}/")
    }
    return refactor(files, orchestrator=theirs)


def test_the_class_is_typed_from_the_schema() -> None:
    refactored = refactor(
        d1("return await env.DB.prepare('SELECT id, total FROM orders WHERE customer = ?').bind('x').all();")
    )

    assert refactored.entrypoint == code(
        """
        // The rows of shop: one method for each statement that its worker runs.
        // Generated when the unit was migrated. To change a method, change it here and in the worker's contract
        // file; the next migration of the unit merges what you changed with what it generates.
        import { WorkerEntrypoint } from 'cloudflare:workers';

        interface Env {
          DB: D1Database;
        }

        export type ListOrdersByCustomerRow = {
          id: number;
          total: number | null;
        };

        /** What shop asks of the database, over RPC. */
        export class ShopEntrypoint extends WorkerEntrypoint<Env> {
          async listOrdersByCustomer<Row = ListOrdersByCustomerRow>(customer: string): Promise<D1Result<Row>> {
            return await this.env.DB
              .prepare('SELECT id, total FROM orders WHERE customer = ?')
              .bind(customer)
              .all<Row>();
          }
        }
        """
    )


def test_it_extends_the_base_class_that_the_orchestrator_has() -> None:
    theirs = {
        "src/index.ts": "export { BaseWorkerEntrypoint } from './base.js';\n",
        "src/base.ts": "import { WorkerEntrypoint } from 'cloudflare:workers';\n"
        "export abstract class BaseWorkerEntrypoint<E> extends WorkerEntrypoint<E> {}\n",
        "src/env.ts": "export interface Env {\n  DB: D1Database;\n}\n",
    }

    refactored = refactor(d1(ALL), orchestrator=theirs)

    assert (
        "import { BaseWorkerEntrypoint } from '../base.js';\nimport type { Env } from '../env.js';\n"
        in refactored.entrypoint
    )
    assert "class ShopEntrypoint extends BaseWorkerEntrypoint<Env> {" in refactored.entrypoint
    assert (
        refactored.made("src/index.ts") == theirs["src/index.ts"] + "export { ShopEntrypoint } from './rpc/shop.js';\n"
    )


def test_names_come_from_the_manifest() -> None:
    spec = D1ToRpc(orchestrator=ORCHESTRATOR, binding="CORE", service="core", entrypoint="Shop", database="MAIN")

    refactored = refactor({**d1(ALL), "wrangler.toml": 'name = "shop"\n'}, spec=spec)

    assert "class Shop extends" in refactored.entrypoint
    assert "this.env.MAIN" in refactored.entrypoint
    assert "await env.CORE.listOrders()" in refactored.text("src/work.ts")
    assert 'binding = "CORE"\nservice = "core"\nentrypoint = "Shop"' in refactored.text("wrangler.toml")


def test_the_tables_become_a_migration_with_the_next_number() -> None:
    theirs = {"src/index.ts": "", "migrations/0004_users.sql": "CREATE TABLE users (id INTEGER);"}

    refactored = refactor(bun("db.run('DELETE FROM orders');"), orchestrator=theirs)

    assert refactored.made("migrations/0005_shop.sql").startswith("-- The tables of shop")
    assert refactored.made("migrations/0005_shop.sql").count("CREATE TABLE") == 2
    assert set(refactored.result.generated) == {
        "packages/orchestrator/src/rpc/shop.ts",
        "packages/orchestrator/migrations/0005_shop.sql",
    }


@pytest.mark.parametrize("files", [bun("db.run('DELETE FROM orders');"), d1(ALL)], ids=["bun", "d1"])
def test_a_second_run_changes_nothing_in_the_orchestrator(files: dict[str, str]) -> None:
    first = refactor(files)

    second = again(first, files)

    assert second.result.orchestrator == {}
    assert second.result.worker == first.result.worker
    assert set(second.result.generated) == set(first.result.generated)


@pytest.mark.parametrize("files", [bun("db.run('DELETE FROM orders');"), d1(ALL)], ids=["bun", "d1"])
def test_a_refactored_unit_is_left_as_it_is(files: dict[str, str]) -> None:
    first = refactor(files)

    second = again(first, {path: first.text(path) for path in [*files, "src/orchestrator-rpc.ts"]})

    assert second.result.is_empty
    assert second.reasons == []


def test_a_table_that_grew_gets_a_further_migration() -> None:
    files = bun("db.run('DELETE FROM orders');")
    grown = {path: text.replace("total REAL,", "total REAL,\n  note TEXT,") for path, text in files.items()}
    grown["src/db.ts"] = grown["src/db.ts"].replace(TABLES.strip()[-5:], TABLES.strip()[-5:])

    second = again(refactor(files), grown)

    assert list(second.result.orchestrator) == ["packages/orchestrator/migrations/0002_shop.sql"]
    assert "ALTER TABLE orders ADD COLUMN note TEXT;" in second.made("migrations/0002_shop.sql")
    assert "CREATE" not in second.made("migrations/0002_shop.sql")


def test_people_s_edits_do_not_leak_into_what_is_generated() -> None:
    first = refactor(d1(ALL))
    edited = refactor(
        d1(ALL),
        orchestrator={
            path.removeprefix(f"{ORCHESTRATOR}/"): content.decode() + ("// mine\n" if path.endswith("shop.ts") else "")
            for path, content in first.tree.items()
            if path.startswith(f"{ORCHESTRATOR}/")
        },
    )

    assert edited.entrypoint == first.entrypoint


def test_a_missing_d1_binding_is_added_and_told() -> None:
    theirs = {"src/index.ts": "", "wrangler.jsonc": '{\n  "name": "core",\n  "main": "src/index.ts"\n}\n'}

    refactored = refactor(d1(ALL), orchestrator=theirs)

    assert '"d1_databases": [\n    { "binding": "DB"' in refactored.made("wrangler.jsonc")
    assert any("create the database core-db" in note.text for note in refactored.result.notes)


def test_blobs_come_back_as_bytes() -> None:
    files = bun("return db.query('SELECT photo FROM pictures').all();")
    files["src/db.ts"] = files["src/db.ts"].replace(TABLES, "CREATE TABLE pictures (photo BLOB)")

    refactored = refactor(files)

    assert "photo: Uint8Array | null;" in refactored.entrypoint
    assert "withBytes<Row>(row, ['photo'])" in refactored.entrypoint


def test_the_record_tells_statements_with_their_call_sites() -> None:
    (statement,) = [one for one in refactor(d1(ALL)).result.statements if one.outcome == "method"]

    assert (str(statement.site), statement.api, statement.call) == ("apps/shop/src/work.ts:4", "d1", "all")
    assert (statement.kind, statement.tables, statement.method) == ("select", ("orders",), "listOrders")
    assert statement.columns == ("id", "customer", "total", "created_at")
    assert statement.result_use == "returned"
