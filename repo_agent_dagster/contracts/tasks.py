"""The task queue's words: pathways, statuses, and the payload and result of each pathway."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.patches import PatchBatch


class Pathway(StrEnum):
    """Every repeatable kind of task that exists; a row of `repeatable_tasks`."""

    SOLUTION_VALIDATION = "solution_validation"
    STAGING_MIGRATION = "staging_migration"
    OPS_SCAN = "ops_scan"
    APPLY_PATCHES = "apply_patches"


class TaskStatus(StrEnum):
    """Where a task request stands. `pending` and `running` are open; the rest are final."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SolutionValidationPayload(Contract):
    """Prove that a patch repairs a repository: its tests fail before and pass after."""

    repo_url: Annotated[str, Field(min_length=1)]
    ref: Annotated[str, Field(min_length=1, description="Branch, tag or commit.")] = "HEAD"
    diff: Annotated[str | None, Field(description="A unified diff; exactly one of diff and batch.")] = None
    batch: PatchBatch | None = None
    test_command: Annotated[str | None, Field(description="Shell command; detected when absent.")] = None
    timeout_seconds: PositiveInt = 600
    order_id: str | None = None

    @model_validator(mode="after")
    def _has_one_patch(self) -> Self:
        if (self.diff is None) == (self.batch is None):
            raise ValueError("give exactly one of diff and batch")
        return self


class StagingMigrationPayload(Contract):
    """Migrate one settled STAGING unit into the target root."""

    unit: Annotated[str, Field(min_length=1)]
    unit_path: Annotated[str, Field(description="Absolute path of the unit's folder.")]
    source_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    target_root: Annotated[str, Field(description="Absolute path of the monorepo.")]


OpsScope = Literal["cloudflare", "cicd", "full"]


class OpsScanPayload(Contract):
    """Ingest one UTC day's logs and scan them."""

    day: date
    scope: OpsScope = "full"


class ApplyPatchesPayload(Contract):
    """Apply a batch of patches to a workspace, all of them or none."""

    workspace: Annotated[str, Field(min_length=1, description="A registered workspace's name or path.")]
    batch: PatchBatch
    dry_run: Annotated[bool, Field(description="Show the diff; write and record nothing.")] = False

    @property
    def order_id(self) -> str | None:
        """The order that the batch is for."""
        return self.batch.order_id


PAYLOADS: dict[Pathway, type[Contract]] = {
    Pathway.SOLUTION_VALIDATION: SolutionValidationPayload,
    Pathway.STAGING_MIGRATION: StagingMigrationPayload,
    Pathway.OPS_SCAN: OpsScanPayload,
    Pathway.APPLY_PATCHES: ApplyPatchesPayload,
}
