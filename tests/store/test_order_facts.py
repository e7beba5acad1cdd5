"""The facts of an order: what names it, what its events name, and nothing of others."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Engine

from repo_agent_dagster.contracts.goals import Verdict
from repo_agent_dagster.store import ai_logs, approvals, goal_runs, goal_tasks, order_facts
from repo_agent_dagster.store.ai_logs import AiCall
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.order_facts import ModelCostFact
from repo_agent_dagster.store.order_marks import newest_events
from tests.reports.builder import APPLIED, add_issue, event_rows, write, write_migration, write_task


def test_orders_are_listed_once_and_the_nameless_as_unattributed(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, order="b"), event_rows(now, order="a"), event_rows(now, order="a"))
    write(store, event_rows(now, order=None), event_rows(now, order=""))
    with read_transaction(store) as conn:
        assert sorted(newest_events(conn)) == ["a", "b", "unattributed"]


def test_events_come_oldest_first_and_of_this_order_only(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, APPLIED, order="42", meta={"reason": "r"}), event_rows(now, order="43"))
    with read_transaction(store) as conn:
        events = order_facts.order_patch_events(conn, "42")
    assert [event.event for event in events] == list(APPLIED)
    assert events[0].created_at == now
    assert events[0].meta == {"reason": "r"}


def test_tasks_belong_by_their_order_or_by_the_events_that_name_them(store: Engine, now: datetime) -> None:
    named = write_task(store, now, order_id="42")
    used = write_task(store, now + timedelta(hours=1), order_id=None)
    write_task(store, now, order_id="43")
    write(store, event_rows(now, task_id=used))
    with read_transaction(store) as conn:
        assert [task.id for task in order_facts.order_task_runs(conn, "42", {used})] == [named, used]


def test_tasks_without_an_order_are_not_all_unattributed(store: Engine, now: datetime) -> None:
    write_task(store, now, order_id=None)
    used = write_task(store, now, order_id=None)
    write(store, event_rows(now, order=None, task_id=used))
    with read_transaction(store) as conn:
        assert [task.id for task in order_facts.order_task_runs(conn, "unattributed", {used})] == [used]


def test_migrations_belong_by_their_order_or_by_their_task(store: Engine, now: datetime) -> None:
    task = write_task(store, now, order_id=None)
    write(store, event_rows(now, task_id=task))
    write_migration(store, now, unit="b-by-task", order_id=None, task_request_id=task)
    write_migration(store, now, unit="a-by-order")
    write_migration(store, now, unit="c-of-another", order_id="43")
    with read_transaction(store) as conn:
        assert [m.unit for m in order_facts.order_migrations(conn, "42", {task})] == ["a-by-order", "b-by-task"]


def test_an_order_opened_the_issues_of_its_runs_and_closed_those_that_it_resolved(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        opened, other = add_issue(conn, now, run_id="run-1"), add_issue(conn, now, run_id="run-2")
        closed = add_issue(conn, now, status="resolved", order_id="42", resolved_at=now)
        add_issue(conn, now, status="open", order_id="42")
        add_issue(conn, now, status="resolved", order_id="43", resolved_at=now)
    with read_transaction(store) as conn:
        assert [issue.id for issue in order_facts.issues_opened(conn, {"run-1", "run-3"})] == [opened]
        assert [issue.id for issue in order_facts.issues_opened(conn, {"run-2"})] == [other]
        assert [issue.id for issue in order_facts.issues_closed(conn, "42")] == [closed]


def test_approvals_are_those_of_the_migrations_and_of_the_goals_whose_tasks_are_named(
    store: Engine, now: datetime
) -> None:
    with write_transaction(store) as conn:
        gate = approvals.request(conn, subject="unit into root", payload={}, now=now)
        approvals.decide(conn, gate.id, Verdict.APPROVED, by="maria", now=now)
        approvals.request(conn, subject="of another", payload={}, now=now)
        run = goal_runs.create(conn, "goal", "/srv/shop", now=now)
        task = goal_tasks.create(conn, "title", "objective", now=now, run_id=run.id)
        approvals.record(conn, "checker", Verdict.REJECTED, now=now + timedelta(hours=1), run_id=run.id)
    write_migration(store, now, approval_id=gate.id)
    with read_transaction(store) as conn:
        migrations = order_facts.order_migrations(conn, "42")
        found = order_facts.order_approvals(conn, migrations, {task.id, "named-nothing"})
    assert [(one.subject, one.verdict, one.decided_by) for one in found] == [
        ("unit into root", "approved", "maria"),
        (None, "rejected", "checker"),
    ]


def test_model_calls_are_summed_up_by_model_the_most_expensive_first(store: Engine, now: datetime) -> None:
    task, other = write_task(store, now), write_task(store, now)
    calls = [
        AiCall(now, "a", "openai", "small", tokens=10, cost=Decimal("0.000100"), latency=1.5, task_request_id=task),
        AiCall(now, "a", "openai", "large", tokens=20, cost=Decimal("0.250000"), latency=2.5, task_request_id=task),
        AiCall(now, "a", "openai", "large", tokens=None, cost=None, latency=None, task_request_id=task),
        AiCall(now, "a", "local", None, tokens=5, cost=None, latency=0.5, task_request_id=other),
    ]
    with write_transaction(store) as conn:
        for call in calls:
            ai_logs.append(conn, call)
    with read_transaction(store) as conn:
        assert order_facts.model_costs(conn, [task]) == [
            ModelCostFact("large", 2, 20, 0.25, 1, 2.5),
            ModelCostFact("small", 1, 10, 0.0001, 0, 1.5),
        ]
        assert [cost.model for cost in order_facts.model_costs(conn, [task, other])] == ["large", "small", "local"]
        assert order_facts.model_costs(conn, []) == []
