"""Checks of a workspace: what is wrong after a batch minus what was wrong before it."""

from repo_agent_dagster.patching.checks.checker import (
    NOTHING,
    Checker,
    CheckUnusable,
    CheckWithoutVerdict,
    Overlay,
)
from repo_agent_dagster.patching.checks.findings import Finding, added_findings
from repo_agent_dagster.patching.checks.python_syntax import PythonSyntaxChecker
from repo_agent_dagster.patching.checks.verdict import CheckFailed, Guilty

__all__ = [
    "NOTHING",
    "CheckFailed",
    "CheckUnusable",
    "CheckWithoutVerdict",
    "Checker",
    "Finding",
    "Guilty",
    "Overlay",
    "PythonSyntaxChecker",
    "added_findings",
]
