"""What one SQL statement is about: its kind, its tables, its parameters and its result, by sqlglot's tree."""

import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.migration.refactor.model import StatementKind
from repo_agent_dagster.migration.refactor.sql.results import ResultColumn, result_columns
from repo_agent_dagster.migration.refactor.sql.schema import SCHEMA_WORDS, Schema
from repo_agent_dagster.migration.refactor.sql.tokens import slots, tokens, with_parameters, words
from repo_agent_dagster.migration.refactor.sql.values import BoundValue, bound_values, placeholders

if TYPE_CHECKING:
    from sqlglot import exp

_KINDS: dict[str, StatementKind] = {
    "SELECT": "select", "VALUES": "select", "INSERT": "insert", "REPLACE": "insert", "UPDATE": "update",
    "DELETE": "delete", "PRAGMA": "pragma", "BEGIN": "control", "COMMIT": "control", "END": "control",
    "ROLLBACK": "control", "SAVEPOINT": "control", "RELEASE": "control", "VACUUM": "pragma", "ANALYZE": "pragma",
    "ATTACH": "other", "DETACH": "other", "EXPLAIN": "other",
}  # fmt: skip


@dataclass(frozen=True)
class StatementFacts:
    """What a statement is about. `trouble` tells why it cannot be moved, where it cannot.

    `by` are the columns that its WHERE clause compares for equality with a value, `sets` those that an UPDATE sets.
    """

    sql: str
    kind: StatementKind
    tables: tuple[str, ...] = ()
    values: tuple[BoundValue, ...] = ()
    columns: tuple[ResultColumn, ...] | None = None
    by: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    counts: bool = False
    upserts: bool = False
    returns_rows: bool = False
    typed: tuple[int, ...] = ()
    """Values of which SQL sees whether they are whole numbers or reals: in a division, in a text put together."""
    trouble: str | None = None


def statement_kind(sql: str) -> StatementKind:
    """Return what a statement does, by its first word."""
    first = words(sql, 1)
    if not first:
        return "other"
    if first[0] in SCHEMA_WORDS:
        return "ddl"
    if first[0] == "WITH":
        depth = 0
        for token in tokens(sql):
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "mark" else 0
            if depth == 0 and token.kind == "word" and token.text.upper() in {"SELECT", "INSERT", "UPDATE", "DELETE"}:
                return _KINDS[token.text.upper()]
    return _KINDS.get(first[0], "other")


def read_statement(sql: str, schema: Schema) -> StatementFacts:
    """Return what a statement is about; one that sqlglot's grammar of SQLite does not hold has a `trouble`."""
    from sqlglot import errors, exp, parse_one

    kind = statement_kind(sql)
    if kind not in {"select", "insert", "update", "delete"}:
        return StatementFacts(sql, kind)
    found = slots(sql)
    named = [[f":p{index}_{turn}" for turn in range(len(slot.spans))] for index, slot in enumerate(found)]
    readable = with_parameters(sql, named, found)
    if words(sql, 1) == ("REPLACE",):  # SQLite's short form, which sqlglot does not know
        readable = re.sub(r"(?i)\breplace\b", "INSERT OR REPLACE", readable, count=1)
    try:
        tree = parse_one(readable, read="sqlite")
    except errors.SqlglotError as error:
        first_line = str(error).splitlines()[0].strip().rstrip(".")
        return StatementFacts(sql, kind, trouble=f"the SQL cannot be read: {first_line}")
    if isinstance(tree, exp.Command):
        return StatementFacts(sql, kind, trouble="the SQL cannot be read")
    tables = _tables(tree)
    columns, returns = result_columns(tree, schema)
    misplaced = next((slot for slot in placeholders(tree) if _is_no_value(slot)), None)
    facts = StatementFacts(
        sql,
        kind,
        tables,
        bound_values(tree, found, tables, schema),
        columns,
        _compared(tree),
        tuple(one.this.name for one in tree.expressions if isinstance(one, exp.EQ)) if kind == "update" else (),
        counts=_counts(tree),
        upserts=bool(tree.args.get("conflict")) or words(sql, 1)[0] == "REPLACE" or _or_replace(sql),
        returns_rows=returns,
        typed=_typed(tree, len(found)),
    )
    connection = next((one for one in ("last_insert_rowid", "total_changes", "changes") if _calls(sql, one)), None)
    if connection is not None:
        return replace(facts, trouble=f"{connection}() speaks of a connection, which two RPC calls do not share")
    if misplaced is not None:
        return replace(facts, trouble="a name or a list is interpolated where SQL takes no parameter")
    return facts


def _calls(sql: str, function: str) -> bool:
    code = [token for token in tokens(sql) if token.kind not in {"space", "comment"}]
    return any(
        one.kind == "word" and one.text.lower() == function and following.text == "("
        for one, following in itertools.pairwise(code)
    )


def _or_replace(sql: str) -> bool:
    return words(sql, 3) == ("INSERT", "OR", "REPLACE")


def _tables(tree: "exp.Expr") -> tuple[str, ...]:
    from sqlglot import exp

    local = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    found: dict[str, None] = {}
    target = tree.this if isinstance(tree, exp.Insert | exp.Update | exp.Delete) else None
    if isinstance(target, exp.Schema):
        target = target.this
    ordered = ([target] if isinstance(target, exp.Table) else []) + sorted(
        tree.find_all(exp.Table), key=lambda table: table.depth
    )
    for table in ordered:
        if table.name and table.name.lower() not in local:
            found.setdefault(table.name, None)
    return tuple(found)


def _is_no_value(placeholder: "exp.Placeholder") -> bool:
    """Whether a placeholder stands alone where a name would: a sort key, a group key, a result, a table."""
    from sqlglot import exp

    parent: Any = placeholder.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if isinstance(parent, exp.Tuple) and isinstance(parent.parent, exp.Values):
        into = parent.find_ancestor(exp.Insert)
        columns = into.this.expressions if into is not None and isinstance(into.this, exp.Schema) else None
        return columns is not None and len(columns) != len(parent.expressions)
    if isinstance(parent, exp.Update):
        return placeholder.arg_key == "expressions"
    condition = exp.Ordered | exp.Group | exp.Table | exp.Schema | exp.Where | exp.Connector | exp.Not | exp.Having
    return isinstance(parent, condition) or (
        isinstance(parent, exp.Select) and placeholder.arg_key == "expressions" and parent.args.get("from_") is not None
    )


def _typed(tree: "exp.Expr", count: int) -> tuple[int, ...]:
    from sqlglot import exp

    seen: set[int] = set()
    for placeholder in placeholders(tree):
        parent: Any = placeholder.parent
        while isinstance(parent, exp.Paren):
            parent = parent.parent
        number = str(placeholder.this)[1:].split("_")[0]
        if isinstance(parent, exp.Div | exp.IntDiv | exp.DPipe | exp.Anonymous | exp.JSONObject) and number.isdigit():
            seen.add(int(number))
    return tuple(sorted(one for one in seen if one < count))


def _compared(tree: "exp.Expr") -> tuple[str, ...]:
    from sqlglot import exp

    where = tree.args.get("where")
    found: dict[str, None] = {}
    for equal in where.find_all(exp.EQ) if where is not None else ():
        sides = (equal.this, equal.expression)
        if any(isinstance(side, exp.Placeholder) for side in sides):
            found.update({side.name: None for side in sides if isinstance(side, exp.Column)})
    return tuple(found)


def _counts(tree: "exp.Expr") -> bool:
    from sqlglot import exp

    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or tree.args.get("group") is not None:
        return False
    return isinstance(tree.expressions[0].unalias(), exp.Count)
