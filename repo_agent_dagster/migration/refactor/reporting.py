"""The records of a refactoring: each statement with its call site and what became of it, each method."""

from collections.abc import Iterator, Mapping

from repo_agent_dagster.migration.refactor.extraction.operations import Operation, Uses
from repo_agent_dagster.migration.refactor.generation.methods import MethodPlan, Methods
from repo_agent_dagster.migration.refactor.model import Api, Method, Outcome, Parameter, Statement
from repo_agent_dagster.migration.refactor.sql.reading import read_statement, statement_kind
from repo_agent_dagster.migration.refactor.sql.schema import schema_statement
from repo_agent_dagster.migration.refactor.sql.tokens import split_statements
from repo_agent_dagster.migration.refactor.syntax.tree import Node, wrapping


def method_records(methods: Methods) -> tuple[Method, ...]:
    """Return the methods in the order of their first call."""
    return tuple(
        Method(
            plan.name,
            tuple(Parameter(name, text) for name, text in plan.typed_parameters()),
            _returns(plan),
            tuple(statement.text.sql for statement in plan.operation.statements),
            tuple(plan.sites),
        )
        for plan in methods.plans
    )


def _returns(plan: MethodPlan) -> str:
    if plan.generic is None:
        return plan.returns
    return plan.returns.replace(plan.generic, plan.row)


def statement_records(
    all_uses: Mapping[str, Uses], methods: Methods, names: Mapping[int, str], moved: set[str]
) -> tuple[Statement, ...]:
    """Return every statement of the unit by file and place, also those that were left."""
    found = [
        one for path in sorted(all_uses) for one in _of_file(all_uses[path], methods, names, left=path not in moved)
    ]
    return tuple(sorted(found, key=lambda one: (one.site.file, one.site.line, one.site.column)))


def _of_file(uses: Uses, methods: Methods, names: Mapping[int, str], *, left: bool) -> Iterator[Statement]:
    apis: list[Api] = [operation.api for operation in uses.operations]
    api: Api = apis[0] if apis else "d1"
    for operation in uses.operations:
        yield from _of_operation(operation, methods, names.get(id(operation)))
    for schema in uses.schema:
        for sql in schema.sql:
            change = schema_statement(sql)
            kind = statement_kind(sql)
            table = (change.table,) if change is not None and change.table else ()
            outcome: Outcome = "manual" if left else "dropped" if kind == "pragma" else "migration"
            yield Statement(schema.node.site, api, schema.call, sql, kind, table, (), (), (), "nothing", outcome)
    for dropped in uses.dropped:
        if dropped.sql is not None:
            outcome = "manual" if left else "dropped"
            yield Statement(
                dropped.node.site, api, dropped.call, dropped.sql, "pragma", (), (), (), (), "nothing", outcome
            )
    for obstacle in uses.obstacles:
        for sql in split_statements(obstacle.sql or ""):
            fact = read_statement(sql, methods.schema)
            yield Statement(
                obstacle.node.site,
                api,
                "",
                sql,
                fact.kind,
                fact.tables,
                (),
                (),
                (),
                result_use(obstacle.node),
                "manual",
            )


def _of_operation(operation: Operation, methods: Methods, name: str | None) -> Iterator[Statement]:
    for statement, fact in zip(operation.statements, methods.facts(operation), strict=True):
        yield Statement(
            operation.node.site,
            operation.api,
            operation.call,
            statement.text.sql,
            fact.kind,
            fact.tables,
            tuple(value.name or "" for value in fact.values),
            tuple(column.name for column in fact.columns or ()),
            tuple("".join(one if isinstance(one, str) else one.text for one in value) for value in statement.values),
            result_use(operation.node),
            "manual" if name is None else "method",
            name,
        )


def result_use(node: Node) -> str:
    """Return what the code does with the result of an expression, in a few words."""
    outer = wrapping(node)
    parent = outer.parent
    if parent is not None and parent.kind == "await_expression":
        outer = wrapping(parent)
        parent = outer.parent
    if parent is None or parent.kind == "expression_statement":
        return "nothing"
    if parent.kind == "return_statement" or (parent.kind == "arrow_function" and parent.field("body") is outer):
        return "returned"
    if parent.kind == "variable_declarator" and (name := parent.field("name")) is not None:
        return f"kept as {' '.join(name.text.split())}"
    if parent.kind == "member_expression" and (prop := parent.field("property")) is not None:
        return f"read for .{prop.text}"
    if parent.kind == "for_in_statement":
        return "looped over"
    return "used in an expression"
