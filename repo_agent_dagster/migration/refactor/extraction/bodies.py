"""A transaction's function, read as the body of an entrypoint method: what it runs, and what it needs from outside.

D1 has no transactions but batches: all statements are known before the first one runs. So a body can be moved only
if nothing in it but its last `return` depends on a statement's result.
"""

from dataclasses import dataclass, replace

from repo_agent_dagster.migration.refactor.extraction.operations import BoundStatement, Captured
from repo_agent_dagster.migration.refactor.extraction.runs import NotMovable, Run, final_return, runs_of
from repo_agent_dagster.migration.refactor.inference.kinds import Plain
from repo_agent_dagster.migration.refactor.inference.portable import plain_type, portable_type
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.edits import Edits
from repo_agent_dagster.migration.refactor.syntax.scopes import bound, parameters
from repo_agent_dagster.migration.refactor.syntax.tree import Node, wrapping

_GLOBALS = frozenset(
    {
        "Date", "Math", "JSON", "Number", "String", "Boolean", "Array", "Object", "crypto", "structuredClone", "NaN",
        "Infinity", "Error", "TypeError", "RangeError", "Map", "Set", "BigInt", "parseInt", "parseFloat", "undefined",
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
    kept: tuple[int, ...]
    after: str


def read_body(function: Node, types: Types, result: Node) -> Body | BodyTrouble:
    """Return a transaction's function as a method's body, or why it cannot be one.

    `result` is the expression that gives what the function returns.
    """
    try:
        return _Reader(function, types, result).read()
    except NotMovable as error:
        return BodyTrouble(str(error))


class _Reader:
    def __init__(self, function: Node, types: Types, result: Node) -> None:
        self._function, self._types, self._result = function, types, wrapping(result)
        self._edits = Edits(function.file)
        self._captured: dict[str, Captured] = {}

    def read(self) -> Body:
        body = self._function.field("body")
        if body is None or any(child.kind == "async" for child in self._function.children):
            raise NotMovable("the transaction's function is asynchronous")
        parent = self._result.parent
        used = parent is None or parent.kind != "expression_statement"
        runs = list(runs_of(self._function, body, self._types, used=used))
        if not runs:
            raise NotMovable("the transaction runs no statement in place")
        self._check_returns(body, runs)
        self._names(body, runs)
        own = tuple(self._parameter(one) for one in parameters(self._function))
        statements = tuple(self._texts(run.bound) for run in runs)
        kept = tuple(index for index, run in enumerate(runs) if run.place != "alone")
        for index in kept:
            self._edits.replace_node(runs[index].value, _result_text(runs[index], index))
        last = final_return(self._function, body)
        returns = self._return_type(last, runs)
        parts, after = self._parts(body, runs, last)
        return Body(parts, statements, own, tuple(self._captured.values()), returns, kept, after)

    def _parts(self, body: Node, runs: list[Run], last: Node | None) -> tuple[tuple[str | int, ...], str]:
        """Return the code that collects the batch, and the code that runs after it."""
        if body.kind != "statement_block":
            returned = f"return {self._edits.render(body.start, body.end)};" if runs[0].place == "returned" else ""
            return (0, ";"), returned
        parts: list[str | int] = []
        after: list[str] = []
        position = body.start + 1
        end = body.end - 1 if last is None else last.start
        for index, run in enumerate(runs):
            if run.place == "returned":
                parts += [self._edits.render(position, end), index, ";\n"]
                position = end
                continue
            parts += [self._edits.render(position, run.whole.start), index]
            position = run.whole.end - (1 if run.whole.text.endswith(";") else 0)
            if run.place == "kept":
                after.append(self._edits.render(run.whole.start, run.whole.end))
        parts.append(self._edits.render(position, end))
        if last is not None:
            after.append(self._edits.render(last.start, last.end))
        return tuple(parts), "\n".join(after)

    def _check_returns(self, body: Node, runs: list[Run]) -> None:
        last = final_return(self._function, body)
        for node in body.walk():
            mine = node.kind == "return_statement" and node.function is self._function
            if mine and node is not last and node.start > runs[0].call.start:
                raise NotMovable("the transaction returns before its end, after it ran a statement")

    def _return_type(self, last: Node | None, runs: list[Run]) -> str | None:
        body = self._function.field("body")
        expression = last.parts[0] if last is not None else None
        if body is not None and body.kind != "statement_block" and runs[0].place == "returned":
            expression = body
        if expression is None:
            return None
        text = portable_type(self._function.field("return_type"), self._types)
        parent = self._result.parent
        if text is None and parent is not None and parent.kind == "return_statement" and (outer := parent.function):
            text = portable_type(outer.field("return_type"), self._types)
        if text is not None and "Promise<" in text:
            text = None
        kind = self._types.of(expression)
        text = text or (plain_type(kind) if isinstance(kind, Plain) else None)
        if text is None and expression.text.endswith((".changes", ".lastInsertRowid")):
            text = "number"
        if text is None:
            raise NotMovable("the type of what the transaction returns cannot be told to the orchestrator")
        return text

    def _names(self, body: Node, runs: list[Run]) -> None:
        """Find what the body takes from outside; the database's own expressions go away and do not count."""
        values = [one for run in runs for value in run.bound.values for one in value if isinstance(one, Node)]
        calls = [run.value for run in runs]
        for node in body.walk():
            in_call = any(call.holds(node) for call in calls)
            if in_call and not any(value.holds(node) for value in values):
                continue
            if node.kind == "this":
                self._this(node)
            elif node.kind in {"identifier", "shorthand_property_identifier"}:
                self._name(node)
            elif node.kind == "type_identifier" and self._types.project.scopes(node.file).type(node) is not None:
                raise NotMovable(f"the transaction's body uses the type {node.text} of the unit")

    def _this(self, node: Node) -> None:
        parent = node.parent
        name = parent.field("property") if parent is not None and parent.kind == "member_expression" else None
        if parent is None or name is None:
            raise NotMovable("the transaction's body uses `this`")
        kind = self._types.of(parent)
        text = plain_type(kind) if isinstance(kind, Plain) else None
        called = parent.parent is not None and parent.parent.field("function") is parent
        if text is None or called or name.text.startswith("#"):
            raise NotMovable(f"the transaction's body uses {parent.text}, which is no plain value")
        self._captured.setdefault(name.text, Captured(name.text, text, (parent,)))
        self._edits.replace_node(parent, name.text)

    def _name(self, node: Node) -> None:
        scopes = self._types.project.scopes(node.file)
        declaration = scopes.value(node)
        if declaration is None:
            if node.text not in _GLOBALS:
                raise NotMovable(f"the transaction's body uses {node.text}, which the orchestrator does not have")
            return
        if self._function.holds(declaration.node):
            return
        parent = node.parent
        assigns = parent is not None and parent.kind in {"assignment_expression", "augmented_assignment_expression"}
        if parent is not None and assigns and parent.field("left") is node:
            raise NotMovable(f"the transaction's body assigns to {node.text}, which is outside of it")
        kind = self._types.of(node)
        text = plain_type(kind) if isinstance(kind, Plain) else None
        if text is None and declaration.kind in {"parameter", "variable"} and declaration.path == ():
            text = portable_type(declaration.owner.field("type"), self._types)
        if text is None and self._only_bound(node):
            text = "unknown"
        if text is None or declaration.kind in {"function", "class"}:
            raise NotMovable(f"the transaction's body uses {node.text}, whose type cannot be told to the orchestrator")
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
            raise NotMovable(
                f"the type of the transaction's parameter {pattern.text} cannot be told to the orchestrator"
            )
        return pattern.text, text

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


def _result_text(run: Run, index: int) -> str:
    """Return the expression of a statement's result among those of the batch."""
    result = f"results[at{index}]!"
    row = run.row_type or "Record<string, unknown>"
    if run.mode == "changes":
        return f"{{ changes: {result}.meta.changes, lastInsertRowid: {result}.meta.last_row_id }}"
    if run.mode == "rows-written":
        return f"{result}.meta.rows_written"
    if run.mode == "rows":
        return f"({result}.results as ({row})[])"
    if run.mode == "row-or-null":
        return f"(({result}.results[0] ?? null) as ({row}) | null)"
    if run.mode == "row-or-undefined":
        return f"({result}.results[0] as ({row}) | undefined)"
    return f"({result}.results[0] as {row})"
