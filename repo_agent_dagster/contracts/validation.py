"""What a `solution_validation` task answers: the verdict, the tests on both sides of the patch, and how it came about.

Stored as JSON in `task_requests.result`; field names there are camelCase.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from repo_agent_dagster.contracts.base import Contract

LISTED_TESTS = 200
"""At most this many test ids per list are kept in a result; the counts are always complete."""


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


class FailingTest(Contract):
    """One test that failed or could not run, with the first part of its message."""

    id: str
    outcome: Literal["failed", "error"]
    message: str = ""


class RunSummary(Contract):
    """One run of the test command: how many tests, which of them failed, and how it ended."""

    total: NonNegativeInt
    passed: NonNegativeInt
    failed: NonNegativeInt
    errors: NonNegativeInt
    skipped: NonNegativeInt
    exit_code: Annotated[int | None, Field(description="Null after a time-out.")]
    timed_out: bool
    duration_seconds: NonNegativeFloat
    source: Annotated[Literal["junit", "exit_code"], Field(description="What the numbers were read from.")]
    note: Annotated[str, Field(description="Why the exit code had to do, where it had to.")] = ""
    failing: Annotated[list[FailingTest], Field(description=f"At most {LISTED_TESTS}.")]
    output_tail: Annotated[str, Field(description="The last lines of the output.")] = ""


class SetupSummary(Contract):
    """How the repository was made ready to run its tests."""

    ok: bool
    ecosystem: Annotated[str, Field(description="python, node or custom; empty when no test command was found.")]
    commands: Annotated[
        list[str], Field(description="What was run to install dependencies; empty: nothing to install.")
    ]
    used_network: bool
    duration_seconds: NonNegativeFloat
    note: Annotated[str, Field(description="What was done and why, or what went wrong.")]


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
