"""Carry a plan out through the patching journal, take it back to the byte, and draw the conclusion of its check."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from repo_agent_dagster.migration.checks.typecheck import CheckReport
from repo_agent_dagster.migration.faults import MigrationConflict
from repo_agent_dagster.migration.planning.destination import Destination
from repo_agent_dagster.migration.planning.plan import Plan
from repo_agent_dagster.patching import (
    BatchResult,
    Custody,
    FileChange,
    PatchConflict,
    Workspace,
    record_validation,
    revert,
    write_files,
)
from repo_agent_dagster.store.ids import new_id

REQUESTER = "migrate-staging"
MigrationStatus = Literal["applied", "nothing_to_do", "validated", "failed_kept", "rolled_back"]


@dataclass(frozen=True)
class MigrationResult:
    """What became of a plan. `batch` is the patch batch that wrote it; None when there was nothing to do."""

    plan: Plan
    status: MigrationStatus
    batch: BatchResult | None
    task_id: str | None = None

    @property
    def message(self) -> str:
        """One sentence for people."""
        counts = self.plan.counts()
        done = ", ".join(f"{counts[action]} {action}d" for action in ("create", "update", "delete") if counts[action])
        where = f"{self.plan.unit} → {self.plan.destination}"
        return {
            "nothing_to_do": f"{where}: nothing to do, the destination is as the unit and its manifest say",
            "applied": f"{where}: {done}",
            "validated": f"{where}: {done}; check passed",
            "failed_kept": f"{where}: {done}; check failed, files kept (on_failure: keep)",
            "rolled_back": f"{where}: rolled back, the destination is as it was before",
        }[self.status]

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values, for the store and for `--json`."""
        return {
            "status": self.status,
            "message": self.message,
            "batch_id": None if self.batch is None else self.batch.batch_id,
            "order_id": self.plan.manifest.order_id,
            "plan": self.plan.to_json(),
        }


def execute(plan: Plan, *, custody: Custody, now: datetime, task_id: str | None = None) -> MigrationResult:
    """Write what the plan says, as one patch batch: all of it or nothing. An empty plan writes nothing and says so.

    Raises:
        MigrationConflict: the plan has conflicts, or files under the target root changed since it was made.
        PermanentFault, TransientFault: what patching raises; then nothing was written.

    Interrupted, by Ctrl-C or a cancelled run, it leaves nothing written either: who is interrupted gets no result to
    roll back by.
    """
    if plan.conflicts:
        told = "; ".join(f"{change.path} {change.reason}" for change in plan.conflicts[:10])
        more = f"; and {len(plan.conflicts) - 10} more" if len(plan.conflicts) > 10 else ""
        raise MigrationConflict(
            f"unit {plan.unit} stops, nothing was written: {told}{more}. Move your edits into the unit (or the files "
            "out of the way) and run again",
            tuple(change.path for change in plan.conflicts),
        )
    if plan.is_empty:
        return MigrationResult(plan, "nothing_to_do", None, task_id)
    _refuse_if_stale(plan)
    changes = [
        FileChange(change.path, change.new, executable=change.executable, expect_sha256=change.old_sha256)
        for change in plan.touching
    ]
    batch_id = new_id()
    try:
        batch = write_files(
            Workspace(plan.target_root),
            changes,
            order_id=plan.manifest.order_id,
            requester=REQUESTER,
            reason=f"migrate unit {plan.unit} ({plan.source_digest[:12]}) to {plan.destination}",
            phase=plan.manifest.order.phase,
            task_id=task_id,
            custody=custody,
            now=now,
            batch_id=batch_id,
        )
    except PatchConflict as conflict:
        raise MigrationConflict(
            f"unit {plan.unit} stops, nothing was written: {conflict}; plan again", ()
        ) from conflict
    except BaseException as error:
        is_interrupted = not isinstance(error, Exception)
        if is_interrupted and any(patch.is_in_force for patch in custody.batch(batch_id)):
            undo(plan.target_root, batch_id, custody=custody, now=now)
        raise
    return MigrationResult(plan, "applied", batch, task_id)


def roll_back(result: MigrationResult, *, custody: Custody, now: datetime) -> MigrationResult:
    """Undo what `execute` wrote, to the byte; a result that wrote nothing stays as it is."""
    if result.batch is None or result.status == "rolled_back":
        return result
    undo(result.plan.target_root, result.batch.batch_id, custody=custody, now=now)
    return replace(result, status="rolled_back")


def undo(target_root: Path, batch_id: str, *, custody: Custody, now: datetime) -> None:
    """Undo a migration's batch by its id, for a caller that no longer holds the result.

    Raises:
        PermanentFault: the batch is unknown, or its files changed since.
    """
    revert(Workspace(target_root), batch_id, custody=custody, now=now)


def conclude(result: MigrationResult, check: CheckReport, *, custody: Custody, now: datetime) -> MigrationResult:
    """Put the check on record; a failed one rolls the migration back, unless the manifest says ``on_failure: keep``.

    A migration without anything to check, or that wrote nothing, stays as it is: no check ran, so none passed.
    """
    if result.batch is None or not check.ran:
        return result
    record_validation(result.batch, custody=custody, ok=check.ok, now=now, error=None if check.ok else check.message)
    if check.ok:
        return replace(result, status="validated")
    if result.plan.manifest.on_failure == "keep":
        return replace(result, status="failed_kept")
    return roll_back(result, custody=custody, now=now)


def _refuse_if_stale(plan: Plan) -> None:
    """Refuse a plan whose target moved on: patching guards what exists, this also guards what must not exist."""
    standing = Destination(plan.target_root)
    changed = tuple(change.path for change in plan.touching if standing.read(change.path).content != change.old)
    if changed:
        raise MigrationConflict(
            f"unit {plan.unit} stops, nothing was written: {', '.join(changed[:10])} changed since the plan was made; "
            "plan again",
            changed,
        )
