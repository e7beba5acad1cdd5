"""How a range is read: which parts of it from rows counted ahead, and which from the events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

from repo_agent_dagster.contracts.periods import UtcRange, day_start
from repo_agent_dagster.store.patch_rollups import ledger
from repo_agent_dagster.store.patch_rollups.spans import ONE_DAY, Grain, Period

_FEW_EVENTS = 10_000
_EVENTS_PER_PATCH = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of a range, which do not overlap.

    Rows counted ahead tell the events up to `noted_id`; the patches of `days` that have later ones, up to `newest_id`,
    are corrected by them.
    """

    newest_id: int
    noted_id: int
    events: tuple[UtcRange, ...] = ()
    """Read from the events: what is cut off at the range's ends, and days that are not folded."""

    periods: tuple[Period, ...] = ()
    """Read from rows: together they are `rolled_days`."""

    rolled_days: tuple[date, ...] = ()
    whole_days: tuple[date, date] | None = None
    """From the first day that lies in the range as a whole to the one after the last; None: all is read from events."""

    open_days: frozenset[date] = field(default_factory=frozenset)

    @property
    def has_news(self) -> bool:
        """Whether there are events that the rows do not tell."""
        return self.whole_days is not None and self.newest_id > self.noted_id

    def is_rolled_up(self, day: date) -> bool:
        """Whether a day's patches are read from rows, if it has any."""
        if self.whole_days is None or day in self.open_days:
            return False
        return self.whole_days[0] <= day < self.whole_days[1]


def plan(conn: Connection, period: UtcRange) -> Plan:
    """Return how to read a range, in the transaction in which it will be read."""
    newest, noted = ledger.newest_id(conn), ledger.noted_id(conn)
    if period.is_empty:
        return Plan(newest, noted)
    first, last = period.start.date(), period.end.date()
    if day_start(first) < period.start:
        first += ONE_DAY
    if first >= last:
        return Plan(newest, noted, events=(period,))
    days = ledger.states(conn, Grain.DAY, first, last - ONE_DAY)
    # Correcting costs by the new events wherever they are, reading the events by those of the range.
    if newest - noted > _FEW_EVENTS + _EVENTS_PER_PATCH * sum(day.patches for day in days):
        return Plan(newest, noted, events=(period,))
    rolled = [day.period.start for day in days if day.holds]
    opened = [day.period.start for day in days if not day.holds]
    cut_off = [UtcRange(period.start, day_start(first)), UtcRange(day_start(last), period.end)]
    return Plan(
        newest,
        noted,
        events=tuple(part for part in (*cut_off, *_runs(opened)) if not part.is_empty),
        periods=tuple(_cover(conn, rolled, first, last)),
        rolled_days=tuple(rolled),
        whole_days=(first, last),
        open_days=frozenset(opened),
    )


def _runs(days: Iterable[date]) -> list[UtcRange]:
    """Return ascending days as ranges, days in a row as one."""
    runs: list[UtcRange] = []
    for day in days:
        one = UtcRange.of_days(day, day)
        if runs and runs[-1].end == one.start:
            one = UtcRange(runs.pop().start, one.end)
        runs.append(one)
    return runs


def _cover(conn: Connection, rolled: list[date], first: date, last: date) -> list[Period]:
    """Return the fewest periods that hold just these days: months where they fit in, then weeks, then days."""
    left = set(rolled)
    cover: list[Period] = []
    for grain, shortest in ((Grain.MONTH, 28), (Grain.WEEK, 7)):
        if len(left) == 0 or (last - first).days < shortest:
            continue
        for state in ledger.states(conn, grain, first, last - shortest * ONE_DAY):
            its_days = state.period.days
            if state.holds and its_days[-1] < last and not (set(its_days) & set(rolled)) - left:
                cover.append(state.period)
                left.difference_update(its_days)
    return [*cover, *(Period(Grain.DAY, day) for day in sorted(left))]
