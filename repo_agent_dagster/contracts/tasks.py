"""The task queue's words: pathways, statuses, and the payload and result of each pathway."""

import re
from datetime import date
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.contracts.testing import TestMode


class Pathway(StrEnum):
    """Every repeatable kind of task that exists; a row of `repeatable_tasks`."""

    SOLUTION_VALIDATION = "solution_validation"
    ERROR_RECREATION = "error_recreation"
    TESTING = "testing"
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


class RepositoryRecipe(Contract):
    """How a repository is made runnable where nothing in it says so: `.repo-agent.yaml`, or the same in a task."""

    image: Annotated[str | None, Field(description="Docker image to work in; default: the sandbox image.")] = None
    setup: Annotated[list[str], Field(description="Shell commands that install what tests need, with network.")] = (
        Field(default_factory=list)
    )
    test: Annotated[str | None, Field(description="Shell command that runs the tests.")] = None


class RepositoryPayload(Contract):
    """What every task on a repository says: which one, what state of it, and how it is made runnable.

    `branch` is taken for `ref`, and `timeout` for `timeout_seconds`.
    """

    repo_url: Annotated[str, Field(min_length=1)]
    ref: Annotated[
        str, Field(min_length=1, description="Branch, tag, commit, or pull request: #7, pr/7 or refs/pull/7/head.")
    ] = "HEAD"
    subfolder: Annotated[str, Field(description="The part of a monorepo to work on; empty: its root.")] = ""
    submodules: Annotated[bool, Field(description="Also fetch the submodules, by the same rules.")] = False
    lfs: Annotated[bool, Field(description="Replace Git LFS pointers by their files.")] = False
    recipe: Annotated[RepositoryRecipe | None, Field(description="Wins over the repository's .repo-agent.yaml.")] = None
    use_cache: Annotated[bool, Field(description="Start from the installed state of an earlier task.")] = True
    timeout_seconds: Annotated[PositiveInt, Field(description="For each run of tests or of a candidate.")] = 600
    order_id: str | None = None

    @field_validator("repo_url")
    @classmethod
    def _without_credentials(cls, url: str) -> str:
        # Tasks are kept and shown, and a token may stand in the user's place. The message does not repeat the URL.
        if re.match(r"https?://[^/\s]*@|https?://[^/\s]*:[^@\s]*@|[\w+.-]+://[^/@\s]*:[^/@\s]*@", url, re.IGNORECASE):
            raise ValueError(
                "repoUrl holds a user or a password; tasks are kept and shown, so give credentials to git on the host "
                "instead (docs/repositories.md)"
            )
        return url

    @field_validator("subfolder")
    @classmethod
    def _inside(cls, folder: str) -> str:
        path = PurePosixPath(folder)
        if path.is_absolute() or ".." in path.parts or "\0" in folder:
            raise ValueError("subfolder must be a relative path inside the repository")
        return "" if str(path) == "." else str(path)

    @model_validator(mode="before")
    @classmethod
    def _by_other_names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        for other, name in (("branch", "ref"), ("timeout", "timeoutSeconds")):
            if other in value and name not in value:
                value = {**{key: held for key, held in value.items() if key != other}, name: value[other]}
        return value


class SolutionValidationPayload(RepositoryPayload):
    """Prove that a patch repairs a repository: its tests fail before and pass after.

    The patch is one of `diff`, `batch` and `pull_request`; `patch` is taken for each: a text, an object, a number.
    """

    diff: Annotated[str | None, Field(description="A unified diff.")] = None
    batch: PatchBatch | None = None
    pull_request: Annotated[PositiveInt | None, Field(description="Its changes since it left the base.")] = None
    base_ref: Annotated[
        str | None, Field(description="What a pull request is measured against; default: the default branch.")
    ] = None
    test_command: Annotated[str | None, Field(description="Shell command; detected when absent.")] = None
    test_files: Annotated[
        list[str] | None,
        Field(description="Globs of the test files that the patch may change; null: all that are named like tests."),
    ] = None
    must_pass: Annotated[list[str], Field(description="Ids of tests that have to pass with the patch.")] = Field(
        default_factory=list
    )
    reruns: Annotated[NonNegativeInt, Field(description="Further runs of a test whose outcome changed.", le=10)] = 2

    @model_validator(mode="before")
    @classmethod
    def _patch_by_its_kind(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "patch" not in value:
            return value
        patch = value["patch"]
        kind = {str: "diff", dict: "batch", int: "pullRequest"}.get(type(patch))
        if kind is None:
            raise ValueError("patch must be a diff (text), a batch (object) or a pull request (number)")
        return {**{key: held for key, held in value.items() if key != "patch"}, kind: patch}

    @model_validator(mode="after")
    def _has_one_patch(self) -> Self:
        if sum(patch is not None for patch in (self.diff, self.batch, self.pull_request)) != 1:
            raise ValueError("give exactly one of diff, batch and pullRequest")
        return self


class ErrorRecreationPayload(RepositoryPayload):
    """Make a described error happen, and keep what makes it happen as a failing test."""

    bug_description: Annotated[str, Field(min_length=1, max_length=200_000, description="Markdown, as in an issue.")]
    expected_error: Annotated[
        str | None, Field(description="What it looks like: `KeyError`, `KeyError: 'x'`, or a part of its message.")
    ] = None
    bisect: Annotated[bool, Field(description="Find the first commit at which it happens.")] = False
    good_ref: Annotated[str | None, Field(description="A state without the error, for bisect.")] = None
    repeats: Annotated[PositiveInt, Field(le=20, description="Runs of the candidate that showed it.")] = 3
    max_steps: Annotated[PositiveInt, Field(le=200, description="Steps that a model may take.")] = 30

    @model_validator(mode="after")
    def _has_both_ends(self) -> Self:
        if self.bisect and self.good_ref is None:
            raise ValueError("bisect needs goodRef, a state of the repository without the error")
        return self


class TestingPayload(RepositoryPayload):
    """Run the suites of a repository and keep every test's outcome."""

    __test__ = False  # not a test class, though pytest collects classes by this name

    test_mode: TestMode = "unit"
    test_command: Annotated[str | None, Field(description="Shell command; the suites are detected when absent.")] = None
    frontend_prompt: Annotated[str, Field(max_length=20_000, description="What to test in the front end.")] = ""
    backend_prompt: Annotated[str, Field(max_length=20_000, description="What to test in the back end.")] = ""
    shard: Annotated[str | None, Field(pattern=r"^[1-9]\d*/[1-9]\d*$", description="Part of the tests: 1/3.")] = None
    repeat: Annotated[PositiveInt, Field(le=50, description="Runs of each suite; more than one tells the flaky.")] = 1
    coverage: Annotated[bool, Field(description="Measure coverage where the runner can.")] = False


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
    Pathway.ERROR_RECREATION: ErrorRecreationPayload,
    Pathway.TESTING: TestingPayload,
    Pathway.STAGING_MIGRATION: StagingMigrationPayload,
    Pathway.OPS_SCAN: OpsScanPayload,
    Pathway.APPLY_PATCHES: ApplyPatchesPayload,
}
