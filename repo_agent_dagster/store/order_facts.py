"""The facts of one order, a typed query each: patch events, task requests, migrations, approvals, issues, model calls.

Reading only. What is made of the facts belongs to `reports`; the reports themselves are in `store/delivery_reports.py`,
and how it is told that facts changed in `store/order_marks.py`.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, false, func, or_, select

from repo_agent_dagster.contracts.ops import SETTLED_STATUSES
from repo_agent_dagster.contracts.reports import UNATTRIBUTED
from repo_agent_dagster.store.ops_tallies import in_parts
from repo_agent_dagster.store.order_queries import order_query
from repo_agent_dagster.store.patch_rollups.facts import instant_of
from repo_agent_dagster.store.rows import fetch_all, selecting
from repo_agent_dagster.store.tables import (
    ai_operation_logs,
    approvals,
    ops_issues,
    staging_migrations,
    task_requests,
    tasks,
)

FactT = TypeVar("FactT", "TaskRunFact", "MigrationFact", "OpsIssueFact")


class PatchEventFact(NamedTuple):
    """One row of `patch_events`, in the order's sequence. A plain tuple: an order may have many thousands."""

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
    approval_id: str | None = None


@dataclass(frozen=True)
class ApprovalFact:
    """One row of `approvals`: a gate of a migration or of a goal run of the order."""

    id: str
    subject: str | None
    source: str
    verdict: str
    rationale: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True)
class OpsIssueFact:
    """One row of `ops_issues`."""

    id: str
    title: str
    severity: int
    status: str
    first_seen: datetime
    resolved_at: datetime | None
    gh_issue_url: str | None


@dataclass(frozen=True)
class ModelCostFact:
    """What the calls of one model came to. `cost` is in US dollars, of the calls whose cost is known."""

    model: str
    calls: int
    tokens: int
    cost: float
    calls_without_cost: int
    seconds: float


def order_workspaces(conn: Connection, order_id: str) -> list[str]:
    """Return the workspaces that the order's patches were for, sorted."""
    query = order_query("workspaces", is_unattributed=order_id == UNATTRIBUTED)
    return list(conn.execute(query, {} if order_id == UNATTRIBUTED else {"order_id": order_id}).scalars())


def order_patch_events(conn: Connection, order_id: str) -> list[PatchEventFact]:
    """Return the order's patch events, oldest first; reverts are told by the events of what they reverted."""
    query = order_query("events", is_unattributed=order_id == UNATTRIBUTED)
    found = conn.execute(query, {} if order_id == UNATTRIBUTED else {"order_id": order_id})
    # The driver's own rows: what SQLAlchemy makes of them takes longer than all the rest.
    rows = [] if found.cursor is None else found.cursor.fetchall()
    return [
        PatchEventFact._make(
            (
                *row[:10],
                None if row[10] is None else bool(row[10]),
                row[11],
                row[12],
                _meta(row[13]),
                instant_of(row[14]),
            )
        )
        for row in rows
    ]


def order_task_runs(conn: Connection, order_id: str, named: Collection[str] = ()) -> list[TaskRunFact]:
    """Return the task requests of the order, those that name it and those `named` by its events, oldest first."""
    return _by_parts(conn, task_requests, TaskRunFact, task_requests.c.order_id == order_id, task_requests.c.id, named)


def order_migrations(conn: Connection, order_id: str, named: Collection[str] = ()) -> list[MigrationFact]:
    """Return the order's migrations by unit: those that name it, and those whose task its events name."""
    table = staging_migrations.c
    found = _by_parts(conn, staging_migrations, MigrationFact, table.order_id == order_id, table.task_request_id, named)
    return sorted(found, key=lambda migration: (migration.unit, migration.updated_at))


