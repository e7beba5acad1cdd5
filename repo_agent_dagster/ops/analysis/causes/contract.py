"""A file of cause rules as it is written."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.contracts.ops import CauseName
from repo_agent_dagster.ops.rule_files import Expression, Phrase

Text = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]


class Clues(SnakeContract):
    """What must be seen of a failure, of each kind that is given; of the values of one kind any one suffices."""

    kinds: tuple[LogKind, ...] = ()
    says: Annotated[tuple[Phrase, ...], Field(description="Plain text, in lower case.")] = ()
    matches: Annotated[tuple[Expression, ...], Field(description="Regular expressions, in lower case.")] = ()
    exceptions: Annotated[tuple[Text, ...], Field(description="Classes; * stands for any letters.")] = ()
    tools: Annotated[tuple[Text, ...], Field(description="Whose failure block it is: pytest, tsc, …")] = ()
    commands: Annotated[tuple[Expression, ...], Field(description="Of what was being run when it failed.")] = ()
    outcomes: Annotated[tuple[Text, ...], Field(description="How the platform says that a worker ended.")] = ()
    exit_codes: tuple[int, ...] = ()
    conclusions: Annotated[tuple[Text, ...], Field(description="How the build service says that a job ended.")] = ()
    passed_on_retry: Literal[True] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one clue")
        return self


class Sample(SnakeContract):
    """A failure to try a rule on; its first line is the headline."""

    text: str = ""
    kind: LogKind = "build"
    before: str = ""
    exception: str | None = None
    tool: str | None = None
    command: str | None = None
    outcome: str | None = None
    exit_code: int | None = None
    conclusion: str | None = None
    passed_on_retry: bool = False


def _sample(given: Any) -> Any:
    return {"text": given} if isinstance(given, str) else given


Samples = Annotated[tuple[Annotated[Sample, BeforeValidator(_sample)], ...], Field(min_length=1)]


class Examples(SnakeContract):
    """Failures that are of this cause by this rule, and some that look alike and that the rule must pass over."""

    holds: Samples
    passes_over: Samples


class CauseRule(SnakeContract):
    """One way to know a cause.

    Of all rules that hold the one with the most weight decides; what is said in the headline weighs more, and what is
    said around the failure less, and counts only for rules that look `around`.
    """

    id: Name
    cause: CauseName
    because: Annotated[str, Field(min_length=1, max_length=200, description="The reason, as the issue gives it.")]
    weight: Annotated[int, Field(ge=1, le=99, description="Also the confidence, in percent.")]
    around: Annotated[bool, Field(description="Whether the lines before and after count as well.")] = False
    when: Annotated[tuple[Clues, ...], Field(min_length=1, description="Any one suffices.")]
    unless: Annotated[tuple[Clues, ...], Field(description="Any one of these and the rule does not hold.")] = ()
    examples: Examples


class CauseRules(SnakeContract):
    """A file of rules."""

    rules: Annotated[tuple[CauseRule, ...], Field(min_length=1)]
