"""Tables and their columns, as `CREATE TABLE` and `ALTER TABLE … ADD COLUMN` declare them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from repo_agent_dagster.migration.refactor.sql.tokens import split_statements, words

if TYPE_CHECKING:
    from sqlglot import exp

Storage = Literal["number", "string", "blob", "number-or-string", "any"]
"""What a column holds, as far as its declared type tells."""

SCHEMA_WORDS = frozenset({"CREATE", "ALTER", "DROP", "REINDEX"})


@dataclass(frozen=True)
class Column:
    """One column: what it holds, and whether it may be NULL."""

    name: str
    storage: Storage
    nullable: bool
    rowid: bool = False
    definition: str = ""


@dataclass(frozen=True)
class Table:
    """One table; `sql` are the statements that make it, `site` tells where they were found."""

    name: str
    columns: Mapping[str, Column]
    sql: tuple[str, ...]

    @property
    def references(self) -> frozenset[str]:
        """The lower-case names of the tables that its foreign keys are about."""
        found = (re.findall(rf"\bREFERENCES\s+({_NAME})", sql, re.IGNORECASE) for sql in self.sql)
        return frozenset(unquoted(name).lower() for names in found for name in names)

    def column(self, name: str) -> Column | None:
        """Return a column by its name, in whatever case it is written."""
        return self.columns.get(name.lower())


@dataclass(frozen=True)
class SchemaStatement:
    """One statement of a schema: what it does to which object, by the object's and the table's lower-case names."""

    sql: str
    action: Literal["create", "alter", "drop", "other"]
    thing: str
    name: str
    table: str | None


@dataclass(frozen=True)
class Schema:
    """Tables by their lower-case names, and the names of all objects (indexes, triggers, views too)."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    objects: frozenset[str] = frozenset()

    def table(self, name: str) -> Table | None:
        """Return a table by its name, in whatever case it is written."""
        return self.tables.get(name.lower())

    def has_shape_of(self, other: "Schema", name: str) -> bool:
        """Whether a table has the very columns here that it has in another schema."""
        mine, theirs = self.table(name), other.table(name)
        if mine is None or theirs is None:
            return False
        return {(key, one.storage) for key, one in mine.columns.items()} == {
            (key, one.storage) for key, one in theirs.columns.items()
        }


def read_schema(texts: Iterable[str]) -> Schema:
    """Return the schema that SQL texts make when they are run in order; other statements are passed over."""
    tables: dict[str, Table] = {}
    objects: set[str] = set()
    for text in texts:
        for statement in split_statements(text):
            change = schema_statement(statement)
            if change is not None:
                _apply(change, tables, objects)
    return Schema(tables, frozenset(objects))


def _apply(change: SchemaStatement, tables: dict[str, Table], objects: set[str]) -> None:
    if change.action == "create":
        objects.add(change.name)
        if change.thing == "table":
            tables.setdefault(change.name, Table(change.name, _columns(change.sql), (change.sql,)))
    elif change.action == "drop":
        objects.discard(change.name)
        tables.pop(change.name, None)
    elif change.action == "alter" and (table := tables.get(change.name)) is not None:
        added = added_column(change.sql)
        columns = dict(table.columns) | ({added.name.lower(): added} if added is not None else {})
        renamed = re.search(r"\bRENAME\s+TO\s+[\"`\[]?(\w+)", change.sql, re.IGNORECASE)
        if renamed is not None:
            del tables[change.name]
        name = renamed[1].lower() if renamed is not None else change.name
        tables[name] = replace(table, name=name, columns=columns, sql=(*table.sql, change.sql))
        objects.add(name)


