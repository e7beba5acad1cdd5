"""A gate is asked for once for each subject, and decided once."""

from datetime import datetime

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.goals import Verdict
from repo_agent_dagster.store import approvals
from repo_agent_dagster.store.approvals import Approval, ApprovalError
from repo_agent_dagster.store.engine import read_transaction, write_transaction


def asked(store: Engine, now: datetime, subject: str = "staging:app:1") -> Approval:
    with write_transaction(store) as conn:
        return approvals.request(conn, subject=subject, payload={"unit": "app"}, source="staging_migration", now=now)


def test_a_subject_is_asked_about_once(store: Engine, now: datetime) -> None:
    first, again, other = asked(store, now), asked(store, now), asked(store, now, "staging:app:2")

    assert first == again
    assert first.is_pending
    with read_transaction(store) as conn:
        assert approvals.pending(conn) == [first, other]


def test_the_first_decision_stands(store: Engine, now: datetime) -> None:
    gate = asked(store, now)

    with write_transaction(store) as conn:
        assert approvals.decide(conn, gate.id, Verdict.REJECTED, by="ada", rationale="not today", now=now)
        assert not approvals.decide(conn, gate.id, Verdict.APPROVED, by="bob", now=now)
        decided = approvals.get(conn, gate.id)

    assert decided is not None
    assert (decided.verdict, decided.decided_by, decided.rationale) == (Verdict.REJECTED, "ada", "not today")
    assert decided.decided_at == now
    assert asked(store, now) == decided


def test_nobody_decides_what_is_not_there(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        assert not approvals.decide(conn, "0" * 36, Verdict.APPROVED, by="ada", now=now)
        assert approvals.of_subject(conn, "nothing") is None


def test_a_decision_says_who(store: Engine, now: datetime) -> None:
    gate = asked(store, now)

    with write_transaction(store) as conn, pytest.raises(ApprovalError):
        approvals.decide(conn, gate.id, Verdict.APPROVED, by="  ", now=now)
