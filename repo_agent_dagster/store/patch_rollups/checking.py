"""Compare what is counted ahead with the events: a day is recomputed by the direct queries, and every row is compared.

The direct queries add up in SQL, folding adds up in Python: a fault of either shows as a difference.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, select

from repo_agent_dagster.contracts.periods import iso_week
from repo_agent_dagster.store.patch_rollups import direct, ledger, rows
from repo_agent_dagster.store.patch_rollups.dimensions import Dimension
from repo_agent_dagster.store.patch_rollups.queries import own_query
from repo_agent_dagster.store.patch_rollups.spans import LONGER, Grain, Period, day_range
from repo_agent_dagster.store.patch_rollups.sums import counts_of
from repo_agent_dagster.store.tables import (
    patch_daily,
    patch_errors_daily,
    patch_latency,
    patch_rollup_periods,
    patch_trends,
)

_MOST_MISMATCHES = 100


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A row that is not what the events say: `expected` is None if there should be none, `found` if there is none."""

    day: date
    table: str
    key: tuple[Any, ...]
    expected: tuple[Any, ...] | None
    found: tuple[Any, ...] | None


def sample_days(conn: Connection, n: int, seed: int) -> list[date]:
    """Return at most `n` days picked at random among those whose rows are said to hold, in order."""
    row = patch_rollup_periods.c
    holding = select(row.start).where(row.grain == Grain.DAY.value, row.folded_id >= row.touched_id).order_by(row.start)
    days = list(conn.execute(holding).scalars())
    return sorted(random.Random(seed).sample(days, min(n, len(days))))  # noqa: S311 - a sample, no secret


def compare_days(conn: Connection, days: Iterable[date]) -> list[Mismatch]:
    """Recompute days from the events and compare all their rows; return the first hundred differences.

    The weeks and months that hold these days are compared with the sums of their days. A day that is not folded has no
    rows that are used: it is left out. Give a transaction that sees one state (`read_transaction`).
    """
    upto = ledger.noted_id(conn)
    found: list[Mismatch] = []
    longer: set[Period] = set()
    for day in days:
        if _holds(conn, Period(Grain.DAY, day)):
            for table, expected in _expected(conn, day, upto).items():
                found += _differences(day, table, expected, rows.stored_rows(conn, table, day))
        longer |= {Period.holding(grain, day) for grain in LONGER}
        if len(found) >= _MOST_MISMATCHES:
            return found[:_MOST_MISMATCHES]
    for period in sorted(longer):
        if _holds(conn, period):
            found += _longer_differences(conn, period)
    return found[:_MOST_MISMATCHES]


def _holds(conn: Connection, period: Period) -> bool:
    state = ledger.state_of(conn, period)
    return state is not None and state.holds


def _longer_differences(conn: Connection, period: Period) -> list[Mismatch]:
    found: list[Mismatch] = []
    for dimension in Dimension:
        names = {"dimension": dimension.value, "grain": period.grain.value}
        names_and_days = {**names, "first_day": period.start, "end_day": period.end}
        sides: dict[str, dict[str, tuple[Any, ...]]] = {"found": {}, "expected": {}}
        for side, key, *values in conn.execute(own_query("longer_differences"), names_and_days):
            sides[side][key] = rows.values_of(counts_of(*values))
        found += [
            Mismatch(
                period.start,
                patch_trends.name,
                (dimension.value, period.grain.value, period.start, key),
                sides["expected"].get(key),
                sides["found"].get(key),
            )
            for key in sorted({*sides["found"], *sides["expected"]})
        ]
    return found


def _expected(conn: Connection, day: date, upto: int) -> dict[Table, list[rows.Row]]:
    period, week = day_range(day), iso_week(day)
    cells = direct.cells(conn, period, upto=upto)
    groups = {dimension: direct.counts_by(conn, dimension, period, upto=upto) for dimension in Dimension}
    histograms = direct.histograms(conn, period, upto=upto)
    return {
        patch_daily: [
            (day, week, *cell[1:], size.patches, size.reverted, size.refused, size.first_at, size.last_at)
            for cell, size in cells.items()
        ],
        patch_trends: [
            (dimension.value, Grain.DAY.value, day, key, *rows.values_of(counts))
            for dimension, of_dimension in groups.items()
            for key, counts in of_dimension.items()
        ],
        patch_errors_daily: rows.error_rows(day, direct.errors(conn, period, upto=upto), rows.KEPT_ERRORS),
        patch_latency: [
            (Grain.DAY.value, day, step.value, number, bucket.patches, bucket.milliseconds)
            for step, histogram in histograms.items()
            for number, bucket in histogram.items()
        ],
    }


def _differences(day: date, table: Table, expected: Sequence[rows.Row], found: Sequence[rows.Row]) -> list[Mismatch]:
    # Rows with all their values: a row that differs shows as one that should be there and one that should not.
    keys = [index for index, column in enumerate(table.c) if column.primary_key]
    wanted = {tuple(row[index] for index in keys): row for row in expected}
    stored = {tuple(row[index] for index in keys): row for row in found}
    return [
        Mismatch(day, table.name, key, wanted.get(key), stored.get(key))
        for key in sorted({*wanted, *stored})
        if wanted.get(key) != stored.get(key)
    ]
