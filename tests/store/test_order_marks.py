"""Marks of orders: which there are, which changed, which are closed, and what it costs to tell."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.order_marks import QUIET, changed_orders, closed_orders, newest_events, order_marks
from repo_agent_dagster.store.order_queries import order_query
from tests.reports.builder import APPLIED, event_rows, write, write_migration, write_task

QUERIES = ("names", "mark_tasks", "mark_linked_tasks", "mark_migrations", "mark_issues_opened", "chain_heads")


def test_every_order_is_told_once_and_the_nameless_together(store: Engine, now: datetime) -> None:
    for order in ("b", None, "a", "", "unattributed", "b"):
        write(store, event_rows(now, APPLIED, order=order))
    with read_transaction(store) as conn:
        assert newest_events(conn) == {"b": 12, "a": 6, "unattributed": 10}


def test_orders_of_tasks_and_migrations_alone_have_marks_too(store: Engine, now: datetime) -> None:
    write_task(store, now, order_id="of-a-task")
    write_migration(store, now, order_id="of-a-migration")
    write_task(store, now, order_id=None)
    with read_transaction(store) as conn:
        assert list(order_marks(conn)) == ["of-a-migration", "of-a-task"]
        assert changed_orders(conn) == ["of-a-migration", "of-a-task"]


def test_a_mark_stays_while_nothing_changes_and_is_of_its_order_alone(store: Engine, now: datetime) -> None:
    write(store, event_rows(now, order="a"), event_rows(now, order="b"))
    with read_transaction(store) as conn:
        before = order_marks(conn)
        assert order_marks(conn) == before
    write(store, event_rows(now, order="b"))
    with read_transaction(store) as conn:
        after = order_marks(conn)
    assert (after["a"] == before["a"], after["b"] == before["b"]) == (True, False)


def test_an_empty_store_has_no_orders(store: Engine, now: datetime) -> None:
    with read_transaction(store) as conn:
        assert (order_marks(conn), closed_orders(conn, now)) == ({}, [])


def test_an_order_is_closed_when_it_is_quiet_and_no_task_of_it_is_open(store: Engine, now: datetime) -> None:
    linked = write_task(store, now, order_id=None, status="pending")
    write_task(store, now, order_id="working", status="running")
    write_task(store, now, order_id="done", status="failed")
    for order in ("quiet", "working", "done", None):
        write(store, event_rows(now, ("patch_requested",), order=order))
    write(store, event_rows(now, ("patch_requested",), order="linked", task_id=linked))
    write(store, event_rows(now + timedelta(minutes=5), ("patch_requested",), order="late"))
    with read_transaction(store) as conn:
        assert closed_orders(conn, now + QUIET) == ["done", "quiet", "unattributed"]
        assert "late" in closed_orders(conn, now + QUIET + timedelta(minutes=5))
        assert closed_orders(conn, now) == []


@pytest.mark.parametrize("name", QUERIES)
def test_on_sqlite_marks_read_indexes_and_not_the_events(sqlite_store: Engine, name: str) -> None:
    with read_transaction(sqlite_store) as conn:
        plan = [row[3] for row in conn.execute(text(f"EXPLAIN QUERY PLAN {order_query(name).text}"))]
    assert not [step for step in plan if step.startswith("SCAN") and "USING" not in step and _is_large(step)], plan


def _is_large(step: str) -> bool:
    return step.split()[1] in {"event", "named", "link", "patch_events", "patch_custody", "task", "migration"}
