"""What can go wrong in a migration: every error of this engine, so that faces can give each its exit code."""

from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault

if TYPE_CHECKING:
    from repo_agent_dagster.migration.checks.report import CheckReport
    from repo_agent_dagster.migration.merging.conflicts import FileConflict
    from repo_agent_dagster.migration.standards import StandardsReport


class ManifestError(PermanentFault):
    """The manifest is missing, malformed or breaks a rule; the message names file, line, column and field."""


class UnitError(PermanentFault):
    """The unit's folder cannot be migrated as its manifest says: it is missing, or two files want one place."""


class DestinationError(PermanentFault):
    """The destination cannot be used: it belongs to another unit, or its lock file is damaged."""


class MigrationConflict(PermanentFault):
    """Files at the destination are not ours to overwrite; nothing was written.

    `paths` names them; `conflicts` has the three sides of those that a person can merge.
    """

    def __init__(self, message: str, paths: tuple[str, ...], conflicts: "tuple[FileConflict, ...]" = ()) -> None:
        super().__init__(message)
        self.paths = paths
        self.conflicts = conflicts


class UnitChanging(TransientFault):
    """The unit's files vanish or change while they are read; try again when it has settled."""


class UnitNotReady(TransientFault):
    """Units that this one comes after are not migrated yet; try again when they are."""


class ApprovalNeeded(TransientFault):
    """A person has to approve the plan first; `approval_id` names the row that waits for the decision."""

    def __init__(self, message: str, approval_id: str) -> None:
        super().__init__(message)
        self.approval_id = approval_id


class ApprovalRefused(PermanentFault):
    """A person refused the plan; nothing was written."""


class StandardsBroken(PermanentFault):
    """The unit does worse by the standards than its manifest allows; `report` has the findings."""

    def __init__(self, message: str, report: "StandardsReport") -> None:
        super().__init__(message)
        self.report = report


class CheckRefused(PermanentFault):
    """The check of the migrated unit failed; `report` says how."""

    def __init__(self, message: str, report: "CheckReport") -> None:
        super().__init__(message)
        self.report = report


class KeepingFailed(TransientFault):
    """What a migration keeps for later (bases, side files) cannot be written; make room or give permission, retry."""


class SpecifiersUnread(PermanentFault):
    """The parser in the sandbox did not read the unit's files: no node there, or too little time; use the other one."""
