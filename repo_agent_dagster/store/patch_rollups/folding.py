"""Fold events into the rows of their days: note what is new, then compute anew the days that it touches.

Each step is a transaction of its own and leaves the store right, so a fold may be killed anywhere, run twice at once,
and be followed by another. Computing is done in a reading transaction, and the writing one is short: on SQLite others
want to write meanwhile.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.patch_events import newest_id
from repo_agent_dagster.store.patch_rollups import ledger, longer_periods, rows
from repo_agent_dagster.store.patch_rollups.facts import day_of, facts_between
from repo_agent_dagster.store.patch_rollups.queries import own_query
from repo_agent_dagster.store.patch_rollups.spans import Grain, Period, day_range
from repo_agent_dagster.store.patch_rollups.sums import PatchSums

_EVENTS_PER_NOTE = 200_000

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Folded:
    """What a fold did: `days` computed anew, which have so many `patches`, after so many new `events` were noted."""

    days: int
    events: int
    patches: int
    seconds: float


def fold(engine: Engine, now: datetime, say: Say | None = None) -> Folded:
    """Count ahead all that there is: note the new events, fold the days they touch, then the weeks and months over.

    `say` is told a sentence for each piece of a long fold.
    """
    tell = say or (lambda _: None)
    begun = time.monotonic()
    events = note_events(engine, say)
    with read_transaction(engine) as conn:
        days = [period.start for period in ledger.due(conn, [Grain.DAY])]
    folded = patches = 0
    for number, day in enumerate(days, start=1):
        counted = fold_day(engine, day, now)
        if counted is not None:
            folded += 1
            patches += counted
            tell(f"{day} has {counted} patches ({number} of {len(days)} days)")
    for period in longer_periods.rebuild_periods(engine, now):
        tell(f"the {period.grain} from {period.start} is added up")
    return Folded(folded, events, patches, time.monotonic() - begun)


def note_events(engine: Engine, say: Say | None = None) -> int:
    """Note the events that came since the last time: the days of their patches are open again.

    Returns the number of ids gone through, which is at least that of the new events.
    """
    gone_through = 0
    while True:
        with read_transaction(engine) as conn:
            after = ledger.noted_id(conn)
            newest = min(newest_id(conn), after + _EVENTS_PER_NOTE)
            if newest <= after:
                return gone_through
            touched = _touched(conn, after, newest)
        with write_transaction(engine) as conn:
            if ledger.advance(conn, after, newest, touched):
                gone_through += newest - after
        if say is not None:
            say(f"events up to {newest} are noted; they touch {len(touched)} days")


def days_due(conn: Connection) -> list[date]:
    """Return the days that a fold would compute anew, oldest first: those that are open, and those of new events.

    Of a long backlog only the first part's days are told; folding these moves on to the next.
    """
    days = {period.start for period in ledger.due(conn, [Grain.DAY])}
    after = ledger.noted_id(conn)
    newest = min(newest_id(conn), after + _EVENTS_PER_NOTE)
    return sorted(days | _touched(conn, after, newest).keys() if newest > after else days)


def fold_day(engine: Engine, day: date, now: datetime) -> int | None:
    """Compute a day's rows anew if events were noted that are not in them; return its patches, or None if not."""
    return _compute(engine, day, now, again=False)


def rebuild_day(engine: Engine, day: date, now: datetime) -> int:
    """Compute a day's rows anew whatever the ledger says, the new events included; return its patches.

    The week and the month that hold it are added up anew by the next `fold`.
    """
    note_events(engine)
    return _compute(engine, day, now, again=True) or 0


def _touched(conn: Connection, after: int, newest: int) -> dict[date, int]:
    found = conn.execute(own_query("touched_days"), {"after": after, "newest": newest})
    return {day_of(day): newest_id for day, newest_id in found}


def _compute(engine: Engine, day: date, now: datetime, *, again: bool) -> int | None:
    period = Period(Grain.DAY, day)
    with read_transaction(engine) as conn:
        state = ledger.state_of(conn, period)
        if state is None or (state.holds and not again):
            return None
        upto = ledger.noted_id(conn)
        sums = PatchSums.of(facts_between(conn, day_range(day), upto=upto))
    made, patches = rows.rows_of(day, sums), sums.patches
    with write_transaction(engine) as conn:
        if not ledger.claim(conn, period, upto, patches, now, again=again):
            return None
        rows.replace(conn, day, made)
    return patches
