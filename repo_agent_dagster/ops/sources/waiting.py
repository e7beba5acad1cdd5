"""When a log source is asked again, and after how long."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

LONGEST_DELAY_SECONDS = 60.0
SECONDARY_LIMIT_SECONDS = 60.0
_PASSING_STATUSES = {408, 425, 429}
_MOST_SECONDS = 10**9


def may_pass(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in _PASSING_STATUSES or (status >= 500 and status != 501)


def asked_seconds(status: int | None, headers: Mapping[str, str], said: str, now: datetime) -> float | None:
    """Return how long the server asks to wait, in seconds; None: it does not.

    Retry-After in seconds or as a date; else GitHub's X-RateLimit-Reset where nothing remains; else, where it says so
    in words alone, what its guide asks for. Any of them makes a 403 one that passes.
    """
    if status not in (403, 429, 503):
        return None
    named = {name.lower(): value for name, value in headers.items()}
    if (retry_after := named.get("retry-after")) is not None and (seconds := _seconds(retry_after, now)) is not None:
        return seconds
    reset = named.get("x-ratelimit-reset", "")
    if named.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        # One second more: nobody knows when in that second it is.
        return min(max(int(reset[:12]) - now.timestamp(), 0.0) + 1, _MOST_SECONDS)
    return SECONDARY_LIMIT_SECONDS if status == 403 and "secondary rate limit" in said.lower() else None


def delay_seconds(attempt: int, first: float, asked: float | None, chance: Random) -> float:
    """Return how long to wait after the n-th attempt (from 1): doubling, half by chance; never less than asked."""
    doubled: float = min(first * 2 ** min(attempt - 1, 30), LONGEST_DELAY_SECONDS)
    return max(doubled / 2 + doubled / 2 * chance.random(), asked or 0.0)


def _seconds(retry_after: str, now: datetime) -> float | None:
    if retry_after.strip().isdecimal():
        return float(min(int(retry_after.strip()[:12]), _MOST_SECONDS))
    try:
        instant = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return max((instant - now).total_seconds(), 0.0)
