"""A polite HTTP client for log sources: bodies go to disk within bounds, limits are kept, tokens stay at home."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from random import Random, SystemRandom
from typing import IO

import httpx2
from pydantic import SecretStr

from repo_agent_dagster.ops.sources.protocol import SourceRefused, SourceUnavailable
from repo_agent_dagster.ops.sources.waiting import asked_seconds, delay_seconds, may_pass
from repo_agent_dagster.redaction import redact

MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_SHOWN_BYTES = 300
_WHAT_TO_DO = {
    401: "the token is missing, wrong or expired: give a new one in the variable that token_env names",
    403: "the token lacks the permission for it: grant it, or use another token",
    404: "there is no such address: check the source's url, and that the token may see it",
    410: "it is gone",
}


class HttpRefused(SourceRefused):
    """The server will not give it. `status` is its answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class BodyTooLong(SourceRefused):
    """The answer is longer than is allowed; what was read is thrown away."""


@dataclass(frozen=True, slots=True)
class Download:
    """An answer whose body lies in a file; `is_unchanged` when the server says that the known one still holds (304)."""

    is_unchanged: bool
    etag: str | None
    size: int


@dataclass(frozen=True)
class HttpManners:
    """How patient a client is: of one read, of one whole body, how often it asks, and how long one wait may be."""

    read_seconds: float = 30.0
    body_seconds: float = 900.0
    attempts: int = 5
    first_delay_seconds: float = 1.0
    longest_wait: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class _Miss:
    said: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpClient:
    """Asks one host with a token. Redirects to others are followed if `may_leave`, without the token."""

    def __init__(
        self,
        base_url: str,
        token: SecretStr | None = None,
        manners: HttpManners | None = None,
        *,
        may_leave: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
        chance: Random | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._may_leave = may_leave
        self._manners = manners or HttpManners()
        self._clock = clock
        self._pause = pause
        self._chance = chance or SystemRandom()
        self._opened: httpx2.Client | None = None

    def close(self) -> None:
        """Close the connections; the next download opens new ones."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def download(
        self,
        path: str,
        into: Path,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        etag: str | None = None,
        most_bytes: int,
    ) -> Download:
        """Get `path` below the base URL into a file. With the ETag of a known body an unchanged one is not sent again.

        Raises:
            HttpRefused: the server will not give it (4xx but for limits, a redirect that leads nowhere good).
            BodyTooLong: it has more than `most_bytes` bytes, unpacked.
            SourceUnavailable: no answer, 5xx, a body that breaks off, or a limit, after all attempts.
        """
        url = httpx2.URL(self.base_url + path, params=dict(query) if query else None)
        sent = {**(headers or {}), **({"If-None-Match": etag} if etag else {})}
        attempt = 0
        while True:
            attempt += 1
            outcome = self._once(url, into, sent, most_bytes)
            if isinstance(outcome, Download):
                return outcome
            asked = asked_seconds(outcome.status, outcome.headers, outcome.said, self._clock())
            if outcome.status is not None and asked is None and not may_pass(outcome.status):
                advice = _WHAT_TO_DO.get(outcome.status, "check the source's url and settings")
                raise HttpRefused(f"{outcome.said}; {advice}", outcome.status)
            if attempt == self._manners.attempts:
                raise SourceUnavailable(f"{outcome.said}; asked {attempt} times, try again later")
            delay = delay_seconds(attempt, self._manners.first_delay_seconds, asked, self._chance)
            if delay > self._manners.longest_wait.total_seconds():
                again = self._clock() + timedelta(seconds=min(delay, 10**7))
                raise SourceUnavailable(f"{outcome.said}; it wants to be asked again at {again:%Y-%m-%d %H:%M:%S} UTC")
            self._pause(delay)

    def _once(self, url: httpx2.URL, into: Path, headers: Mapping[str, str], most_bytes: int) -> Download | _Miss:
        deadline = time.monotonic() + self._manners.body_seconds
        for _ in range(MOST_REDIRECTS + 1):
            try:
                with self._connected().stream("GET", url, headers=self._headers_for(url, headers)) as response:
                    if response.status_code in _REDIRECTS:
                        url = self._redirected(url, response)
                        continue
                    if response.status_code == HTTPStatus.NOT_MODIFIED and "If-None-Match" in headers:
                        return Download(True, headers["If-None-Match"], 0)
                    if response.status_code != HTTPStatus.OK:
                        return self._miss(url, response)
                    with into.open("wb") as file:
                        size = _copied(response, file, most_bytes, deadline, self._shown(url))
                    return Download(False, response.headers.get("ETag"), size)
            except httpx2.TimeoutException as error:
                return _Miss(f"{self._shown(url)} is too slow ({type(error).__name__})")
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                return _Miss(f"{self._shown(url)} breaks off: {self._hidden(str(error)) or type(error).__name__}")
        raise HttpRefused(f"{self._shown(url)} redirects more than {MOST_REDIRECTS} times", HTTPStatus.FOUND)

    def _connected(self) -> httpx2.Client:
        if self._opened is None:
            self._opened = httpx2.Client(
                timeout=self._manners.read_seconds, headers={"User-Agent": "repo-agent"}, follow_redirects=False
            )
        return self._opened

    def _headers_for(self, url: httpx2.URL, headers: Mapping[str, str]) -> dict[str, str]:
        sent = {**headers}
        if self._token is not None and self._token.get_secret_value() and _origin(url) == _origin(self.base_url):
            sent["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return sent

    def _redirected(self, url: httpx2.URL, response: httpx2.Response) -> httpx2.URL:
        try:
            target = url.join(response.headers["Location"])
        except (KeyError, httpx2.InvalidURL) as error:
            raise HttpRefused(f"{self._shown(url)} redirects to nowhere", response.status_code) from error
        if _origin(target) != _origin(self.base_url) and not self._may_leave:
            raise HttpRefused(
                f"{self._shown(url)} redirects to another host, {target.host}, which may be anybody's; if it is right, "
                "make it the source's url",
                response.status_code,
            )
        if target.scheme not in ("http", "https") or (url.scheme == "https" and target.scheme != "https"):
            raise HttpRefused(
                f"{self._shown(url)} redirects to {target.scheme}://{target.host}, which is not safe",
                response.status_code,
            )
        return target

    def _miss(self, url: httpx2.URL, response: httpx2.Response) -> _Miss:
        said = b""
        try:
            for chunk in response.iter_bytes():
                said += chunk
                if len(said) >= _SHOWN_BYTES:
                    break
        except httpx2.TransportError:
            pass  # the status is what counts
        text = " ".join(self._hidden(said[:_SHOWN_BYTES].decode(errors="replace")).split())
        shown = f"{self._shown(url)} answers {response.status_code}" + (f" ({text})" if text else "")
        return _Miss(shown, response.status_code, response.headers)

    def _shown(self, url: httpx2.URL) -> str:
        """Return the address without its query, which may be a signature; of another host's, without the path."""
        place = f"{url.scheme}://{url.host}" + (f":{url.port}" if url.port else "")
        return redact(place + url.path) if _origin(url) == _origin(self.base_url) else place

    def _hidden(self, text: str) -> str:
        token = self._token.get_secret_value() if self._token else ""
        return redact(text.replace(token, "[REDACTED:token]") if token else text)


def _origin(url: httpx2.URL | str) -> tuple[str, str, int | None]:
    parsed = httpx2.URL(url)
    return parsed.scheme, parsed.host, parsed.port


def _copied(response: httpx2.Response, file: IO[bytes], most_bytes: int, deadline: float, shown: str) -> int:
    size = 0
    for chunk in response.iter_bytes():  # as it comes: a size would wait for so many bytes, however slow they are
        size += len(chunk)
        if size > most_bytes:
            raise BodyTooLong(f"{shown} gives more than {most_bytes:,} bytes; ask for less at once")
        file.write(chunk)
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("the whole body takes too long")
    return size
