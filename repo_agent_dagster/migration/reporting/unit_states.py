"""How far each unit's migration came, as views show it: one state for a unit and a target root. Absent is None."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from repo_agent_dagster.store.staging_migrations import StagingMigration


@dataclass(frozen=True)
class StepState:
    """One step of a migration that began: its name, how it ended, how long it took, and what it said."""

    step: str
    status: str
    seconds: float | None
    detail: str | None


@dataclass(frozen=True)
class UnitState:
    """One unit on its way into one target root. The times are UTC, the score is in percent; None is not known."""

    unit: str
    state: str
    target_root: str
    digest: str
    updated_at: datetime
    created_at: datetime
    order_id: str | None = None
    task_id: str | None = None
    destination: str | None = None
    files: int | None = None
    rewrites: int | None = None
    unresolved: int | None = None
    conflicts: int | None = None
    standards_score: float | None = None
    check: str | None = None
    error: str | None = None
    batches: int | None = None
    steps: tuple[StepState, ...] = ()
    approval_id: str | None = None
    remediation_task_id: str | None = None
    earlier: int = 0
    """Contents of the unit that came before this one."""


def unit_states(migrations: Iterable[StagingMigration]) -> list[UnitState]:
    """Return one state for each unit and target root, sorted by unit; the last changed migration decides."""
    newest: dict[tuple[str, str], StagingMigration] = {}
    counts: dict[tuple[str, str], int] = {}
    for migration in migrations:
        key = (migration.unit, migration.target_root)
        counts[key] = counts.get(key, 0) + 1
        if key not in newest or (migration.updated_at, migration.id) > (newest[key].updated_at, newest[key].id):
            newest[key] = migration
    return [unit_state(newest[key], earlier=counts[key] - 1) for key in sorted(newest)]


def unit_state(migration: StagingMigration, *, earlier: int = 0) -> UnitState:
    """Return a migration as views show it."""
    summary = migration.summary or {}
    counts = summary.get("counts") if isinstance(summary.get("counts"), dict) else {}
    return UnitState(
        unit=migration.unit,
        state=migration.status.value,
        target_root=migration.target_root,
        digest=migration.source_digest,
        updated_at=migration.updated_at,
        created_at=migration.created_at,
        order_id=migration.order_id,
        task_id=migration.task_request_id,
        destination=_text(summary.get("destination")),
        files=_touched(counts or {}),
        rewrites=_first_number(summary.get("rewrites")),
        unresolved=_first_number(summary.get("unresolved")),
        conflicts=_first_number(migration.conflicts, (counts or {}).get("conflict")),
        standards_score=migration.standards_score,
        check=_text(summary.get("check")),
        error=migration.error,
        batches=_length(migration.batches),
        steps=tuple(_step(step) for step in migration.steps or () if isinstance(step, dict)),
        approval_id=migration.approval_id,
        remediation_task_id=migration.remediation_task_id,
        earlier=earlier,
    )


def _step(step: Mapping[str, Any]) -> StepState:
    seconds = step.get("seconds")
    return StepState(
        step=str(step.get("step", "?")),
        status=str(step.get("status", "?")),
        seconds=float(seconds) if isinstance(seconds, (int, float)) else None,
        detail=_text(step.get("detail")),
    )


def _touched(counts: Mapping[str, Any]) -> int | None:
    known = [counts[action] for action in ("create", "update", "delete") if isinstance(counts.get(action), int)]
    return sum(known) if known else None


def _first_number(*values: Any) -> int | None:
    return next((value for value in values if isinstance(value, int)), None)


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, (list, tuple)) else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
