"""What a database call becomes in the worker, one way of writing it at a time."""

import pytest

from tests.migration.refactor.workers import body_of, bun, code, d1, refactor

D1 = {
    "all": (
        "const { results } = await env.DB.prepare('SELECT * FROM orders').all();",
        "const { results } = await env.ORCHESTRATOR.listOrders();",
    ),
    "a row type stays": (
        "const { results } = await env.DB.prepare('SELECT * FROM orders').all<{ id: number }>();",
        "const { results } = await env.ORCHESTRATOR.listOrders<{ id: number }>();",
    ),
    "first with a value": (
        "return await env.DB.prepare('SELECT * FROM orders WHERE id = ?').bind(3).first();",
        "return await env.ORCHESTRATOR.findOrderById(3);",
    ),
    "first of a column": (
        "return await env.DB.prepare('SELECT COUNT(*) AS n FROM orders').first<number>('n');",
        "return await env.ORCHESTRATOR.countOrders<number>();",
    ),
    "run": (
        'const { meta } = await env.DB.prepare("DELETE FROM orders WHERE id = ?").bind(1).run();',
        "const { meta } = await env.ORCHESTRATOR.deleteOrder(1);",
    ),
    "raw": (
        "return await env.DB.prepare('SELECT id, total FROM orders').raw();",
        "return await env.ORCHESTRATOR.listOrders();",
    ),
    "a promise that is not awaited stays one": (
        "return Promise.all([env.DB.prepare('SELECT * FROM orders').all(), "
        "env.DB.prepare('SELECT * FROM items').all()]);",
        "return Promise.all([env.ORCHESTRATOR.listOrders(), env.ORCHESTRATOR.listItems()]);",
    ),
    "a statement in a constant": (
        """
        const find = env.DB.prepare('SELECT * FROM orders WHERE id = ?');
        return [await find.bind(1).first(), await find.bind(2).first()];
        """,
        "return [await env.ORCHESTRATOR.findOrderById(1), await env.ORCHESTRATOR.findOrderById(2)];",
    ),
    "a database in a constant": (
        "const db = env.DB;\nreturn await db.prepare('SELECT * FROM orders').all();",
        "const db = env.ORCHESTRATOR;\nreturn await db.listOrders();",
    ),
    "a database taken by a pattern": (
        "const { DB } = env;\nreturn await DB.prepare('SELECT * FROM orders').all();",
        "const { ORCHESTRATOR: DB } = env;\nreturn await DB.listOrders();",
    ),
    "a batch": (
        """
        return await env.DB.batch([
          env.DB.prepare('DELETE FROM items WHERE order_id = ?').bind(4),
          env.DB.prepare('DELETE FROM orders WHERE id = ?').bind(4),
        ]);
        """,
        "return await env.ORCHESTRATOR.batchItemOrder(4, 4);",
    ),
    "a batch over a list": (
        """
        const insert = env.DB.prepare('INSERT INTO items (order_id, sku, qty) VALUES (?, ?, ?)');
        await env.DB.batch(['a', 'b'].map((sku) => insert.bind(1, sku, 2)));
        """,
        "await env.ORCHESTRATOR.insertItems(['a', 'b'].map((sku) => [1, sku, 2]));",
    ),
    "values in a template": (
        "const id = Number(env.ID);\nreturn await env.DB.prepare(`SELECT * FROM orders WHERE id = ${id}`).first();",
        "const id = Number(env.ID);\nreturn await env.ORCHESTRATOR.findOrderById(id);",
    ),
    "a value in a template's quotes": (
        "const q = env.Q;\nreturn await env.DB.prepare(`SELECT * FROM orders WHERE customer LIKE '%${q}%'`).all();",
        "const q = env.Q;\nreturn await env.ORCHESTRATOR.listOrders(`%${q}%`);",
    ),
    "comments and quotes around the call stay": (
        "/* one */ return  await env . DB.prepare( 'SELECT * FROM orders' )./* two */all( ); // three",
        "/* one */ return  await env . ORCHESTRATOR.listOrders(); // three",
    ),
}
BUN = {
    "get": (
        "return db.query('SELECT * FROM orders WHERE id = ?').get(1);",
        "return await db.findOrderById(1);",
    ),
    "run without its result": (
        "db.run('DELETE FROM orders');",
        "await db.deleteOrders();",
    ),
    "its changes": (
        "return db.run('DELETE FROM orders WHERE id = ?', [7]).changes;",
        "return (await db.deleteOrder(7)).changes;",
    ),
    "named values": (
        "return db.query('SELECT * FROM orders WHERE id = $id AND total > $least').all({ $least: 2, $id: 1 });",
        "return await db.listOrdersById(1, 2);",
    ),
    "a loop over rows": (
        "for (const row of db.query('SELECT * FROM items').iterate()) {\n  console.log(row);\n}",
        "for (const row of await db.listItems()) {\n  console.log(row);\n}",
    ),
    "a row that must be there": (
        "return db.query<{ n: number }, []>('SELECT COUNT(*) AS n FROM items').get()!.n;",
        "return (await db.countItems<{ n: number }>())!.n;",
    ),
    "inside map": (
        "return [1, 2].map((id) => db.query('SELECT * FROM orders WHERE id = ?').get(id));",
        "return await Promise.all([1, 2].map(async (id) => await db.findOrderById(id)));",
    ),
    "inside forEach": (
        "[1, 2].forEach((id) => db.run('DELETE FROM orders WHERE id = ?', [id]));",
        "for (const id of [1, 2]) await db.deleteOrder(id);",
    ),
    "returning": (
        "return db.query('UPDATE orders SET total = ? WHERE id = ? RETURNING *').all(2.5, 1);",
        "return await db.updateOrder(2.5, 1);",
    ),
}


