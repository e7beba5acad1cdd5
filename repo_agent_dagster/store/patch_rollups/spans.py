"""The periods that patches are counted ahead by: days, ISO weeks and months, all UTC."""

from dataclasses import dataclass
from datetime import date, timedelta
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
        """The first day after the period."""
        if self.grain is Grain.DAY:
            return self.start + ONE_DAY
        if self.grain is Grain.WEEK:
            return self.start + 7 * ONE_DAY
        return (self.start + 31 * ONE_DAY).replace(day=1)

    @property
    def days(self) -> list[date]:
        """Its days in their order."""
        return [self.start + n * ONE_DAY for n in range((self.end - self.start).days)]


def day_range(day: date) -> UtcRange:
    """Return the instants of one day."""
    return UtcRange(day_start(day), day_start(day + ONE_DAY))
