"""TypeScript types of the values that a method takes and of the rows that it gives."""

from repo_agent_dagster.migration.refactor.inference.kinds import Plain
from repo_agent_dagster.migration.refactor.inference.types import Types
from repo_agent_dagster.migration.refactor.model import Api
from repo_agent_dagster.migration.refactor.sql.results import ResultColumn
from repo_agent_dagster.migration.refactor.sql.schema import Storage
from repo_agent_dagster.migration.refactor.sql.values import BoundValue
from repo_agent_dagster.migration.refactor.syntax.edits import Piece
from repo_agent_dagster.migration.refactor.syntax.tree import Node

_ORDER = ("string", "number", "bigint", "boolean", "bytes", "null", "undefined", "unknown")
_STORED: dict[Storage, frozenset[str]] = {
    "number": frozenset({"number"}),
    "string": frozenset({"string"}),
    "blob": frozenset({"bytes"}),
    "number-or-string": frozenset({"number", "string"}),
    "any": frozenset(),
}
_ACCEPTED: dict[Api, frozenset[str]] = {
    "d1": frozenset({"unknown"}),
    "better-sqlite3": frozenset({"unknown"}),
    "durable-object": frozenset({"unknown"}),
    "bun:sqlite": frozenset({"string", "number", "bigint", "boolean", "bytes", "null"}),
    "node:sqlite": frozenset({"string", "number", "bigint", "bytes", "null"}),
}
"""What each interface takes for a value: an expression of an unknown type is one of these, for it type-checked."""
_BLOBS: dict[Api, str] = {
    "d1": "number[]",
    "better-sqlite3": "Uint8Array",
    "durable-object": "ArrayBuffer",
    "bun:sqlite": "Uint8Array",
    "node:sqlite": "Uint8Array",
}
"""What each interface gives for a BLOB; D1 gives a list of its bytes."""


def value_names(value: BoundValue, expression: tuple[Piece, ...], api: Api, types: Types) -> frozenset[str]:
    """Return the primitive types that a value may have: those of its column, and those of the expression given."""
    stored = _STORED[value.storage] | ({"null"} if value.nullable and value.storage != "any" else set())
    kind = types.of(expression[0]) if len(expression) == 1 and isinstance(expression[0], Node) else None
    if len(expression) > 1:
        kind = Plain(frozenset({"string"}))  # a template
    given = kind.names if isinstance(kind, Plain) else None
    if given is not None and "any" in given:
        return frozenset(stored) or _ACCEPTED[api]
    if given is None:
        return frozenset(stored | _ACCEPTED[api])
    return frozenset(stored | given)


def type_of_names(names: frozenset[str]) -> str:
    """Return the TypeScript type of a set of primitive types."""
    if "unknown" in names or not names:
        return "unknown"
    texts = {"bytes": "Uint8Array | ArrayBuffer"}
    return " | ".join(texts.get(name, name) for name in _ORDER if name in names)


def column_type(column: ResultColumn, api: Api) -> str:
    """Return the TypeScript type of a result's column."""
    texts: dict[Storage, str] = {
        "number": "number",
        "string": "string",
        "blob": _BLOBS[api],
        "number-or-string": "number | string",
        "any": f"string | number | {_BLOBS[api]}",
    }
    return texts[column.storage] + (" | null" if column.nullable or column.storage == "any" else "")


def any_value(api: Api) -> str:
    """Return the TypeScript type of a column of which nothing is known."""
    return f"string | number | {_BLOBS[api]} | null"


def property_key(name: str) -> str:
    """Return a column's name as a property of a TypeScript type."""
    plain = name.replace("_", "a").replace("$", "a").isalnum() and not name[0].isdigit() and name.isascii()
    return name if plain else "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
