"""A server on loopback that answers by routes, goes wrong as it is told, and keeps what it was asked."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass(frozen=True)
class Answer:
    """What is sent. `cut` bytes of the body are sent and the connection is closed; `drip` sends it byte by byte."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    drip: bool = False


def said(data: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON answer; headers' names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(data).encode(), {"Content-Type": "application/json; charset=utf-8", **named})


Route = Callable[..., Answer]
"""Takes the request and the groups of the route's pattern."""


@dataclass
class Loopback:
    """`faults` are given, in turn, instead of the route's own answer, to requests whose path matches."""

    host: str = "127.0.0.1"
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    routes: list[tuple[str, re.Pattern[str], Route]] = field(default_factory=list)
    faults: list[tuple[re.Pattern[str], Answer]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def on(self, method: str, pattern: str, route: Route) -> None:
        """Answer requests whose whole path matches the pattern; the route that was added last comes first."""
        self.routes.insert(0, (method, re.compile(pattern), route))

    def goes_wrong(self, pattern: str, *answers: Answer) -> None:
        """Give these answers first, each once, where the path (with ``METHOD ``) matches somewhere."""
        self.faults.extend((re.compile(pattern), answer) for answer in answers)

    def times(self, pattern: str) -> int:
        """How often something was asked for whose ``METHOD path`` matches somewhere."""
        return sum(bool(re.search(pattern, f"{one.method} {one.path}")) for one in self.asked)

    def answer(self, asked: Asked) -> Answer:
        with self.lock:
            self.asked.append(asked)
            for number, (pattern, fault) in enumerate(self.faults):
                if pattern.search(f"{asked.method} {asked.path}"):
                    del self.faults[number]
                    return fault
            for method, pattern, route in self.routes:
                if method == asked.method and (match := pattern.fullmatch(asked.path)):
                    return route(asked, *match.groups())
        return said({"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}, 404)

    def paged(self, asked: Asked, items: list[Any], key: str | None = None) -> Answer:
        """Give one page of the items as GitHub does: ``per_page``, ``page``, the Link header, and an ETag."""
        size, number = int(asked.query.get("per_page", "30")), int(asked.query.get("page", "1"))
        last = max(1, -(-len(items) // size))

        def link(page: int, relation: str) -> str:
            query = urlencode({**asked.query, "page": str(page)})
            return f'<{self.url}{asked.path}?{query}>; rel="{relation}"'

        links = [link(number - 1, "prev")] if number > 1 else []
        links += [link(number + 1, "next"), link(last, "last")] if number < last else []
        part = items[(number - 1) * size : number * size]
        data = part if key is None else {"total_count": len(items), key: part}
        etag = f'W/"{hashlib.sha256(json.dumps(data).encode()).hexdigest()}"'
        if asked.headers.get("if-none-match") == etag:
            return Answer(304, headers={"ETag": etag})
        return said(data, ETag=etag, Link=", ".join(links)) if links else said(data, ETag=etag)


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Loopback]:
    """Serve until the block ends. `host` is the name that it calls itself by."""
    loopback = Loopback(host)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = (
            True  # head and body are two packets, and the client's kernel waits 40 ms between them
        )

        def _serve(self) -> None:
            place = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send(loopback.answer(Asked(self.command, place.path, dict(parse_qsl(place.query)), headers, body)))

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if answer.drip:
                for byte in answer.body:
                    if loopback.ended.wait(0.02):
                        break
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
            else:
                self.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    for method in ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"):
        setattr(Handler, f"do_{method}", Handler._serve)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that hung up is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    loopback.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        loopback.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
