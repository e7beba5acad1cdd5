"""The entrypoint methods that a unit's operations ask for: named, typed, and each only once."""

from dataclasses import dataclass, field

from repo_agent_dagster.migration.refactor.extraction.operations import Mode, Operation, TransactionBody, Value
from repo_agent_dagster.migration.refactor.generation.names import method_name, one_of, parameter_name, pascal
from repo_agent_dagster.migration.refactor.generation.values import (
    any_value,
    column_type,
    property_key,
    type_of_names,
    value_names,
)
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.model import Api, CallSite
from repo_agent_dagster.migration.refactor.sql.reading import StatementFacts, read_statement
from repo_agent_dagster.migration.refactor.sql.schema import Schema
from repo_agent_dagster.migration.refactor.syntax.edits import Piece
from repo_agent_dagster.migration.refactor.syntax.tree import Node

_GENERIC: dict[Mode, str] = {
    "d1-all": "D1Result<Row>",
    "d1-first": "Row | null",
    "d1-run": "D1Result<Row>",
    "d1-batch": "D1Result<Row>[]",
    "d1-batch-each": "D1Result<Row>[]",
    "rows": "Row[]",
    "row-or-null": "Row | null",
    "row-or-undefined": "Row | undefined",
    "one-row": "Row",
    "d1-raw": "Row[]",
    "values": "Row[]",
    "first-values": "Row | undefined",
}
_VALUES: dict[Mode, str] = {
    "d1-column": "Value | null",
    "plucked": "Value[]",
    "plucked-one": "Value | undefined",
}
_FIXED: dict[Mode, str] = {
    "d1-exec": "D1ExecResult",
    "changes": "Changes",
    "rows-written": "number",
    "nothing": "void",
    "transaction": "void",
}
_ARRAYS = frozenset({"d1-raw", "values", "first-values"})


@dataclass
class MethodPlan:
    """One method. `names` of a parameter are the primitive types that its callers give, over all of them."""

    name: str
    mode: Mode
    api: Api
    operation: Operation
    facts: tuple[StatementFacts, ...]
    parameters: list[str] = field(default_factory=list)
    names: list[frozenset[str]] = field(default_factory=list)
    row: str = "unknown"
    generic: str | None = None
    sites: list[CallSite] = field(default_factory=list)
    bindings: tuple[tuple[int, ...], ...] = ()
    """For each statement, which parameters its values are, in order."""

    @property
    def returns(self) -> str:
        """What the method resolves to, as a TypeScript type."""
        if self.operation.body is not None:
            return self.operation.body.returns or "void"
        return _GENERIC.get(self.mode) or _VALUES.get(self.mode) or _FIXED[self.mode]

    def typed_parameters(self) -> list[tuple[str, str]]:
        """Return the parameters with their TypeScript types."""
        if self.operation.body is not None:
            return [(captured.name, captured.type) for captured in self.operation.body.captured]
        pairs = [(name, type_of_names(names)) for name, names in zip(self.parameters, self.names, strict=True)]
        if self.mode == "d1-batch-each":
            return [("rows", f"readonly (readonly [{', '.join(f'{name}: {text}' for name, text in pairs)}])[]")]
        return pairs


