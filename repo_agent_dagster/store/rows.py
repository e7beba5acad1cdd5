"""Rows in and out: values made fit for both databases on the way in, frozen dataclasses on the way out.

Here belongs what every aggregate's queries share. What a row means belongs to its aggregate's own module.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import JSON, ColumnElement, Connection, Select, String, Table, Text, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from repo_agent_dagster.store.storable import refuse_longer, storable_json, storable_text


class _DataclassRow(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


RowT = TypeVar("RowT", bound=_DataclassRow)


def storable(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as both databases keep them alike.

    Raises:
        UnfitValueError: a text is longer than its column; SQLite would take it, PostgreSQL would not.
    """
    return {name: _storable_value(table, name, value) for name, value in values.items()}


def _storable_value(table: Table, name: str, value: Any) -> Any:
    kind = table.c[name].type
    if isinstance(kind, JSON):
        return storable_json(value)
    if isinstance(value, str):
        # Text is a String without a length; a reference's column takes the type of the key it points at.
        limit = kind.length if isinstance(kind, String) and not isinstance(kind, Text) else None
        if limit is not None:
            refuse_longer(f"{table.name}.{name}", value, limit)
        return storable_text(value)
    return value


def add(conn: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert one row."""
    conn.execute(insert(table).values(storable(table, values)))


def add_returning_id(conn: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert one row into a table with a sequence key; return the id that it got."""
    added = insert(table).values(storable(table, values)).returning(table.c.id)
    return int(conn.execute(added).scalar_one())


def add_if_absent(conn: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert one row unless a unique key is taken; return whether it was inserted. Safe against concurrent writers."""
    absent = insert_statement(conn, table).values(storable(table, values)).on_conflict_do_nothing()
    # Without the option SQLAlchemy keeps no row count of an INSERT: psycopg then answers -1.
    return conn.execute(absent.execution_options(preserve_rowcount=True)).rowcount == 1


def insert_statement(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return the dialect's own INSERT, which knows ON CONFLICT."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def selecting(table: Table, row_type: type[RowT]) -> Select[Any]:
    """Return a SELECT of the columns that the dataclass names."""
    return select(*(table.c[name] for name in row_type.__dataclass_fields__))


def fetch_one(conn: Connection, table: Table, row_type: type[RowT], *conditions: ColumnElement[bool]) -> RowT | None:
    """Return the one row that meets the conditions, or None."""
    found = conn.execute(selecting(table, row_type).where(*conditions)).one_or_none()
    return None if found is None else row_type(**found._mapping)


def fetch_all(
    conn: Connection,
    table: Table,
    row_type: type[RowT],
    *conditions: ColumnElement[bool],
    order_by: Sequence[ColumnElement[Any]],
    limit: int | None = None,
) -> list[RowT]:
    """Return the rows that meet the conditions, in the given order, at most `limit`."""
    rows = conn.execute(selecting(table, row_type).where(*conditions).order_by(*order_by).limit(limit))
    return [row_type(**row._mapping) for row in rows]


def put(
    conn: Connection, table: Table, values: Mapping[str, Any], *, key: Sequence[str], stamped: Sequence[str] = ()
) -> bool:
    """Insert the row, or update the one with the same key where it differs; return whether anything was written.

    On an update `id` and `created_at` stay as they are, and the `stamped` columns (times of change) are written only
    if another column differs.
    """
    statement = insert_statement(conn, table).values(storable(table, values))
    kept = {*key, "id", "created_at"}
    new = {name: statement.excluded[name] for name in values if name not in kept}
    differs = [table.c[name].is_distinct_from(value) for name, value in new.items() if name not in stamped]
    upsert = statement.on_conflict_do_update(index_elements=list(key), set_=new, where=or_(*differs))
    return conn.execute(upsert.execution_options(preserve_rowcount=True)).rowcount == 1
