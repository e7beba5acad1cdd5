"""What a step that ends badly leaves: the tree as it was, the reason on record, and a task for who mends it."""

import shlex
from types import TracebackType
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import TransientFault
from repo_agent_dagster.migration.faults import (
    ApprovalNeeded,
    ApprovalRefused,
    CheckRefused,
    MigrationConflict,
    StandardsBroken,
)
from repo_agent_dagster.migration.merging.conflicts import write_conflicts
from repo_agent_dagster.migration.steps.account import StepName
from repo_agent_dagster.migration.steps.execution import take_back
from repo_agent_dagster.migration.steps.remediation import Remedy, leave_remediation
from repo_agent_dagster.patching import CheckFailed
from repo_agent_dagster.store.staging_migrations import StagingStatus

if TYPE_CHECKING:
    from repo_agent_dagster.migration.steps.migration import Migration

_FOUND_WRONG = (CheckRefused, StandardsBroken, CheckFailed)
"""Faults of what was written, which ``on_failure: keep`` leaves for people to look at; all else is taken back."""


class Failure:
    """Around a step: sees what ends it, takes back what was written, and says so."""

    def __init__(self, migration: "Migration", step: StepName) -> None:
        self._migration, self._step = migration, step

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, _type: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """See to the failure, if it is one; it goes on to whoever called."""
        if error is None or isinstance(error, ApprovalNeeded):
            return
        account, manifest = self._migration.account, self._migration.manifest
        told = str(error) or f"interrupted at step {self._step}"
        if isinstance(error, _FOUND_WRONG) and manifest.on_failure == "keep":
            account.move(StagingStatus.FAILED, error=told)
        elif self._take_back():
            account.move(StagingStatus.ROLLED_BACK, error=told)
        elif isinstance(error, MigrationConflict):
            write_conflicts(self._migration.target_root, manifest.unit, error.conflicts)
            account.move(StagingStatus.CONFLICT, error=told)
        else:
            account.move(StagingStatus.FAILED, error=told)
        is_for_somebody = isinstance(error, Exception) and not isinstance(error, (TransientFault, ApprovalRefused))
        if is_for_somebody:
            self._leave_remediation(error, told)

    def _take_back(self) -> bool:
        """Undo all batches of this content, those of an earlier attempt too; say whether there were any."""
        migration = self._migration
        environment, account = migration.environment, migration.account
        batches = account.row.batches or ()
        if not batches:
            return False
        undone = take_back(migration.target_root, batches, custody=environment.custody, now=environment.now())
        account.note(batches=[])
        return bool(undone)

    def _leave_remediation(self, error: BaseException, told: str) -> None:
        migration = self._migration
        command = ["migrate-staging", "run", str(migration.unit_path), "--into", str(migration.target_root)]
        remedy = Remedy(self._step, told, _output(error), _paths(migration.manifest.unit, error))
        leave_remediation(
            migration.environment, migration.account, migration.manifest, remedy, command=shlex.join(command)
        )


def _output(error: BaseException) -> str:
    """Return what the failing check printed, where there is such a thing."""
    if isinstance(error, CheckRefused):
        lines = [f"{one.file}:{one.line}: {one.code} {one.message}" for one in error.report.findings]
        return "\n".join([*lines, error.report.output])
    if isinstance(error, StandardsBroken):
        return "\n".join(f"{one.file}:{one.line}: {one.rule} {one.message}" for one in error.report.findings)
    if isinstance(error, CheckFailed):
        return "\n".join(str(finding) for finding in error.findings)
    return ""


def _paths(unit: str, error: BaseException) -> tuple[str, ...]:
    return (f".mission_control/conflicts/{unit}/**/*",) if isinstance(error, MigrationConflict) else ()
