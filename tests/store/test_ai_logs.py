"""Model calls are kept whole and add up."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Engine

from repo_agent_dagster.store import ai_logs
from repo_agent_dagster.store.ai_logs import AiCall, AiTotals
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest


def test_calls_come_back_whole_in_their_order(store: Engine, task: TaskRequest, now: datetime) -> None:
    whole = AiCall(now, "planner", "openai", "m", "hm", "p", "r\0", 12, Decimal("0.000123"), 0.5, task.id)
    bare = AiCall(now, "planner", "local", task_request_id=task.id)
    with write_transaction(store) as conn:
        ids = [ai_logs.append(conn, whole), ai_logs.append(conn, bare)]
        first, second = ai_logs.listing(conn, task.id)
        assert [row.id for row in ai_logs.listing(conn, task.id, after_id=ids[0])] == ids[1:]
    assert (first.id, first.prompt, first.response, first.cost) == (ids[0], "p", "r\ufffd", Decimal("0.000123"))
    assert (first.tokens, first.latency, first.timestamp, first.thought) == (12, 0.5, now, "hm")
    assert (second.model, second.tokens, second.cost) == (None, None, None)


def test_the_cost_of_many_small_calls_adds_up_exactly(store: Engine, task: TaskRequest, now: datetime) -> None:
    with write_transaction(store) as conn:
        for _ in range(10):
            ai_logs.append(
                conn,
                AiCall(now, "a", "p", tokens=3, cost=Decimal("0.000001"), latency=0.25, task_request_id=task.id),
            )
        ai_logs.append(conn, AiCall(now, "a", "p", task_request_id=task.id))
        ai_logs.append(conn, AiCall(now, "a", "p", cost=Decimal(7)))
        assert ai_logs.totals(conn, task.id) == AiTotals(11, 30, Decimal("0.000010"), 2.5)
        assert ai_logs.totals(conn, "nobody") == AiTotals(0, 0, Decimal(0), 0.0)
