"""How each database interface is called: which methods bind, which run, and what they give."""

from dataclasses import dataclass

from repo_agent_dagster.migration.refactor.extraction.operations import Mode, Value
from repo_agent_dagster.migration.refactor.inference.kinds import Prepared
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.model import Api
from repo_agent_dagster.migration.refactor.sql.tokens import Slot, slots
from repo_agent_dagster.migration.refactor.syntax.tree import Node, arguments, called_member, unwrapped

TERMINALS: dict[Api, dict[str, Mode]] = {
    "d1": {"all": "d1-all", "first": "d1-first", "run": "d1-run", "raw": "d1-raw"},
    "bun:sqlite": {
        "all": "rows", "get": "row-or-null", "run": "changes", "values": "values", "iterate": "rows",
    },
    "better-sqlite3": {"all": "rows", "get": "row-or-undefined", "run": "changes", "iterate": "rows"},
    "node:sqlite": {"all": "rows", "get": "row-or-undefined", "run": "changes", "iterate": "rows"},
    "durable-object": {},
}  # fmt: skip
_RAW: dict[str, Mode] = {"all": "values", "get": "first-values", "iterate": "values"}
_PLUCKED: dict[str, Mode] = {"all": "plucked", "get": "plucked-one", "iterate": "plucked"}
FINISHERS = frozenset({"finalize", "close", "dispose"})


@dataclass(frozen=True)
class Preparation:
    """A prepared statement unrolled: the database, the SQL's expression, the values bound so far, its modifiers."""

    handle: Node
    sql: Node
    bound: tuple[Node, ...]
    is_bound: bool
    modifiers: frozenset[str]
    row_type: str | None
    call: Node


def unroll(kind: Prepared, types: Types) -> Preparation | None:
    """Return what a prepared statement was made of, from the last call back to the database."""
    bound: tuple[Node, ...] = ()
    is_bound = False
    modifiers: set[str] = set()
    call = kind.call
    for _ in range(12):
        called = called_member(call) if call is not None else None
        if call is None or called is None:
            return None
        owner, name = called
        if name == "bind":
            bound, is_bound = tuple(arguments(call)), True
        elif name in {"prepare", "query"}:
            given = arguments(call)
            if not given:
                return None
            return Preparation(owner, given[0], bound, is_bound, frozenset(modifiers), _row_type(call, kind.api), call)
        else:
            modifiers.add(name)
        inner = types.of(unwrapped(owner))
        if not isinstance(inner, Prepared):
            return None
        call = inner.call
    return None


def type_argument(call: Node) -> str | None:
    """Return the first type argument of a call, as it is written."""
    given = call.child("type_arguments")
    return given.parts[0].text if given is not None and given.parts else None


def _row_type(call: Node, api: Api) -> str | None:
    """Return the type that a preparation gives its rows: better-sqlite3 takes the values' type first."""
    given = call.child("type_arguments")
    parts = given.parts if given is not None else []
    index = 1 if api == "better-sqlite3" else 0
    return parts[index].text if index < len(parts) else None


def terminal_mode(api: Api, name: str, modifiers: frozenset[str]) -> Mode | str:
    """Return what a run of a statement gives, or a text that says why it cannot be moved."""
    mode = TERMINALS[api].get(name)
    if mode is None:
        return f".{name}() has no counterpart"
    for modifier in sorted(modifiers):
        if modifier == "pluck" and name in _PLUCKED:
            mode = _PLUCKED[name]
        elif modifier == "raw" and name in _RAW:
            mode = _RAW[name]
        else:
            return f".{modifier}() has no counterpart"
    return mode


def bind_values(
    sql_slots: tuple[Slot, ...], given: tuple[Node, ...], interpolated: dict[str, Value], types: Types
) -> tuple[tuple[Value, ...], tuple[Node | None, ...]] | str:
    """Return the expression of each of a statement's values in order, or a text that says what is in the way."""
    given = _spread_out(given)
    if any(node.kind == "spread_element" for node in given):
        return "the values are spread from a list whose length is not known"
    named = [slot for slot in sql_slots if isinstance(slot.key, str) and slot.name not in interpolated]
    numbered = [slot for slot in sql_slots if isinstance(slot.key, int)]
    values: list[Value] = []
    nodes: list[Node | None] = []
    by_name: dict[str, tuple[Value, Node]] = {}
    positional = list(given)
    if named:
        first = unwrapped(given[0]) if given else None
        if first is None or first.kind != "object":
            return "the named values are not given as an object in place"
        found = _object_values(first)
        if found is None:
            return "the named values are not given as plain properties"
        by_name, positional = found, list(given[1:])
    if len(positional) != len(numbered):
        return f"the SQL takes {len(numbered)} values, and {len(positional)} are bound"
    places = {slot.key: node for slot, node in zip(numbered, positional, strict=True)}
    for slot in sql_slots:
        if slot.name is not None and slot.name in interpolated:
            value = interpolated[slot.name]
            values.append(value)
            nodes.append(value[0] if len(value) == 1 and isinstance(value[0], Node) else None)
        elif isinstance(slot.key, int):
            values.append((places[slot.key],))
            nodes.append(places[slot.key])
        else:
            pair = by_name.get(slot.name or "")
            if pair is None:
                return f"the value {slot.key} is not among those given"
            values.append(pair[0])
            nodes.append(pair[1])
    return tuple(values), tuple(nodes)


def _spread_out(given: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the values of ``run([a, b])`` and ``run(...[a, b])`` as if they were given one by one."""
    if len(given) == 1:
        only = unwrapped(given[0])
        if only.kind == "spread_element" and only.parts and unwrapped(only.parts[0]).kind == "array":
            only = unwrapped(only.parts[0])
        if only.kind == "array":
            return tuple(only.parts)
    return given


def _object_values(node: Node) -> dict[str, tuple[Value, Node]] | None:
    found: dict[str, tuple[Value, Node]] = {}
    for part in node.parts:
        if part.kind == "shorthand_property_identifier":
            found[part.text.lstrip("$")] = ((part,), part)
        elif part.kind == "pair":
            key, value = part.field("key"), part.field("value")
            if key is None or value is None or key.kind == "computed_property_name":
                return None
            found[key.text.strip("'\"").lstrip("$:@")] = ((value,), value)
        else:
            return None
    return found


def slots_of(sql: str) -> tuple[Slot, ...]:
    """Return a statement's values in the order in which an entrypoint method binds them."""
    return slots(sql)
