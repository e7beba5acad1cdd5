"""What people write for a range of time, read: days, instants, groups and weeks, and what is wrong with them.

A day means all of it; an instant needs its zone; a range is half-open, in UTC, and within reason.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patch_stats import TrendGroup
from repo_agent_dagster.contracts.periods import DAY, UtcRange, day_start, iso_week

__all__ = [
    "ARGUMENTS",
    "OPTIONS",
    "STATS_DAYS",
    "TREND_DAYS",
    "Moment",
    "RangeError",
    "UtcRange",
    "group_of",
    "iso_week",
    "range_of",
    "week_days",
    "week_of",
]

STATS_DAYS = 7
TREND_DAYS = 30

MAX_DAYS = 3660
"""Ten years, and the leap days in them."""

_EARLIEST = date(1970, 1, 1)
_AHEAD = timedelta(days=366)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})")
_SHOWN = 60

Moment = str | date | datetime
"""A day (all of it) or an instant with its zone, also as ISO 8601 text."""


class RangeError(PermanentFault):
    """A range, a week or a group that means nothing; the message tells what to write."""


class Names(NamedTuple):
    """What the two ends are called where they were given, for messages."""

    start: str = "from"
    end: str = "to"


ARGUMENTS = Names()
OPTIONS = Names("--from", "--to")


def range_of(
    from_: Moment | None, to: Moment | None, *, now: datetime, default_days: int, names: Names = ARGUMENTS
) -> UtcRange:
    """Return the half-open range [from, to) in UTC.

    A day given for `to` is counted whole; an instant given for it is left out. A missing `to` is the end of today, a
    missing `from` makes it `default_days` whole days that end with the last day of the range.

    Raises:
        RangeError: an end is no day or instant, has no zone, lies before 1970 or more than a year ahead; `from` is
            after `to`; or the range is longer than ten years.
    """
    today = now.astimezone(UTC).date()
    end = day_start(today) + DAY if to is None else _instant(names.end, to, today, is_end=True)
    if from_ is None:
        last_day = (end - timedelta(microseconds=1)).date()
        start = max(day_start(last_day) - DAY * (default_days - 1), day_start(_EARLIEST))
    else:
        start = _instant(names.start, from_, today, is_end=False)
    if start > end:
        told = "the end of today" if to is None else f"{names.end} {_shown(to)}"
        remedy = f"give {names.end}, too" if to is None else "exchange them"
        raise RangeError(f"{names.start} {_shown(from_)} is after {told}; {remedy}")
    if end - start > DAY * MAX_DAYS:
        raise RangeError(
            f"{names.start} {_shown(from_)} is {(end - start).days:,} days before {names.end}; "
            "ask for ten years at most"
        )
    return UtcRange(start, end)


def group_of(name: str) -> TrendGroup:
    """Return the group of that name.

    Raises:
        RangeError: there is no such group.
    """
    try:
        return TrendGroup(name)
    except ValueError:
        raise RangeError(f"unknown group {_shown(name)}; groups are {', '.join(TrendGroup)}") from None


def week_of(text: str | None, *, now: datetime, name: str = "WEEK") -> str:
    """Return an ISO 8601 week in its usual form, 2026-W10; without a text, the last week that is over.

    Raises:
        RangeError: it is no ISO week, or one that has not begun.
    """
    today = now.astimezone(UTC).date()
    if text is None:
        return iso_week(today - 7 * DAY)
    found = _WEEK.fullmatch(text)
    try:
        monday = date.fromisocalendar(int(found[1]), int(found[2]), 1) if found else None
    except ValueError:
        monday = None
    if monday is None:
        raise RangeError(f"{name} {_shown(text)} is no ISO 8601 week; write {iso_week(today)} for this one")
    if not _EARLIEST <= monday <= today:
        told = "has not begun" if monday > today else "is before 1970"
        raise RangeError(f"{name} {_shown(text)} {told}; this week is {iso_week(today)}")
    return iso_week(monday)


def week_days(week: str) -> UtcRange:
    """Return the seven UTC days of an ISO 8601 week, e.g. 2026-W10, that `week_of` or `iso_week` returned."""
    monday = date.fromisocalendar(int(week[:4]), int(week[-2:]), 1)
    return UtcRange.of_days(monday, monday + 6 * DAY)


def _instant(name: str, moment: Moment, today: date, *, is_end: bool) -> datetime:
    """Return the instant that is meant; of a day its beginning, and as an end the beginning of the next day."""
    value = _parsed(name, moment) if isinstance(moment, str) else moment
    day = value.date() if isinstance(value, datetime) else value
    # Before any arithmetic: the calendar ends at year 9999.
    if not _EARLIEST <= day <= today + _AHEAD:
        told = f"before {_EARLIEST}" if day < _EARLIEST else f"more than a year after today, {today}"
        raise RangeError(f"{name} {_shown(moment)} is {told}; write a day between them")
    if not isinstance(value, datetime):
        return day_start(value) + (DAY if is_end else timedelta())
    if value.tzinfo is None:
        raise RangeError(
            f"{name} {_shown(moment)} has no time zone; write {value.isoformat(timespec='seconds')}+00:00 for UTC"
        )
    return value.astimezone(UTC)


def _parsed(name: str, text: str) -> date | datetime:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if _DAY.fullmatch(text[:10]) and len(text) > len("2026-03-04T"):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise RangeError(f"{name} {_shown(text)} is no day or instant; write 2026-03-04 or 2026-03-04T09:30:00+00:00")


def _shown(value: object) -> str:
    """Return what was given, as it was given, on one line and not without end."""
    text = str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
