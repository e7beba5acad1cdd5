"""The columns that a statement gives, with what each holds; read from sqlglot's tree and the schema."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.migration.refactor.sql.schema import Column, Schema, Storage

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class ResultColumn:
    """One column of a result."""

    name: str
    storage: Storage
    nullable: bool


def result_columns(tree: "exp.Expr", schema: Schema) -> tuple[tuple[ResultColumn, ...] | None, bool]:
    """Return the columns of a statement's rows, None where they are not known, and whether it gives rows at all."""
    from sqlglot import exp

    if isinstance(tree, exp.Insert | exp.Update | exp.Delete):
        returning = tree.args.get("returning")
        if returning is None:
            return (), False
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        return _columns(returning.expressions, [(target, False)], schema), True
    select = tree
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    if not isinstance(select, exp.Select):
        return None, True
    if any(select.find_all(exp.Subquery)) and any(one.is_star for one in select.expressions):
        return None, True
    return _columns(select.expressions, _sources(select), schema), True


def _sources(select: "exp.Select") -> list[tuple[Any, bool]]:
    """Return the tables of a SELECT, each with whether an outer join may leave its columns NULL."""
    first = select.args.get("from_") or select.args.get("from")
    sources: list[tuple[Any, bool]] = [] if first is None else [(first.this, False)]
    for join in select.args.get("joins") or ():
        side = (join.args.get("side") or "").upper()
        if side in {"RIGHT", "FULL"}:
            sources = [(source, True) for source, _ in sources]
        sources.append((join.this, side in {"LEFT", "FULL"}))
    return sources


def _columns(
    expressions: list[Any], sources: list[tuple[Any, bool]], schema: Schema
) -> tuple[ResultColumn, ...] | None:
    from sqlglot import exp

    found: dict[str, ResultColumn] = {}
    for one in expressions:
        if isinstance(one, exp.Star) or (isinstance(one, exp.Column) and isinstance(one.this, exp.Star)):
            wanted = one.table if isinstance(one, exp.Column) else ""
            for source, outer in sources:
                if wanted and source.alias_or_name != wanted:
                    continue
                table = schema.table(source.name) if isinstance(source, exp.Table) else None
                if table is None or not table.columns:
                    return None
                for column in table.columns.values():
                    found[column.name] = ResultColumn(column.name, column.storage, column.nullable or outer)
            continue
        name = one.alias_or_name if isinstance(one, exp.Alias | exp.Column) else None
        if not name:
            return None  # SQLite names such a column by its text; nobody should rely on it
        storage, nullable = _holds(one.unalias(), sources, schema)
        found[name] = ResultColumn(name, storage, nullable)
    return tuple(found.values())


def _holds(node: Any, sources: list[tuple[Any, bool]], schema: Schema) -> tuple[Storage, bool]:
    """Return what an expression gives, and whether it may be NULL; "any" where that is not certain."""
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _holds(node.this, sources, schema)
    if isinstance(node, exp.Column):
        found = _column(node, sources, schema)
        return ("any", True) if found is None else (found[0].storage, found[0].nullable or found[1])
    if isinstance(node, exp.Count | exp.Exists | exp.Length | exp.RowNumber):
        return "number", isinstance(node, exp.Length)
    if isinstance(node, exp.Sum | exp.Avg):
        return "number", True
    if isinstance(node, exp.Max | exp.Min) and not node.expressions:
        return _holds(node.this, sources, schema)[0], True
    if isinstance(node, exp.Literal):
        return ("string" if node.is_string else "number"), False
    if isinstance(node, exp.Coalesce):
        parts = [_holds(part, sources, schema) for part in (node.this, *node.expressions)]
        storages = {storage for storage, _ in parts}
        return (storages.pop() if len(storages) == 1 else "any"), all(nullable for _, nullable in parts)
    if isinstance(node, exp.Lower | exp.Upper | exp.Substring | exp.Trim | exp.GroupConcat):
        return "string", True
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        left, right = _holds(node.this, sources, schema), _holds(node.expression, sources, schema)
        if left[0] == right[0] == "number":
            return "number", left[1] or right[1]
    return "any", True


def _column(node: "exp.Column", sources: list[tuple[Any, bool]], schema: Schema) -> tuple[Column, bool] | None:
    from sqlglot import exp

    for source, outer in sources:
        if not isinstance(source, exp.Table) or (node.table and source.alias_or_name != node.table):
            continue
        table = schema.table(source.name)
        column = table.column(node.name) if table is not None else None
        if column is not None:
            return column, outer
        if table is not None and node.name.lower() in {"rowid", "oid", "_rowid_"}:
            return Column(node.name, "number", nullable=False), outer
    return None
