"""How a range is read: which parts of it from rows counted ahead, and which from the events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, select

from repo_agent_dagster.contracts.periods import UtcRange, day_start
from repo_agent_dagster.store.patch_events import newest_id
from repo_agent_dagster.store.patch_rollups import ledger
from repo_agent_dagster.store.patch_rollups.dimensions import Dimension
from repo_agent_dagster.store.patch_rollups.spans import ONE_DAY, Grain, Period
from repo_agent_dagster.store.tables import patch_trends

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
    whole_days: UtcRange | None = None
    """The part of the range that is read from rows, but for its open days; None: all is read from events."""

    open_days: frozenset[date] = field(default_factory=frozenset)

    @property
    def has_news(self) -> bool:
        """Whether there are events that the rows do not tell."""
        return self.whole_days is not None and self.newest_id > self.noted_id

    def is_rolled_up(self, opened_at: datetime) -> bool:
        """Whether a patch of the range that was begun then is read from rows."""
        if self.whole_days is None or opened_at.date() in self.open_days:
            return False
        return self.whole_days.start <= opened_at < self.whole_days.end

    def is_day_rolled_up(self, day: date) -> bool:
        """Whether a day has rows that are read."""
        return day in self.rolled_days


def plan(conn: Connection, period: UtcRange) -> Plan:
    """Return how to read a range, in the transaction in which it will be read."""
    newest, noted = newest_id(conn), ledger.noted_id(conn)
    if period.is_empty:
        return Plan(newest, noted)
    first, last = _whole_days(conn, period)
    if first >= last:
        return Plan(newest, noted, events=(period,))
    days = ledger.states(conn, Grain.DAY, first, last - ONE_DAY)
    # Correcting costs by the new events wherever they are, reading the events by those of the range.
    if newest - noted > _FEW_EVENTS + _EVENTS_PER_PATCH * sum(day.patches for day in days):
        return Plan(newest, noted, events=(period,))
    rolled = [day.period.start for day in days if day.holds]
    opened = [day.period.start for day in days if not day.holds]
    whole = UtcRange(max(period.start, day_start(first)), min(period.end, day_start(last)))
    cut_off = [UtcRange(period.start, whole.start), UtcRange(whole.end, period.end)]
    return Plan(
        newest,
        noted,
        events=tuple(part for part in (*cut_off, *_runs(opened)) if not part.is_empty),
        periods=tuple(_cover(conn, rolled, first, last)),
        rolled_days=tuple(rolled),
        whole_days=whole,
        open_days=frozenset(opened),
    )


def _whole_days(conn: Connection, period: UtcRange) -> tuple[date, date]:
    """Return the first day that can be taken as a whole, and the one after the last.

    So can a day that the range cuts, if all its patches are in the range: the last day of a range that ends now.
    """
    first, last = period.start.date(), period.end.date()
    if day_start(first) < period.start and not _lies_within(conn, first, period):
        first += ONE_DAY
    if day_start(last) < period.end and last >= first and _lies_within(conn, last, period):
        last += ONE_DAY
    return first, last


def _lies_within(conn: Connection, day: date, period: UtcRange) -> bool:
    state = ledger.state_of(conn, Period(Grain.DAY, day))
    if state is None or not state.holds:
        return False
    row = patch_trends.c
    of_day = (row.dimension == Dimension.ALL.value, row.grain == Grain.DAY.value, row.start == day)
    ends = conn.execute(select(row.first_at, row.last_at).where(*of_day)).one_or_none()
    return ends is not None and ends.first_at >= period.start and ends.last_at < period.end


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
