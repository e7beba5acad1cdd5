"""When a message that was not taken is sent again: back-off for what may pass, parking for what is refused."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random

FIRST_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(minutes=15)
LONGEST_RETRY_AFTER = timedelta(hours=24)
REFUSALS_BEFORE_PARKING = 8
"""A refused event holds up those after it for some two minutes, then it is parked."""

PARKED_RETRIES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
"""A parked event is tried again by itself after these; then only on request."""

_PASSING_STATUSES = {408, 425, 429}


def is_refusal(status: int) -> bool:
    """Whether a status says that sending the same again will not help: redirects and client errors, but for three."""
    return 300 <= status < 500 and status not in _PASSING_STATUSES


def delay_after(attempts: int, retry_after: timedelta | None, chance: Random) -> timedelta:
    """Return how long to wait after the n-th failed attempt (from 1): doubling, half of it by chance, capped.

    What the receiver asked for by Retry-After is kept, up to a day.
    """
    doubled = min(FIRST_DELAY * (1 << min(attempts - 1, 30)), LONGEST_DELAY)
    own = doubled / 2 + doubled / 2 * chance.random()
    return own if retry_after is None else max(own, min(retry_after, LONGEST_RETRY_AFTER))


def parked_retry_at(attempts: int, now: datetime) -> datetime | None:
    """Return when a parked event is tried by itself after its n-th failed round (from 1), None: no more."""
    return now + PARKED_RETRIES[attempts - 1] if attempts <= len(PARKED_RETRIES) else None


def parsed_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return what a Retry-After header asks for, in seconds or as a date; None if nothing that can be understood."""
    if value is None:
        return None
    if value.strip().isdecimal():
        # The cap also keeps absurd numbers out of timedelta, which would overflow.
        return min(timedelta(seconds=min(int(value), 10**9)), LONGEST_RETRY_AFTER)
    try:
        instant = parsedate_to_datetime(value)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return max(instant - now, timedelta(0))
