"""The database itself: what opened it, held it or named its type holds the binding now; its schema goes away."""

import pytest

from tests.migration.refactor.workers import TABLES, code, refactor


def test_a_store_that_opened_a_file_takes_the_binding() -> None:
    store = """
        import { Database } from "bun:sqlite"

        const SCHEMA = `TABLES`

        /** The orders. */
        export class OrderStore {
          private db: Database

          constructor(path: string = "orders.sqlite") {
            this.db = new Database(path, { create: true })
            this.db.exec("PRAGMA journal_mode = WAL")
            this.db.exec(SCHEMA)
          }

          total(): number {
            return this.db.query<{ n: number }, []>("SELECT SUM(total) AS n FROM orders").get()!.n
          }

          close() {
            this.db.close()
          }
        }
        """
    main = "import { OrderStore } from './store';\nexport const store = new OrderStore('x.sqlite');\n"
    refactored = refactor({"src/store.ts": code(store).replace("TABLES", TABLES), "src/main.ts": main})

    assert refactored.text("src/store.ts") == code(
        """
        import { env } from "cloudflare:workers"
        import type { ShopRpc } from "./orchestrator-rpc"

        /** The orders. */
        export class OrderStore {
          private db: ShopRpc

          constructor(orchestrator: ShopRpc = env.ORCHESTRATOR) {
            this.db = orchestrator
          }

          async total(): Promise<number> {
            return (await this.db.findOrder<{ n: number }>())!.n
          }

          close() {}
        }
        """
    )
    assert refactored.text("src/main.ts") == (
        "import { OrderStore } from './store';\nimport { env } from 'cloudflare:workers';\n"
        "export const store = new OrderStore(env.ORCHESTRATOR);\n"
    )


def test_statements_kept_in_fields_leave_one_field_for_the_binding() -> None:
    store = """
        import type { Database, Statement } from 'bun:sqlite';

        export class Items {
          private readonly add: Statement;
          #all: Statement<{ sku: string }, []>;

          constructor(db: Database) {
            this.add = db.prepare('INSERT INTO items (order_id, sku, qty) VALUES (?, ?, ?)');
            this.#all = db.prepare('SELECT sku FROM items');
          }

          insert(order: number, sku: string): void {
            this.add.run(order, sku, 1);
          }

          skus() {
            return this.#all.all();
          }
        }
        """

    refactored = refactor({"src/items.ts": code(store), "schema.sql": TABLES})

    assert refactored.text("src/items.ts") == code(
        """
        import type { ShopRpc } from './orchestrator-rpc';

        export class Items {
          private readonly orchestrator: ShopRpc;

          constructor(db: ShopRpc) {
            this.orchestrator = db;
          }

          async insert(order: number, sku: string): Promise<void> {
            await this.orchestrator.insertItem(order, sku, 1);
          }

          async skus() {
            return await this.orchestrator.listItems<{ sku: string }>();
          }
        }
        """
    )


def test_a_durable_object_reaches_the_binding_through_its_own_env() -> None:
    room = """
        import { DurableObject } from 'cloudflare:workers';
        export interface Env {
          ROOM: DurableObjectNamespace;
        }
        export class Room extends DurableObject<Env> {
          private readonly sql: SqlStorage;

          constructor(ctx: DurableObjectState, env: Env) {
            super(ctx, env);
            this.sql = ctx.storage.sql;
            ctx.blockConcurrencyWhile(async () => {
              this.sql.exec('CREATE TABLE IF NOT EXISTS items (order_id INTEGER, sku TEXT NOT NULL, qty INTEGER)');
            });
          }

          skus(): string[] {
            const cursor = this.ctx.storage.sql.exec<{ sku: string }>('SELECT sku FROM items');
            return cursor.toArray().map((row) => row.sku);
          }

          *nothing() {}
        }
        """

    refactored = refactor({"src/room.ts": code(room)})

    assert refactored.text("src/room.ts") == code(
        """
        import { DurableObject } from 'cloudflare:workers';
        import type { ShopRpc } from './orchestrator-rpc';
        export interface Env {
          ROOM: DurableObjectNamespace;
          ORCHESTRATOR: ShopRpc;
        }
        export class Room extends DurableObject<Env> {
          private readonly sql: ShopRpc;

          constructor(ctx: DurableObjectState, env: Env) {
            super(ctx, env);
            this.sql = env.ORCHESTRATOR;
            ctx.blockConcurrencyWhile(async () => {});
          }

          async skus(): Promise<string[]> {
            const cursor = await this.env.ORCHESTRATOR.listItems<{ sku: string }>();
            return cursor.map((row) => row.sku);
          }

          *nothing() {}
        }
        """
    )
    assert any("each Durable Object had rows of its own" in note.text for note in refactored.result.notes)


@pytest.mark.parametrize(
    ("wrangler", "added"),
    [
        (
            "wrangler.toml",
            '\n[[services]]\nbinding = "ORCHESTRATOR"\nservice = "orchestrator"\nentrypoint = "ShopEntrypoint"\n',
        ),
        (
            "wrangler.jsonc",
            '"services": [\n    { "binding": "ORCHESTRATOR", "service": "orchestrator", '
            '"entrypoint": "ShopEntrypoint" }\n  ]',
        ),
    ],
)
def test_the_service_binding_is_spliced_into_the_wrangler_file(wrangler: str, added: str) -> None:
    text = (
        '# shop\nname = "shop"\n' if wrangler.endswith("toml") else '{\n  // shop\n  "name": "shop", // its name\n}\n'
    )
    source = "export const all = (env: { DB: D1Database }) => env.DB.prepare('SELECT * FROM orders').all();\n"

    refactored = refactor({wrangler: text, "src/a.ts": source, "schema.sql": TABLES})

    assert added in refactored.text(wrangler)
    assert all(line in refactored.text(wrangler) for line in text.splitlines() if "shop" in line)


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    source = (
        "\ufeffimport type { Env } from './env';\r\n\r\nexport const all = async (env: Env) => {\r\n"
        "  const all = env.DB.prepare('SELECT * FROM orders');\r\n  return await all.all();\r\n};"
    )

    refactored = refactor(
        {"src/a.ts": source, "src/env.ts": "export interface Env { DB: D1Database }\n", "schema.sql": TABLES}
    )

    assert refactored.text("src/a.ts") == (
        "\ufeffimport type { Env } from './env';\r\n\r\nexport const all = async (env: Env) => {\r\n"
        "  return await env.ORCHESTRATOR.listOrders();\r\n};"
    )
