"""A git server on loopback: `git http-backend` behind HTTP basic authentication, and what its clients looked like."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class GitServer:
    """A server of the bare repositories below `root`. `requests` are method, path and whether it was let in."""

    root: Path
    user: str = ""
    password: str = ""
    port: int = 0
    redirect_to: str = ""
    requests: list[tuple[str, str, bool]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)
    """Command lines and environments of this machine's git processes, taken during each request."""

    def url(self, name: str, credentials: str = "") -> str:
        """Return the URL of a repository, with `user:password@` if that is given."""
        return f"http://{credentials}127.0.0.1:{self.port}/{name}"


@contextmanager
def git_server(root: Path, user: str = "", password: str = "") -> Iterator[GitServer]:
    """Serve the repositories below a folder; with a user, only to those who give it and the password."""
    state = GitServer(root, user, password)

    class Handler(_Handler):
        server_state = state

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server_state: GitServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        state = self.server_state
        state.seen.append(_git_processes())
        header = self.headers.get("Authorization", "")
        if header:
            state.authorizations.append(header)
        expected = base64.b64encode(f"{state.user}:{state.password}".encode()).decode()
        allowed = not state.user or header == f"Basic {expected}"
        state.requests.append((self.command, self.path, allowed))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if state.redirect_to:
            self.send_response(302)
            self.send_header("Location", state.redirect_to + self.path)
            self.end_headers()
        elif not allowed:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            self.wfile.write(f"no entry for {header}".encode())
        else:
            self._backend(body)

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server_state.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": self.server_state.user,
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _git_processes() -> bytes:
    """Return the command lines and environments of all processes that are git's or its helpers'."""
    found = b""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            program = command.split(b"\0")[0].rpartition(b"/")[2]
            if program.startswith(b"git") or b"/proc/self/fd" in command:  # or a shell that runs a helper
                found += command + (process / "environ").read_bytes()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue  # it ended meanwhile
    return found
