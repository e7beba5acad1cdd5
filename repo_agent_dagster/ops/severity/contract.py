"""A file of severity rules as it is written."""

from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PositiveInt, model_validator

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.contracts.logs import FAILURE_LEVELS, LogKind, LogLevel
from repo_agent_dagster.contracts.ops import CauseName, Trend
from repo_agent_dagster.ops.rule_files import Expression, Phrase, read_rules

HIGHEST, LOWEST = 1, 5
BUILT_IN = Path(__file__).parent / "rules.yaml"

Value = Annotated[int, Field(ge=HIGHEST, le=LOWEST)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Conditions(SnakeContract):
    """What must hold of an incident, of each kind that is given; of several values any one suffices."""

    kinds: tuple[LogKind, ...] = ()
    levels: tuple[LogLevel, ...] = ()
    outcomes: Annotated[tuple[Text, ...], Field(description="How the platform says that a worker ended.")] = ()
    exceptions: Annotated[tuple[Text, ...], Field(description="Classes; * stands for any letters.")] = ()
    causes: tuple[CauseName, ...] = ()
    trends: tuple[Trend, ...] = ()
    says: Annotated[tuple[Phrase, ...], Field(description="Plain text in the samples, in lower case.")] = ()
    matches: Annotated[tuple[Expression, ...], Field(description="Regular expressions, in lower case.")] = ()
    least_count: PositiveInt | None = None
    most_count: PositiveInt | None = None
    least_runs: Annotated[PositiveInt | None, Field(description="Builds that it was seen in.")] = None
    least_share_of_runs: Annotated[
        float | None, Field(gt=0, le=1, description="Of the builds of its job in the scan's window.")
    ] = None
    least_places: Annotated[PositiveInt | None, Field(description="Workers or repositories with the same.")] = None
    default_branch: bool | None = None
    pull_request: bool | None = None
    deploy: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one condition")
        return self


class SeverityRule(SnakeContract):
    """Steps up (graver) or down, or the least grave value that is allowed, and the reason for it."""

    because: Annotated[str, Field(min_length=1, max_length=200)]
    up: Annotated[int | None, Field(ge=1, le=4)] = None
    down: Annotated[int | None, Field(ge=1, le=4)] = None
    never_below: Annotated[Value | None, Field(description="A floor: the least grave value.")] = None
    when: Annotated[tuple[Conditions, ...], Field(min_length=1, description="Any one suffices; the rule counts once.")]

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if sum(one is not None for one in (self.up, self.down, self.never_below)) != 1:
            raise ValueError("give exactly one of up, down and never_below")
        return self


class TrendNumbers(SnakeContract):
    """What the trends mean in numbers."""

    trailing_days: Annotated[int, Field(ge=1, le=31)] = 7
    least_scanned_days: Annotated[int, Field(ge=1, le=31, description="With fewer, nothing is called surging.")] = 3
    surge_factor: Annotated[float, Field(gt=1, description="Times the mean of the scanned trailing days.")] = 3.0
    surge_least: Annotated[int, Field(ge=1, description="And at least so many occurrences.")] = 10
    flaky_days: Annotated[int, Field(ge=1, description="Trailing days on which a later attempt passed.")] = 2

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.least_scanned_days > self.trailing_days:
            raise ValueError("least_scanned_days is at most trailing_days")
        return self


class SeverityRules(SnakeContract):
    """All that a severity is made of: a base by level, trends, and rules."""

    base: dict[LogLevel, Value]
    most_up: Annotated[int, Field(ge=0, le=4, description="Steps up are counted up to so many.")] = 2
    trend: TrendNumbers = TrendNumbers()
    rules: tuple[SeverityRule, ...] = ()

    @model_validator(mode="after")
    def _knows_each_level(self) -> Self:
        if missing := [level.value for level in FAILURE_LEVELS if level not in self.base]:
            raise ValueError(f"base lacks {', '.join(missing)}")
        return self


@cache
def severity_rules(path: Path | None = None) -> SeverityRules:
    """Return the rules of a YAML file, or those that come with the package; a file is read once.

    Raises:
        RulesBroken: the file cannot be used; each line says what is wrong in which field.
    """
    return read_rules(path or BUILT_IN, SeverityRules)
