"""STAGING units into a monorepo: manifest, plan, rewrite, execute, check, roll back.

The way through: `scan_staging` → `load_manifest` → `plan` → `execute` → `type_check` → `conclude` → `render_report`.
"""

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.checks.typecheck import CheckFinding, CheckReport, type_check
from repo_agent_dagster.migration.faults import (
    DestinationError,
    ManifestError,
    MigrationConflict,
    UnitChanging,
    UnitError,
)
from repo_agent_dagster.migration.manifest.reading import load_manifest, manifest_schema, order_id, read_manifest
from repo_agent_dagster.migration.planning.plan import Change, Plan, plan
from repo_agent_dagster.migration.reporting.report import render_report
from repo_agent_dagster.migration.rewriting.file import Rewrite, Unresolved
from repo_agent_dagster.migration.steps.execution import MigrationResult, conclude, execute, roll_back, undo
from repo_agent_dagster.migration.units.scan import StagingUnit, is_settled, scan_staging, scan_unit

__all__ = [
    "Change",
    "CheckFinding",
    "CheckReport",
    "DestinationError",
    "Manifest",
    "ManifestError",
    "MigrationConflict",
    "MigrationResult",
    "Plan",
    "Rewrite",
    "StagingUnit",
    "UnitChanging",
    "UnitError",
    "Unresolved",
    "conclude",
    "execute",
    "is_settled",
    "load_manifest",
    "manifest_schema",
    "order_id",
    "plan",
    "read_manifest",
    "render_report",
    "roll_back",
    "scan_staging",
    "scan_unit",
    "type_check",
    "undo",
]
