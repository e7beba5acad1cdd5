"""What a `solution_validation` task answers: the verdict, the tests on both sides of the patch, and how it came about.

Stored as JSON in `task_requests.result`; field names there are camelCase.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.suites import RunSummary, SetupSummary


class Verdict(StrEnum):
    """How a validation ended. Only `fixed` says that the patch repairs the repository."""

    FIXED = "fixed"
    STILL_FAILING = "still_failing"
    REGRESSED = "regressed"
    NOT_REPRODUCED = "not_reproduced"
    NO_TESTS = "no_tests"
    TIMED_OUT = "timed_out"
    SETUP_FAILED = "setup_failed"
    PATCH_REJECTED = "patch_rejected"


class PatchSummary(Contract):
    """Whether the patch could be applied, and to which files."""

    kind: Literal["diff", "batch"]
    applied: bool
    files: list[str]
    message: Annotated[str, Field(description="Why it was rejected; empty when it was applied.")] = ""


class SolutionValidationResult(Contract):
    """The answer of a `solution_validation` task. Parts that were never reached are null."""

    verdict: Verdict
    explanation: Annotated[str, Field(description="One paragraph for people.")]
    repo_url: str
    ref: str
    commit: str
    command: Annotated[str | None, Field(description="The test command as it was run; null when none was found.")]
    setup: SetupSummary | None
    before: RunSummary | None
    patch: PatchSummary | None
    after: RunSummary | None
    fixed: Annotated[list[str], Field(description="Tests that failed before and pass now.")]
    still_failing: Annotated[list[str], Field(description="Tests that failed before and do not pass now.")]
    broken: Annotated[list[str], Field(description="Tests that fail now and did not fail before.")]

    @property
    def ok(self) -> bool:
        """Whether the patch repairs the repository."""
        return self.verdict is Verdict.FIXED
