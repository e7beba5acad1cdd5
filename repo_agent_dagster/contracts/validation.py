"""What a `solution_validation` task answers: the verdict, the tests with and without the patch, and how it was applied.

Stored as JSON in `task_requests.result`; field names there are camelCase.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeInt

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.outcomes import PathwayResult
from repo_agent_dagster.contracts.suites import LISTED_TESTS, RunSummary, SetupSummary


class ValidationVerdict(StrEnum):
    """How a validation ended. Only `fixed` says that the patch repairs the repository."""

    FIXED = "fixed"
    NO_EFFECT = "no_effect"
    REGRESSED = "regressed"
    DOES_NOT_APPLY = "does_not_apply"
    SETUP_FAILED = "setup_failed"
    NO_TESTS = "no_tests"
    TIMED_OUT = "timed_out"
    UNTRUSTED = "untrusted"


PatchKind = Literal["diff", "batch", "pull_request"]
PatchWay = Literal["git apply", "git apply --3way", "patch --fuzz"]
PatchProblem = Literal[
    "empty",
    "no_diff",
    "corrupt",
    "already_applied",
    "changes_nothing",
    "binary_without_content",
    "unsafe_path",
    "not_regular",
    "conflict",
    "unreadable",
]


class PatchedFile(Contract):
    """One file that the patch changes. Modes are git's, e.g. 100755; null where there is no file on that side."""

    path: str
    change: Literal["added", "modified", "deleted", "renamed", "mode"]
    renamed_from: str | None = None
    old_mode: str | None = None
    new_mode: str | None = None
    role: Annotated[
        Literal["source", "test", "runner_configuration"], Field(description="What it is to the suite, by its name.")
    ] = "source"
    restored: Annotated[
        bool, Field(description="It was put back as the commit has it before the tests ran: see the reasons.")
    ] = False


class PatchSummary(Contract):
    """Whether the patch could be applied, by which way, what proves it, and which files it changes."""

    kind: PatchKind
    applied: bool
    way: PatchWay | None = None
    proof: Annotated[str, Field(description="How it was proved that the tree has the patch's changes.")] = ""
    problem: PatchProblem | None = None
    message: Annotated[str, Field(description="Why it was rejected; empty when it was applied.")] = ""
    notes: Annotated[list[str], Field(description="What had to be adapted: line ends, a lost last newline, ….")] = (
        Field(default_factory=list)
    )
    changes: list[PatchedFile] = Field(default_factory=list)

    @property
    def files(self) -> list[str]:
        """The paths of the changed files."""
        return [change.path for change in self.changes]

    @property
    def restored(self) -> list[str]:
        """The files that were put back as the commit has them."""
        return [change.path for change in self.changes if change.restored]


class TestChanges(Contract):
    """What became of each test. Lists hold at most LISTED_TESTS ids; `counts` are complete.

    `fail_to_fail` has every test that failed and does not pass with the patch, also one that is skipped or gone then.
    """

    __test__ = False  # a model, though pytest collects classes by this name

    fail_to_pass: list[str] = Field(default_factory=list)
    pass_to_fail: list[str] = Field(default_factory=list)
    fail_to_fail: list[str] = Field(default_factory=list)
    pass_to_skip: Annotated[list[str], Field(description="Passed before, skipped with the patch.")] = Field(
        default_factory=list
    )
    new: Annotated[list[str], Field(description="Only there with the patch, and not seen failing without it.")] = Field(
        default_factory=list
    )
    new_failing: Annotated[list[str], Field(description="Those of `new` that fail.")] = Field(default_factory=list)
    gone: Annotated[list[str], Field(description="Not there any more with the patch.")] = Field(default_factory=list)
    flaky: Annotated[list[str], Field(description="Failed and passed on the same code; not counted.")] = Field(
        default_factory=list
    )
    pass_to_pass: NonNegativeInt = 0
    counts: Annotated[dict[str, NonNegativeInt], Field(description="The whole length of each list.")] = Field(
        default_factory=dict
    )


class ChangedCoverage(Contract):
    """Which of a file's changed lines the tests reached with the patch; lines that hold no code are in neither."""

    path: str
    covered: list[int]
    uncovered: list[int]


class SolutionValidationResult(PathwayResult):
    """The answer of a `solution_validation` task. Parts that were never reached are null."""

    GOOD: ClassVar[frozenset[str]] = frozenset({ValidationVerdict.FIXED})
    UNJUDGED: ClassVar[frozenset[str]] = frozenset(
        {
            ValidationVerdict.SETUP_FAILED,
            ValidationVerdict.NO_TESTS,
            ValidationVerdict.TIMED_OUT,
            ValidationVerdict.UNTRUSTED,
        }
    )

    verdict: ValidationVerdict
    command: Annotated[str | None, Field(description="The test command as it was run; null when none was found.")] = (
        None
    )
    setup: SetupSummary | None = None
    patch: PatchSummary | None = None
    before: RunSummary | None = None
    tests_only: Annotated[
        RunSummary | None,
        Field(description="With the patch's test files but without its source; null unless it has both."),
    ] = None
    after: RunSummary | None = None
    changes: TestChanges | None = None
    coverage: Annotated[
        list[ChangedCoverage] | None, Field(description="Null where the runner does not tell coverage.")
    ] = None

    def tests(self) -> dict[str, object]:
        """Return the counts of each run and what became of each test; of `pass_to_pass`, the count."""
        changes = self.changes or TestChanges()
        return {
            "before": _counts(self.before),
            "tests_only": _counts(self.tests_only),
            "after": _counts(self.after),
            "fail_to_pass": changes.fail_to_pass,
            "pass_to_pass": changes.pass_to_pass,
            "pass_to_fail": changes.pass_to_fail,
            "fail_to_fail": changes.fail_to_fail,
            "new": changes.new,
            "gone": changes.gone,
            "flaky": changes.flaky,
        }


def _counts(run: RunSummary | None) -> dict[str, object] | None:
    fields = {"total", "passed", "failed", "errors", "skipped", "exit_code", "timed_out", "duration_seconds"}
    return None if run is None else run.model_dump(include=fields, by_alias=False)


def listed(tests: "tuple[str, ...] | list[str]") -> list[str]:
    """Return as many of the ids as a result lists."""
    return list(tests[:LISTED_TESTS])
