"""Where TypeScript and JavaScript keep data: SQLite, D1, KV, R2, Durable Objects, other databases, SQL statements."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.migration.inventory.facts import BindingCall
from repo_agent_dagster.migration.inventory.model import StorageUse
from repo_agent_dagster.migration.inventory.sql_text import is_statement, told

if TYPE_CHECKING:
    from ast_grep_py import SgNode

BINDING_TYPES = {
    "D1Database": "d1",
    "KVNamespace": "kv",
    "R2Bucket": "r2",
    "DurableObjectNamespace": "durable-object",
    "Hyperdrive": "postgres",
}
"""The types that Cloudflare gives to bindings, and what they are."""

DRIVERS = {
    "bun:sqlite": "sqlite", "node:sqlite": "sqlite", "better-sqlite3": "sqlite", "sqlite3": "sqlite",
    "sqlite": "sqlite", "@libsql/client": "sqlite", "libsql": "sqlite", "sql.js": "sqlite",
    "pg": "postgres", "postgres": "postgres", "@neondatabase/serverless": "postgres", "mysql": "mysql",
    "mysql2": "mysql", "mongodb": "mongodb", "mongoose": "mongodb", "redis": "redis", "ioredis": "redis",
    "drizzle-orm": "orm", "kysely": "orm", "@prisma/client": "orm", "knex": "orm", "typeorm": "orm", "sequelize": "orm",
}  # fmt: skip
"""Packages that keep data, and what they are."""

_TYPES = re.compile("|".join(BINDING_TYPES))
_SQL_METHODS = frozenset({"prepare", "exec", "query", "run", "all", "get", "execute", "queryAll", "unsafe", "raw"})
_SPACE_METHODS = frozenset({"get", "put", "delete", "list", "head", "getWithMetadata", "createMultipartUpload"})
_OBJECT_METHODS = frozenset({"idFromName", "idFromString", "newUniqueId", "getByName"})
_STATE_METHODS = frozenset(
    {
        "get",
        "put",
        "delete",
        "deleteAll",
        "list",
        "transaction",
        "transactionSync",
        "getAlarm",
        "setAlarm",
        "deleteAlarm",
    }
)
_D1_METHODS = frozenset({"prepare", "batch", "exec", "dump", "withSession"})
_METHODS = _SQL_METHODS | _SPACE_METHODS | _OBJECT_METHODS | _STATE_METHODS | _D1_METHODS
_CALLEE = rf"(?s)^sql$|\.\s*(?:{'|'.join(sorted(_METHODS))})$"
_MAY_STORE = re.compile(
    r"\benv\b|\bstorage\b|\bsql\b|\.\s*(?:prepare|exec|query|execute|unsafe|raw)\b"
    r"|(?i:\b(?:SELECT|PRAGMA|INSERT\s+INTO|DELETE\s+FROM|CREATE\s+(?:TABLE|INDEX)|UPDATE\s+\w+\s+SET)\b)"
)
_STRINGS = frozenset({"string", "template_string"})


@dataclass(frozen=True)
class Stores:
    """What a file does with stores; `bindings` are the bindings that its types declare, with their kind."""

    uses: tuple[StorageUse, ...] = ()
    bindings: tuple[tuple[str, str], ...] = ()
    calls: tuple[BindingCall, ...] = ()


def stores_in(root: "SgNode", text: str) -> Stores:
    """Return the stores that a file uses; imports of drivers are not among them, they are found with the imports."""
    uses: list[StorageUse] = []
    bindings: list[tuple[str, str]] = []
    if _TYPES.search(text):
        for name, kind, line in _typed(root):
            bindings.append((name, kind))
            uses.append(StorageUse(kind, line, f"binding {name}"))
    uses += _objects(root) if "DurableObject" in text else []
    calls: list[BindingCall] = []
    if _MAY_STORE.search(text):
        reader = _Calls(root, has_sql_handle="storage.sql" in text)
        uses += reader.uses
        calls = reader.calls
    return Stores(
        tuple(sorted(set(uses), key=lambda use: (use.line, use.kind, use.detail))), tuple(bindings), tuple(calls)
    )


def _typed(root: "SgNode") -> "list[tuple[str, str, int]]":
    """Return the members of types that are bindings, such as ``DB: D1Database``: name, kind and line."""
    found = []
    for member in root.find_all(kind="property_signature"):
        name, annotation = member.field("name"), member.field("type")
        if name is None or annotation is None:
            continue
        type_name = annotation.text().lstrip(": ").partition("|")[0].partition("<")[0].strip()
        if type_name in BINDING_TYPES:
            found.append((name.text(), BINDING_TYPES[type_name], member.range().start.line + 1))
    return found


def _objects(root: "SgNode") -> list[StorageUse]:
    """Return the Durable Object classes of a file."""
    found = []
    for heritage in root.find_all(kind="class_heritage", regex=r"\b(?:extends|implements)\s+[^{]*\bDurableObject\b"):
        parent = heritage.parent()
        name = None if parent is None else parent.field("name")
        line = heritage.range().start.line + 1
        found.append(StorageUse("durable-object", line, f"class {'(unnamed)' if name is None else name.text()}"))
    return found


class _Calls:
    """The calls of a file that read or write a store."""

    def __init__(self, root: "SgNode", *, has_sql_handle: bool) -> None:
        self.uses: list[StorageUse] = []
        self.calls: list[BindingCall] = []
        self._root, self._has_sql_handle = root, has_sql_handle
        self._constants: dict[str, str] | None = None
        for call in root.find_all(kind="call_expression", has={"field": "function", "regex": _CALLEE}):
            self._read(call)

    def _read(self, call: "SgNode") -> None:
        function = call.field("function")
        if function is not None and function.kind() == "identifier":  # sql`SELECT …`
            tagged = self._statement(call)
            if tagged is not None:
                self.uses.append(StorageUse("sql", function.range().start.line + 1, told(tagged)))
            return
        owner = None if function is None else function.field("object")
        member = None if function is None else function.field("property")
        if owner is None or member is None:
            return
        method, line = member.text(), member.range().start.line + 1
        chain = _chain(owner)
        statement = self._statement(call) if method in _SQL_METHODS else None
        if method == "exec" and (chain[-2:] == ["storage", "sql"] or (self._has_sql_handle and chain[-1:] == ["sql"])):
            self.uses.append(StorageUse("do-sqlite", line, told(statement or "a statement that is computed")))
        elif chain[-1:] == ["storage"] and method in _STATE_METHODS:
            self.uses.append(StorageUse("do-storage", line, f"storage.{method}"))
        elif len(chain) > 1 and chain[-2] == "env":
            self.calls.append(BindingCall(chain[-1], method, line, None if statement is None else told(statement)))
        elif statement is not None:
            self.uses.append(StorageUse("sql", line, told(statement)))

    def _statement(self, call: "SgNode") -> str | None:
        """Return the SQL that is the call's first argument: a string, a template, or a constant of the file."""
        arguments = call.field("arguments")
        if arguments is None:
            return None
        if arguments.kind() == "template_string":
            first: SgNode | None = arguments
        else:
            first = next(
                (child for child in arguments.children() if child.is_named() and child.kind() != "comment"), None
            )
        if first is None:
            return None
        if first.kind() in _STRINGS:
            text = first.text()[1:-1]
        elif first.kind() == "identifier":
            text = self._constant(first.text())
        else:
            return None
        return text if is_statement(text) else None

    def _constant(self, name: str) -> str:
        if self._constants is None:
            self._constants = {}
            for declarator in self._root.find_all(kind="variable_declarator"):
                bound, value = declarator.field("name"), declarator.field("value")
                if bound is not None and value is not None and value.kind() in _STRINGS:
                    self._constants.setdefault(bound.text(), value.text()[1:-1])
        return self._constants.get(name, "")


def _chain(node: "SgNode") -> list[str]:
    """Return the names of ``this.ctx.storage.sql`` as a list; what is no plain chain of names ends it on the left."""
    names: list[str] = []
    current: SgNode | None = node
    while current is not None:
        kind = current.kind()
        if kind == "member_expression":
            name = current.field("property")
            names.insert(0, "" if name is None else name.text())
            current = current.field("object")
        elif kind in {"non_null_expression", "parenthesized_expression", "as_expression", "satisfies_expression"}:
            current = next((child for child in current.children() if child.is_named()), None)
        else:
            if kind in {"identifier", "this"}:
                names.insert(0, current.text())
            break
    return names
