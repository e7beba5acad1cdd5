"""From the expressions of a call to an operation, or to what is in its way."""

from repo_agent_dagster.migration.refactor.extraction.chains import (
    Preparation,
    bind_values,
    slots_of,
    terminal_mode,
    type_argument,
)
from repo_agent_dagster.migration.refactor.extraction.operations import (
    BoundStatement,
    Dropped,
    Mode,
    Obstacle,
    Operation,
    SchemaUse,
    Value,
)
from repo_agent_dagster.migration.refactor.extraction.texts import NoText, SqlText, sql_text
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.model import Api
from repo_agent_dagster.migration.refactor.sql.reading import statement_kind
from repo_agent_dagster.migration.refactor.sql.tokens import slots, split_statements
from repo_agent_dagster.migration.refactor.syntax.tree import Node, arguments, unwrapped, wrapping

Result = Operation | Obstacle | Dropped | SchemaUse


def bound_statement(sql: Node, given: tuple[Node, ...], types: Types, *, at: Node) -> BoundStatement | Obstacle:
    """Return one statement with its values; `at` is what to point at where it cannot be moved."""
    text = sql_text(sql, types)
    if isinstance(text, NoText):
        return Obstacle(at, text.reason)
    parts = split_statements(text.sql)
    if len(parts) != 1:
        return Obstacle(at, f"{len(parts)} statements in one call, where one is expected", text.sql)
    text = SqlText(parts[0], text.values, text.constants)
    interpolated: dict[str, Value] = {f"__value{index}__": value for index, value in enumerate(text.values)}
    bound = bind_values(slots_of(text.sql), given, interpolated, types)
    if isinstance(bound, str):
        return Obstacle(at, bound, text.sql)
    return BoundStatement(text, *bound)


def of_terminal(prepared: Preparation, call: Node, name: str, api: Api, types: Types) -> Result:
    """Return what ``prepared.name(…)`` becomes."""
    mode = terminal_mode(api, name, prepared.modifiers)
    if mode not in _MODES:
        return Obstacle(call, str(mode))
    given = tuple(arguments(call))
    column: str | None = None
    if api == "d1":
        if given and name == "first" and given[0].kind == "string" and len(given) == 1:
            column, mode = given[0].text[1:-1], "d1-column"
        elif given:
            return Obstacle(call, f".{name}() with options has no counterpart")
        given = prepared.bound
    elif prepared.is_bound:
        given = prepared.bound
    if given and (elsewhere := _unreachable(given, call)) is not None:
        return Obstacle(call, f"{elsewhere.text} was bound elsewhere")
    text = sql_text(prepared.sql, types)
    if isinstance(text, SqlText) and _is_schema(text.sql):
        return SchemaUse(call, split_statements(text.sql), text, name)
    if isinstance(text, SqlText) and (unfit := _unfit(text.sql, call, name)) is not None:
        return unfit
    if isinstance(text, SqlText) and text.values and prepared.call.function is not call.function:
        return Obstacle(call, "a value is interpolated into SQL that is prepared elsewhere", text.sql)
    statement = bound_statement(prepared.sql, given, types, at=call)
    if isinstance(statement, Obstacle):
        return statement
    row_type = type_argument(call) or prepared.row_type
    return Operation(call, prepared.handle, api, name, mode, (statement,), row_type, column)  # type: ignore[arg-type]


def of_exec(call: Node, handle: Node, name: str, api: Api, types: Types, mode: Mode) -> Result:
    """Return what ``database.exec(sql, …)`` becomes: also several statements in one text."""
    given = arguments(call)
    if not given:
        return Obstacle(call, "there is no SQL")
    text = sql_text(given[0], types)
    if isinstance(text, NoText):
        return Obstacle(call, text.reason)
    if _is_schema(text.sql):
        return SchemaUse(call, split_statements(text.sql), text, name)
    parts = split_statements(text.sql)
    if (unfit := _unfit(text.sql, call, name)) is not None:
        return unfit
    if not parts:
        return Dropped(call, "it holds no SQL", text.sql, name)
    if len(parts) > 1:
        if len(given) > 1 or text.values or any(slots(part) for part in parts):
            return Obstacle(call, "several statements with values in one call", text.sql)
        if api != "d1" and mode != "nothing" and not _stands_alone(call):
            return Obstacle(call, "several statements in one call whose result is used", text.sql)
        statements = tuple(BoundStatement(SqlText(part, (), text.constants), (), ()) for part in parts)
        return Operation(call, handle, api, name, "d1-exec" if api == "d1" else "nothing", statements)
    statement = bound_statement(given[0], tuple(given[1:]), types, at=call)
    if isinstance(statement, Obstacle):
        return statement
    return Operation(call, handle, api, name, mode, (statement,), type_argument(call))


def _stands_alone(call: Node) -> bool:
    parent = wrapping(call).parent
    return parent is not None and parent.kind == "expression_statement"


def _unfit(sql: str, call: Node, name: str) -> Obstacle | Dropped | None:
    """Return what is to be done with SQL that no method can hold, None for all other."""
    kinds = {statement_kind(part) for part in split_statements(sql)}
    if kinds == {"pragma"}:
        return Dropped(call, "D1 sets this for itself", sql, name)
    if "control" in kinds:
        return Obstacle(call, "a transaction cannot span calls: make it one transaction function, or one batch", sql)
    if kinds & {"other", "pragma"}:
        return Obstacle(call, "D1 cannot run this statement from a method", sql)
    return None


def _is_schema(sql: str) -> bool:
    """Whether a text makes the tables: DDL, with PRAGMAs and the rows that belong to it (INSERT without values)."""
    parts = split_statements(sql)
    kinds = {statement_kind(part) for part in parts}
    fixed = not any(slots(part) for part in parts)
    return "ddl" in kinds and kinds <= {"ddl", "pragma", "insert"} and fixed


def _unreachable(given: tuple[Node, ...], call: Node) -> Node | None:
    """Return the first bound value that does not mean the same where the statement is run."""
    for node in given:
        inner = unwrapped(node)
        if inner.function is not call.function and inner.kind not in {"string", "number", "null", "true", "false"}:
            return node
    return None


_MODES = frozenset(
    {
        "d1-all", "d1-first", "d1-run", "d1-raw", "rows", "row-or-null", "row-or-undefined", "values", "first-values",
        "plucked", "plucked-one", "changes",
    }
)  # fmt: skip
