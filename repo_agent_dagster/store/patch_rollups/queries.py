"""The direct queries of `sql/queries`: put together, with typed parameters, and as text to be read and run by people.

A query may select from `patch_facts` (one row per patch) and from `patch_outcomes` (the same, as numbers that add up);
both are put before it as a common table expression, so that the rules of counting stand in one place.
"""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Date, String, TextClause, bindparam, text
from sqlalchemy.types import TypeEngine

from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.store.types import UtcDateTime

NEWEST = 2**63 - 1
"""An id beyond all events: no event is left out."""


class DirectQuery(StrEnum):
    """The queries that answer from the events themselves; each is a file of `sql/queries`."""

    BY_DAY = "by_day"
    BY_WEEK = "by_week"
    BY_FACTORY = "by_factory"
    BY_OP = "by_op"
    BY_PHASE = "by_phase"
    BY_ORDER = "by_order"
    BY_WORKSPACE = "by_workspace"
    BY_FILE = "by_file"
    CELLS = "cells"
    ERRORS = "errors"
    LATENCY = "latency"


@cache
def facts_of_range() -> TextClause:
    """Return the query of one row per patch begun in [:from_at, :to_at), by the events up to :upto."""
    return _typed(_facts_of("opened_between"))


@cache
def facts_of_changed() -> TextClause:
    """Return the query of one row per patch that has an event in (:after, :newest], by the events up to :upto."""
    return _typed(_facts_of("opened_of_changed"))


@cache
def direct_query(query: DirectQuery) -> TextClause:
    """Return one of the direct queries over [:from_at, :to_at), by the events up to :upto."""
    return _typed(_composed(query))


@cache
def own_query(name: str) -> TextClause:
    """Return a query that stands for itself in its file, with its parameters typed."""
    return _typed(_file(name))


def shown_query(query: DirectQuery, period: UtcRange, dialect: str) -> str:
    """Return a direct query as text that runs as it stands on a store of that dialect, its range filled in."""
    return (
        _composed(query)
        .replace(":from_at", _literal(period.start, dialect))
        .replace(":to_at", _literal(period.end, dialect))
        .replace(":upto", str(NEWEST))
    )


def _literal(instant: datetime, dialect: str) -> str:
    utc = instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return f"'{utc}'" if dialect == "sqlite" else f"TIMESTAMPTZ '{utc}+00:00'"


def _composed(query: DirectQuery) -> str:
    # Materialized: SQLite would otherwise compute a patch's outcome anew for each number that is made of it.
    return (
        f"WITH opened AS (\n{_file('opened_between')}\n),\npatch_facts AS MATERIALIZED (\n{_file('patch_facts')}\n),\n"
        f"patch_outcomes AS (\n{_file('patch_outcomes')}\n)\n{_file(query)}"
    )


def _facts_of(opened: str) -> str:
    # Not materialized, so that columns which nobody asks for are not computed.
    return f"WITH opened AS (\n{_file(opened)}\n),\npatch_facts AS (\n{_file('patch_facts')}\n)\n{_file('facts')}"


@cache
def _file(name: str) -> str:
    return packaged_path("sql", "queries", f"{name}.sql").read_text(encoding="utf-8").strip()


def _typed(sql: str) -> TextClause:
    types: dict[str, TypeEngine[Any]] = {
        "from_at": UtcDateTime(),
        "to_at": UtcDateTime(),
        "upto": BigInteger(),
        "after": BigInteger(),
        "newest": BigInteger(),
        "first_day": Date(),
        "end_day": Date(),
        "dimension": String(),
        "grain": String(),
    }
    return text(sql).bindparams(*(bindparam(name, type_=kind) for name, kind in types.items() if f":{name}" in sql))
