"""The ledger of what is counted ahead: how far events have been noted, and which periods' rows still hold.

Ids of events grow in the order of their commits, so "the events up to N" are the same at all times. Every note in the
ledger is such an N; this is what makes it safe to stop anywhere, and to have several at it at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, case, select, update

from repo_agent_dagster.store.patch_rollups.spans import LONGER, Grain, Period
from repo_agent_dagster.store.rows import insert_statement
from repo_agent_dagster.store.tables import patch_rollup_cursor, patch_rollup_periods

_row = patch_rollup_periods.c


@dataclass(frozen=True, slots=True)
class PeriodState:
    """A period in the ledger: its rows hold if the events up to `folded_id` are in them and no later one is known."""

    period: Period
    touched_id: int
    folded_id: int
    patches: int

    @property
    def holds(self) -> bool:
        """Whether its rows tell all the events up to the cursor."""
        return self.folded_id >= self.touched_id


def noted_id(conn: Connection) -> int:
    """Return the id up to which events have been noted in the ledger; 0 if none was."""
    return conn.execute(select(patch_rollup_cursor.c.event_id)).scalar_one_or_none() or 0


def advance(conn: Connection, after: int, newest: int, touched: Mapping[date, int]) -> bool:
    """Note the events in (after, newest], which touch these days; return False if others have noted some meanwhile."""
    row = {"id": 1, "event_id": 0}
    conn.execute(insert_statement(conn, patch_rollup_cursor).values(row).on_conflict_do_nothing())
    moved = update(patch_rollup_cursor).where(patch_rollup_cursor.c.event_id == after).values(event_id=newest)
    if conn.execute(moved).rowcount != 1:
        return False
    reopened: dict[Period, int] = {}
    for day, event_id in touched.items():
        for grain in Grain:
            period = Period.holding(grain, day)
            reopened[period] = max(event_id, reopened.get(period, 0))
    # In one order, whoever writes: otherwise two could wait for each other.
    rows = [
        {"grain": period.grain.value, "start": period.start, "touched_id": event_id, "folded_id": 0, "patches": 0}
        for period, event_id in sorted(reopened.items())
    ]
    if rows:
        statement = insert_statement(conn, patch_rollup_periods)
        excluded = statement.excluded.touched_id
        newer = case((_row.touched_id < excluded, excluded), else_=_row.touched_id)
        conn.execute(
            statement.on_conflict_do_update(index_elements=["grain", "start"], set_={"touched_id": newer}), rows
        )
    return True


def states(conn: Connection, grain: Grain, first: date, last: date) -> list[PeriodState]:
    """Return the periods of a grain that start in [first, last], by their start; one without patches is not there."""
    return _states(conn, _row.grain == grain.value, _row.start >= first, _row.start <= last)


def state_of(conn: Connection, period: Period) -> PeriodState | None:
    """Return one period; None if no event of it was ever noted."""
    found = _states(conn, *_is(period))
    return found[0] if found else None


def lock(conn: Connection, period: Period) -> None:
    """Keep others from noting events of a period until the transaction ends; on SQLite its write lock does already."""
    conn.execute(select(_row.start).where(*_is(period)).with_for_update())


def due(conn: Connection, grains: Iterable[Grain]) -> list[Period]:
    """Return the periods whose rows do not hold, the latest first: these are asked for most."""
    names = [grain.value for grain in grains]
    found = _states(conn, _row.grain.in_(names), _row.folded_id < _row.touched_id)
    return sorted((state.period for state in found), key=lambda period: period.start, reverse=True)


def claim(conn: Connection, period: Period, upto: int, patches: int, now: datetime, *, again: bool = False) -> bool:
    """Take a period over, to replace its rows by those of the events up to `upto`, until the transaction ends.

    Returns False, and then its rows are to be left alone, if they tell as much already, or more, or if no event of it
    was ever noted. `again`: as much is no reason; and the longer periods made of these rows are to be made anew.
    """
    older = _row.folded_id <= upto if again else _row.folded_id < upto
    taken = update(patch_rollup_periods).where(*_is(period), older)
    if conn.execute(taken.values(folded_id=upto, patches=patches, folded_at=now)).rowcount != 1:
        return False
    if again and period.grain is Grain.DAY:
        for longer in sorted(Period.holding(grain, period.start) for grain in LONGER):
            conn.execute(update(patch_rollup_periods).where(*_is(longer)).values(folded_id=0))
    return True


def _is(period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _row.grain == period.grain.value, _row.start == period.start


def _states(conn: Connection, *conditions: ColumnElement[bool]) -> list[PeriodState]:
    query = select(_row.grain, _row.start, _row.touched_id, _row.folded_id, _row.patches).where(*conditions)
    return [
        PeriodState(Period(Grain(grain), start), touched_id, folded_id, patches)
        for grain, start, touched_id, folded_id, patches in conn.execute(query.order_by(_row.start))
    ]
