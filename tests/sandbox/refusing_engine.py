"""The machine's Docker engine behind a socket of its own, on which some requests fail."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_REAL = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")


@contextmanager
def refusing_engine(folder: Path, refused: bytes) -> Iterator[str]:
    """Yield the address of an engine that answers 500 to what has `refused` in its request line, and else obeys."""
    path = folder / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=_accept, args=(listener, refused), daemon=True).start()
        yield f"unix://{path}"
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, refused: bytes) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX)
        far.connect(_REAL)
        threading.Thread(target=_forward, args=(near, far, refused), daemon=True).start()
        threading.Thread(target=_forward, args=(far, near, None), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket, refused: bytes | None) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            # One request at a time goes over a connection, and a small one comes in one piece.
            if refused is not None and refused in data.partition(b"\r\n")[0]:
                body = json.dumps({"message": "this one is stuck"}).encode()
                head = f"HTTP/1.1 500 Stuck\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                source.sendall(head.encode() + body)
            else:
                target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        source.shutdown(socket.SHUT_RDWR)
