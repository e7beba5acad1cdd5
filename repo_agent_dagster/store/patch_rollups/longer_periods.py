"""Weeks and months that are over, added up from their days, so that a long range by file reads few rows.

The running week and month are not: every new event would undo them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Engine, Table, delete

from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.patch_rollups import ledger
from repo_agent_dagster.store.patch_rollups.dimensions import Dimension
from repo_agent_dagster.store.patch_rollups.queries import own_query
from repo_agent_dagster.store.patch_rollups.spans import LONGER, ONE_DAY, Grain, Period
from repo_agent_dagster.store.tables import patch_latency, patch_trends


def rebuild_periods(engine: Engine, now: datetime) -> Iterator[Period]:
    """Add up the weeks and months that are over and whose rows do not hold; go through those that were added up.

    One with a day that does not hold waits until the day is folded.
    """
    today = now.astimezone(UTC).date()
    with read_transaction(engine) as conn:
        due = [period for period in ledger.due(conn, LONGER) if period.end <= today]
    for period in due:
        if _rebuild(engine, period, now):
            yield period


def _rebuild(engine: Engine, period: Period, now: datetime) -> bool:
    # In the database, and in one transaction: its days cannot be made anew, nor be opened, between reading and writing.
    with write_transaction(engine) as conn:
        ledger.lock(conn, period)
        days = ledger.states(conn, Grain.DAY, period.start, period.end - ONE_DAY)
        if not all(day.holds for day in days):
            return False
        if not ledger.claim(conn, period, ledger.noted_id(conn), sum(day.patches for day in days), now):
            return False
        period_of_days = {"grain": period.grain.value, "first_day": period.start, "end_day": period.end}
        conn.execute(delete(patch_latency).where(*_is(patch_latency, period)))
        conn.execute(own_query("longer_latency"), period_of_days)
        for dimension in Dimension:
            of_dimension = patch_trends.c.dimension == dimension.value
            conn.execute(delete(patch_trends).where(of_dimension, *_is(patch_trends, period)))
            conn.execute(own_query("longer_trends"), {"dimension": dimension.value, **period_of_days})
    return True


def _is(table: Table, period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.grain == period.grain.value, table.c.start == period.start
