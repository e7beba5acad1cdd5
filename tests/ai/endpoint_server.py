"""An endpoint on loopback that speaks the Chat Completions protocol, answers as it is told, and keeps what it got."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Says = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


@dataclass
class Got:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def dialect(self) -> str:
        return self.body["response_format"]["type"]

    @property
    def said(self) -> str:
        return "\n".join(message["content"] for message in self.body["messages"])


@dataclass
class ModelServer:
    """`script` is what it says, in turn; the last for good."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    script: list[Says] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def says(self, *script: Says) -> None:
        self.script = list(script)

    def hangs(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Keep the connection and say nothing until the test is over."""
        self.released.wait(20)

    def drips(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Send the head at once and a byte of the body now and then: no single read takes long."""
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not self.released.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()


def send(handler: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def completion(
    content: Any,
    *,
    finish: str = "stop",
    tokens: int | None = 100,
    refusal: str | None = None,
    thought: str | None = None,
) -> Says:
    """A completion; what is no text becomes JSON."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    message = {"role": "assistant", "content": text, "refusal": refusal, "reasoning_content": thought}
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
    }
    if tokens is not None:
        body["usage"] = {"prompt_tokens": tokens - 10, "completion_tokens": 10, "total_tokens": tokens}
    return lambda handler, _body: send(handler, 200, json.dumps(body).encode(), {})


def error(status: int, message: str, *, code: str | None = None, **headers: str) -> Says:
    """An error as the protocol has it; headers' names are given with underscores."""
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _body: send(handler, status, json.dumps(body).encode(), sent)


def raw(content: bytes, status: int = 200, **headers: str) -> Says:
    return lambda handler, _body: send(handler, status, content, headers)


@contextmanager
def serving() -> Iterator[ModelServer]:
    model = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            model.got.append(Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            says = model.script.pop(0) if len(model.script) > 1 else model.script[0]
            says(self, body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that hung up is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    model.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
