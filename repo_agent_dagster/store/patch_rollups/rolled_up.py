"""What the rows counted ahead say of the parts of a plan: queries alone, in groups as the tables have them."""

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    Text,
    any_,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import NullType

from repo_agent_dagster.store.patch_rollups.dimensions import Dimension
from repo_agent_dagster.store.patch_rollups.facts import instant_of
from repo_agent_dagster.store.patch_rollups.latency import Bucket, Histogram, Step, histogram
from repo_agent_dagster.store.patch_rollups.planning import Plan
from repo_agent_dagster.store.patch_rollups.rows import OTHER_ERRORS
from repo_agent_dagster.store.patch_rollups.spans import Grain
from repo_agent_dagster.store.patch_rollups.sums import Cell, CellSize, Counts, counts_of
from repo_agent_dagster.store.tables import patch_daily, patch_errors_daily, patch_latency, patch_trends

_COUNTED = ("total", "ok", "failed", "unchecked", "reverted", "refused")


@dataclass(frozen=True, slots=True)
class PatchFilter:
    """Which patches are counted: those that have all that is given. An empty phase or order: those without one."""

    factory: str | None = None
    op: str | None = None
    phase: str | None = None
    order: str | None = None

    def takes(self, cell: Cell) -> bool:
        """Whether a cell's patches are counted."""
        return all(wanted in (None, getattr(cell, name)) for name, wanted in self._named().items())

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the same for the table of cells."""
        column_of = {"order": "order_id"}
        wanted = {column_of.get(name, name): value for name, value in self._named().items() if value is not None}
        return [patch_daily.c[name] == value for name, value in wanted.items()]

    def _named(self) -> dict[str, str | None]:
        return {"factory": self.factory, "op": self.op, "phase": self.phase, "order": self.order}


def all_groups(conn: Connection, plan: Plan, dimension: Dimension) -> dict[str, Counts]:
    """Return the patches of every group of a dimension."""
    return _groups(conn, _trends(plan, dimension, *_COUNTED, "first_at", "last_at"))


def largest_groups(conn: Connection, plan: Plan, dimension: Dimension, limit: int) -> tuple[list[str], int]:
    """Return the keys of the groups with the most patches, at most `limit`, and how many groups there are."""
    source = _trends(plan, dimension, "total")
    if source is None:
        return [], 0
    key, total = source.c.key, func.sum(source.c.total)
    # As Python compares texts, so that groups of one size are in the same order however they are read.
    in_order = key.collate("C") if conn.dialect.name == "postgresql" else key
    query = select(key, func.count().over()).group_by(key).order_by(total.desc(), in_order).limit(limit)
    rows = conn.execute(query).all()
    return [row[0] for row in rows], rows[0][1] if rows else 0


def groups_of(conn: Connection, plan: Plan, dimension: Dimension, keys: Collection[str]) -> dict[str, Counts]:
    """Return the patches of the groups with these keys; those without patches are not there."""
    return _groups(
        conn, _trends(plan, dimension, *_COUNTED, "first_at", "last_at", keys=_among(conn, patch_trends.c.key, keys))
    )


def days(conn: Connection, plan: Plan) -> dict[date, Counts]:
    """Return the patches of every day that has some."""
    if not plan.rolled_days:
        return {}
    row = patch_trends.c
    query = select(row.start, *(row[name] for name in _COUNTED), _raw(row.first_at), _raw(row.last_at)).where(
        row.dimension == Dimension.ALL.value, row.grain == Grain.DAY.value, row.start.in_(plan.rolled_days)
    )
    return {day: counts_of(*values) for day, *values in conn.execute(query)}


def cells(conn: Connection, plan: Plan, where: PatchFilter, *by: str) -> list[tuple[tuple[Any, ...], Cell, CellSize]]:
    """Return the cells that a filter takes, added up by columns of their table and by outcome."""
    if not plan.rolled_days:
        return []
    row = patch_daily.c
    grouped = [row[name] for name in by]
    sums = (func.sum(row[name]) for name in ("patches", "reverted", "refused"))
    query = (
        select(row.outcome, *sums, _raw(func.min(row.first_at)), _raw(func.max(row.last_at)), *grouped)
        .where(row.day.in_(plan.rolled_days), *where.conditions())
        .group_by(row.outcome, *grouped)
    )
    return [
        (
            tuple(key),
            Cell(date.min, "", "", "", "", outcome),
            CellSize(int(patches), int(reverted), int(refused), instant_of(first_at), instant_of(last_at)),
        )
        for outcome, patches, reverted, refused, first_at, last_at, *key in conn.execute(query)
    ]


def errors(conn: Connection, plan: Plan) -> dict[str, int]:
    """Return the patches by the digest of their error; those beyond the kept ones under `OTHER_ERRORS`."""
    if not plan.rolled_days:
        return {}
    row = patch_errors_daily.c
    query = select(row.digest, func.sum(row.patches)).where(row.day.in_(plan.rolled_days)).group_by(row.digest)
    return {digest: int(patches) for digest, patches in conn.execute(query)}


def error_texts(conn: Connection, plan: Plan, digests: Collection[str]) -> dict[str, str]:
    """Return the texts of errors by their digests."""
    if not plan.rolled_days or not digests:
        return {}
    row = patch_errors_daily.c
    query = select(row.digest, row.error).where(row.day.in_(plan.rolled_days), row.digest.in_(digests))
    return {row.digest: row.error for row in conn.execute(query)}


def kept_errors(conn: Connection, days: Collection[date], digests: Collection[str]) -> set[tuple[date, str]]:
    """Return which of these digests these days have rows for."""
    row = patch_errors_daily.c
    query = select(row.day, row.digest).where(row.day.in_(days), row.digest.in_([*digests, OTHER_ERRORS]))
    return {(day, digest) for day, digest in conn.execute(query)}


def latency(conn: Connection, plan: Plan) -> dict[Step, Histogram]:
    """Return the histograms of all steps."""
    found = {step: histogram() for step in Step}
    row = patch_latency.c
    selects = [
        select(row.step, row.bucket, row.patches, row.milliseconds).where(row.grain == grain, row.start.in_(starts))
        for grain, starts in _starts(plan)
    ]
    if not selects:
        return found
    source = union_all(*selects).subquery().c
    query = select(source.step, source.bucket, func.sum(source.patches), func.sum(source.milliseconds))
    for step, bucket, patches, milliseconds in conn.execute(query.group_by(source.step, source.bucket)):
        found[Step(step)][bucket] = Bucket(int(patches), int(milliseconds))
    return found


def _starts(plan: Plan) -> list[tuple[str, list[date]]]:
    """Return where the periods of the plan start, by their grain."""
    starts: defaultdict[str, list[date]] = defaultdict(list)
    for period in plan.periods:
        starts[period.grain.value].append(period.start)
    return list(starts.items())


def _trends(
    plan: Plan, dimension: Dimension, *columns: str, keys: ColumnElement[bool] | None = None
) -> Subquery | None:
    """Return the rows of a dimension in all periods of the plan; each of the selects is answered by the primary key."""
    row = patch_trends.c
    selects = [
        select(row.key, *(row[name] for name in columns)).where(
            row.dimension == dimension.value,
            row.grain == grain,
            row.start.in_(starts),
            *(() if keys is None else (keys,)),
        )
        for grain, starts in _starts(plan)
    ]
    return union_all(*selects).subquery() if selects else None


def _among(conn: Connection, column: ColumnElement[str], keys: Collection[str]) -> ColumnElement[bool]:
    """Say that a column is one of these keys, in one parameter: SQLAlchemy takes its time over a thousand."""
    if conn.dialect.name == "postgresql":
        return column == any_(literal(list(keys), ARRAY(Text)))
    listed = func.json_each(json.dumps(list(keys))).table_valued("value")
    return column.in_(select(listed.c.value))


def _groups(conn: Connection, source: Subquery | None) -> dict[str, Counts]:
    if source is None:
        return {}
    row = source.c
    sums = (func.sum(row[name]) for name in _COUNTED)
    query = select(row.key, *sums, _raw(func.min(row.first_at)), _raw(func.max(row.last_at))).group_by(row.key)
    return {key: counts_of(*values) for key, *values in conn.execute(query)}


def _raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Ask for a column as the driver gives it: SQLAlchemy's conversion takes longer than the query of many groups."""
    return type_coerce(column, NullType())
