"""What a request may carry: JSON, so long and no longer, and not for ever."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from repo_agent_dagster.api.bodies import LIMIT_BYTES, BoundedBodies
from tests.api.server import OPS_SCAN

INVOKE = "/api/v1/tasks/invoke"


def test_a_body_that_is_too_long_is_refused_by_its_length(client: httpx2.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as connection:
        connection.settimeout(10)
        connection.sendall(
            f"POST {INVOKE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LIMIT_BYTES + 1}\r\n\r\n".encode()
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")  # nothing of the body was sent


def test_a_body_without_a_length_is_counted(client: httpx2.Client) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        while sent < 20 * LIMIT_BYTES:
            sent += 2**20
            yield b" " * 2**20

    try:
        status = client.post(INVOKE, content=chunks(), headers={"Content-Type": "application/json"}).status_code
    except httpx2.TransportError:  # the server hung up while we were still sending
        status = 413
    assert status == 413
    assert sent < 4 * LIMIT_BYTES


def test_a_large_body_within_the_limit_is_read(client: httpx2.Client) -> None:
    prompt = "x" * 100_000
    padded = client.build_request("POST", INVOKE, json={**OPS_SCAN, "initialPrompt": prompt}).read()
    answer = client.post(
        INVOKE, content=padded + b" " * (LIMIT_BYTES - len(padded)), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 202
    assert client.get(answer.json()["statusUrl"]).json()["initialPrompt"] == prompt


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"])
def test_what_a_form_of_another_page_can_send_is_not_read(client: httpx2.Client, kind: str) -> None:
    body = client.build_request("POST", INVOKE, json=OPS_SCAN).read()
    refused = client.post(INVOKE, content=body, headers={"Content-Type": kind})
    assert refused.status_code == 415
    assert "application/json" in refused.json()["detail"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"])
def test_json_by_any_of_its_names_is_read(client: httpx2.Client, kind: str) -> None:
    body = client.build_request("POST", INVOKE, json=OPS_SCAN).read()
    assert client.post(INVOKE, content=body, headers={"Content-Type": kind}).status_code == 202


def exchanged(messages: list[dict[str, Any]], **limits: Any) -> list[dict[str, Any]]:
    """Return what is answered to a request that arrives in these messages and then stalls."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": got["body"]})

    async def receive() -> Any:
        if not messages:
            await asyncio.sleep(60)
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    asyncio.run(BoundedBodies(app, **limits)(scope, receive, send))
    return sent


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_the_app_gets_the_whole_body_at_once() -> None:
    assert exchanged([part(b"[1"), part(b",2"), part(b"]", more=False)])[1]["body"] == b"[1,2]"


def test_a_body_that_never_ends_is_given_up() -> None:
    assert exchanged([part(b"[1")], within_seconds=0.05)[0]["status"] == 408


def test_a_client_that_hangs_up_is_not_answered_and_nothing_is_done() -> None:
    assert exchanged([part(b"[1"), {"type": "http.disconnect"}]) == []
