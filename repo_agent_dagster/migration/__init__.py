"""STAGING units into a monorepo: inventory, plan, approve, write, hold to standards, refactor, validate, roll back.

`Migration` goes through all steps and keeps account of them; `plan` alone says what would be done.
"""

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.checks.report import CheckFinding, CheckReport
from repo_agent_dagster.migration.faults import (
    ApprovalNeeded,
    ApprovalRefused,
    CheckRefused,
    DestinationError,
    ManifestError,
    MigrationConflict,
    StandardsBroken,
    UnitChanging,
    UnitError,
    UnitNotReady,
)
from repo_agent_dagster.migration.manifest.reading import load_manifest, manifest_schema, order_id, read_manifest
from repo_agent_dagster.migration.merging.bases import Bases
from repo_agent_dagster.migration.planning.model import Change, Plan, Stage
from repo_agent_dagster.migration.planning.plan import plan
from repo_agent_dagster.migration.reporting.report import render_report
from repo_agent_dagster.migration.rewriting.compiler import CompilerReader
from repo_agent_dagster.migration.rewriting.file import Rewrite, Unresolved
from repo_agent_dagster.migration.steps.account import STEPS, Account
from repo_agent_dagster.migration.steps.environment import Environment
from repo_agent_dagster.migration.steps.execution import Written, execute, take_back
from repo_agent_dagster.migration.steps.migration import Migration
from repo_agent_dagster.migration.steps.outcome import Outcome
from repo_agent_dagster.migration.steps.rolling_back import roll_back_last
from repo_agent_dagster.migration.units.scan import StagingUnit, is_settled, scan_staging, scan_unit

__all__ = [
    "STEPS",
    "Account",
    "ApprovalNeeded",
    "ApprovalRefused",
    "Bases",
    "Change",
    "CheckFinding",
    "CheckRefused",
    "CheckReport",
    "CompilerReader",
    "DestinationError",
    "Environment",
    "Manifest",
    "ManifestError",
    "Migration",
    "MigrationConflict",
    "Outcome",
    "Plan",
    "Rewrite",
    "Stage",
    "StagingUnit",
    "StandardsBroken",
    "UnitChanging",
    "UnitError",
    "UnitNotReady",
    "Unresolved",
    "Written",
    "execute",
    "is_settled",
    "load_manifest",
    "manifest_schema",
    "order_id",
    "plan",
    "read_manifest",
    "render_report",
    "roll_back_last",
    "scan_staging",
    "scan_unit",
    "take_back",
]
