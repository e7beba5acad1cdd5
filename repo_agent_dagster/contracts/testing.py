"""What a `testing` task answers: the suites that were run, test by test in `test_results`, summed up here.

Stored as JSON in `task_requests.result`; field names there are camelCase.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.outcomes import PathwayResult
from repo_agent_dagster.contracts.suites import CaseResult, RunSummary, SetupSummary

TestMode = Literal["unit", "e2e", "both", "frontend", "backend"]


class TestingVerdict(StrEnum):
    """How a test task ended. `flaky`: every failure passed in another run of the same code."""

    __test__ = False  # not a test class, though pytest collects classes by this name

    PASSED = "passed"
    FAILED = "failed"
    FLAKY = "flaky"
    NO_TESTS = "no_tests"
    SETUP_FAILED = "setup_failed"
    TIMED_OUT = "timed_out"
    UNTRUSTED = "untrusted"


class SuiteResult(Contract):
    """One suite of the repository and its runs: a runner in a folder."""

    name: Annotated[str, Field(description="Folder and runner, e.g. packages/web: vitest.")]
    runner: str
    side: Annotated[Literal["frontend", "backend", "unknown"], Field(description="By its framework and folder.")]
    kind: Literal["unit", "e2e"]
    command: str
    runs: list[RunSummary]
    flaky: list[str] = Field(default_factory=list)
    slowest: list[CaseResult] = Field(default_factory=list)
    coverage: Annotated[float | None, Field(ge=0, le=100, description="Per cent of lines; null: not told.")] = None
    note: str = ""


class GeneratedTest(Contract):
    """A test that a model wrote for a prompt, and whether it was good enough to be kept."""

    prompt: str
    path: str
    kept: Annotated[bool, Field(description="It passed twice and failed on a mutated target.")]
    note: str
    artifact: str | None = None


class TestingResult(PathwayResult):
    """The answer of a `testing` task. Parts that were never reached are null or empty."""

    __test__ = False  # not a test class, though pytest collects classes by this name

    GOOD: ClassVar[frozenset[str]] = frozenset({TestingVerdict.PASSED})
    UNJUDGED: ClassVar[frozenset[str]] = frozenset(
        {
            TestingVerdict.FLAKY,
            TestingVerdict.NO_TESTS,
            TestingVerdict.SETUP_FAILED,
            TestingVerdict.TIMED_OUT,
            TestingVerdict.UNTRUSTED,
        }
    )

    verdict: TestingVerdict
    test_mode: TestMode
    setup: SetupSummary | None = None
    suites: list[SuiteResult] = Field(default_factory=list)
    total: NonNegativeInt = 0
    passed: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    errors: NonNegativeInt = 0
    skipped: NonNegativeInt = 0
    failing: Annotated[list[str], Field(description="Whole ids, the first 200.")] = Field(default_factory=list)
    flaky: list[str] = Field(default_factory=list)
    slowest: list[CaseResult] = Field(default_factory=list)
    coverage: Annotated[float | None, Field(ge=0, le=100, description="Per cent of lines over all suites.")] = None
    shard: Annotated[str | None, Field(description="Which part was run: 1/3.")] = None
    generated: list[GeneratedTest] = Field(default_factory=list)
    selected: Annotated[list[str], Field(description="Tests that the prompts' words led to, without a model.")] = Field(
        default_factory=list
    )
    seconds: NonNegativeFloat = 0

    def tests(self) -> dict[str, object]:
        """Return the totals, what failed and what was flaky."""
        return {
            "total": self.total,
            "passed": self.passed,
            "failed": self.failed,
            "errors": self.errors,
            "skipped": self.skipped,
            "failing": self.failing,
            "flaky": self.flaky,
        }
