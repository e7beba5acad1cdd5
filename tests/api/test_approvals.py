"""Approvals over HTTP: those that wait are listed, and each is decided once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.goals import ApprovalState
from repo_agent_dagster.store import approvals
from repo_agent_dagster.store.approvals import Approval
from repo_agent_dagster.store.engine import read_transaction, write_transaction

URL = "/api/v1/approvals"


def asked(engine: Engine, now: datetime, subject: str = "plan:1") -> Approval:
    with write_transaction(engine) as conn:
        return approvals.request(conn, subject=subject, payload={"unit": "shop"}, now=now, source="staging_migration")


def decide(client: httpx2.Client, approval_id: str, **decision: Any) -> httpx2.Response:
    return client.post(f"{URL}/{approval_id}", json={"verdict": "approved", "by": "ada", **decision})


@pytest.mark.parametrize("verdict", ["approved", "rejected"])
def test_a_decision_is_on_record_with_who_and_why(
    client: httpx2.Client, engine: Engine, now: datetime, verdict: str
) -> None:
    waiting = asked(engine, now)
    answer = decide(client, waiting.id, verdict=verdict, rationale="read the diff")
    assert answer.status_code == 200
    with read_transaction(engine) as conn:
        found = approvals.get(conn, waiting.id)
    assert found is not None
    assert (found.verdict, found.decided_by, found.rationale) == (ApprovalState(verdict), "ada", "read the diff")
    assert found.decided_at == now
    assert client.get(f"{URL}/{waiting.id}").json() == answer.json()
    assert answer.json()["payload"] == {"unit": "shop"}


def test_those_that_wait_are_listed_oldest_first_unless_others_are_asked_for(
    client: httpx2.Client, engine: Engine, now: datetime
) -> None:
    first, second, third = (asked(engine, now, f"plan:{number}") for number in range(3))
    decide(client, second.id, verdict="rejected")

    def listed(query: str = "") -> list[str]:
        return [approval["id"] for approval in client.get(URL + query).json()]

    assert listed() == listed("?state=pending") == [first.id, third.id]
    assert listed("?state=rejected") == [second.id]
    assert listed("?state=all") == [first.id, second.id, third.id]
    assert listed("?state=all&limit=1") == [first.id]


def test_a_decided_approval_is_a_conflict_that_tells_the_decision(
    client: httpx2.Client, engine: Engine, now: datetime
) -> None:
    waiting = asked(engine, now)
    decide(client, waiting.id)
    refused = decide(client, waiting.id, verdict="rejected", by="bob")
    assert refused.status_code == 409
    assert "approved by ada" in refused.json()["detail"]


def test_of_many_that_decide_at_once_one_does(client: httpx2.Client, engine: Engine, now: datetime) -> None:
    waiting = asked(engine, now)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: decide(client, waiting.id, by=f"user-{number}"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


def test_an_approval_that_is_not_there_is_not_found(client: httpx2.Client) -> None:
    for answer in (client.get(f"{URL}/nobody"), decide(client, "nobody")):
        assert answer.status_code == 404
        assert "nobody" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ({"verdict": "pending"}, "verdict"),
        ({"by": ""}, "by"),
        ({"by": "  "}, "say who decides"),
        ({"by": None}, "by"),
        ({"why": "x"}, "why"),
    ],
)
def test_a_decision_that_is_none_changes_nothing(
    client: httpx2.Client, engine: Engine, now: datetime, decision: dict[str, Any], told: str
) -> None:
    waiting = asked(engine, now)
    refused = decide(client, waiting.id, **decision)
    assert refused.status_code == 422
    assert told in refused.json()["detail"]
    with read_transaction(engine) as conn:
        assert approvals.pending(conn) == [waiting]
