"""Tasks over HTTP: put into the one queue, followed, cancelled, queued again; what is wrong is told with its place."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, make_url, text

from repo_agent_dagster.contracts.tasks import Pathway, TaskStatus
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import open_store, read_transaction, write_transaction
from tests.api.server import OPS_SCAN, invoke, served
from tests.postgres_cluster import PostgresCluster


def test_an_invoked_task_is_in_the_queue_and_its_status_url_shows_it(
    client: httpx2.Client, engine: Engine, now: datetime
) -> None:
    accepted = invoke(client, orderId="order-9", initialPrompt="last night, please")
    assert accepted.status_code == 202
    with read_transaction(engine) as conn:
        (task,) = task_requests.pending(conn)
    assert (task.pathway, task.order_id, task.created_at) == (Pathway.OPS_SCAN, "order-9", now)
    url = f"/api/v1/tasks/{task.id}"
    assert accepted.json() == {"id": task.id, "status": "pending", "statusUrl": url, "replayed": False}
    assert accepted.headers["location"] == url
    shown = client.get(url).json()
    assert shown == {
        **{"id": task.id, "pathway": "ops_scan", "status": "pending", "attempt": 1, "orderId": "order-9"},
        **{"repoUrl": None, "dedupeKey": None, "dagsterRunId": None, "error": None, "result": None},
        **{"initialPrompt": "last night, please", "payload": {"day": "2026-03-04", "scope": "full"}},
        **{"createdAt": "2026-03-04T09:30:00Z", "startedAt": None, "endedAt": None},
    }


@pytest.mark.postgres
def test_the_queue_on_postgresql_is_served_alike(settings: Settings, postgres: PostgresCluster, now: datetime) -> None:
    with served(settings.model_copy(update={"database_url": postgres.create_store()}), now) as client:
        first, again = (invoke(client, dedupeKey="nightly").json() for _ in range(2))
        assert (again["id"], first["replayed"], again["replayed"]) == (first["id"], False, True)
        assert client.post(f"{first['statusUrl']}/cancel").json()["status"] == "cancelled"
        assert [task["id"] for task in client.get("/api/v1/tasks?status=cancelled").json()] == [first["id"]]


@pytest.mark.postgres
def test_a_database_that_went_away_is_worth_another_try_and_is_not_named_to_everybody(
    settings: Settings, postgres: PostgresCluster, now: datetime
) -> None:
    url = postgres.create_store()
    with served(settings.model_copy(update={"database_url": url}), now) as client:
        assert client.get("/healthz").status_code == 200
        admin = open_store(postgres.url("postgres"))
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"DROP DATABASE {make_url(url).database} WITH (FORCE)"))
        admin.dispose()
        health, listed = client.get("/healthz"), client.get("/api/v1/tasks")
    assert (health.status_code, health.json()["detail"]) == (503, "the store does not answer")
    assert listed.status_code == 503
    assert int(listed.headers["retry-after"]) > 0
    assert "cannot be reached" in listed.json()["detail"]


def test_a_row_that_cannot_be_read_fails_one_request_and_shows_nothing_of_the_inside(
    client: httpx2.Client, engine: Engine
) -> None:
    broken, whole = (invoke(client).json()["statusUrl"] for _ in range(2))
    with write_transaction(engine) as conn:
        conn.execute(text("UPDATE task_requests SET pathway = 'gone' WHERE id = :id"), {"id": broken[-36:]})
    answer = client.get(broken)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["detail"] == "the server failed on this request; its log has the reason"
    assert client.get(whole).status_code == 200


def test_a_store_that_is_none_any_more_is_told(client: httpx2.Client, engine: Engine) -> None:
    with write_transaction(engine) as conn:
        conn.execute(text("ALTER TABLE task_requests RENAME TO gone"))
    answer = client.get("/api/v1/tasks")
    assert answer.status_code == 503
    assert "no such table" in answer.json()["detail"]
    assert client.get("/healthz").status_code == 503


@pytest.mark.parametrize("quote", ["", '"'])
def test_the_same_idempotency_key_gives_the_same_task(client: httpx2.Client, quote: str) -> None:
    first = invoke(client, dedupeKey="nightly").json()
    again = client.post("/api/v1/tasks/invoke", json=OPS_SCAN, headers={"Idempotency-Key": f"{quote}nightly{quote}"})
    assert again.status_code == 202
    assert again.json() == {**first, "replayed": True}


def test_requests_with_one_key_at_once_make_one_task(client: httpx2.Client, engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: invoke(client, dedupeKey="one"), range(16)))
    assert {answer.status_code for answer in answers} == {202}
    assert [answer.json()["replayed"] for answer in answers].count(False) == 1
    with read_transaction(engine) as conn:
        assert len(task_requests.pending(conn)) == 1


@pytest.mark.parametrize(
    "other", [{"payload": {"day": "2026-03-05"}}, {"orderId": "7"}], ids=["another payload", "another order"]
)
def test_a_key_does_not_stand_for_another_request(client: httpx2.Client, other: dict[str, Any]) -> None:
    first = invoke(client, dedupeKey="nightly").json()
    refused = invoke(client, dedupeKey="nightly", **other)
    assert refused.status_code == 422
    assert first["id"] in refused.json()["detail"]


def test_a_payload_that_the_store_writes_differently_is_still_the_same_request(client: httpx2.Client) -> None:
    asked = {
        "pathway": "solution_validation",
        "payload": {"repoUrl": "https://git.example/r.git", "diff": "--- a\n+++ b\n\0", "orderId": "42"},
    }
    first, again = (invoke(client, dedupeKey="k", **asked) for _ in range(2))
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


def test_two_keys_that_differ_are_refused(client: httpx2.Client) -> None:
    refused = client.post("/api/v1/tasks/invoke", json={**OPS_SCAN, "dedupeKey": "a"}, headers={"Idempotency-Key": "b"})
    assert refused.status_code == 422
    assert "differ" in refused.json()["detail"]


def test_an_unknown_pathway_is_answered_with_the_known_ones(client: httpx2.Client) -> None:
    refused = invoke(client, pathway="error_recreatoin")
    assert refused.status_code == 422
    (problem,) = refused.json()["problems"]
    assert problem["place"] == "pathway"
    assert all(pathway.value in problem["message"] for pathway in Pathway)


@pytest.mark.parametrize(
    ("asked", "place", "message"),
    [
        ({"payload": {}}, "payload.day", "Field required"),
        ({"payload": {"day": "2026-03-04", "scop": "full"}}, "payload.scop", "Extra inputs"),
        ({"payload": 7}, "payload", "dictionary"),
        ({"dedupe": "a"}, "dedupe", "Extra inputs"),
        ({"orderId": "a" * 201}, "orderId", "200"),
        ({"dedupeKey": "a\0b"}, "dedupeKey", "pattern"),
        (
            {"pathway": "apply_patches", "payload": {"workspace": "w", "batch": {"patches": [{"op": "append"}]}}},
            "payload.batch.patches[0].append.file",
            "Field required",
        ),
        (
            {"pathway": "solution_validation", "payload": {"repoUrl": "https://git.example/r.git"}},
            "payload",
            "give exactly one of diff, batch and pullRequest",
        ),
    ],
)
def test_wrong_input_is_told_with_its_place(
    client: httpx2.Client, engine: Engine, asked: dict[str, Any], place: str, message: str
) -> None:
    refused = invoke(client, **asked)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    problems = {problem["place"]: problem["message"] for problem in refused.json()["problems"]}
    assert message in problems[place]
    with read_transaction(engine) as conn:
        assert task_requests.pending(conn) == []


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"pathway": ', 422, "not JSON: Expecting value at character 12"),
        (b"[]", 422, "dictionary"),
        (b"", 422, "Field required"),
        (b'"\xff"', 400, "parsing the body"),
        (b"[" * 100_000, 400, "parsing the body"),
    ],
)
def test_a_body_that_is_no_request_is_told_what_is_wrong(
    client: httpx2.Client, body: bytes, status: int, told: str
) -> None:
    answer = client.post("/api/v1/tasks/invoke", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert told in answer.json()["detail"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_FIELD = st.sampled_from(["pathway", "payload", "orderId", "dedupeKey", "initialPrompt", "order_id"])


@hypothesis_settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.dictionaries(_FIELD, _JSON), payload=st.dictionaries(st.sampled_from(["day", "scope"]), _JSON))
def test_no_request_makes_the_server_fail(
    client: httpx2.Client, asked: dict[str, Any], payload: dict[str, Any]
) -> None:
    for body in (asked, {**OPS_SCAN, **asked}, {**OPS_SCAN, "payload": payload}):
        answer = client.post(
            "/api/v1/tasks/invoke", content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (202, 400, 422), answer.text


def test_tasks_are_listed_newest_first_by_what_is_asked_for(client: httpx2.Client) -> None:
    ids = [invoke(client, orderId=order).json()["id"] for order in ("1", "2", "2")]
    client.post(f"/api/v1/tasks/{ids[2]}/cancel")

    def listed(**query: Any) -> list[str]:
        return [task["id"] for task in client.get("/api/v1/tasks", params=query).json()]

    assert listed() == ids[::-1]
    assert listed(status="pending") == [ids[1], ids[0]]
    assert listed(orderId="2") == [ids[2], ids[1]]
    assert listed(pathway="ops_scan", limit=1) == [ids[2]]
    assert listed(pathway="apply_patches") == []


@pytest.mark.parametrize("query", ["status=done", "pathway=x", "limit=0", "limit=201", "limit=many", "orderId=%00"])
def test_a_filter_that_cannot_match_is_refused(client: httpx2.Client, query: str) -> None:
    refused = client.get(f"/api/v1/tasks?{query}")
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["place"] == f"query {query.partition('=')[0]}"


def test_a_cancelled_task_can_be_queued_again_and_a_pending_one_cannot(client: httpx2.Client) -> None:
    url = invoke(client).json()["statusUrl"]
    assert client.post(f"{url}/retry").status_code == 409
    cancelled = client.post(f"{url}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    again = client.post(f"{url}/retry").json()
    assert (again["status"], again["attempt"]) == ("pending", 2)


def test_a_task_that_has_ended_is_not_cancelled(client: httpx2.Client, engine: Engine, now: datetime) -> None:
    task = invoke(client).json()
    with write_transaction(engine) as conn:
        task_requests.finish(conn, task["id"], TaskStatus.SUCCESS, now=now, result={"lines": 3})
    refused = client.post(f"{task['statusUrl']}/cancel")
    assert refused.status_code == 409
    assert "success" in refused.json()["detail"]
    assert client.get(task["statusUrl"]).json()["result"] == {"lines": 3}


@pytest.mark.parametrize(("method", "action"), [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")])
def test_a_task_that_is_not_there_is_not_found(client: httpx2.Client, method: str, action: str) -> None:
    answer = client.request(method, f"/api/v1/tasks/nobody{action}")
    assert answer.status_code == 404
    assert "nobody" in answer.json()["detail"]


def _migration(settings: Settings, **given: Any) -> dict[str, Any]:
    payload = {
        "unit": "shop",
        "unitPath": str(settings.staging / "shop"),
        "sourceDigest": "a" * 64,
        "targetRoot": str(settings.target_root),
    }
    return {"pathway": "staging_migration", "payload": {**payload, **given}}


def test_a_unit_of_the_staging_folder_is_submitted(client: httpx2.Client, settings: Settings) -> None:
    assert invoke(client, **_migration(settings)).status_code == 202


@pytest.mark.parametrize(
    "given",
    [
        {"unitPath": "/etc"},
        {"unitPath": "STAGING/shop"},
        {"unitPath": "{staging}"},
        {"unitPath": "{staging}/../monorepo"},
        {"unitPath": "{staging}/link/shop"},
        {"unitPath": "{staging}/loop"},
        {"unitPath": "{staging}/\0"},
        {"targetRoot": "/"},
        {"targetRoot": "{staging}"},
    ],
    ids=str,
)
def test_a_migration_from_elsewhere_or_to_elsewhere_is_refused(
    client: httpx2.Client, settings: Settings, tmp_path: Path, given: dict[str, str]
) -> None:
    (settings.staging / "link").symlink_to(tmp_path)
    (settings.staging / "loop").symlink_to("loop")
    paths = {name: path.replace("{staging}", str(settings.staging)) for name, path in given.items()}
    refused = invoke(client, **_migration(settings, **paths))
    assert refused.status_code == 422
    assert f"payload.{next(iter(given))}" in refused.json()["detail"]
