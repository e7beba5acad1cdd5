"""The rows of a day, as the tables keep them: made of its patches, put in place of older ones, and read back.

A row is a tuple in the order of its table's columns.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from repo_agent_dagster.contracts.periods import iso_week
from repo_agent_dagster.store.patch_rollups.dimensions import Dimension, error_digest
from repo_agent_dagster.store.patch_rollups.spans import Grain
from repo_agent_dagster.store.patch_rollups.sums import Counts, PatchSums
from repo_agent_dagster.store.tables import patch_daily, patch_errors_daily, patch_latency, patch_trends

KEPT_ERRORS = 200
"""How many distinct errors of a day are kept, the most frequent ones; the others are one number."""

OTHER_ERRORS = ""
"""The digest under which the patches with the other errors are counted."""

DAY_TABLES = (patch_daily, patch_trends, patch_errors_daily, patch_latency)

Row = tuple[Any, ...]


def rows_of(day: date, sums: PatchSums, *, kept_errors: int = KEPT_ERRORS) -> dict[Table, list[Row]]:
    """Return the rows that tell a day's patches; cells and groups without patches are left out."""
    week = iso_week(day)
    cells = [
        (day, week, *cell[1:], size.patches, size.reverted, size.refused, size.first_at, size.last_at)
        for cell, size in sums.cells.items()
        if size.patches
    ]
    trends = [
        (dimension.value, Grain.DAY.value, day, key, *values_of(counts))
        for dimension in Dimension
        for key, counts in sums.counts_by(dimension).items()
        if counts.total
    ]
    errors = error_rows(day, {error: n for (_, error), n in sums.errors.items() if n}, kept_errors)
    latency = [
        (Grain.DAY.value, day, step.value, number, bucket.patches, bucket.milliseconds)
        for step, histogram in sums.latency.items()
        for number, bucket in histogram.items()
        if bucket.patches
    ]
    return {patch_daily: cells, patch_trends: trends, patch_errors_daily: errors, patch_latency: latency}


def values_of(counts: Counts) -> Row:
    """Return a group's numbers in the order of the columns of `patch_trends`."""
    return (
        counts.total,
        counts.ok,
        counts.failed,
        counts.unchecked,
        counts.reverted,
        counts.refused,
        counts.first_at,
        counts.last_at,
    )


def error_rows(day: date, errors: dict[str, int], kept_errors: int) -> list[Row]:
    """Return the rows of a day's errors: the most frequent ones, and one for all the others."""
    ranked = sorted(errors.items(), key=lambda error: (-error[1], error[0]))
    rows: list[Row] = [(day, error_digest(error), error, patches) for error, patches in ranked[:kept_errors]]
    others = sum(patches for _, patches in ranked[kept_errors:])
    return [*rows, (day, OTHER_ERRORS, "", others)] if others else rows


def replace(conn: Connection, day: date, rows: dict[Table, list[Row]]) -> None:
    """Put a day's rows in place of those that there are."""
    for table in DAY_TABLES:
        conn.execute(delete(table).where(*of_day(table, day)))
        write(conn, table, rows[table])


def stored_rows(conn: Connection, table: Table, day: date) -> list[Row]:
    """Return a day's rows in one of the tables."""
    return [tuple(row) for row in conn.execute(select(table).where(*of_day(table, day)))]


def of_day(table: Table, day: date) -> tuple[Any, ...]:
    """Return the conditions for a day's rows in a table, which its primary key answers."""
    if table is patch_trends:
        names = [dimension.value for dimension in Dimension]
        return table.c.dimension.in_(names), table.c.grain == Grain.DAY.value, table.c.start == day
    if table is patch_latency:
        return table.c.grain == Grain.DAY.value, table.c.start == day
    return (table.c.day == day,)


def write(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows in bulk, as fast as each database takes them: a day has some 10,000."""
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        _copy(conn, table, rows)
        return
    # SQLAlchemy's own executemany processes every parameter in Python: 3-4 times slower.
    statement = str(insert(table).compile(dialect=conn.dialect))
    cursor: Any = conn.connection.cursor()
    try:
        cursor.executemany(statement, [tuple(map(_sqlite_value, row)) for row in rows])
    finally:
        cursor.close()


def _sqlite_value(value: Any) -> Any:
    """Write a value as `store.types.UtcDateTime` and SQLAlchemy's Date do."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]
    return value.isoformat() if isinstance(value, date) else value


def _copy(conn: Connection, table: Table, rows: Iterable[Row]) -> None:
    from psycopg import sql

    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(sql.Identifier(column.name) for column in table.c)
    )
    cursor: Any = conn.connection.cursor()
    with cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
