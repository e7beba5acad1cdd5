"""The facts of one order, one typed query each: its patch events, task requests, migrations and ops issues.

Reading only. What is made of the facts belongs to `reports`; the reports themselves are in `store/delivery_reports.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from repo_agent_dagster.contracts.custody import REVERT
from repo_agent_dagster.contracts.reports import UNATTRIBUTED
from repo_agent_dagster.store.rows import fetch_all
from repo_agent_dagster.store.tables import ops_issues, patch_events, staging_migrations, task_requests


@dataclass(frozen=True)
class PatchEventFact:
    """One row of `patch_events`, in the order's sequence."""

    id: int
    patch_id: str
    batch_id: str | None
    task_id: str | None
    phase: str | None
    requester: str
    workspace: str
    file_path: str
    op: str
    event: str
    ts_check_ok: bool | None
    diff_path: str | None
    error: str | None
    meta: dict[str, Any] | None
    created_at: datetime


@dataclass(frozen=True)
class TaskRunFact:
    """One row of `task_requests` that belongs to the order."""

    id: str
    pathway: str
    status: str
    initial_prompt: str
    result: dict[str, Any] | None
    dagster_run_id: str | None
    attempt: int
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class MigrationFact:
    """One row of `staging_migrations` that belongs to the order."""

    unit: str
    target_root: str
    status: str
    plan: dict[str, Any] | None
    report: dict[str, Any] | None
    error: str | None
    updated_at: datetime


def order_ids(conn: Connection) -> list[str]:
    """Return every order that has patch events, sorted; events without an order id count as `UNATTRIBUTED`."""
    found = {order_id or UNATTRIBUTED for (order_id,) in conn.execute(select(patch_events.c.order_id).distinct())}
    return sorted(found)


def order_patch_events(conn: Connection, order_id: str) -> list[PatchEventFact]:
    """Return the order's patch events, oldest first; reverts are told by the events of what they reverted."""
    wanted = _of_order(order_id) & (patch_events.c.op != REVERT)
    return fetch_all(conn, patch_events, PatchEventFact, wanted, order_by=(patch_events.c.id,))


def order_task_runs(conn: Connection, order_id: str) -> list[TaskRunFact]:
    """Return the task requests of the order, oldest first: those that name it, and those its patch events name."""
    table = task_requests.c
    return fetch_all(conn, task_requests, TaskRunFact, _is_task_of(order_id), order_by=(table.created_at, table.id))


def order_migrations(conn: Connection, order_id: str) -> list[MigrationFact]:
    """Return the migrations of the order by unit: those that name it, and those whose task its patch events name."""
    table = staging_migrations.c
    return fetch_all(
        conn,
        staging_migrations,
        MigrationFact,
        or_(table.order_id == order_id, table.task_request_id.in_(_task_ids(order_id))),
        order_by=(table.unit, table.created_at, table.id),
    )


def order_ops_issue_count(conn: Connection, order_id: str) -> int:
    """Return how many ops issues carry the run id of one of the order's task requests."""
    runs = select(task_requests.c.dagster_run_id).where(
        task_requests.c.dagster_run_id.is_not(None), _is_task_of(order_id)
    )
    count = conn.execute(select(func.count()).select_from(ops_issues).where(ops_issues.c.run_id.in_(runs))).scalar_one()
    return int(count)


def _of_order(order_id: str) -> ColumnElement[bool]:
    column = patch_events.c.order_id
    if order_id == UNATTRIBUTED:
        # Also an order that was really called so: merged rather than one hiding the other.
        return or_(column.is_(None), column == "", column == UNATTRIBUTED)
    return column == order_id


def _is_task_of(order_id: str) -> ColumnElement[bool]:
    return or_(task_requests.c.order_id == order_id, task_requests.c.id.in_(_task_ids(order_id)))


def _task_ids(order_id: str) -> Select[tuple[str | None]]:
    return select(patch_events.c.task_id).where(_of_order(order_id), patch_events.c.task_id.is_not(None))
