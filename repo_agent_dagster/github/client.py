"""PyGithub's client with our manners: time-outs, retries, limits of patience, and faults that say what to do."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from github import Auth, Github
from github.GithubException import (
    BadAttributeException,
    GithubException,
    RateLimitExceededExceedsMaxWait,
    RateLimitExceededException,
)
from requests import RequestException
from requests.exceptions import ChunkedEncodingError, ContentDecodingError
from urllib3.exceptions import HTTPError

from repo_agent_dagster.github.faults import GitHubRefused, GitHubUnavailable
from repo_agent_dagster.github.retrying import PatientRetry, delay_seconds
from repo_agent_dagster.redaction import redact

_T = TypeVar("_T")

API_URL = "https://api.github.com"
PAGE_SIZE = 100
# PyGithub checks answers by assertions, and tells of redirects to other hosts by a RuntimeError.
_MISREAD = (BadAttributeException, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_PAUSE_SECONDS, _PAUSE_BETWEEN_WRITES_SECONDS = 0.25, 1.0
_SHOWN_CHARACTERS = 300
_WHAT_TO_DO = {
    401: "the token is wrong or has expired: give a new one",
    403: "the token lacks the permission: grant it, or approve the token for the organisation",
    404: "there is no such thing, or the token may not see it: check the name and the token's access",
    410: "it is gone, or switched off for the repository",
    451: "it is blocked for legal reasons",
}


class GitHub:
    """GitHub, or a GitHub Enterprise server by its API's URL, spoken to politely.

    An empty token asks anonymously. `longest_wait` is how long one rate limit may make a call wait; what wants longer
    is a fault that tells when to come again. `is_paced` makes pauses between requests, which GitHub asks for.
    """

    def __init__(
        self,
        token: str,
        *,
        base_url: str = API_URL,
        timeout_seconds: int = 20,
        attempts: int = 5,
        longest_wait: timedelta = timedelta(minutes=10),
        first_delay_seconds: float = 1.0,
        is_paced: bool = True,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._attempts = attempts
        self._first_delay_seconds = first_delay_seconds
        self._client = Github(
            auth=Auth.Token(token) if token else None,
            base_url=self.base_url,
            timeout=timeout_seconds,
            user_agent="repo-agent",
            per_page=PAGE_SIZE,
            retry=PatientRetry.of(attempts, longest_wait, first_delay_seconds),
            seconds_between_requests=_PAUSE_SECONDS if is_paced else 0,
            seconds_between_writes=_PAUSE_BETWEEN_WRITES_SECONDS if is_paced else 0,
        )

    def _again(self, read: Callable[[], _T]) -> _T:
        """Return what a reading call gives; where its body breaks off, which urllib3 does not see, ask again."""
        for failed in range(1, self._attempts):
            try:
                return read()
            except (ChunkedEncodingError, ContentDecodingError):
                time.sleep(delay_seconds(failed, self._first_delay_seconds))
        return read()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def account(self) -> str:
        """Return the login of the token's account.

        Raises:
            GitHubRefused, GitHubUnavailable: GitHub did not tell.
        """
        with asked("asking whose token it is"):
            return told(self._again(lambda: self._client.get_user().login), "login")


def told(value: str | None, name: str) -> str:
    """Return a text that every answer of GitHub's has.

    Raises:
        ValueError: it is missing, so somebody else answered; inside `asked` that becomes GitHubRefused.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(f"no {name} in it")
    return value


@contextmanager
def asked(what: str) -> Iterator[None]:
    """Turn what PyGithub and its connection raise inside the block into faults; `what` says what was being done.

    Raises:
        GitHubRefused: 4xx but for rate limits, an answer that is not understood, a redirect to another host.
        GitHubUnavailable: no connection, 5xx, or a rate limit that lasts longer than the client waits.
    """
    try:
        yield
    except RateLimitExceededException as error:
        retry_at = _retry_at(error)
        until = f"; it answers again at {retry_at:%Y-%m-%d %H:%M:%S} UTC" if retry_at else ""
        raise GitHubUnavailable(
            f"{what}: GitHub's rate limit is used up{until}", status=error.status, retry_at=retry_at
        ) from error
    except GithubException as error:
        said = f"{what}: GitHub answers {error.status}{_said(error.data)}"
        if error.status >= 500 or error.status in (408, 429):
            raise GitHubUnavailable(f"{said}; try again later", status=error.status) from error
        advice = _WHAT_TO_DO.get(error.status)
        raise GitHubRefused(f"{said}; {advice}" if advice else said, error.status) from error
    except (RequestException, HTTPError) as error:
        # Their texts hold addresses of objects and URLs; the class says as much.
        raise GitHubUnavailable(
            f"{what}: GitHub does not answer ({type(error).__name__}); check the network and the API's URL"
        ) from error
    except _MISREAD as error:
        raise GitHubRefused(
            f"{what}: the answer is not what GitHub's API gives ({redact(str(error))[:_SHOWN_CHARACTERS]}); "
            "check the API's URL, which for GitHub Enterprise ends in /api/v3"
        ) from error


def _said(data: Any) -> str:
    message = data.get("message") if isinstance(data, Mapping) else data
    return f" ({redact(message)[:_SHOWN_CHARACTERS]})" if isinstance(message, str) and message else ""


def _retry_at(error: RateLimitExceededException) -> datetime | None:
    if isinstance(error, RateLimitExceededExceedsMaxWait) and error.wait:
        return datetime.now(UTC) + timedelta(seconds=min(error.wait, 10**7))
    reset = (error.headers or {}).get("x-ratelimit-reset", "")
    return datetime.fromtimestamp(int(reset), UTC) if reset.isdecimal() and len(reset) < 12 else None
