"""The API as it is served, in a thread, on a free port of loopback."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx2

from repo_agent_dagster.api.app import create_app
from repo_agent_dagster.api.serving import listening, make_server, url_of
from repo_agent_dagster.settings import Settings

OPS_SCAN = {"pathway": "ops_scan", "payload": {"day": "2026-03-04"}}


@contextmanager
def served(settings: Settings, now: datetime, **headers: str) -> Iterator[httpx2.Client]:
    """Serve, and lend a client that knows the URL."""
    listener = listening("127.0.0.1", 0)
    url = url_of(listener)
    server = make_server(create_app(settings, clock=lambda: now))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(0.005)
        with httpx2.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def invoke(client: httpx2.Client, **asked: Any) -> httpx2.Response:
    return client.post("/api/v1/tasks/invoke", json={**OPS_SCAN, **asked})
