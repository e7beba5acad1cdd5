"""Builds rows of `patch_events` and its neighbours for tests: one call per patch, with its events in order."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert

from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store import patch_events
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.tables import ops_issues, staging_migrations, task_requests

APPLIED = ("patch_requested", "patch_applied")
VALIDATED = (*APPLIED, "patch_validated")
FAILED = (*APPLIED, "patch_failed", "patch_reverted")


def event_rows(
    at: datetime,
    events: Sequence[str] = VALIDATED,
    *,
    check: bool | None = None,
    order: str | None = "42",
    step: timedelta = timedelta(seconds=2),
    **columns: Any,
) -> list[dict[str, Any]]:
    """Rows of one patch; `check` is the verdict of its validating or failing event."""
    patch_id = columns.pop("patch_id", None) or new_id()
    base = {
        "patch_id": patch_id,
        "batch_id": "019c0000-0000-7000-8000-0000000ba7c4",
        "task_id": None,
        "order_id": order,
        "phase": "implement",
        "requester": "agent-a",
        "workspace": "/srv/shop",
        "file_path": "src/cart.py",
        "op": "replace-block",
        "diff_path": None,
        "error": None,
        "meta": None,
    } | columns
    rows = []
    for index, event in enumerate(events):
        judged = event in {"patch_validated", "patch_failed"}
        rows.append(
            base
            | {
                "event": event,
                "created_at": at + index * step,
                "ts_check_ok": check if judged else None,
                "error": base["error"] if event == "patch_failed" else None,
            }
        )
    return rows


def write(store: Engine, *patches: list[dict[str, Any]]) -> None:
    """Record the rows of several patches, with their custody, in the order given."""
    with write_transaction(store) as conn:
        patch_events.record(
            conn, [EventRow(**row | {"event": PatchEventName(row["event"])}) for rows in patches for row in rows]
        )


def write_task(store: Engine, now: datetime, **columns: Any) -> str:
    """Insert one task request of order 42 and return its id."""
    row = {
        "id": new_id(),
        "pathway": "solution_validation",
        "status": "success",
        "payload": {},
        "initial_prompt": "",
        "result": None,
        "order_id": "42",
        "dagster_run_id": None,
        "attempt": 1,
        "error": None,
        "created_at": now,
        "started_at": now + timedelta(seconds=3),
        "ended_at": now + timedelta(seconds=63),
    } | columns
    with write_transaction(store) as conn:
        conn.execute(insert(task_requests), row)
    return str(row["id"])


def write_migration(store: Engine, now: datetime, **columns: Any) -> None:
    """Insert one staging migration of order 42."""
    with write_transaction(store) as conn:
        add_migration(conn, now, **columns)


def add_migration(conn: Connection, now: datetime, **columns: Any) -> None:
    """Insert one staging migration of order 42 in the transaction."""
    row = {
        "id": new_id(),
        "unit": "feedback-worker",
        "source_digest": "a" * 64,
        "target_root": "/srv/monorepo",
        "status": "validated",
        "task_request_id": None,
        "order_id": "42",
        "plan": None,
        "report": None,
        "error": None,
        "created_at": now,
        "updated_at": now + timedelta(minutes=1),
    } | columns
    conn.execute(insert(staging_migrations), row)


def add_issue(conn: Connection, now: datetime, **columns: Any) -> str:
    """Insert one ops issue and return its id."""
    row = {
        "id": new_id(),
        "kind": "error",
        "severity": 2,
        "severity_reasons": [],
        "status": "open",
        "title": "Invoices are off by one cent",
        "run_id": None,
        "fingerprint": new_id(),
        "occurrences": 1,
        "first_seen": now,
        "last_seen": now,
        "created_at": now,
    } | columns
    conn.execute(insert(ops_issues), row)
    return str(row["id"])
