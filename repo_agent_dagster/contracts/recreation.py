"""What an `error_recreation` task answers: whether the described error happens, and by what.

Stored as JSON in `task_requests.result`; field names there are camelCase.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.outcomes import PathwayResult
from repo_agent_dagster.contracts.suites import SetupSummary

LISTED_ATTEMPTS = 60
"""At most this many attempts are kept in a result; the artifact `attempts.md` has all of them, with their output."""

CandidateKind = Literal["python", "node", "shell", "test"]
Symptom = Literal["exception", "wrong_value", "wrong_output", "not_raised", "crash", "hang", "failing_test", "unknown"]
MatchedPart = Literal[
    "exception",
    "subclass",
    "message",
    "message_pattern",
    "frame",
    "file",
    "value",
    "other_value",
    "crash",
    "hang",
    "failure",
]
AttemptOutcome = Literal["shown", "near", "other_error", "own_error", "no_error", "timed_out"]


class RecreationVerdict(StrEnum):
    """How a recreation ended. `flaky`: it happened in some of the repeated runs only."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not_reproduced"
    FLAKY = "flaky"
    UNCLEAR = "unclear"
    SETUP_FAILED = "setup_failed"
    TIMED_OUT = "timed_out"


class ErrorSignature(Contract):
    """What the error looks like, as far as the description tells; empty fields were not told."""

    symptom: Annotated[Symptom, Field(description="What kind of misbehaviour it is; unknown: it is not told.")] = (
        "unknown"
    )
    exception: Annotated[str, Field(description="Class name without its module, e.g. KeyError, or SIGSEGV.")] = ""
    message: Annotated[str, Field(description="The message, or a part of it.")] = ""
    frame: Annotated[str, Field(description="file or file:function of the innermost frame of the repository.")] = ""
    expected: Annotated[str, Field(description="The value, output or exception that should have come.")] = ""
    actual: Annotated[str, Field(description="The value or output that came instead.")] = ""
    source: Annotated[str, Field(description="Where this was read: expected_error, traceback, prose, …")] = ""


class Attempt(Contract):
    """One candidate that was run, and how near it came to the signature."""

    origin: Annotated[str, Field(description="Where it comes from: code block 1, command 2, traceback, model step 3.")]
    kind: CandidateKind
    command: str
    exit_code: int | None
    outcome: Annotated[
        AttemptOutcome,
        Field(description="shown: the error sought; near: like it; own_error: the snippet itself is at fault."),
    ]
    matched: Annotated[list[MatchedPart], Field(description="What of the signature it showed.")]
    seen: Annotated[str, Field(description="The error that it showed, one line; empty: none.")]
    repairs: Annotated[list[str], Field(description="What was changed in the snippet to make it run.")] = Field(
        default_factory=list
    )
    duration_seconds: NonNegativeFloat


class Bisection(Contract):
    """The first commit at which the error happens, between a good and a bad one."""

    good: str
    bad: str
    first_bad: Annotated[str | None, Field(description="Null when it could not be told.")]
    subject: Annotated[str, Field(description="The first line of that commit's message.")] = ""
    steps: NonNegativeInt
    skipped: Annotated[list[str], Field(description="Commits at which the repro could not be tried.")] = Field(
        default_factory=list
    )
    note: str = ""


class ErrorRecreationResult(PathwayResult):
    """The answer of an `error_recreation` task. Parts that were never reached are null or empty."""

    GOOD: ClassVar[frozenset[str]] = frozenset({RecreationVerdict.REPRODUCED})
    UNJUDGED: ClassVar[frozenset[str]] = frozenset(
        {
            RecreationVerdict.FLAKY,
            RecreationVerdict.UNCLEAR,
            RecreationVerdict.SETUP_FAILED,
            RecreationVerdict.TIMED_OUT,
        }
    )

    verdict: RecreationVerdict
    confidence: Annotated[float, Field(ge=0, le=1, description="By the stated rule, never a model's own word.")]
    confidence_reasons: list[str] = Field(default_factory=list)
    path: Annotated[Literal["rules", "model"], Field(description="Who found the candidate that decided.")] = "rules"
    expected: ErrorSignature
    seen: Annotated[str, Field(description="The error as the deciding candidate showed it.")] = ""
    setup: SetupSummary | None = None
    attempts: Annotated[list[Attempt], Field(max_length=LISTED_ATTEMPTS)] = Field(default_factory=list)
    runs: Annotated[str, Field(description="How often it happened: 3 of 3.")] = ""
    repro: Annotated[str | None, Field(description="The minimal failing test file's text.")] = None
    repro_path: Annotated[str | None, Field(description="Where it belongs in the repository.")] = None
    repro_fails: Annotated[bool, Field(description="The test file was run, and fails with the error.")] = False
    command: Annotated[str | None, Field(description="The command line that shows the error.")] = None
    environment: Annotated[dict[str, str], Field(description="Versions by tool and package.")] = Field(
        default_factory=dict
    )
    bisection: Bisection | None = None
