"""A transaction's function, read as the body of an entrypoint method: what it runs, and what it needs from outside.

D1 has no transactions but batches: all statements are known before the first one runs. So a body can be moved only
if nothing in it depends on a statement's result.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from repo_agent_dagster.migration.refactor.extraction.chains import terminal_mode, unroll
from repo_agent_dagster.migration.refactor.extraction.operations import BoundStatement, Captured, Obstacle
from repo_agent_dagster.migration.refactor.extraction.statements import bound_statement
from repo_agent_dagster.migration.refactor.inference.kinds import Cursor, Handle, Plain, Prepared
from repo_agent_dagster.migration.refactor.inference.portable import plain_type, portable_type
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.model import Api
from repo_agent_dagster.migration.refactor.sql.reading import statement_kind
from repo_agent_dagster.migration.refactor.syntax.edits import Edits
from repo_agent_dagster.migration.refactor.syntax.scopes import bound, parameters
from repo_agent_dagster.migration.refactor.syntax.tree import (
    FUNCTIONS,
    Node,
    arguments,
    called_member,
    unwrapped,
    wrapping,
)

_GLOBALS = frozenset(
    {
        "Date", "Math", "JSON", "Number", "String", "Boolean", "Array", "Object", "crypto", "structuredClone", "undefined",
        "NaN", "Infinity", "Error", "TypeError", "RangeError", "Map", "Set", "BigInt", "parseInt", "parseFloat",
        "Uint8Array", "TextEncoder", "TextDecoder", "console", "isNaN", "encodeURIComponent",
    }
)  # fmt: skip


@dataclass(frozen=True)
class BodyTrouble:
    """Why a transaction's body cannot be moved."""

    reason: str


@dataclass(frozen=True)
class Body:
    """A transaction's body: texts and statements in order, its own parameters, and what it takes from outside."""

    parts: tuple[str | int, ...]
    statements: tuple[BoundStatement, ...]
    parameters: tuple[tuple[str, str], ...]
    captured: tuple[Captured, ...]
    returns: str | None


@dataclass(frozen=True)
class _Run:
    """A call in the body that runs a statement, the statement of the code that it is, and what it binds."""

    call: Node
    whole: Node
    bound: BoundStatement


def read_body(function: Node, types: Types) -> Body | BodyTrouble:
    """Return a transaction's function as a method's body, or why it cannot be one."""
    try:
        return _Reader(function, types).read()
    except _NotMovable as error:
        return BodyTrouble(str(error))


class _NotMovable(Exception):
    """Says why; never leaves this module."""


