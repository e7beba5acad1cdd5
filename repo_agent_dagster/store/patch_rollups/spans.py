"""The periods that patches are counted ahead by: days, ISO weeks and months, all UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from repo_agent_dagster.contracts.periods import UtcRange, day_start

ONE_DAY = timedelta(days=1)


class Grain(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


LONGER = (Grain.WEEK, Grain.MONTH)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A day, an ISO week (from its Monday) or a month (from its first)."""

    grain: Grain
    start: date

    @classmethod
    def holding(cls, grain: Grain, day: date) -> "Period":
        """Return the period of that grain which holds the day."""
        if grain is Grain.WEEK:
            return cls(grain, day - timedelta(days=day.weekday()))
        return cls(grain, day.replace(day=1) if grain is Grain.MONTH else day)

    @property
    def end(self) -> date:
        """The first day after the period; of the last periods that dates can tell, the last day."""
        longest = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 31}[self.grain]
        if (date.max - self.start).days < longest:
            return date.max
        after = self.start + longest * ONE_DAY
        return after.replace(day=1) if self.grain is Grain.MONTH else after

    @property
    def days(self) -> list[date]:
        """Its days in their order."""
        return [self.start + n * ONE_DAY for n in range((self.end - self.start).days)]


def day_range(day: date) -> UtcRange:
    """Return the instants of one day; the last day of all, which a broken clock may tell, lacks its last."""
    end = datetime.max.replace(tzinfo=UTC) if day == date.max else day_start(day + ONE_DAY)
    return UtcRange(day_start(day), end)
