"""SQL as the refactoring reads it: where statements end, what their values are called and hold, what they give."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.migration.refactor.sql.reading import read_statement
from repo_agent_dagster.migration.refactor.sql.schema import read_schema
from repo_agent_dagster.migration.refactor.sql.tokens import numbered, slots, split_statements, tokens
from tests.migration.refactor.workers import TABLES

SCHEMA = read_schema([TABLES])


@given(st.text(alphabet="SELECT a'\"`[]?:@$-*/;\n()0x", max_size=60))
def test_tokens_together_are_the_text(sql: str) -> None:
    assert "".join(token.text for token in tokens(sql)) == sql


def test_a_semicolon_ends_a_statement_but_not_in_strings_comments_and_triggers() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET n = CASE WHEN 1 THEN 2 END; DELETE FROM c; END"

    assert split_statements(f"SELECT ';' -- ;\n; {trigger}; /* ; */ SELECT 2;;") == ("SELECT ';'", trigger, "SELECT 2")


@pytest.mark.parametrize(
    ("sql", "given_values"),
    [
        ("SELECT ?, ?", (1, 2)),
        ("SELECT ?2, ?1, ?2", (1, 2)),
        ("SELECT ?2, ?", (1, 2, 3)),
        ("SELECT ':a', ?1", (1,)),
    ],
)
def test_numbered_parameters_give_sqlite_s_own_result(sql: str, given_values: tuple[int, ...]) -> None:
    connection = sqlite3.connect(":memory:")
    count = len(slots(sql))
    wanted = [given_values[int(slot.key) - 1] for slot in slots(sql)]

    before = connection.execute(sql, given_values[: max(int(slot.key) for slot in slots(sql))]).fetchone()

    assert connection.execute(numbered(sql), wanted).fetchone() == before
    assert count == len(wanted)


def test_named_parameters_become_numbers_where_each_name_is_one() -> None:
    assert numbered("SELECT :a, $b, :a") == "SELECT ?1, ?2, ?1"


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        (
            "INSERT INTO orders (customer, total) VALUES (?, ?)",
            [("customer", "string", False), ("total", "number", True)],
        ),
        ("UPDATE orders SET total = total + ? WHERE id = ?", [("total", "number", False), ("id", "number", False)]),
        ("SELECT 1 FROM orders WHERE ?1 IS NULL OR customer = ?1", [("customer", "string", True)]),
        ("SELECT 1 FROM items LIMIT ? OFFSET ?", [("limit", "number", False), ("offset", "number", False)]),
        ("UPDATE orders SET customer = COALESCE(?, customer)", [("customer", "string", True)]),
    ],
)
def test_values_are_named_and_typed_by_their_columns(sql: str, values: list[tuple[str, str, bool]]) -> None:
    facts = read_statement(sql, SCHEMA)

    assert [(value.name, value.storage, value.nullable) for value in facts.values] == values


def test_an_outer_join_may_give_null() -> None:
    facts = read_statement("SELECT o.id, i.sku FROM orders o LEFT JOIN items i ON i.order_id = o.id", SCHEMA)

    assert [(column.name, column.storage, column.nullable) for column in facts.columns or ()] == [
        ("id", "number", False),
        ("sku", "string", True),
    ]


@pytest.mark.parametrize("sql", ["SELECT * FROM orders ORDER BY ?", "SELECT ? FROM orders", "UPDATE orders SET ?"])
def test_a_value_where_a_name_is_due_is_trouble(sql: str) -> None:
    assert read_statement(sql, SCHEMA).trouble is not None
