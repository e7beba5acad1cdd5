"""Ranges of time: half-open, in UTC, wherever patches are counted."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class UtcRange:
    """The instants from `start` up to, not including, `end`; both are kept in UTC.

    Raises:
        ValueError: an instant has no time zone, or `start` is after `end`.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for instant in (self.start, self.end):
            if instant.tzinfo is None:
                raise ValueError(f"naive datetime {instant.isoformat()}: give it a time zone, e.g. datetime.now(UTC)")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.start > self.end:
            raise ValueError(f"a range cannot start at {self.start.isoformat()} and end at {self.end.isoformat()}")

    @classmethod
    def of_days(cls, first: date, last: date) -> "UtcRange":
        """Return the whole UTC days from `first` to `last`, both included."""
        return cls(day_start(first), day_start(last) + DAY)

    @property
    def is_empty(self) -> bool:
        """Whether no instant is in the range."""
        return self.start == self.end

    def days(self) -> list[date]:
        """Return every UTC day that the range has a part of, in order."""
        if self.is_empty:
            return []
        first, last = self.start.date(), (self.end - timedelta(microseconds=1)).date()
        return [first + DAY * number for number in range((last - first).days + 1)]


def day_start(day: date) -> datetime:
    """Return the instant at which a UTC day begins."""
    return datetime.combine(day, time(), tzinfo=UTC)


def iso_week(day: date) -> str:
    """Return the ISO 8601 week that holds the day, e.g. 2026-W01; its year may differ from the day's."""
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"
