"""Surgical, atomic, provable edits of a workspace: plan, stage, commit, check, revert."""

from repo_agent_dagster.contracts.custody import Custody, CustodyRefused, CustodyUnavailable
from repo_agent_dagster.patching.apply import apply_batch, recover_workspace, write_files
from repo_agent_dagster.patching.checks import Checker, Finding, PythonSyntaxChecker
from repo_agent_dagster.patching.custody import record_validation
from repo_agent_dagster.patching.model import (
    AppliedPatch,
    BatchResult,
    CheckFailed,
    FileChange,
    InvalidPatch,
    JournalUnreadable,
    OverlappingPatches,
    PatchConflict,
    RollbackIncomplete,
    UnknownPatch,
    UnsafePath,
    Workspace,
    WorkspaceLocked,
    WriteFailed,
)
from repo_agent_dagster.patching.revert import revert

__all__ = [
    "AppliedPatch",
    "BatchResult",
    "CheckFailed",
    "Checker",
    "Custody",
    "CustodyRefused",
    "CustodyUnavailable",
    "FileChange",
    "Finding",
    "InvalidPatch",
    "JournalUnreadable",
    "OverlappingPatches",
    "PatchConflict",
    "PythonSyntaxChecker",
    "RollbackIncomplete",
    "UnknownPatch",
    "UnsafePath",
    "Workspace",
    "WorkspaceLocked",
    "WriteFailed",
    "apply_batch",
    "record_validation",
    "recover_workspace",
    "revert",
    "write_files",
]