_NAME = r"(?:\"[^\"]+\"|`[^`]+`|\[[^\]]+\]|\w+)"
_SCHEMA = re.compile(
    rf"""\A\s*(?:
    CREATE\s+(?:TEMP\s+|TEMPORARY\s+)?(?:UNIQUE\s+)?(?:VIRTUAL\s+)?(?P<made>TABLE|INDEX|VIEW|TRIGGER)\s+(?:IF\s+NOT\s+EXISTS\s+)?
    |DROP\s+(?P<dropped>TABLE|INDEX|VIEW|TRIGGER)\s+(?:IF\s+EXISTS\s+)?
    |ALTER\s+(?P<altered>TABLE)\s+
    )(?:{_NAME}\.)?(?P<name>{_NAME})(?P<rest>.*)\Z""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def schema_statement(sql: str) -> SchemaStatement | None:
    """Return what a statement does to the schema, or None for one that does nothing to it."""
    if words(sql, 1)[:1] == () or words(sql, 1)[0] not in SCHEMA_WORDS:
        return None
    match = _SCHEMA.match(_leading_code(sql))
    if match is None:
        return SchemaStatement(sql, "other", "", "", None)
    thing = (match["made"] or match["dropped"] or match["altered"]).lower()
    action: Literal["create", "alter", "drop"] = "create" if match["made"] else "drop" if match["dropped"] else "alter"
    on = re.search(rf"\bON\s+({_NAME})", match["rest"], re.IGNORECASE) if thing in {"index", "trigger"} else None
    name = unquoted(match["name"]).lower()
    table = name if thing == "table" else unquoted(on[1]).lower() if on is not None else None
    return SchemaStatement(sql, action, thing, name, table)


def _leading_code(sql: str) -> str:
    return re.sub(r"\A(?:\s+|--[^\n]*\n|/\*.*?\*/)+", "", sql, flags=re.DOTALL)


def unquoted(name: str) -> str:
    """Return a name without SQL's quotes."""
    return name[1:-1] if name[:1] in {'"', "`", "["} else name


def _columns(sql: str) -> Mapping[str, Column]:
    from sqlglot import errors, exp, parse_one

    try:
        tree = parse_one(sql, read="sqlite")
    except errors.SqlglotError:
        return {}
    made = tree.this
    if not isinstance(tree, exp.Create) or not isinstance(made, exp.Schema):
        return {}
    keys = {
        name.name.lower()
        for constraint in made.expressions
        for key in (constraint.find_all(exp.PrimaryKey) if not isinstance(constraint, exp.ColumnDef) else ())
        for name in key.find_all(exp.Identifier)
    }
    columns = [
        _column(one, keys) if isinstance(one, exp.ColumnDef) else Column(one.name, "any", one.name.lower() not in keys)
        for one in made.expressions
        if isinstance(one, exp.ColumnDef | exp.Identifier | exp.Column)
    ]
    return {column.name.lower(): column for column in columns}


def _column(definition: "exp.ColumnDef", keys: set[str]) -> Column:
    from sqlglot import exp

    kinds = [constraint.kind for constraint in definition.constraints]
    primary = any(isinstance(kind, exp.PrimaryKeyColumnConstraint) for kind in kinds)
    required = any(isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null") for kind in kinds)
    declared = definition.args.get("kind")
    storage = storage_of("" if declared is None else declared.sql(dialect="sqlite"))
    key = primary or definition.name.lower() in keys
    text = definition.sql(dialect="sqlite")
    return Column(definition.name, storage, not (key or required), rowid=key and storage == "number", definition=text)


def storage_of(declared: str) -> Storage:
    """Return what a column of a declared type holds, by SQLite's rules of affinity.

    https://www.sqlite.org/datatype3.html: dates and times have the numeric affinity, but are mostly kept as text.
    """
    name = declared.upper()
    if "INT" in name or "BOOL" in name or any(part in name for part in ("REAL", "FLOA", "DOUB", "DEC", "NUMERIC")):
        return "number"
    if any(part in name for part in ("CHAR", "CLOB", "TEXT", "JSON", "UUID")):
        return "string"
    if "DATE" in name or "TIME" in name:
        return "number-or-string"
    if "BLOB" in name:
        return "blob"
    return "any"


def added_column(sql: str) -> Column | None:
    """Return the column that an ``ALTER TABLE … ADD COLUMN`` adds."""
    match = re.search(rf"\bADD\s+(?:COLUMN\s+)?({_NAME}\b.*)\Z", sql, re.IGNORECASE | re.DOTALL)
    if match is None:
        return None
    columns = _columns(f"CREATE TABLE t ({match[1]})")
    return next(iter(columns.values()), None)
