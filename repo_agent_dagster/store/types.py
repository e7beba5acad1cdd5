"""Column types whose behaviour is the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Date, DateTime, Dialect, String, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""JSON on SQLite, JSONB on PostgreSQL; Python ``None`` is SQL ``NULL`` on both."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware datetimes in, UTC-aware datetimes out; naive values are refused.

    SQLite keeps ``YYYY-MM-DD HH:MM:SS.ffffff`` in UTC, which sorts and compares as text; PostgreSQL keeps timestamptz.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert to UTC; SQLite's text form carries no offset, so the offset is dropped after the conversion."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value.isoformat()}: give it a time zone, e.g. datetime.now(UTC)")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant with its UTC zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class UtcDay(ColumnElement[Any]):
    """The UTC day of an instant's column, for a generated column; the column is named, as it is not yet made."""

    inherit_cache = True
    type = Date()

    def __init__(self, column: str) -> None:
        self.column = column


class IsoWeek(ColumnElement[Any]):
    """The ISO 8601 week of an instant's column, e.g. ``2026-W10``: the week that the day's Thursday is in."""

    inherit_cache = True
    type = String(8)

    def __init__(self, column: str) -> None:
        self.column = column


@compiles(UtcDay)
def _day_on_sqlite(element: UtcDay, _compiler: SQLCompiler, **_: Any) -> str:
    return f"substr({element.column}, 1, 10)"


@compiles(UtcDay, "postgresql")
def _day_on_postgresql(element: UtcDay, _compiler: SQLCompiler, **_: Any) -> str:
    return f"CAST({element.column} AT TIME ZONE 'UTC' AS date)"


@compiles(IsoWeek)
def _week_on_sqlite(element: IsoWeek, _compiler: SQLCompiler, **_: Any) -> str:
    # SQLite's own %W is another way of counting, and %V came with a version that not everybody has.
    thursday = f"substr({element.column}, 1, 10), '-3 days', 'weekday 4'"
    return f"strftime('%Y', {thursday}) || '-W' || printf('%02d', (strftime('%j', {thursday}) - 1) / 7 + 1)"


@compiles(IsoWeek, "postgresql")
def _week_on_postgresql(element: IsoWeek, _compiler: SQLCompiler, **_: Any) -> str:
    # to_char depends on settings, so it cannot make a stored column.
    utc = f"({element.column} AT TIME ZONE 'UTC')"
    year, week = (f"CAST(CAST(extract({part} FROM {utc}) AS integer) AS text)" for part in ("isoyear", "week"))
    return f"lpad({year}, 4, '0') || '-W' || lpad({week}, 2, '0')"
