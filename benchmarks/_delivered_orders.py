"""Orders as they lie in a store and on disk when they are reported: custody, tasks, diffs, kept contents, and the rest.

Files are small and really changed patch by patch, so that every final diff is found, as after real batches.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, insert

from benchmarks._patch_history import Event, HistorySize, history
from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.patch_events import record
from repo_agent_dagster.store.tables import ai_operation_logs, approvals, ops_issues, staging_migrations, task_requests

_LINES = 60
_EVENTS_PER_COMMIT = 5_000
_TASKS_PER_ORDER = 3


def deliver(engine: Engine, folder: Path, size: HistorySize) -> None:
    """Record the history with its custody, its files under the folder, and what else orders have."""
    tasks: dict[str, list[str]] = {}
    batch: list[EventRow] = []
    disk = _Disk(folder)
    for event in history(size):
        batch.append(disk.take(event))
        named = tasks.setdefault(event.order_id or "", [])
        if event.task_id and event.task_id not in named and len(named) < _TASKS_PER_ORDER:
            named.append(event.task_id)
        if len(batch) == _EVENTS_PER_COMMIT:
            _record(engine, batch)
    _record(engine, batch)
    with write_transaction(engine) as conn:
        rows: dict[Table, list[dict[str, Any]]] = {}
        for number, order_id in enumerate(sorted(filter(None, tasks))):
            for table, row in _beside(number, order_id, tasks[order_id], size.start):
                rows.setdefault(table, []).append(row)
        for table, found in rows.items():
            conn.execute(insert(table), found)


def _record(engine: Engine, batch: list[EventRow]) -> None:
    with write_transaction(engine) as conn:
        record(conn, batch)
    batch.clear()


class _Disk:
    """The workspaces: each file's present content, and what patching keeps of earlier ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contents: dict[tuple[str, str], list[str]] = {}
        self._before: dict[str, list[str]] = {}
        self._edits = 0

    def take(self, event: Event) -> EventRow:
        """Do on disk what the event tells, and return it with the digests of what is there."""
        workspace = self._folder / event.workspace.rpartition("/")[2]
        row = replace(event.as_row(), workspace=str(workspace))
        key = event.workspace, event.file_path
        if event.event == "patch_reverted" and event.patch_id in self._before:
            self._write(workspace / event.file_path, key, self._before.pop(event.patch_id))
        if event.event != "patch_applied" or event.op == "revert":
            return row
        old = self._contents.get(key) or [f"export const line{n} = {n};\n" for n in range(_LINES)]
        self._edits += 1
        at = self._edits % _LINES
        new = [*old[:at], f"export const line{at} = round({self._edits});\n", *old[at + 1 :]]
        kept = _digest(old)
        self._keep(workspace / ".mission_control" / "objects" / kept[:2] / kept[2:], "".join(old))
        diff = f"--- a/{event.file_path}\n+++ b/{event.file_path}\n@@ -{at + 1} +{at + 1} @@\n-{old[at]}+{new[at]}"
        self._keep(workspace / ".mission_control" / "patches" / f"{event.patch_id}.diff", diff)
        self._before[event.patch_id] = old
        self._write(workspace / event.file_path, key, new)
        told = {"file_before_sha256": kept, "file_after_sha256": _digest(new), "added": 1, "removed": 1}
        return replace(row, meta=told | {"mode_before": 0o644, "mode_after": 0o644})

    def _write(self, path: Path, key: tuple[str, str], lines: list[str]) -> None:
        self._contents[key] = lines
        self._keep(path, "".join(lines))

    def _keep(self, path: Path, text: str) -> None:
        try:
            path.write_text(text)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _beside(number: int, order_id: str, tasks: list[str], start: datetime) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Yield the rows that an order has beside its events: tasks, model calls, now and then a migration or an issue."""
    begun = start + timedelta(hours=number % 2_000)
    side = {"total": 120, "passed": 119, "failed": 1}
    for task_id in tasks or [new_id()]:
        yield (
            task_requests,
            {
                "id": task_id,
                "pathway": "solution_validation",
                "status": "success",
                "initial_prompt": f"Prove that {order_id} does what it says.",
                "payload": {"repo": "acme/shop"},
                "result": {"verdict": "fixed", "explanation": "One test passes now.", "before": side, "after": side},
                "order_id": order_id,
                "dagster_run_id": new_id(),
                "attempt": 1,
                "created_at": begun,
                "started_at": begun + timedelta(seconds=4),
                "ended_at": begun + timedelta(minutes=3),
            },
        )
        for model in ("large-model", "small-model"):
            told = {"ai_provider": "openai", "model": model, "tokens": 1_800, "cost": 0.021, "latency": 3.5}
            yield (
                ai_operation_logs,
                {"task_request_id": task_id, "timestamp": begun, "agent_name": "checker", **told},
            )
    if number % 20 == 0:
        yield from _migration(order_id, begun)
    if number % 10 == 0:
        yield ops_issues, _issue(order_id, begun)


def _migration(order_id: str, begun: datetime) -> Iterator[tuple[Table, dict[str, Any]]]:
    approval, unit = new_id(), f"unit-{order_id}"
    yield (
        approvals,
        {
            "id": approval,
            "subject": f"migration {unit}",
            "source": "cli",
            "verdict": "approved",
            "rationale": "Looks right.",
            "created_at": begun,
            "decided_by": "maintainer",
            "decided_at": begun + timedelta(hours=2),
        },
    )
    yield (
        staging_migrations,
        {
            "id": new_id(),
            "unit": unit,
            "source_digest": hashlib.sha256(unit.encode()).hexdigest(),
            "target_root": "/srv/monorepo",
            "status": "validated",
            "order_id": order_id,
            "report": {"files": 9, "check": {"ok": True, "outcome": "passed", "message": "tsc --noEmit passed"}},
            "approval_id": approval,
            "created_at": begun,
            "updated_at": begun + timedelta(hours=3),
        },
    )


def _issue(order_id: str, begun: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": "error",
        "severity": 2,
        "severity_reasons": json.loads('["frequent"]'),
        "status": "resolved",
        "title": f"TypeError in checkout, mended by {order_id}",
        "fingerprint": hashlib.sha256(order_id.encode()).hexdigest(),
        "occurrences": 12,
        "first_seen": begun - timedelta(days=2),
        "last_seen": begun,
        "resolved_at": begun + timedelta(days=1),
        "order_id": order_id,
        "created_at": begun,
    }
