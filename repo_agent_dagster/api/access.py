"""Who is let in: the Host header, where a browser's request came from, and the token; before anything is read."""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from repo_agent_dagster.api.problems import problem_response

OPEN_PATHS = frozenset({"/healthz"})
"""Served without a token: what a load balancer asks."""
PAGES = frozenset({"/staging"})
"""Opened in browsers, which cannot send a bearer token: these ask for it as a password."""
READING = frozenset({"GET", "HEAD"})

_HOST = re.compile(r"(?:\[(?P<address>[^\[\]]+)\]|(?P<name>[^\[\]:]+))(?::[0-9]*)?")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
_SEALS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in: status, reason, and the challenge that goes with a 401."""

    status: int
    reason: str
    challenge: str | None = None


class Access:
    """Lets a request through to the app, or answers it. An empty token serves loopback clients only."""

    def __init__(self, app: ASGIApp, *, token: str = "", names: Iterable[str] = ()) -> None:
        self._app = app
        self._token = token.encode()
        self._names = frozenset(name.lower().removesuffix(".") for name in ("localhost", *names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of any kind that ASGI knows; only HTTP requests have something to check."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SEALS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, sealed)
            return
        challenge = {} if refusal.challenge is None else {"WWW-Authenticate": refusal.challenge}
        # The body is not read, so the connection cannot carry another request.
        answer = problem_response(refusal.status, refusal.reason, headers={"Connection": "close", **challenge})
        await answer(scope, receive, sealed)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        return self._wrong_host(headers) or _wrong_origin(scope, headers) or self._wrong_client(scope, headers)

    def _wrong_host(self, headers: Headers) -> Refusal | None:
        """Refuse names that are not ours: a page can have its own name resolve to our address (DNS rebinding).

        An address cannot be rebound, so every address is let through.
        """
        given = headers.getlist("host")
        if len(given) != 1:
            return Refusal(400, "send exactly one Host header")
        name = host_name(given[0])
        if name is None:
            return Refusal(400, "the Host header holds no name and no address")
        if name in self._names or address(name) is not None:
            return None
        return Refusal(421, f"this server is not called {name!r}; name it in REPO_AGENT_API_ALLOWED_HOSTS if it is")

    def _wrong_client(self, scope: Scope, headers: Headers) -> Refusal | None:
        if not self._token:
            client = scope.get("client")
            proxied = next((name for name in _FORWARDED if name in headers), None)
            if proxied is not None:
                return Refusal(403, f"came through a proxy ({proxied}); set REPO_AGENT_API_TOKEN to serve others")
            if client is None or not is_loopback(client[0]):
                return Refusal(403, "without REPO_AGENT_API_TOKEN only this machine's own clients are served")
            return None
        path = scope["path"]
        if path in OPEN_PATHS or self._is_known(scope, headers):
            return None
        challenge = 'Basic realm="repo-agent", charset="UTF-8"' if path in PAGES else 'Bearer realm="repo-agent"'
        return Refusal(401, "send the token of this server: `Authorization: Bearer TOKEN`", challenge)

    def _is_known(self, scope: Scope, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        if len(given) != 1:
            return False
        scheme, _, credentials = given[0].partition(" ")
        if scheme.lower() == "bearer":
            return self._is_token(credentials.strip().encode("latin-1"))
        # Browsers repeat a password by themselves, also for requests that other sites make: it may only read.
        if scheme.lower() == "basic" and scope["path"] in PAGES and scope["method"] in READING:
            return self._is_token(_password(credentials.strip()))
        return False

    def _is_token(self, given: bytes) -> bool:
        return hmac.compare_digest(given, self._token)


def host_name(value: str) -> str | None:
    """Return the name or address of a Host header, lower-case, without port and brackets; None if it is malformed."""
    found = _HOST.fullmatch(value)
    return None if found is None else (found["address"] or found["name"]).lower().removesuffix(".")


def address(name: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that the name is, or None where it is a name."""
    try:
        found = ip_address(name)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine and nothing else; other names than `localhost` may be anything."""
    found = address(host)
    return host.lower() == "localhost" if found is None else found.is_loopback


def _wrong_origin(scope: Scope, headers: Headers) -> Refusal | None:
    """Refuse what a page of another site makes a browser send: the browser names that page's origin."""
    if scope["method"] in READING:
        return None
    own = {f"{scheme}://{headers['host']}".lower() for scheme in ("http", "https")}
    foreign = [origin for origin in headers.getlist("origin") if origin.lower() not in own]
    if foreign:
        return Refusal(403, f"pages of {foreign[0]} may not use this server")
    return None


def _password(credentials: str) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""
