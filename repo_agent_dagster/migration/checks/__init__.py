"""What is run on a migrated unit inside a sandbox, and what counts as a new finding."""

from collections.abc import Mapping
from pathlib import Path

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.checks.typecheck import Box, CheckReport, type_check

__all__ = ["CheckReport", "validate"]


def validate(
    box: Box,
    target_root: Path,
    destination: str,
    *,
    manifest: Manifest,
    moved: Mapping[str, str],
    unit_path: Path,
    timeout_seconds: float = 300.0,
) -> CheckReport:
    """Check the migrated unit by its manifest's commands, or its types where there are none."""
    return type_check(box, target_root, destination, timeout_seconds=timeout_seconds, commands=manifest.checks)
