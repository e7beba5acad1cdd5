"""The facts of an order: what names it, what its events name, and nothing of others."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, insert

from repo_agent_dagster.store import order_facts
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.tables import ops_issues
from tests.reports.builder import APPLIED, event_rows, write, write_migration, write_task


def test_orders_are_listed_once_and_the_nameless_as_unattributed(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, order="b"), event_rows(now, order="a"), event_rows(now, order="a"))
    write(store, event_rows(now, order=None), event_rows(now, order=""))
    with read_transaction(store) as conn:
        assert order_facts.order_ids(conn) == ["a", "b", "unattributed"]


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
        assert [task.id for task in order_facts.order_task_runs(conn, "42")] == [named, used]


def test_tasks_without_an_order_are_not_all_unattributed(store: Engine, now: datetime) -> None:
    write_task(store, now, order_id=None)
    used = write_task(store, now, order_id=None)
    write(store, event_rows(now, order=None, task_id=used))
    with read_transaction(store) as conn:
        assert [task.id for task in order_facts.order_task_runs(conn, "unattributed")] == [used]


def test_migrations_belong_by_their_order_or_by_their_task(store: Engine, now: datetime) -> None:
    task = write_task(store, now, order_id=None)
    write(store, event_rows(now, task_id=task))
    write_migration(store, now, unit="b-by-task", order_id=None, task_request_id=task)
    write_migration(store, now, unit="a-by-order")
    write_migration(store, now, unit="c-of-another", order_id="43")
    with read_transaction(store) as conn:
        assert [m.unit for m in order_facts.order_migrations(conn, "42")] == ["a-by-order", "b-by-task"]


def test_ops_issues_count_when_they_carry_a_run_of_the_order(store: Engine, now: datetime) -> None:
    write_task(store, now, dagster_run_id="run-1")
    with write_transaction(store) as conn:
        for run_id in ("run-1", "run-2", None):
            conn.execute(
                insert(ops_issues),
                {
                    "id": new_id(),
                    "kind": "error",
                    "severity": 2,
                    "severity_reasons": [],
                    "status": "open",
                    "title": "t",
                    "run_id": run_id,
                    "fingerprint": new_id(),
                    "occurrences": 1,
                    "first_seen": now,
                    "last_seen": now,
                    "created_at": now,
                },
            )
    with read_transaction(store) as conn:
        assert order_facts.order_ops_issue_count(conn, "42") == 1
        assert order_facts.order_ops_issue_count(conn, "43") == 0
