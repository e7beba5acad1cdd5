"""What is run on a migrated unit inside a sandbox, and what counts as a new finding."""

from collections.abc import Mapping
from pathlib import Path

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.checks.commands import run_commands
from repo_agent_dagster.migration.checks.report import CheckFinding, CheckReport
from repo_agent_dagster.migration.checks.typecheck import Origin, type_check
from repo_agent_dagster.sandbox.box import Box, Install

__all__ = ["CheckFinding", "CheckReport", "validate"]


def validate(
    box: Box,
    target_root: Path,
    *,
    manifest: Manifest,
    unit_path: Path,
    moved: Mapping[str, str],
    install: Install | None = None,
    timeout_seconds: float = 300.0,
) -> CheckReport:
    """Check the migrated unit: by its manifest's commands, or where it has none by the types of its projects.

    A command decides by its exit code. The type check decides by what it finds that the unit did not come with.
    """
    if manifest.checks:
        return run_commands(
            box, target_root, manifest.destination, manifest.checks, install=install, timeout_seconds=timeout_seconds
        )
    return type_check(
        box,
        target_root,
        manifest.destination,
        origin=Origin(unit_path, manifest.source, moved),
        timeout_seconds=timeout_seconds,
    )
