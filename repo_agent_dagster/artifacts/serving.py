"""Signed URLs for a local artifact store: one object each, GET only, for a limited time.

Object stores sign their own URLs. For a folder this process serves them itself, on the address by which sandboxes reach
the host, for as long as the server is open. A URL is good for one key until one instant; both are in its signature.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from repo_agent_dagster.artifacts.store import ArtifactError, ArtifactStore

_PREFIX = "/artifacts/"
_REQUEST_SECONDS = 10.0
_SECRET_BYTES = 32


def _now() -> datetime:
    return datetime.now(UTC)


class SignedServer:
    """Serves single objects of a store to whoever has a signed URL. Close it; its URLs die with it."""

    def __init__(
        self, store: ArtifactStore, address: str, *, port: int = 0, clock: Callable[[], datetime] = _now
    ) -> None:
        self._store = store
        self._clock = clock
        self._secret = secrets.token_bytes(_SECRET_BYTES)  # of this server alone: nobody keeps or shares it
        self._server = ThreadingHTTPServer((address, port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="signed artifacts", daemon=True)
        self._thread.start()

    def sign(self, key: str, *, lifetime: timedelta) -> str:
        """Return a URL that gives this object, and nothing else, until its lifetime is over."""
        expires = int((self._clock() + lifetime).timestamp())
        host, port = self._server.server_address[:2]
        query = urlencode({"expires": expires, "signature": self._signature(key, expires)})
        return f"http://{host!s}:{port}{_PREFIX}{quote(key)}?{query}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_REQUEST_SECONDS)

    def _signature(self, key: str, expires: int) -> str:
        return hmac.new(self._secret, f"GET\n{key}\n{expires}".encode(), hashlib.sha256).hexdigest()

    def _refusal(self, key: str, query: str) -> HTTPStatus | None:
        """Return why this request gets nothing; None: it gets the object."""
        told = parse_qs(query)
        try:
            expires = int(told["expires"][0])
            signature = told["signature"][0]
        except (KeyError, ValueError):
            return HTTPStatus.FORBIDDEN
        if not hmac.compare_digest(signature.encode(), self._signature(key, expires).encode()):
            return HTTPStatus.FORBIDDEN
        return HTTPStatus.GONE if self._clock().timestamp() >= expires else None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _REQUEST_SECONDS
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                place = urlsplit(self.path)
                key = unquote(place.path.removeprefix(_PREFIX))
                refusal = server._refusal(key, place.query)
                if refusal is None and place.path.startswith(_PREFIX):
                    try:
                        content = server._store.get(key)
                    except ArtifactError:
                        refusal = HTTPStatus.NOT_FOUND
                    else:
                        self.send_response(HTTPStatus.OK)
                        self.send_header("Content-Type", "application/octet-stream")
                        self.send_header("Content-Length", str(len(content)))
                        self.end_headers()
                        self.wfile.write(content)
                        return
                self.send_error(refusal or HTTPStatus.NOT_FOUND)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the request line holds the signature."""

        return Handler
