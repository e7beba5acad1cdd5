"""A transaction becomes one method that runs one batch, or it stays: two RPC calls are never one transaction."""

import pytest

from tests.migration.refactor.workers import body_of, bun, code, refactor


def method(entrypoint: str, name: str) -> str:
    """The lines of a method's body, without their indentation."""
    start = entrypoint.index("{\n", entrypoint.index(f"async {name}(")) + 2
    return code(entrypoint[start : entrypoint.index("\n  }\n", start)])


def test_a_transaction_over_parameters_becomes_one_batch() -> None:
    refactored = refactor(
        bun(
            """
            const place = db.transaction((id: number, skus: string[]) => {
              db.run('DELETE FROM items WHERE order_id = ?', [id]);
              for (const sku of skus) {
                // one row each
                db.run('INSERT INTO items (order_id, sku, qty) VALUES (?, ?, 1)', [id, sku.trim()]);
              }
            });
            place(1, ['a', 'b']);
            """
        )
    )

    assert body_of(refactored) == "await db.place(1, ['a', 'b']);\n"
    assert method(refactored.entrypoint, "place") == code(
        """
        const batch: D1PreparedStatement[] = [];
        batch.push(this.env.DB.prepare('DELETE FROM items WHERE order_id = ?').bind(...orNull(id)));
        for (const sku of skus) {
          // one row each
          batch.push(
            this.env.DB
              .prepare('INSERT INTO items (order_id, sku, qty) VALUES (?, ?, 1)')
              .bind(...orNull(id, sku.trim())),
          );
        }
        if (batch.length > 0) {
          await this.env.DB.batch(batch);
        }
        """
    )


def test_what_it_takes_from_outside_becomes_parameters() -> None:
    refactored = refactor(
        bun(
            """
            db.transaction(() => {
              db.run('UPDATE orders SET total = ? WHERE id = ?', [total * 2, id]);
              db.run('DELETE FROM items WHERE order_id = ?', [id]);
            })();
            """,
            parameters="id: number, total: number",
        )
    )

    assert body_of(refactored) == "await db.work(total, id);\n"
    assert refactored.methods == ["work(total: number, id: number): Promise<void>"]


def test_a_result_that_only_its_return_reads_comes_back() -> None:
    refactored = refactor(
        bun(
            """
            const add = db.transaction((name: string): number => {
              const { lastInsertRowid } = db.run("INSERT INTO orders (customer, created_at) VALUES (?, '')", [name]);
              db.run('DELETE FROM items');
              return Number(lastInsertRowid);
            });
            return add('x');
            """
        )
    )

    assert body_of(refactored) == "return await db.add('x');\n"
    assert method(refactored.entrypoint, "add").splitlines()[-3:] == [
        "const results = await this.env.DB.batch<Record<string, unknown>>(batch);",
        "const { lastInsertRowid } = "
        "{ changes: results[at0]!.meta.changes, lastInsertRowid: results[at0]!.meta.last_row_id };",
        "return Number(lastInsertRowid);",
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "const { changes } = db.run('DELETE FROM orders');\nif (changes === 0) {\n  throw new Error('none');\n}",
            "uses the result of line 6 before its end",
        ),
        ("try {\n  db.run('DELETE FROM orders');\n} catch {}", "catches errors of its statements"),
        ("log('x');\ndb.run('DELETE FROM orders');", "uses log, which the orchestrator does not have"),
        ("n += 1;\ndb.run('DELETE FROM orders');", "assigns to n, which is outside of it"),
    ],
)
def test_a_transaction_that_needs_more_stays(body: str, reason: str) -> None:
    inside = body.replace("\n", "\n  ")

    refactored = refactor(bun(f"let n = 0;\ndb.transaction(() => {{\n  {inside}\n}})();"))

    assert refactored.result.is_empty
    assert any(reason in told for told in refactored.reasons), refactored.reasons
