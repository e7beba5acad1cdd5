"""Whatever statements a unit is made of: the same input gives the same bytes, and a second run finds nothing to do."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.migration.refactor.workers import ORCHESTRATOR, bun, refactor

STATEMENTS = st.sampled_from(
    [
        "db.run('DELETE FROM orders WHERE id = ?', [1]);",
        "console.log(db.query('SELECT * FROM items').all().length);",
        "const { changes } = db.prepare('UPDATE items SET qty = ?').run(3);",
        "for (const row of db.query('SELECT sku FROM items').values()) {\n    console.log(row);\n  }",
        "db.transaction(() => {\n    db.run('DELETE FROM items');\n  })();",
        "const name: string = \"db.run('DELETE FROM orders')\"; // db.run('DELETE FROM orders')",
        "db.run('DELETE FROM ' + (globalThis as any).table);",
        "[1, 2].forEach((id) => db.run('DELETE FROM orders WHERE id = ?', [id]));",
    ]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=5))
def test_twice_is_once(statements: list[str]) -> None:
    files = bun("\n".join(f"{{\n  {statement}\n}}" for statement in statements))

    first = refactor(files)
    same = refactor(dict(reversed(files.items())))
    theirs = {
        path.removeprefix(f"{ORCHESTRATOR}/"): content.decode()
        for path, content in first.tree.items()
        if path.startswith(f"{ORCHESTRATOR}/")
    }
    again = refactor({path: first.text(path) for path in files}, orchestrator=theirs)

    assert same.result == first.result
    assert again.result.is_empty
    assert first.result.is_empty == bool(first.reasons or not first.methods)
