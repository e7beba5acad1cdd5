"""What a step that ends badly leaves: the tree as it was, the reason on record, and a task for who mends it."""

from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
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


def see_to_failure(migration: "Migration", step: StepName, error: BaseException) -> None:
    """Take back what the migration wrote, put the reason on record, and leave a task; safe to call twice.

    What an earlier run finished stays, whatever becomes of a later one, unless that is the check that it never passed.
    """
    if isinstance(error, ApprovalNeeded):
        return
    account, manifest = migration.account, migration.manifest
    told = str(error) or f"interrupted at step {step}"
    if isinstance(error, _FOUND_WRONG) and manifest.on_failure == "keep":
        account.move(StagingStatus.FAILED, error=told)
    else:
        try:
            undone = _take_back(migration, error)
        except PermanentFault as stuck:
            told = f"{told}; what was written could not be taken back: {stuck}"
            account.move(StagingStatus.FAILED, error=told)
        else:
            _move(migration, error, told, undone=undone)
    is_for_somebody = isinstance(error, Exception) and not isinstance(error, (TransientFault, ApprovalRefused))
    if is_for_somebody:
        _leave_remediation(migration, step, error, told)


def _move(migration: "Migration", error: BaseException, told: str, *, undone: bool) -> None:
    account, earlier = migration.account, migration.earlier
    if isinstance(error, MigrationConflict) and not undone:
        write_conflicts(migration.target_root, migration.manifest.unit, error.conflicts)
        account.move(StagingStatus.CONFLICT, error=told)
    elif account.row.batches:  # an earlier run's, which stand as they did
        account.move(earlier.status, error=told)
    elif not (undone and account.move(StagingStatus.ROLLED_BACK, error=told)):
        account.move(StagingStatus.FAILED, error=told)


def _take_back(migration: "Migration", error: BaseException) -> bool:
    """Undo the batches of this run, and those that an unfinished one left; say whether there were any."""
    environment, account = migration.environment, migration.account
    never_passed = isinstance(error, CheckRefused) and migration.earlier.status is not StagingStatus.VALIDATED
    stay = () if never_passed else migration.finished
    batches = [batch_id for batch_id in account.row.batches or () if batch_id not in stay]
    if not batches:
        return False
    undone = take_back(migration.target_root, batches, custody=environment.custody, now=environment.now())
    account.note(batches=list(stay))
    return bool(undone)


def _leave_remediation(migration: "Migration", step: StepName, error: BaseException, told: str) -> None:
    remedy = Remedy(step, told, _output(error), _paths(migration.manifest.unit, error))
    leave_remediation(migration.environment, migration.account, migration.manifest, remedy, command=migration.command)


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
