"""A Docker engine on a socket of its own that answers every question but carries out no kill and no removal."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_UNIX
from typing import Any, ClassVar

CONTAINER = "c" * 64
_EXEC = "e" * 64
_MEASURING = "f" * 64
_MEASURED = {"Running": False, "ExitCode": 1}


class _Engine(ThreadingHTTPServer):
    address_family = AF_UNIX
    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Answers)
        self.asked: list[str] = []
        self.released = threading.Event()

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "engine", 0


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Engine
    facts: ClassVar[dict[str, Any]] = {
        "Id": CONTAINER,
        "Name": "/repo-agent-hanging",
        "State": {"Status": "running", "Running": True, "Pid": 0},
        "Config": {
            "Labels": {
                "repo-agent.task": "task",
                "repo-agent.network": "none",
                "repo-agent.deadline": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
            }
        },
    }

    def do_GET(self) -> None:
        if self.path.endswith("/version"):
            self._answer({"ApiVersion": "1.41"})
        elif "/containers/" in self.path:
            self._answer(self.facts)
        else:
            self._answer({"Running": True, "ExitCode": None} if _EXEC in self.path else _MEASURED)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith(f"/containers/{CONTAINER}/exec"):
            self._answer({"Id": _MEASURING if b"/sys/fs/cgroup" in content else _EXEC})
        elif self.path.endswith("/start"):
            self._stream()
        else:
            self._hang()

    def do_DELETE(self) -> None:
        self._hang()

    def address_string(self) -> str:
        return "a client"

    def log_message(self, format: str, *args: object) -> None:
        return

    def _answer(self, data: dict[str, Any]) -> None:
        content = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self) -> None:
        self.send_response(101, "UPGRADED")
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "tcp")
        self.end_headers()
        if _MEASURING in self.path:
            self.close_connection = True
            return
        line = b"before the end\n"
        self.wfile.write(bytes([1, 0, 0, 0]) + len(line).to_bytes(4, "big") + line)
        self._hang()

    def _hang(self) -> None:
        self.server.asked.append(f"{self.command} {self.path.partition('/containers/')[2].partition('/')[2]}")
        self.server.released.wait(60)
        self.close_connection = True


@contextmanager
def hanging_engine(folder: Path) -> Iterator[_Engine]:
    """Serve on ``folder/docker.sock`` for a ``with`` block."""
    engine = _Engine(folder / "docker.sock")
    thread = threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield engine
    finally:
        engine.released.set()
        engine.shutdown()
        thread.join()
        engine.server_close()
