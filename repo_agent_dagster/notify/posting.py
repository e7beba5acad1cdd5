"""One message over HTTP: bounded in time as a whole and in what is read, without following redirects."""

import socket
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from repo_agent_dagster import __version__

if TYPE_CHECKING:
    import httpx2

_READ_AT_MOST = 64 * 1024
_SHOWN = 200
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a message: the receiver's status, or None when there was no answer; `said` tells it to people."""

    status: int | None
    said: str
    retry_after: str | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver took the message."""
        return self.status is not None and 200 <= self.status < 300


class Poster:
    """Posts messages over connections that are kept open between them. Use it in a ``with``."""

    def __init__(self) -> None:
        import httpx2

        self._client = httpx2.Client(
            follow_redirects=False,
            headers={"User-Agent": f"repo-agent-dagster/{__version__}", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def post(self, url: str, body: bytes, headers: dict[str, str], *, within_seconds: float) -> Answer:
        """Post a body and return the answer, or that there was none in that time."""
        attempt = _Attempt(self._client, url, body, headers, within_seconds)
        return attempt.result()


class _Attempt:
    """One request in a thread of its own.

    The client's time-outs are for each read: a receiver that sends a byte now and then would hold us for ever, and
    looking up a name cannot be timed at all. So the whole is waited for from outside; its connection is cut if it is
    late, and a thread that still waits for a name ends with the process.
    """

    def __init__(
        self, client: "httpx2.Client", url: str, body: bytes, headers: dict[str, str], within_seconds: float
    ) -> None:
        self._client = client
        self._request = client.build_request(
            "POST", url, content=body, headers=headers, timeout=within_seconds, extensions={"trace": self._trace}
        )
        self._within_seconds = within_seconds
        self._answer: Answer | None = None
        self._error: BaseException | None = None
        self._socket: socket.socket | None = None

    def result(self) -> Answer:
        thread = threading.Thread(target=self._run, name="notification", daemon=True)
        thread.start()
        thread.join(self._within_seconds)
        if thread.is_alive():
            self._cut()
            return Answer(None, f"no answer within {self._within_seconds:.3g} s")
        if self._error is not None:
            raise self._error
        return self._answer or Answer(None, "no answer")

    def _run(self) -> None:
        import httpx2

        try:
            response = self._client.send(self._request, stream=True)
            try:
                self._answer = _told(response)
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError) as error:  # ValueError: a name IDNA refuses
            self._answer = Answer(None, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that asked
            self._error = error

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        # The last one counts: TLS wraps the plain socket in a new one and empties the old.
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")

    def _cut(self) -> None:
        if self._socket is None:
            return
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already


def _told(response: "httpx2.Response") -> Answer:
    received = b""
    for chunk in response.iter_raw():
        received += chunk
        if len(received) >= _READ_AT_MOST:
            break
    status = response.status_code
    if 200 <= status < 300:
        return Answer(status, f"HTTP {status}")
    said = f"HTTP {status} {response.reason_phrase}".strip()
    if status in _REDIRECTS:
        said += f" to {response.headers.get('location', 'nowhere')}, which is not followed"
    text = " ".join(received[:_SHOWN].decode("utf-8", "replace").split())
    return Answer(status, f"{said}: {text}" if text else said, response.headers.get("retry-after"))
