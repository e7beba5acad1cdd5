"""Runs of test suites and what made them possible, as results keep and show them."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from repo_agent_dagster.contracts.base import Contract

Outcome = Literal["passed", "failed", "error", "skipped"]

RunSource = Literal["junit", "report", "output", "exit_code"]
"""What a run's numbers were read from: a JUnit file, another report of the runner, its text, or only its end."""

LISTED_TESTS = 200
"""At most this many test ids per list are kept in a result; the counts are always complete."""


class CaseResult(Contract):
    """One test in one run. `suite` is the file or class that holds it, `case` its whole id, as runs name it."""

    suite: str
    case: str
    outcome: Outcome
    duration_seconds: NonNegativeFloat | None = None
    message: str = ""


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
    source: Annotated[RunSource, Field(description="What the numbers were read from.")]
    note: Annotated[str, Field(description="Why the exit code had to do, where it had to.")] = ""
    doubts: Annotated[list[str], Field(description="Why the report should not be believed; none is the rule.")] = Field(
        default_factory=list
    )
    collected: Annotated[int | None, Field(ge=0, description="How many tests the runner said it would run.")] = None
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
    cached: Annotated[bool, Field(description="Brought back as an earlier task installed it.")] = False