def order_approvals(
    conn: Connection, migrations: Iterable[MigrationFact], named: Collection[str] = ()
) -> list[ApprovalFact]:
    """Return the approvals that the migrations wait for, and of goal runs whose tasks are `named`, by time."""
    waited_for = sorted({migration.approval_id for migration in migrations if migration.approval_id})
    runs: set[str] = set()
    for part in in_parts(named):
        runs.update(
            conn.execute(select(tasks.c.run_id).where(tasks.c.id.in_(part), tasks.c.run_id.is_not(None))).scalars()
        )
    if not waited_for and not runs:
        return []
    wanted = or_(approvals.c.id.in_(waited_for), approvals.c.run_id.in_(sorted(runs)))
    order = (approvals.c.created_at, approvals.c.id)
    return fetch_all(conn, approvals, ApprovalFact, wanted, order_by=order)


def issues_opened(conn: Connection, runs: Collection[str]) -> list[OpsIssueFact]:
    """Return the ops issues that carry one of these run ids, oldest first."""
    found = _by_parts(conn, ops_issues, OpsIssueFact, false(), ops_issues.c.run_id, runs)
    return sorted(found, key=lambda issue: (issue.first_seen, issue.id))


def issues_closed(conn: Connection, order_id: str) -> list[OpsIssueFact]:
    """Return the ops issues that the order resolved or closed, in the order in which it did."""
    settled = ops_issues.c.status.in_([status.value for status in SETTLED_STATUSES])
    order = (ops_issues.c.resolved_at, ops_issues.c.id)
    return fetch_all(conn, ops_issues, OpsIssueFact, ops_issues.c.order_id == order_id, settled, order_by=order)


def model_costs(conn: Connection, task_ids: Collection[str]) -> list[ModelCostFact]:
    """Return what the calls of models for these tasks came to, the most expensive model first."""
    call = ai_operation_logs.c
    model = func.coalesce(call.model, call.ai_provider)
    sums = select(
        model.label("model"),
        func.count().label("calls"),
        func.coalesce(func.sum(call.tokens), 0).label("tokens"),
        func.coalesce(func.sum(call.cost), 0).label("cost"),
        (func.count() - func.count(call.cost)).label("calls_without_cost"),
        func.coalesce(func.sum(call.latency), 0.0).label("seconds"),
    ).group_by(model)
    found: dict[str, ModelCostFact] = {}
    for part in in_parts(task_ids):
        for row in conn.execute(sums.where(call.task_request_id.in_(part))):
            known = found.get(row.model, ModelCostFact(row.model, 0, 0, 0.0, 0, 0.0))
            found[row.model] = ModelCostFact(
                row.model,
                known.calls + row.calls,
                known.tokens + int(row.tokens),
                # The column keeps 6 decimals; SQLite adds up binary floats, so the sum is brought back to as many.
                round(known.cost + float(row.cost), 6),
                known.calls_without_cost + row.calls_without_cost,
                round(known.seconds + row.seconds, 6),
            )
    return sorted(found.values(), key=lambda cost: (-cost.cost, -cost.calls, cost.model))


def _by_parts(
    conn: Connection,
    table: Any,
    kind: type[FactT],
    condition: ColumnElement[bool],
    column: ColumnElement[Any],
    values: Collection[str],
) -> list[FactT]:
    """Return the rows that meet the condition, and those whose column has one of the values, oldest first."""
    found: dict[str, tuple[datetime, FactT]] = {}
    for wanted in [condition, *(column.in_(part) for part in in_parts(sorted(values)))]:
        query = selecting(table, kind).add_columns(table.c.id.label("key"), table.c.created_at.label("made_at"))
        for row in conn.execute(query.where(wanted)):
            fields = dict(row._mapping)
            key, made_at = fields.pop("key"), fields.pop("made_at")
            found[key] = (made_at, kind(**fields))
    return [fact for _, (_, fact) in sorted(found.items(), key=lambda item: (item[1][0], item[0]))]


def _meta(stored: object) -> dict[str, Any] | None:
    """Read an event's meta, which SQLite gives as text."""
    value = _parsed(stored) if isinstance(stored, str) else stored
    return value if isinstance(value, dict) else None


@lru_cache(maxsize=1024)  # the events of a batch share theirs
def _parsed(stored: str) -> Any:
    return json.loads(stored)
