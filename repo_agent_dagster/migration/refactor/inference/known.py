"""What is known of names that the unit does not declare: database modules, Workers' types, JavaScript's own."""

import re

from repo_agent_dagster.migration.refactor.inference.kinds import (
    DatabaseClass,
    DatabaseModule,
    Foreign,
    Handle,
    Kind,
    ModuleEnv,
    ObjectState,
    ObjectStorage,
    Prepared,
    plain,
)
from repo_agent_dagster.migration.refactor.model import Api

DATABASE_MODULES: dict[str, Api] = {
    "bun:sqlite": "bun:sqlite",
    "better-sqlite3": "better-sqlite3",
    "node:sqlite": "node:sqlite",
    "sqlite": "node:sqlite",
}
_CLASSES: dict[str, frozenset[str]] = {
    "bun:sqlite": frozenset({"Database", "default"}),
    "better-sqlite3": frozenset({"default"}),
    "node:sqlite": frozenset({"DatabaseSync"}),
}
_STATEMENTS = frozenset({"Statement", "StatementSync"})
WORKERS_MODULE = "cloudflare:workers"
HINT = re.compile(
    rb"bun:sqlite|better-sqlite3|node:sqlite|D1Database|SqlStorage|storage\s*\.\s*sql|transactionSync|"
    rb"\.\s*prepare\s*\(|\bd1_databases\b"
)
"""What a unit with a database has in one of its files at least; a look at the text is cheaper than a tree."""

GLOBAL_TYPES: dict[str, Kind] = {
    "D1Database": Handle("d1"),
    "D1DatabaseSession": Handle("d1"),
    "D1PreparedStatement": Prepared("d1", None),
    "SqlStorage": Handle("durable-object"),
    "DurableObjectStorage": ObjectStorage(),
    "DurableObjectState": ObjectState(),
    "Uint8Array": plain("bytes"),
    "Buffer": plain("bytes"),
    "ArrayBuffer": plain("bytes"),
}
PREDEFINED: dict[str, Kind] = {
    "string": plain("string"),
    "number": plain("number"),
    "boolean": plain("boolean"),
    "bigint": plain("bigint"),
    "any": plain("any"),
    "null": plain("null"),
    "undefined": plain("undefined"),
    "true": plain("boolean"),
    "false": plain("boolean"),
}
"""TypeScript's own types; `unknown`, `object`, `symbol` and `never` are none that SQL takes."""

GLOBAL_CALLS: dict[str, Kind] = {
    "Number": plain("number"),
    "String": plain("string"),
    "Boolean": plain("boolean"),
    "BigInt": plain("bigint"),
    "parseInt": plain("number"),
    "parseFloat": plain("number"),
    "Date.now": plain("number"),
    "JSON.stringify": plain("string"),
    "JSON.parse": plain("any"),
    "crypto.randomUUID": plain("string"),
    "randomUUID": plain("string"),
    "performance.now": plain("number"),
}
METHOD_CALLS: dict[str, Kind] = {
    **dict.fromkeys(
        (
            "toISOString", "toString", "toJSON", "trim", "trimStart", "trimEnd", "toLowerCase", "toUpperCase",
            "padStart", "padEnd", "replaceAll", "toFixed", "repeat", "normalize", "join",
        ),
        plain("string"),
    ),
    **dict.fromkeys(("getTime", "getFullYear", "charCodeAt"), plain("number")),
}  # fmt: skip
"""Methods that give one kind of value on everything that JavaScript has them on."""


TEXTS_BY_NAME = frozenset({"URLSearchParams", "Headers"})
"""Classes whose `get` gives a text or null."""
PROPERTIES: dict[tuple[str, str], Kind] = {
    ("URL", "searchParams"): Foreign("URLSearchParams"),
    ("Request", "headers"): Foreign("Headers"),
    **{("URL", name): plain("string") for name in ("pathname", "search", "hash", "host", "hostname", "href", "origin")},
    **{("Request", name): plain("string") for name in ("url", "method")},
}
"""Properties of the platform's classes that values for SQL are often taken from."""


def imported_value(module: str, name: str) -> Kind | None:
    """Return what a name imported from a module outside the unit is."""
    api = DATABASE_MODULES.get(module)
    if api is not None:
        if name in _CLASSES[api]:
            return DatabaseClass(api)
        return DatabaseModule(api) if name in {"*", "default"} else None
    return ModuleEnv() if module == WORKERS_MODULE and name == "env" else None


def imported_type(module: str, name: str) -> Kind | None:
    """Return what a type imported from a module outside the unit is."""
    api = DATABASE_MODULES.get(module)
    if api is not None:
        if name in _CLASSES[api] or (api == "better-sqlite3" and name == "Database"):
            return Handle(api)
        return Prepared(api, None) if name in _STATEMENTS else None
    return GLOBAL_TYPES.get(name)


def member_of_module(api: Api, name: str) -> Kind | None:
    """Return what ``sqlite.Name`` is as a value."""
    return DatabaseClass(api) if name in _CLASSES[api] or name == "Database" else None


def nested_type(api: Api, name: str) -> Kind | None:
    """Return what ``Database.Name`` is as a type."""
    if name in _STATEMENTS:
        return Prepared(api, None)
    return Handle(api) if name in {"Database", "DatabaseSync"} else None
