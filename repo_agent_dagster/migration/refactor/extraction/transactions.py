"""Batches and transactions: each becomes one method, since neither can span calls."""

from collections.abc import Iterator

from repo_agent_dagster.migration.refactor.extraction.bodies import Body, BodyTrouble, read_body
from repo_agent_dagster.migration.refactor.extraction.chains import type_argument, unroll
from repo_agent_dagster.migration.refactor.extraction.operations import (
    BoundStatement,
    Captured,
    Obstacle,
    Operation,
    SchemaUse,
    TransactionBody,
)
from repo_agent_dagster.migration.refactor.extraction.statements import Result, bound_statement
from repo_agent_dagster.migration.refactor.extraction.texts import SqlText, sql_text
from repo_agent_dagster.migration.refactor.inference.kinds import Prepared
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.model import Api
from repo_agent_dagster.migration.refactor.sql.reading import statement_kind
from repo_agent_dagster.migration.refactor.sql.tokens import split_statements
from repo_agent_dagster.migration.refactor.syntax.scopes import parameters
from repo_agent_dagster.migration.refactor.syntax.tree import (
    CLASSES,
    Node,
    arguments,
    called_member,
    unwrapped,
    wrapping,
)

_VARIANTS = frozenset({"immediate", "deferred", "exclusive", "default"})


def of_batch(call: Node, handle: Node, types: Types) -> Result:
    """Return what D1's ``database.batch([…])`` becomes."""
    given = arguments(call)
    listed = unwrapped(given[0]) if given else None
    if listed is not None and listed.kind == "call_expression":
        return _mapped_batch(call, handle, listed, types)
    if listed is None or listed.kind != "array":
        return Obstacle(call, "the batch's statements are not listed in place")
    texts = [text for one in listed.parts if isinstance(text := _text_of(one, types), SqlText)]
    if len(texts) == len(listed.parts) and texts and all(statement_kind(text.sql) == "ddl" for text in texts):
        constants = tuple(constant for text in texts for constant in text.constants)
        sql = tuple(part for text in texts for part in split_statements(text.sql))
        return SchemaUse(call, sql, SqlText("", (), constants), "batch")
    statements: list[BoundStatement] = []
    for one in listed.parts:
        found = _prepared_statement(one, types)
        if isinstance(found, Obstacle):
            return Obstacle(call, found.reason, found.sql)
        statements.append(found)
    return Operation(call, handle, "d1", "batch", "d1-batch", tuple(statements), type_argument(call))


def _text_of(node: Node, types: Types) -> SqlText | None:
    kind = types.of(unwrapped(node))
    prepared = unroll(kind, types) if isinstance(kind, Prepared) else None
    text = sql_text(prepared.sql, types) if prepared is not None else None
    return text if isinstance(text, SqlText) else None


def _prepared_statement(node: Node, types: Types) -> BoundStatement | Obstacle:
    kind = types.of(unwrapped(node))
    prepared = unroll(kind, types) if isinstance(kind, Prepared) else None
    if prepared is None:
        return Obstacle(node, "a statement of the batch is not known in place")
    if any(value.function is not node.function for value in prepared.bound):
        return Obstacle(node, "a statement of the batch was bound elsewhere")
    return bound_statement(prepared.sql, prepared.bound, types, at=node)


def _mapped_batch(call: Node, handle: Node, listed: Node, types: Types) -> Result:
    """Return what ``database.batch(items.map((item) => statement.bind(…)))`` becomes: a method that takes rows."""
    called = called_member(listed)
    given = arguments(listed)
    made = given[0] if called is not None and called[1] == "map" and len(given) == 1 else None
    body = made.field("body") if made is not None and made.kind == "arrow_function" else None
    if called is None or made is None or body is None or body.kind == "statement_block":
        return Obstacle(call, "the batch's statements are not listed in place")
    found = _prepared_statement(body, types)
    if isinstance(found, Obstacle):
        return Obstacle(call, found.reason, found.sql)
    if not found.values:
        return Obstacle(call, "the batch's statements bind no values", found.text.sql)
    head = made.file.text[made.start : body.start]
    return Operation(
        call, handle, "d1", "batch", "d1-batch-each", (found,), type_argument(call), rows=(called[0], head)
    )