class _Reader:
    def __init__(self, function: Node, types: Types) -> None:
        self._function, self._types = function, types
        self._edits = Edits(function.file)
        self._captured: dict[str, Captured] = {}

    def read(self) -> Body:
        body = self._function.field("body")
        if body is None or any(child.kind == "async" for child in self._function.children):
            raise _NotMovable("the transaction's function is asynchronous")
        runs = list(self._runs(body))
        if not runs:
            raise _NotMovable("the transaction runs no statement in place")
        self._names(body, runs)
        own = tuple(self._parameter(one) for one in parameters(self._function))
        statements = tuple(self._texts(run.bound) for run in runs)
        returns = self._returned(body, runs)
        if body.kind != "statement_block":
            return Body((0,), statements, own, tuple(self._captured.values()), None)
        parts: list[str | int] = []
        position = body.start + 1
        for index, run in enumerate(runs):
            parts += [self._edits.render(position, run.whole.start), index]
            ends_itself = run.whole.kind == "expression_statement" and run.whole.text.endswith(";")
            position = run.whole.end - (1 if ends_itself else 0)
        parts.append(self._edits.render(position, body.end - 1))
        return Body(tuple(parts), statements, own, tuple(self._captured.values()), returns)

    def _runs(self, body: Node) -> Iterator[_Run]:
        for node in body.walk():
            if node.kind == "await_expression" or (node.kind in FUNCTIONS and node.kind != "arrow_function"):
                raise _NotMovable("the transaction's body holds an await, or a function with a this of its own")
            if node.kind != "call_expression":
                continue
            found = self._statement(node)
            if found is None:
                continue
            if isinstance(found, Obstacle):
                raise _NotMovable(f"line {node.site.line} of the transaction: {found.reason}")
            whole = _unused(node)
            if whole is None:
                raise _NotMovable(
                    f"the transaction uses the result of line {node.site.line}; D1 runs a transaction as one batch, "
                    "whose statements are all known before the first one runs"
                )
            yield _Run(node, whole, found)

    def _statement(self, call: Node) -> BoundStatement | Obstacle | None:
        """Return the statement that a call runs, None for a call that runs none."""
        types = self._types
        called = called_member(call)
        if called is None or isinstance(types.of(call), Prepared):
            return None
        owner, name = called
        kind = types.of(unwrapped(owner))
        if isinstance(kind, Cursor):
            return Obstacle(call, "its rows are read")
        if isinstance(types.of(call), Cursor) or (isinstance(kind, Handle) and name in {"run", "exec"}):
            given = arguments(call)
            found = bound_statement(given[0], tuple(given[1:]), types, at=call) if given else Obstacle(call, "no SQL")
            return self._checked(found, call)
        if isinstance(kind, Handle):
            return Obstacle(call, f".{name}() has no counterpart")
        if not isinstance(kind, Prepared):
            return None
        prepared = unroll(kind, types)
        if prepared is None:
            return Obstacle(call, "which statement this is cannot be told")
        mode = terminal_mode(_api(kind), name, prepared.modifiers)
        if mode != "changes":
            return Obstacle(call, f".{name}() reads rows")
        values = prepared.bound if prepared.is_bound else tuple(arguments(call))
        return self._checked(bound_statement(prepared.sql, values, types, at=call), call)

    @staticmethod
    def _checked(found: BoundStatement | Obstacle, call: Node) -> BoundStatement | Obstacle:
        if isinstance(found, BoundStatement) and statement_kind(found.text.sql) not in {"insert", "update", "delete"}:
            return Obstacle(call, "it is no INSERT, UPDATE or DELETE", found.text.sql)
        return found

    def _names(self, body: Node, runs: list[_Run]) -> None:
        """Find what the body takes from outside; the database's own expressions go away and do not count."""
        values = [one for run in runs for value in run.bound.values for one in value if isinstance(one, Node)]
        calls = [run.call for run in runs]
        for node in body.walk():
            in_call = any(call.holds(node) for call in calls)
            if in_call and not any(value.holds(node) for value in values):
                continue
            if node.kind == "this":
                self._this(node)
            elif node.kind in {"identifier", "shorthand_property_identifier"}:
                self._name(node)
            elif node.kind == "type_identifier" and self._types.project.scopes(node.file).type(node) is not None:
                raise _NotMovable(f"the transaction's body uses the type {node.text} of the unit")

    def _this(self, node: Node) -> None:
        parent = node.parent
        name = parent.field("property") if parent is not None and parent.kind == "member_expression" else None
        if parent is None or name is None:
            raise _NotMovable("the transaction's body uses `this`")
        kind = self._types.of(parent)
        text = plain_type(kind) if isinstance(kind, Plain) else None
        called = parent.parent is not None and parent.parent.field("function") is parent
        if text is None or called or name.text.startswith("#"):
            raise _NotMovable(f"the transaction's body uses {parent.text}, which is no plain value")
        self._captured.setdefault(name.text, Captured(name.text, text, (parent,)))
        self._edits.replace_node(parent, name.text)

    def _name(self, node: Node) -> None:
        scopes = self._types.project.scopes(node.file)
        declaration = scopes.value(node)
        if declaration is None:
            if node.text not in _GLOBALS:
                raise _NotMovable(f"the transaction's body uses {node.text}, which the orchestrator does not have")
            return
        if self._function.holds(declaration.node):
            return
        parent = node.parent
        if parent is not None and parent.kind in {"assignment_expression", "augmented_assignment_expression"}:
            if parent.field("left") is node:
                raise _NotMovable(f"the transaction's body assigns to {node.text}, which is outside of it")
        kind = self._types.of(node)
        text = plain_type(kind) if isinstance(kind, Plain) else None
        if text is None and declaration.kind in {"parameter", "variable"} and declaration.path == ():
            text = portable_type(declaration.owner.field("type"), self._types)
        if text is None and self._only_bound(node):
            text = "unknown"
        if text is None or declaration.kind in {"function", "class"}:
            raise _NotMovable(f"the transaction's body uses {node.text}, whose type cannot be told to the orchestrator")
        self._captured.setdefault(node.text, Captured(node.text, text, (node,)))

    @staticmethod
    def _only_bound(node: Node) -> bool:
        outer = wrapping(node)
        return outer.parent is not None and outer.parent.kind in {"arguments", "array"}

    def _parameter(self, parameter: Node) -> tuple[str, str]:
        pattern = parameter.field("pattern") or parameter
        names = list(bound(pattern, parameter, "parameter"))
        text = portable_type(parameter.field("type"), self._types)
        if len(names) != 1 or pattern.kind != "identifier" or text is None:
            raise _NotMovable(
                f"the type of the transaction's parameter {pattern.text} cannot be told to the orchestrator"
            )
        return pattern.text, text

    def _returned(self, body: Node, runs: list[_Run]) -> str | None:
        found = [
            node.parts[0]
            for node in body.walk()
            if node.kind == "return_statement" and node.function is self._function and node.parts
        ]
        if not found:
            return None
        annotation = portable_type(self._function.field("return_type"), self._types)
        kind = self._types.of(found[0])
        text = annotation or (plain_type(kind) if isinstance(kind, Plain) else None)
        if text is None or len(found) > 1 or any(run.call.start > found[0].start for run in runs):
            raise _NotMovable("what the transaction returns cannot be told to the orchestrator")
        return text

    def _texts(self, statement: BoundStatement) -> BoundStatement:
        rendered = tuple(
            (
                "".join(
                    piece if isinstance(piece, str) else self._edits.render(piece.start, piece.end) for piece in value
                ),
            )
            for value in statement.values
        )
        return replace(statement, values=rendered)


def _api(kind: Prepared) -> Api:
    return kind.api


def _unused(call: Node) -> Node | None:
    """Return the statement that is nothing but a call, or the body of a forEach callback that is."""
    outer = wrapping(call)
    parent = outer.parent
    if parent is None:
        return None
    if parent.kind == "expression_statement":
        return parent
    if parent.kind == "arrow_function" and parent.field("body") is outer and parent.parent is not None:
        consumer = called_member(parent.parent.parent) if parent.parent.parent is not None else None
        if parent.parent.kind == "arguments" and consumer is not None and consumer[1] == "forEach":
            return outer
        if consumer is not None and consumer[1] in {"transaction", "transactionSync"}:
            return outer
    return None
