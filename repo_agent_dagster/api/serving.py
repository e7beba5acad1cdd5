"""The app behind a socket: bound here, so that a taken port is told before anything starts and port 0 is known."""

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from repo_agent_dagster.api.access import address
from repo_agent_dagster.api.app import create_app
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings

CONNECTIONS_AT_MOST = 200
SHUTDOWN_SECONDS = 10


class CannotListen(PermanentFault):
    """The address or the port cannot be listened on."""


def serve(settings: Settings, *, started: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, then end what is under way; `started` is told the URL once it can be reached.

    Raises:
        UnsafeApi: others could use it without a token.
        CannotListen: the address is not this machine's, or the port is taken.
        StoreUnreachableError: the database does not answer.
    """
    app = create_app(settings)
    with listening(settings.api_host, settings.api_port) as listener:
        started(url_of(listener))
        make_server(app).run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; clients that connect before the server runs wait for it.

    Raises:
        CannotListen: the address is not this machine's, or the port is taken.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"{host} is no address of this machine: {error}; change REPO_AGENT_API_HOST") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen()
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"cannot listen on {host} port {port}: {error.strerror}; change REPO_AGENT_API_HOST or REPO_AGENT_API_PORT"
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL at which the socket is reached from here."""
    host, port = listener.getsockname()[:2]
    return url_at(host, port)


def url_at(host: str, port: int) -> str:
    """Return the URL at which what listens on an address is reached from its own machine."""
    found = address(host)
    if found is not None and found.is_unspecified:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(app: FastAPI) -> uvicorn.Server:
    """Return the server: it believes no header about who the client is, and bounds connections and shutdown."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            proxy_headers=False,
            server_header=False,
            ws="none",
            lifespan="on",
            limit_concurrency=CONNECTIONS_AT_MOST,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )
