"""The statements that a transaction's body runs, and what it does with each result."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from repo_agent_dagster.migration.refactor.extraction.chains import terminal_mode, unroll
from repo_agent_dagster.migration.refactor.extraction.cursors import use_of
from repo_agent_dagster.migration.refactor.extraction.operations import BoundStatement, Mode, Obstacle
from repo_agent_dagster.migration.refactor.extraction.statements import bound_statement
from repo_agent_dagster.migration.refactor.inference.kinds import Cursor, Handle, Prepared
from repo_agent_dagster.migration.refactor.inference.portable import portable_type
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.sql.reading import statement_kind
from repo_agent_dagster.migration.refactor.syntax.scopes import bound
from repo_agent_dagster.migration.refactor.syntax.tree import (
    FUNCTIONS,
    Node,
    arguments,
    called_member,
    unwrapped,
    wrapping,
)

Place = Literal["alone", "kept", "returned"]


@dataclass(frozen=True)
class Run:
    """A call that runs a statement: `value` is the expression of its result, `whole` what goes away with it.

    Its result is not read (alone), kept in constants that only the last `return` reads, or read by that `return`.
    """

    call: Node
    value: Node
    mode: Mode
    place: Place
    whole: Node
    bound: BoundStatement
    row_type: str | None


class NotMovable(Exception):
    """Why a transaction's body cannot be moved; caught where the body is read."""


def runs_of(function: Node, body: Node, types: Types, *, used: bool) -> Iterator[Run]:
    """Yield what a transaction's function runs, in order; `used` tells whether its own result is.

    Raises:
        NotMovable: it awaits, or needs a statement's result before the last one has run.
    """
    for node in body.walk():
        if node.kind == "await_expression" or (node.kind in FUNCTIONS and node.kind != "arrow_function"):
            raise NotMovable("the transaction's body holds an await, or a function with a this of its own")
        if node.kind != "call_expression":
            continue
        found = _statement(node, types)
        if found is None:
            continue
        if isinstance(found, Obstacle):
            raise NotMovable(f"line {node.site.line} of the transaction: {found.reason}")
        if any(one.kind == "try_statement" and body.holds(one) for one in node.ancestors()):
            raise NotMovable("the transaction catches errors of its statements, which run only when all are known")
        value, mode, statement = found
        place, whole = _place(value, function, body, types, used=used)
        if place != "alone" and mode == "nothing":
            raise NotMovable(f"line {node.site.line} of the transaction: its rows are handed on")
        if place == "alone" and statement_kind(statement.text.sql) == "select":
            raise NotMovable(f"line {node.site.line} of the transaction: it reads rows that nobody takes")
        yield Run(node, value, mode, place, whole, statement, _row_type(node, types))


def _statement(call: Node, types: Types) -> tuple[Node, Mode, BoundStatement] | Obstacle | None:
    """Return the result's expression, what it is, and the statement that a call runs; None where it runs none."""
    called = called_member(call)
    if called is None or isinstance(types.of(call), Prepared):
        return None
    owner, name = called
    kind = types.of(unwrapped(owner))
    if isinstance(types.of(call), Cursor) or (isinstance(kind, Handle) and name in {"run", "exec"}):
        given = arguments(call)
        found = bound_statement(given[0], tuple(given[1:]), types, at=call) if given else Obstacle(call, "no SQL")
        value, mode = use_of(wrapping(call), types) if isinstance(types.of(call), Cursor) else (call, "changes")
        return _checked(value, mode or "nothing", found, call)
    if isinstance(kind, Handle):
        return Obstacle(call, f".{name}() has no counterpart")
    if not isinstance(kind, Prepared):
        return None
    prepared = unroll(kind, types)
    if prepared is None:
        return Obstacle(call, "which statement this is cannot be told")
    result = terminal_mode(kind.api, name, prepared.modifiers)
    if result not in {"changes", "rows", "row-or-null", "row-or-undefined"}:
        return Obstacle(call, f".{name}() has no counterpart in a batch")
    values = prepared.bound if prepared.is_bound else tuple(arguments(call))
    bound_values = bound_statement(prepared.sql, values, types, at=call)
    return _checked(call, result, bound_values, call)  # type: ignore[arg-type]  # it is one of the modes above


def _checked(
    value: Node, mode: Mode, found: BoundStatement | Obstacle, call: Node
) -> tuple[Node, Mode, BoundStatement] | Obstacle:
    if isinstance(found, Obstacle):
        return found
    kind = statement_kind(found.text.sql)
    if kind not in {"insert", "update", "delete", "select"}:
        return Obstacle(call, "it is no SELECT, INSERT, UPDATE or DELETE", found.text.sql)
    upper = " ".join(found.text.sql.upper().split())
    always_one = upper.startswith("INSERT INTO") and "VALUES" in upper and " CONFLICT" not in upper
    if mode == "one-row" and not always_one:
        return Obstacle(call, "where .one() finds no row the transaction must be undone, which a batch cannot", None)
    if mode not in {"changes", "rows", "row-or-null", "row-or-undefined", "one-row", "rows-written", "nothing"}:
        return Obstacle(call, "its rows are read as arrays", found.text.sql)
    return value, mode, found


def _row_type(call: Node, types: Types) -> str | None:
    """Return the type that the code gives a row, written out for the orchestrator."""
    called = called_member(call)
    kind = types.of(unwrapped(called[0])) if called is not None else None
    prepared = unroll(kind, types) if isinstance(kind, Prepared) else None
    for one in (call, prepared.call if prepared is not None else None):
        given = one.child("type_arguments") if one is not None else None
        if given is not None and given.parts:
            return portable_type(given.parts[0], types)
    return None


def _place(value: Node, function: Node, body: Node, types: Types, *, used: bool) -> tuple[Place, Node]:
    outer = wrapping(value)
    parent = outer.parent
    if parent is not None and parent.kind == "expression_statement":
        return "alone", parent
    if outer is body or any(one is body for one in outer.ancestors()) is False:
        return ("returned" if used else "alone"), body
    callback = parent.parent if parent is not None and parent.kind == "arrow_function" else None
    if callback is not None and callback.kind == "arguments" and callback.parent is not None:
        consumer = called_member(callback.parent)
        if consumer is not None and consumer[1] == "forEach":
            return "alone", outer
    statement = next((one for one in outer.ancestors() if one.parent is body), None)
    last = final_return(function, body)
    if body.kind != "statement_block":
        return "returned", body
    if statement is not None and statement is last:
        return "returned", statement
    declares = statement is not None and statement.kind == "lexical_declaration"
    if statement is not None and declares and last is not None and _only_read_by(statement, last, types):
        return "kept", statement
    raise NotMovable(
        f"the transaction uses the result of line {value.site.line} before its end; D1 runs a transaction as one "
        "batch, whose statements are all known before the first one runs"
    )


def _only_read_by(statement: Node, last: Node, types: Types) -> bool:
    scopes = types.project.scopes(statement.file)
    if statement.child("const") is None:
        return False
    for declarator in statement.parts:
        name = declarator.field("name")
        for one in bound(name, declarator, "variable") if name is not None else ():
            declaration = scopes.value(one.node)
            if declaration is None or not all(last.holds(node) for node in scopes.references(declaration)):
                return False
    return True


def final_return(function: Node, body: Node) -> Node | None:
    """Return the function's last statement, if it is a `return` of a value."""
    del function
    statements = body.parts if body.kind == "statement_block" else []
    last = statements[-1] if statements else None
    return last if last is not None and last.kind == "return_statement" and last.parts else None
