"""Which days a nightly run ingests: the last one that is over, and those that lines may still have come in for."""

from datetime import UTC, date, datetime, timedelta

NIGHT = timedelta(days=1)


def days_to_ingest(now: datetime, lateness: timedelta, *, interval: timedelta = NIGHT) -> list[date]:
    """Return the UTC days, oldest first, whose lines may have reached their source since the run before this one.

    A line reaches its source up to `lateness` after its time; runs are `interval` apart. The day that is not over is
    left out; yesterday never is. A day that has nothing new costs a listing, since unchanged objects are not read.
    """
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    days = [yesterday]
    while _end(days[0] - timedelta(days=1)) + lateness > now - interval:
        days.insert(0, days[0] - timedelta(days=1))
    return days


def _end(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
