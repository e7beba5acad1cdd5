"""Which calls of GitHub are made again, and after how long."""

import time
from datetime import timedelta
from email.utils import mktime_tz, parsedate_tz
from random import SystemRandom
from types import TracebackType
from typing import Any

from github.GithubException import RateLimitExceededExceedsMaxWait
from github.GithubRetry import GithubRetry
from urllib3 import Retry
from urllib3.connectionpool import ConnectionPool
from urllib3.response import BaseHTTPResponse

SECONDARY_LIMIT_SECONDS = 60.0
"""What GitHub's guide asks for where a secondary limit tells no time."""

_LONGEST_DELAY_SECONDS = 60.0
# A POST that got no answer, or a 5xx, may have been done: an issue would be opened twice.
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_CHANCE = SystemRandom()


class PatientRetry(GithubRetry):
    """GitHub's limits waited for with any method, since what was refused was not done; faults only where it is safe.

    Retry-After, the primary limit's reset and secondary limits are kept exactly, up to `max_rate_limit_wait` seconds;
    beyond it the call fails at once. The other delays double, half of each by chance.
    """

    @classmethod
    def of(cls, attempts: int, longest_wait: timedelta, first_delay_seconds: float) -> "PatientRetry":
        """Return the rule for at most so many attempts of a call."""
        return cls(
            total=attempts - 1,
            backoff_factor=first_delay_seconds,
            backoff_max=_LONGEST_DELAY_SECONDS,
            max_rate_limit_wait=longest_wait.total_seconds(),
            secondary_rate_wait=min(SECONDARY_LIMIT_SECONDS, longest_wait.total_seconds()),
            status_forcelist=[408, 429, *range(500, 600)],
            allowed_methods=_REPEATABLE,
        )

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Whether such an answer leads to `increment`, which tells a limit from a lack of permission."""
        return status_code in (403, 429) or super().is_retry(method, status_code, has_retry_after)

    def increment(  # type: ignore[override]  # as in GithubRetry
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Retry:
        """Return the rule for the next attempt.

        Raises:
            MaxRetryError: there is none.
            RateLimitExceededExceedsMaxWait: the limit lasts too long.
        """
        wait = None if response is None else self._limited_seconds(response)
        if response is None or wait is None:
            return super().increment(method, url, response, error, _pool, _stacktrace)  # type: ignore[arg-type]
        if self.max_rate_limit_wait is not None and wait > self.max_rate_limit_wait:
            raise RateLimitExceededExceedsMaxWait(response.status, None, dict(response.headers), wait=wait)
        following = Retry.increment(self, method, url, response, error, _pool, _stacktrace)
        _wait_for(following, wait)
        return following

    def get_backoff_time(self) -> float:
        """Return the seconds to wait before the next attempt, where no limit told them."""
        return delay_seconds(len(self.history), self.backoff_factor) if self.history else 0.0

    def _limited_seconds(self, response: BaseHTTPResponse) -> float | None:
        """Return the seconds that a limit asks for in the headers; None: these tell of no limit."""
        headers = response.headers
        asked = headers.get("Retry-After")
        if asked is not None and response.status in (403, 429, 503):
            return _seconds(asked)
        if response.status in (403, 429) and headers.get("X-RateLimit-Remaining") == "0":
            reset = headers.get("X-RateLimit-Reset", "")
            # One second more: nobody knows when in that second it is.
            return max(int(reset) - time.time(), 0.0) + 1 if reset.isdecimal() and len(reset) < 12 else None
        return self.secondary_rate_wait if response.status == 429 else None


def delay_seconds(failed: int, first: float) -> float:
    """Return how long to wait after so many failed attempts (from 1): doubling, half of it by chance, capped."""
    doubled: float = min(first * 2 ** min(failed - 1, 30), _LONGEST_DELAY_SECONDS)
    return doubled / 2 + doubled / 2 * _CHANCE.random()


def _seconds(retry_after: str) -> float:
    if retry_after.strip().isdecimal():
        return float(min(int(retry_after), 10**9))
    instant = parsedate_tz(retry_after)
    return SECONDARY_LIMIT_SECONDS if instant is None else max(mktime_tz(instant) - time.time(), 0.0)


def _wait_for(rule: Any, seconds: float) -> None:
    # PyGithub's own way: the rule is new for each attempt, and urllib3 asks it for nothing but the time.
    rule.get_backoff_time = lambda: seconds
    rule.respect_retry_after_header = False
