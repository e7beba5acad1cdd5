"""What is no database call stays as it is, and what cannot move is told with its line and stays too."""

import pytest

from tests.migration.refactor.workers import bun, code, d1, refactor

TRAPS = {
    "SQL in a comment": "// env.DB.prepare('SELECT * FROM orders').all()\nreturn 1;",
    "a string that is code": "return \"env.DB.prepare('SELECT 1').all()\";",
    "an object that only looks like a database": """
        const fake = { prepare: (sql: string) => ({ all: () => sql.length }) };
        return fake.prepare('SELECT * FROM orders').all();
        """,
    "a name that is shadowed": """
        const use = (env: { DB: { prepare(sql: string): string } }) => env.DB.prepare('SELECT * FROM orders');
        return use({ DB: { prepare: (sql) => sql } });
        """,
    "a method of the same name": "return [3, 1].filter((one) => one > 1).map((all) => all);",
}
LEFT = {
    "a table's name from a variable": (
        "const table = String(Math.random());\nreturn db.query(`SELECT * FROM ${table}`).all();",
        "src/work.ts:5 a name or a list is interpolated where SQL takes no parameter",
    ),
    "a sort key from a variable": (
        "const key = process.argv[2];\nreturn db.query(`SELECT * FROM orders ORDER BY ${key}`).all();",
        "src/work.ts:5 a name or a list is interpolated where SQL takes no parameter",
    ),
    "a condition put together": (
        "let sql = 'SELECT * FROM orders';\nsql += ' WHERE id = 1';\nreturn db.query(sql).all();",
        "src/work.ts:6 the SQL is in sql, which is no constant text",
    ),
    "BEGIN by hand": (
        "db.run('BEGIN');\ndb.run('DELETE FROM orders');\ndb.run('COMMIT');",
        "src/work.ts:4 a transaction cannot span calls: make it one transaction function, or one batch",
    ),
    "a database handed on": (
        "return JSON.stringify(db);",
        "src/work.ts:4 the database is handed to JSON.stringify, which is not the unit's",
    ),
    "a comparison in a sort": (
        "return [1].sort((a, b) => a - db.query('SELECT COUNT(*) AS n FROM orders').all().length);",
        "src/work.ts:4 the callback of .sort() cannot wait",
    ),
    "too few values": (
        "return db.query('SELECT * FROM orders WHERE id = ? AND total = ?').all(1);",
        "src/work.ts:4 the SQL takes 2 values, and 1 are bound",
    ),
    "SQL that is none": (
        "return db.query('SELEKT * FROM orders').all();",
        "src/work.ts:4 D1 cannot run this statement from a method",
    ),
    "the id of a connection": (
        "return db.query('SELECT last_insert_rowid() AS id FROM orders').get();",
        "src/work.ts:4 last_insert_rowid() speaks of a connection, which two RPC calls do not share",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_what_only_looks_like_a_database_call_stays(trap: str) -> None:
    refactored = refactor(d1(TRAPS[trap]))

    assert refactored.result.is_empty
    assert refactored.reasons == []


@pytest.mark.parametrize("way", LEFT)
def test_what_cannot_move_is_told_and_the_whole_unit_stays(way: str) -> None:
    body, reason = LEFT[way]

    refactored = refactor(bun(body))

    assert reason in refactored.reasons
    assert refactored.result.is_empty


def test_one_statement_that_stays_keeps_all_statements_on_its_table() -> None:
    files = d1("return await env.DB.prepare('SELECT * FROM orders').all();")
    files["src/other.ts"] = code(
        """
        import type { Env } from './env';
        export async function other(env: Env, values: string[]) {
          return await env.DB.prepare('INSERT INTO items (order_id, sku, qty) VALUES (?, ?, ?)').bind(...values).run();
        }
        """
    )

    refactored = refactor(files)

    assert refactored.result.is_empty
    assert refactored.reasons == [
        "src/other.ts:3 the values are spread from a list whose length is not known",
        "src/work.ts:1 left with apps/shop/src/other.ts, which uses the table orders too",
    ]


def test_tables_that_nothing_ties_move_apart() -> None:
    files = d1("return await env.DB.prepare('SELECT * FROM orders').all();")
    files["migrations/0002_log.sql"] = "CREATE TABLE log (line TEXT NOT NULL);"
    files["src/log.ts"] = code(
        """
        import type { Env } from './env';
        export async function log(env: Env, lines: string[]) {
          return await env.DB.prepare('INSERT INTO log (line) VALUES (?)').bind(...lines).run();
        }
        """
    )

    refactored = refactor(files)

    assert "env.ORCHESTRATOR.listOrders()" in refactored.text("src/work.ts")
    assert refactored.text("src/log.ts") == files["src/log.ts"]
    assert refactored.text("src/env.ts") == code(
        """
        import type { ShopRpc } from './orchestrator-rpc';

        export interface Env {
          DB: D1Database;
          ORCHESTRATOR: ShopRpc;
        }
        """
    )


def test_another_table_of_the_same_name_in_the_orchestrator_is_not_used() -> None:
    theirs = {"src/index.ts": "", "migrations/0001_x.sql": "CREATE TABLE orders (number TEXT NOT NULL);"}

    refactored = refactor(bun("db.run('DELETE FROM orders');"), orchestrator=theirs)

    assert refactored.result.is_empty
    assert "src/work.ts:4 the orchestrator has another table orders, with other columns; rename one of the two" in (
        refactored.reasons
    )