@dataclass
class Methods:
    """The methods of one unit, in the order of their first call, and the row types that they share."""

    types: Types
    schema: Schema
    plans: list[MethodPlan] = field(default_factory=list)
    rows: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    _by_key: dict[object, MethodPlan] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def facts(self, operation: Operation) -> tuple[StatementFacts, ...]:
        """Return what the operation's statements are about."""
        return tuple(read_statement(statement.text.sql, self.schema) for statement in operation.statements)

    def add(self, operation: Operation) -> tuple[MethodPlan, tuple[Value, ...]]:
        """Return the method for an operation and the values of its parameters; equal operations share one."""
        facts = self.facts(operation)
        if operation.body is not None:
            return self._transaction(operation, operation.body, facts)
        slots, bindings = _merged(operation)
        key = (
            operation.mode,
            operation.api,
            operation.column,
            tuple(" ".join(one.text.sql.split()) for one in operation.statements),
            bindings,
        )
        plan = self._by_key.get(key)
        if plan is None:
            plan = MethodPlan(
                method_name(operation, facts, self._taken), operation.mode, operation.api, operation, facts
            )
            plan.bindings = bindings
            for statement, index, value in slots:
                name = parameter_name(facts[statement].values[index].name, _text(value), plan.parameters)
                plan.parameters.append(name)
                plan.names.append(frozenset())
            self._describe_rows(plan)
            self._register(key, plan)
        for position, (statement, index, value) in enumerate(slots):
            names = value_names(facts[statement].values[index], value, operation.api, self.types)
            plan.names[position] |= names
        plan.sites.append(operation.node.site)
        if operation.rows is not None:
            return plan, (_rows_value(operation, *operation.rows),)
        return plan, tuple(value for _, _, value in slots)

    def _register(self, key: object, plan: MethodPlan) -> None:
        self._by_key[key] = plan
        self._taken.add(plan.name)
        self.plans.append(plan)

    def _transaction(
        self, operation: Operation, body: TransactionBody, facts: tuple[StatementFacts, ...]
    ) -> tuple[MethodPlan, tuple[Value, ...]]:
        types = tuple((captured.name, captured.type) for captured in body.captured)
        key = (body.parts, types, tuple((one.text.sql, one.values) for one in operation.statements))
        plan = self._by_key.get(key)
        if plan is None:
            plan = MethodPlan(
                method_name(operation, facts, self._taken), "transaction", operation.api, operation, facts
            )
            self._register(key, plan)
        plan.sites.append(operation.node.site)
        return plan, tuple(captured.value for captured in body.captured)

    def _describe_rows(self, plan: MethodPlan) -> None:
        if plan.mode in _VALUES:
            plan.generic, plan.row = "Value", self._column(plan)
        elif plan.mode in _ARRAYS:
            plan.generic, plan.row = "Row", "unknown[]" if plan.api == "d1" else f"({any_value(plan.api)})[]"
        elif plan.mode in _GENERIC:
            plan.generic = "Row"
            plan.row = "unknown" if len(plan.facts) > 1 else self._row(plan)

    def _column(self, plan: MethodPlan) -> str:
        columns = plan.facts[0].columns or ()
        wanted = [one for one in columns if plan.operation.column in {None, one.name}]
        return column_type(wanted[0], plan.api) if wanted else any_value(plan.api)

    def _row(self, plan: MethodPlan) -> str:
        fact = plan.facts[0]
        if fact.columns == ():
            return "Record<string, unknown>" if plan.api == "d1" else "Record<string, never>"
        if fact.columns is None:
            return f"Record<string, {any_value(plan.api)}>"
        shape = tuple((property_key(one.name), column_type(one, plan.api)) for one in fact.columns)
        table = self.schema.table(fact.tables[0]) if fact.tables else None
        whole = table is not None and [one.name for one in fact.columns] == [one.name for one in table.columns.values()]
        name = f"{one_of(fact.tables[0])}Row" if whole and len(fact.tables) == 1 else f"{pascal(plan.name)}Row"
        known = next((known for known, one in self.rows.items() if one == shape), None)
        if known is not None:
            return known
        free, number = name, 2
        while free in self.rows:
            free, number = f"{name}{number}", number + 1
        self.rows[free] = shape
        return free


def _merged(operation: Operation) -> tuple[list[tuple[int, int, Value]], tuple[tuple[int, ...], ...]]:
    """Return each distinct value of an operation once, and which of them each statement binds."""
    slots: list[tuple[int, int, Value]] = []
    bindings: list[tuple[int, ...]] = []
    for number, statement in enumerate(operation.statements):
        row: list[int] = []
        for index, value in enumerate(statement.values):
            text = _text(value)
            same = next(
                (
                    at
                    for at, (_, _, other) in enumerate(slots)
                    if len(operation.statements) > 1 and _is_name(text) and _text(other) == text
                ),
                None,
            )
            row.append(len(slots) if same is None else same)
            if same is None:
                slots.append((number, index, value))
        bindings.append(tuple(row))
    return slots, tuple(bindings)


def _is_name(text: str) -> bool:
    """Whether an expression is a name or a property: reading it twice gives the same."""
    return all(part.isidentifier() for part in text.replace("?.", ".").split("."))


def _text(value: Value) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in value)


def _rows_value(operation: Operation, listed: Node, head: str) -> Value:
    pieces: list[Piece] = [listed, ".map(", head, "["]
    for index, value in enumerate(operation.statements[0].values):
        pieces += ([", "] if index else []) + list(value)
    return (*pieces, "])")
