"""The values that a statement is run with: what each is called and what it holds, by where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.migration.refactor.sql.schema import Schema, Storage, unquoted
from repo_agent_dagster.migration.refactor.sql.tokens import Slot

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class BoundValue:
    """A value that the statement is run with: what to call it, what it holds, and whether NULL is meant to be one."""

    slot: Slot
    name: str | None
    storage: Storage
    nullable: bool


def bound_values(
    tree: "exp.Expr", found: tuple[Slot, ...], tables: tuple[str, ...], schema: Schema
) -> tuple[BoundValue, ...]:
    """Return each value of a statement with its name and what it holds."""
    places: dict[int, list[Any]] = {}
    for placeholder in placeholders(tree):
        name = str(placeholder.this)
        if name.startswith("p") and "_" in name:
            places.setdefault(int(name[1:].split("_")[0]), []).append(placeholder)
    values = []
    for index, slot in enumerate(found):
        read = [_value(place, tree, tables, schema) for place in places.get(index, [])]
        named = [one for one in read if one[0] is not None]
        called: str | None = slot.name or (named[0][0] if named else None)
        storages: set[Storage] = {one[1] for one in read if one[1] != "any"}
        storage: Storage = storages.pop() if len(storages) == 1 else "any"
        values.append(BoundValue(slot, called, storage, any(one[2] for one in read)))
    return tuple(values)


def _value(
    place: "exp.Placeholder", tree: "exp.Expr", tables: tuple[str, ...], schema: Schema
) -> tuple[str | None, Storage, bool]:
    """Return a name, what it holds and whether it may be NULL, by where the placeholder stands."""
    from sqlglot import exp

    node, parent = place, place.parent
    direct = True
    while parent is not None:
        if isinstance(parent, exp.Limit | exp.Offset):
            return ("limit" if isinstance(parent, exp.Limit) else "offset"), "number", False
        if isinstance(parent, exp.Tuple) and isinstance(tree, exp.Insert) and isinstance(parent.parent, exp.Values):
            return _inserted(parent.expressions.index(node), direct, tree, tables, schema)
        if isinstance(parent, exp.Is):
            return _of(parent.this if node is not parent.this else None, tables, schema, nullable=True)
        if isinstance(parent, exp.Between):
            name, storage, _ = _of(parent.this, tables, schema)
            end = "From" if node is parent.args.get("low") else "To"
            return (f"{name}_{end}" if name else None), storage, False
        if isinstance(parent, exp.Binary) and not isinstance(parent, exp.Connector):
            other = parent.expression if node is parent.this else parent.this
            column = other.find(exp.Column) if other is not None else None
            if isinstance(parent, exp.Like | exp.Glob):
                return _of(column, tables, schema)[0], "string", False
            if column is not None:
                return _compared_with(column, other, parent, direct, tree, tables, schema)
        if isinstance(parent, exp.In):
            return _of(parent.this, tables, schema)
        if isinstance(parent, exp.Coalesce):
            column = parent.find(exp.Column)
            if column is not None:
                name, storage, _ = _of(column, tables, schema)
                return name, storage, True
        elif not isinstance(parent, exp.Paren | exp.Alias | exp.Binary):
            direct = False  # inside a function: what it takes is not what the column holds
        if isinstance(parent, exp.Where | exp.Select):
            break
        node, parent = parent, parent.parent  # type: ignore[assignment]  # sqlglot's parents are expressions
    return None, "any", False


def _compared_with(
    column: "exp.Column",
    other: Any,
    parent: "exp.Expr",
    direct: bool,
    tree: "exp.Expr",
    tables: tuple[str, ...],
    schema: Schema,
) -> tuple[str | None, Storage, bool]:
    from sqlglot import exp

    name, storage, nullable = _of(column, tables, schema)
    arithmetic = isinstance(parent, exp.Add | exp.Sub | exp.Mul | exp.Div | exp.Mod)
    if arithmetic:
        return name, "number", False
    plain = direct and other is column
    sets = isinstance(parent, exp.EQ) and parent.parent is tree and isinstance(tree, exp.Update)
    return name, storage if plain else "any", nullable and sets


def _inserted(
    index: int, direct: bool, tree: "exp.Insert", tables: tuple[str, ...], schema: Schema
) -> tuple[str | None, Storage, bool]:
    from sqlglot import exp

    table = schema.table(tables[0]) if tables else None
    if isinstance(tree.this, exp.Schema):
        names = [unquoted(one.name) for one in tree.this.expressions]
    else:
        names = [column.name for column in table.columns.values()] if table is not None else []
    if index >= len(names):
        return None, "any", False
    column = table.column(names[index]) if table is not None else None
    if column is None or not direct:
        return names[index], "any", False
    return names[index], column.storage, column.nullable or column.rowid


def _of(
    node: Any, tables: tuple[str, ...], schema: Schema, *, nullable: bool = False
) -> tuple[str | None, Storage, bool]:
    from sqlglot import exp

    if not isinstance(node, exp.Column):
        return None, "any", nullable
    for name in tables:
        table = schema.table(name)
        column = table.column(node.name) if table is not None else None
        if column is not None:
            return node.name, column.storage, nullable or column.nullable
    return node.name, "any", nullable


def placeholders(tree: "exp.Expr") -> Iterator["exp.Placeholder"]:
    """Yield the places of values in a statement\'s tree."""
    from sqlglot import exp

    yield from tree.find_all(exp.Placeholder)
