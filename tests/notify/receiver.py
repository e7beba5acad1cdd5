"""A receiver on loopback that answers as it is told and keeps what it got."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Got:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    answered: int


@dataclass
class Receiver:
    """`answer` decides on each request: a status, or a status with headers and a body, or writes by itself (None)."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    answer: Callable[["Receiver", BaseHTTPRequestHandler, bytes], Any] = lambda receiver, handler, body: 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def taken(self) -> list[Got]:
        return [one for one in self.got if 200 <= one.answered < 300]

    def says(self, *statuses: int | tuple[int, dict[str, str], bytes]) -> None:
        """Answer with these in turn, then with 204 for good."""
        left = list(statuses)
        self.answer = lambda receiver, handler, body: left.pop(0) if left else 204


@contextmanager
def listening(port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told = receiver.answer(receiver, self, body)
            if told is None:
                self.close_connection = True
                return
            status, headers, content = told if isinstance(told, tuple) else (told, {}, b"")
            receiver.got.append(Got(self.path, dict(self.headers), body, status))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that hung up is what some tests are about

    server = Server(("127.0.0.1", port), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
