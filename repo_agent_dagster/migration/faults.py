"""What can go wrong in a migration: every error of this engine, so that faces can give each its exit code."""

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault


class ManifestError(PermanentFault):
    """The manifest is missing, malformed or breaks a rule; the message names file, line, column and field."""


class UnitError(PermanentFault):
    """The unit's folder cannot be migrated as its manifest says: it is missing, or two files want one place."""


class DestinationError(PermanentFault):
    """The destination cannot be used: it belongs to another unit, or its lock file is damaged."""


class MigrationConflict(PermanentFault):
    """Files at the destination are not ours to overwrite; nothing was written. `paths` names them."""

    def __init__(self, message: str, paths: tuple[str, ...]) -> None:
        super().__init__(message)
        self.paths = paths


class UnitChanging(TransientFault):
    """The unit's files vanish or change while they are read; try again when it has settled."""


class KeepingFailed(TransientFault):
    """What a migration keeps for later (bases, side files) cannot be written; make room or give permission, retry."""


class SpecifiersUnread(PermanentFault):
    """The parser in the sandbox did not read the unit's files: no node there, or too little time; use the other one."""
