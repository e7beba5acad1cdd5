"""What a Durable Object's code does with the rows of `sql.exec`: all at once, one, in a loop, or nothing."""

from collections.abc import Iterator
from dataclasses import replace

from repo_agent_dagster.migration.refactor.extraction.operations import Mode, Obstacle, Operation
from repo_agent_dagster.migration.refactor.extraction.statements import Result, of_exec
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.syntax.tree import Node, called_member, wrapping


def of_cursor(cursor: Node, types: Types) -> Iterator[tuple[Result, dict[Node, Node]]]:
    """Yield what a call of `sql.exec` becomes, with later uses of its rows and the nodes that take their places."""
    called = called_member(cursor)
    if called is None:
        return
    handle, _ = called
    whole, mode = use_of(wrapping(cursor), types)
    uses: dict[Node, Node] = {}
    if mode is None and (name := _kept(wrapping(cursor))) is not None:
        mode, uses = _later_uses(name, types)
    found = of_exec(cursor, handle, "exec", "durable-object", types, mode or "nothing")
    if mode is None and isinstance(found, Operation):
        yield Obstacle(cursor, "its rows are handed on as a cursor", found.statements[0].text.sql), {}
    elif isinstance(found, Operation):
        yield replace(found, node=whole if not uses else cursor, call=_call_name(cursor, whole)), uses
    else:
        yield found, {}


def _call_name(cursor: Node, whole: Node) -> str:
    called = called_member(whole)
    return "exec" if whole is cursor or called is None else called[1]


def use_of(rows: Node, types: Types) -> tuple[Node, Mode | None]:
    """Return the expression that a method call replaces, and what it gives."""
    parent = rows.parent
    if parent is None:
        return rows, None
    if parent.kind == "expression_statement":
        return rows, "nothing"
    if parent.kind == "await_expression" and parent.parent is not None and parent.parent.kind == "expression_statement":
        return rows, "nothing"
    if _is_iterated(rows):
        return rows, "rows"
    if parent.kind == "member_expression" and (prop := parent.field("property")) and prop.text == "rowsWritten":
        return parent, "rows-written"
    if parent.kind == "member_expression" and parent.parent is not None and parent.parent.kind == "call_expression":
        name, call = parent.field("property"), parent.parent
        if name is None or call.field("function") is not parent:
            return rows, None
        if name.text == "toArray":
            return call, "rows"
        if name.text == "one":
            return call, "one-row"
        if name.text == "raw":
            raw, inner = use_of(wrapping(call), types)
            return (raw, "values") if inner == "rows" else (rows, None)
    return rows, None


def _is_iterated(rows: Node) -> bool:
    parent = rows.parent
    if parent is None:
        return False
    if parent.kind == "for_in_statement":
        return parent.field("right") is rows
    if parent.kind == "spread_element":
        return parent.parent is not None and parent.parent.kind == "array"
    called = called_member(parent.parent) if parent.kind == "arguments" and parent.parent is not None else None
    return called is not None and called[0].text == "Array" and called[1] == "from"


def _kept(rows: Node) -> Node | None:
    """Return the name of the constant that keeps the rows."""
    parent = rows.parent
    name = parent.field("name") if parent is not None and parent.kind == "variable_declarator" else None
    constant = parent is not None and parent.parent is not None and parent.parent.child("const") is not None
    return name if name is not None and name.kind == "identifier" and constant else None


def _later_uses(name: Node, types: Types) -> tuple[Mode | None, dict[Node, Node]]:
    """Return what all later uses of kept rows ask for, and what each use becomes; None where they disagree."""
    scopes = types.project.scopes(name.file)
    declaration = scopes.value(name)
    references = scopes.references(declaration) if declaration is not None else []
    modes: set[Mode | None] = set()
    uses: dict[Node, Node] = {}
    for reference in references:
        whole, mode = use_of(wrapping(reference), types)
        modes.add(mode)
        if whole is not wrapping(reference):
            uses[whole] = reference
    if len(modes) != 1 or modes == {"nothing"}:
        return None, {}
    (mode,) = modes
    if mode in {"values", "one-row", "rows-written"} and len(references) > 1:
        return None, {}
    return mode, uses or ({references[0]: references[0]} if references else {})
