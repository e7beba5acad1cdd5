"""Which calls are made again, and after how long."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from repo_agent_dagster.ai.endpoint import Miss

MOST_ATTEMPTS = 4
"""How often one call is made before it is given up."""

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 30.0
_PASSING_STATUSES = {408, 409, 425, 429}
# These come as 429 or as an answer, but no wait helps.
_LASTING_CODES = {"insufficient_quota", "billing_hard_limit_reached", "answer_too_long", "not_chat_completions"}


def may_pass(miss: Miss) -> bool:
    """Whether the same call may succeed later: no answer, an overloaded or failing endpoint."""
    if miss.code in _LASTING_CODES:
        return False
    # 501 says that the endpoint does not know how, and will not know in a second.
    return miss.status is None or miss.status in _PASSING_STATUSES or (miss.status >= 500 and miss.status != 501)


def delay_seconds(attempt: int, retry_after: str | None, now: datetime, chance: Random) -> float:
    """Return how long to wait after the n-th attempt (from 1): doubling, half of it by chance, capped.

    What the endpoint asks for by Retry-After, in seconds or as a date, is kept however long it is.
    """
    doubled: float = min(FIRST_DELAY_SECONDS * 2 ** (attempt - 1), LONGEST_DELAY_SECONDS)
    return max(doubled / 2 + doubled / 2 * chance.random(), _asked_for(retry_after, now))


def _asked_for(retry_after: str | None, now: datetime) -> float:
    if retry_after is None:
        return 0.0
    if re.fullmatch(r"\d{1,12}(?:\.\d{1,9})?", retry_after.strip()):
        return float(retry_after)
    try:
        instant = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return max((instant - now).total_seconds(), 0.0)
