"""Surgical, atomic, provable edits of a workspace: plan, stage, commit, check, revert."""

from repo_agent_dagster.contracts.custody import Custody, CustodyRefused, CustodyUnavailable
from repo_agent_dagster.patching.apply import apply_batch, recover_workspace, write_files
from repo_agent_dagster.patching.checks import (
    Checker,
    CheckFailed,
    CheckUnusable,
    CheckWithoutVerdict,
    Finding,
    Guilty,
    Overlay,
    PythonSyntaxChecker,
)
from repo_agent_dagster.patching.group import apply_batches
from repo_agent_dagster.patching.history.replay import Replayed, replay
from repo_agent_dagster.patching.history.revert import revert
from repo_agent_dagster.patching.model import (
    AppliedPatch,
    BatchResult,
    FileChange,
    InvalidPatch,
    JournalUnreadable,
    MarkerPattern,
    OverlappingPatches,
    PatchConflict,
    RollbackIncomplete,
    SpoolUnreadable,
    UnknownPatch,
    UnsafePath,
    Workspace,
    WorkspaceLocked,
    WriteFailed,
)
from repo_agent_dagster.patching.record.custody import record_export, record_validation
from repo_agent_dagster.patching.record.spool import SpoolCustody, ship_spool

__all__ = [
    "AppliedPatch",
    "BatchResult",
    "CheckFailed",
    "CheckUnusable",
    "CheckWithoutVerdict",
    "Checker",
    "Custody",
    "CustodyRefused",
    "CustodyUnavailable",
    "FileChange",
    "Finding",
    "Guilty",
    "InvalidPatch",
    "JournalUnreadable",
    "MarkerPattern",
    "OverlappingPatches",
    "Overlay",
    "PatchConflict",
    "PythonSyntaxChecker",
    "Replayed",
    "RollbackIncomplete",
    "SpoolCustody",
    "SpoolUnreadable",
    "UnknownPatch",
    "UnsafePath",
    "Workspace",
    "WorkspaceLocked",
    "WriteFailed",
    "apply_batch",
    "apply_batches",
    "record_export",
    "record_validation",
    "recover_workspace",
    "replay",
    "revert",
    "ship_spool",
    "write_files",
]
