"""Who is let in: this machine's clients, or who has the token; no page of another site, by whatever name."""

import asyncio
import base64
import re
from datetime import datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import Engine

from repo_agent_dagster.api.access import Access, host_name, is_loopback
from repo_agent_dagster.api.app import UnsafeApi, create_app
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction
from tests.api.server import invoke, served

TOKEN = "a-token-that-nobody-guesses"
TASKS = "/api/v1/tasks"


@pytest.fixture
def guarded(settings: Settings) -> Settings:
    return settings.model_copy(update={"api_token": SecretStr(TOKEN), "api_allowed_hosts": "agent.example, other"})


def basic(password: str) -> str:
    return f"Basic {base64.b64encode(f'somebody:{password}'.encode()).decode()}"


def test_with_a_token_only_who_sends_it_is_served(guarded: Settings, now: datetime) -> None:
    with served(guarded, now) as client:
        for sent in (None, "", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", basic(TOKEN)):
            refused = client.get(TASKS, headers={} if sent is None else {"Authorization": sent})
            assert refused.status_code == 401, sent
            assert refused.headers["www-authenticate"].startswith("Bearer")
        for sent in (f"Bearer {TOKEN}", f"bearer {TOKEN}"):
            assert client.get(TASKS, headers={"Authorization": sent}).status_code == 200


def test_without_the_token_nobody_learns_which_paths_there_are(guarded: Settings, now: datetime) -> None:
    with served(guarded, now) as client:
        answers = {client.get(path).status_code for path in ("/", "/nope", TASKS, "/api/v1/openapi.json", "/docs")}
    assert answers == {401}


def test_whether_the_server_is_well_is_told_to_everybody(guarded: Settings, now: datetime) -> None:
    with served(guarded, now) as client:
        assert client.get("/healthz").json() == {"status": "ok"}


def test_a_browser_opens_the_page_with_the_token_as_password_and_can_do_nothing_else_with_it(
    guarded: Settings, now: datetime
) -> None:
    with served(guarded, now) as client:
        assert client.get("/staging").headers["www-authenticate"].startswith("Basic")
        assert client.get("/staging", headers={"Authorization": basic("wrong")}).status_code == 401
        assert client.get("/staging", headers={"Authorization": "Basic %%%"}).status_code == 401
        assert client.get("/staging", headers={"Authorization": basic(TOKEN)}).status_code == 200
        client.headers["Authorization"] = basic(TOKEN)
        assert invoke(client).status_code == 401


def test_a_name_that_is_not_ours_is_refused_as_a_rebound_one(client: httpx2.Client) -> None:
    for name in ("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "", "0x7f.1"):
        refused = client.get(TASKS, headers={"Host": name})
        assert refused.status_code in (400, 421), name
    for name in ("localhost", "LOCALHOST:8765", "127.0.0.1:1", "[::1]:8765", "localhost."):
        assert client.get(TASKS, headers={"Host": name}).status_code == 200, name


def test_a_name_that_the_settings_allow_is_served(guarded: Settings, now: datetime) -> None:
    with served(guarded, now, Authorization=f"Bearer {TOKEN}") as client:
        for name in ("agent.example", "Agent.Example:443", "other"):
            assert client.get(TASKS, headers={"Host": name}).status_code == 200
        assert client.get(TASKS, headers={"Host": "another.example"}).status_code == 421


def test_a_page_of_another_site_submits_and_cancels_nothing(client: httpx2.Client, engine: Engine) -> None:
    task = invoke(client).json()
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"):
        client.headers["Origin"] = origin
        assert invoke(client).status_code == 403, origin
        assert client.post(f"{task['statusUrl']}/cancel").status_code == 403, origin
    with read_transaction(engine) as conn:
        assert task_requests.open_ids(conn) == [task["id"]]


def test_a_page_of_this_server_may_use_it(client: httpx2.Client) -> None:
    client.headers["Origin"] = str(client.base_url).rstrip("/")
    assert invoke(client).status_code == 202


def test_no_other_site_may_read_answers(client: httpx2.Client) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (client.options(TASKS, headers=asked), client.get(TASKS, headers=asked)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def answered(client: tuple[str, int] | None, headers: dict[str, str], token: str = "") -> int:
    """Return the status of one request to an app behind `Access`, from any address."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        **{"type": "http", "method": "GET", "path": TASKS, "client": client},
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in {"Host": "localhost", **headers}.items()
        ],
    }
    asyncio.run(Access(app, token=token)(scope, receive, send))
    return int(sent[0]["status"])


def test_without_a_token_other_machines_and_proxies_are_refused() -> None:
    for own in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        assert answered((own, 1), {}) == 200, own
    for other in ("10.0.0.7", "::ffff:10.0.0.7", "fe80::1", "2001:db8::1", "testclient"):
        assert answered((other, 1), {}) == 403, other
    assert answered(None, {}) == 403
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert answered(("127.0.0.1", 1), {header: "127.0.0.1"}) == 403, header


def test_with_the_token_other_machines_and_proxies_are_served() -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "10.0.0.7"}
    assert answered(("10.0.0.7", 1), headers, TOKEN) == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "agent.example", "127.0.0.1.evil.example"])
def test_without_a_token_the_server_does_not_listen_for_others(settings: Settings, host: str) -> None:
    with pytest.raises(UnsafeApi, match="REPO_AGENT_API_TOKEN"):
        create_app(settings.model_copy(update={"api_host": host}))


def test_a_token_that_can_be_guessed_is_refused(settings: Settings) -> None:
    with pytest.raises(UnsafeApi, match="4 characters"):
        create_app(settings.model_copy(update={"api_token": SecretStr("1234")}))


@given(st.text())
def test_a_host_header_is_a_name_whole_or_malformed(value: str) -> None:
    name = host_name(value)
    assert name is None or re.fullmatch(rf"\[?{re.escape(name)}\.?\]?(:[0-9]*)?", value.lower())


@pytest.mark.parametrize("value", ["localhost:80.evil.example", "localhost:x", "[::1", "::1", "[]", "", ":80"])
def test_a_host_header_that_only_begins_like_ours_is_malformed(value: str) -> None:
    assert host_name(value) is None


@given(st.ip_addresses(v=4))
def test_an_address_is_loopback_in_both_of_its_forms_or_in_none(ip: Any) -> None:
    assert is_loopback(str(ip)) == is_loopback(f"::ffff:{ip}") == ip.is_loopback
