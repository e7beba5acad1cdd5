"""Marks of all rows that an order's report is made of: an order whose mark is its report's has nothing new to tell.

A mark costs a few steps of indexes for each order and task, however many events there are. It does not see an edited
event, which the custody chain is for: a break of any chain changes all marks. Of a task that names no order, and of one
whose patches are of several orders, it takes one of them: `generate` by hand reads everything.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from repo_agent_dagster.contracts.reports import UNATTRIBUTED
from repo_agent_dagster.store.ops_tallies import in_parts
from repo_agent_dagster.store.order_queries import order_query
from repo_agent_dagster.store.patch_rollups.facts import instant_of
from repo_agent_dagster.store.tables import custody_verdicts, delivery_reports, patch_events

QUIET = timedelta(hours=1)
"""How long an order has no event before it counts as closed."""

_VERSION = "2"
"""Of the report's form: when it changes, every report is made anew."""

_PARTS = (
    "mark_tasks",
    "mark_linked_tasks",
    "mark_migrations",
    "mark_goal_approvals",
    "mark_issues_opened",
    "mark_issues_closed",
)


def newest_events(conn: Connection) -> dict[str, int]:
    """Return every order that has patch events with the id of its newest one; see `UNATTRIBUTED`."""
    newest: dict[str, int] = {}
    for order_id, event_id in conn.execute(order_query("names")):
        name = order_id or UNATTRIBUTED
        newest[name] = max(event_id, newest.get(name, 0))
    return newest


def order_marks(conn: Connection) -> dict[str, str]:
    """Return the present mark of every order that has patch events, tasks or migrations, by order id, sorted."""
    parts: dict[str, list[str]] = {}
    for order_id, event_id in newest_events(conn).items():
        parts.setdefault(order_id, []).append(str(event_id))
    for name in _PARTS:
        for order_id, *values in conn.execute(order_query(name)):
            if order_id is not None:
                told = f"{name}:{'|'.join(map(_plain, values))}"
                parts.setdefault(order_id or UNATTRIBUTED, []).append(told)
    common = _broken_chains(conn)
    return {order_id: _digest([*common, *parts[order_id]]) for order_id in sorted(parts)}


def changed_orders(conn: Connection) -> list[str]:
    """Return the orders that have something to tell that their current report does not, sorted."""
    return list(changed_marks(conn))


def changed_marks(conn: Connection) -> dict[str, str]:
    """Return the present marks of those orders, by order id."""
    known = reported_marks(conn)
    return {order_id: mark for order_id, mark in order_marks(conn).items() if known.get(order_id) != mark}


def reported_marks(conn: Connection) -> dict[str, str | None]:
    """Return the mark of every order's current report, by order id."""
    table = delivery_reports.c
    current = select(table.order_id, table.facts_mark).where(table.current)
    return {row.order_id: row.facts_mark for row in conn.execute(current)}


def closed_orders(conn: Connection, now: datetime) -> list[str]:
    """Return the orders with patch events none of which is younger than `QUIET`, and without an open task; sorted."""
    newest = newest_events(conn)
    still_open = {order_id or UNATTRIBUTED for (order_id,) in conn.execute(order_query("open_tasks"))}
    ended: set[int] = set()
    for part in in_parts(newest.values()):
        quiet = patch_events.c.id.in_(part) & (patch_events.c.created_at <= now - QUIET)
        ended.update(conn.execute(select(patch_events.c.id).where(quiet)).scalars())
    return sorted(order for order, event_id in newest.items() if event_id in ended and order not in still_open)


def _broken_chains(conn: Connection) -> list[str]:
    table = custody_verdicts.c
    broken = select(table.workspace, table.problem).where(table.problem.is_not(None)).order_by(table.workspace)
    return [f"broken:{workspace}:{problem}" for workspace, problem in conn.execute(broken)]


def _plain(value: Any) -> str:
    return instant_of(value).isoformat() if isinstance(value, datetime) else str(value)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join([_VERSION, *parts]).encode("utf-8", errors="surrogatepass")).hexdigest()