@pytest.mark.parametrize("way", D1)
def test_a_d1_call_becomes_a_method_call(way: str) -> None:
    before, after = D1[way]

    assert body_of(refactor(d1(before))) == code(after)


@pytest.mark.parametrize("way", BUN)
def test_a_bun_call_becomes_a_method_call_that_is_awaited(way: str) -> None:
    before, after = BUN[way]
    refactored = refactor(bun(before))

    assert refactored.reasons == []
    assert body_of(refactored) == code(after)


def test_statements_that_are_equal_share_a_method() -> None:
    refactored = refactor(
        bun(
            """
            db.run('DELETE FROM orders WHERE id = ?', [1]);
            db.run('DELETE  FROM orders\\n WHERE id = ?', [2]);
            db.run('DELETE FROM orders WHERE customer = ?', ['x']);
            """
        )
    )

    assert refactored.methods == [
        "deleteOrder(id: number): Promise<Changes>",
        "deleteOrderByCustomer(customer: string): Promise<Changes>",
    ]
    assert len(refactored.result.methods[0].sites) == 2


def test_better_sqlite3_and_node_give_undefined_for_no_row() -> None:
    for opening in (
        "import Database from 'better-sqlite3';\nconst db = new Database('x');",
        "import { DatabaseSync } from 'node:sqlite';\nconst db = new DatabaseSync('x');",
    ):
        source = f"{opening}\ndb.exec(`CREATE TABLE t (a TEXT)`);\n"
        source += "export const one = () => db.prepare('SELECT a FROM t').get();\n"

        refactored = refactor({"src/a.ts": source})

        assert "return row ?? undefined;" in refactored.entrypoint
        assert "export const one = async () => await db.findT();" in refactored.text("src/a.ts")
        assert "sqlite" not in refactored.text("src/a.ts")


def test_plucked_columns_of_better_sqlite3_stay_plain_values() -> None:
    source = """
    import Database from 'better-sqlite3';
    const db = new Database('x');
    export function names(): string[] {
      return db.prepare('SELECT customer FROM orders').pluck().all() as string[];
    }
    """

    refactored = refactor({"src/a.ts": code(source), "schema.sql": TABLES_SQL})

    assert "return await db.listOrders() as string[];" in refactored.text("src/a.ts")
    assert refactored.methods == ["listOrders(): Promise<string[]>"]


TABLES_SQL = "CREATE TABLE orders (customer TEXT NOT NULL);"