def of_transaction(call: Node, handle: Node, api: Api, types: Types) -> Iterator[Result]:
    """Yield what each run of a transaction function becomes."""
    given = arguments(call)
    function = unwrapped(given[0]) if given else None
    if function is None or function.kind not in {"arrow_function", "function_expression"}:
        yield Obstacle(call, "the transaction's function is not written in place")
        return
    runs = [call] if api == "durable-object" else _runs(call, types)
    if runs is None:
        yield Obstacle(call, "the transaction is handed on; it cannot be told who runs it")
        return
    body = read_body(function, types, call)
    if isinstance(body, BodyTrouble):
        yield Obstacle(call, body.reason)
        return
    for run in runs:
        yield _operation(call, run, handle, api, function, body)


def _operation(call: Node, run: Node, handle: Node, api: Api, function: Node, body: Body) -> Result:
    wanted = parameters(function)
    values = [] if run is call else arguments(run)
    if len(values) != len(wanted) or any(value.kind == "spread_element" for value in values):
        return Obstacle(run, f"the transaction takes {len(wanted)} values, and {len(values)} are given")
    own = tuple(Captured(name, type_, (value,)) for (name, type_), value in zip(body.parameters, values, strict=True))
    name = _name(call)
    made = TransactionBody(body.parts, (*own, *body.captured), name, body.returns, body.kept, body.after)
    return Operation(run, handle, api, "transaction", "transaction", body.statements, None, None, made)


def _runs(call: Node, types: Types) -> list[Node] | None:
    """Return the calls that run what ``database.transaction(…)`` gives, or None where it is handed on."""
    outer = wrapping(call)
    run = _run_of(outer)
    if run is not None:
        return [run]
    parent = outer.parent
    references: list[Node] = []
    if parent is not None and parent.kind == "variable_declarator":
        name = parent.field("name")
        declaration = types.project.scopes(call.file).value(name) if name is not None else None
        if declaration is None or declaration.path != ():
            return None
        statement = parent.parent
        if statement is None or (statement.parent is not None and statement.parent.kind == "export_statement"):
            return None
        references = types.project.scopes(call.file).references(declaration)
    elif parent is not None and parent.kind in {"public_field_definition", "field_definition", "assignment_expression"}:
        target = parent.field("left") if parent.kind == "assignment_expression" else None
        name = target.field("property") if target is not None else parent.field("name") or parent.field("property")
        owner = parent.enclosing(CLASSES)
        if name is None or owner is None:
            return None
        references = [
            one
            for one in owner.walk()
            if one.kind == "member_expression"
            and one is not target
            and (prop := one.field("property")) is not None
            and prop.text == name.text
            and (holder := one.field("object")) is not None
            and holder.kind == "this"
        ]
    else:
        return None
    runs = [_run_of(one) for one in references]
    return None if any(one is None for one in runs) else [one for one in runs if one is not None]


def _run_of(node: Node) -> Node | None:
    parent = node.parent
    if parent is not None and parent.kind == "call_expression" and parent.field("function") is node:
        return parent
    if parent is not None and parent.kind == "member_expression" and parent.parent is not None:
        called = called_member(parent.parent)
        if called is not None and called[0] is node and called[1] in _VARIANTS:
            return parent.parent
    return None


def _name(call: Node) -> str:
    """Return what the code calls the transaction: the constant or field that keeps it, or the function around it."""
    parent = wrapping(call).parent
    if parent is not None and parent.kind == "variable_declarator" and (name := parent.field("name")) is not None:
        return name.text
    if parent is not None and parent.kind == "assignment_expression" and (left := parent.field("left")) is not None:
        return (left.field("property") or left).text.lstrip("#_")
    if parent is not None and parent.kind in {"public_field_definition", "field_definition"}:
        field = parent.field("name") or parent.field("property")
        return field.text.lstrip("#_") if field is not None else "transaction"
    for one in call.ancestors():
        named = (
            one.field("name")
            if one.kind in {"method_definition", "function_declaration", "variable_declarator"}
            else None
        )
        if named is not None and named.text != "constructor":
            return named.text.lstrip("#_")
    return "transaction"
