"""What is kept of an ops issue beside its columns: how to reproduce it, where it was seen, who worded it.

Stored as JSON in `ops_issues.details`; all of it is redacted before.
"""

from datetime import date
from typing import Annotated

from pydantic import Field, NonNegativeInt

from repo_agent_dagster.contracts.base import SnakeContract

LISTED_RUNS = 20
"""At most this many builds are listed; `run_count` counts all."""


class IssueRun(SnakeContract):
    """A build that the issue's problem was seen in."""

    run_id: str
    attempt: int | None = None
    url: str | None = None
    branch: str | None = None
    sha: str | None = None


class IssueDetails(SnakeContract):
    """What the latest scan knows of an issue's problem. Parts that are not known are empty."""

    headline: Annotated[str, Field(description="The line that says what went wrong.")] = ""
    exception: str | None = None
    tool: Annotated[str | None, Field(description="Whose failure block it is: pytest, tsc, cargo, …")] = None
    test: Annotated[str | None, Field(description="Id of the failing test.")] = None
    command: Annotated[str | None, Field(description="What was being run when it failed.")] = None
    anchors: Annotated[
        tuple[str, ...], Field(description="Places in source text that it names: file:line:column.")
    ] = ()
    reproduce: Annotated[tuple[str, ...], Field(description="Shell commands, one line each.")] = ()
    cause_reason: Annotated[str, Field(description="Why the likely cause is taken to be the cause.")] = ""
    runs: tuple[IssueRun, ...] = ()
    run_count: NonNegativeInt = 0
    good_sha: Annotated[str | None, Field(description="Commit of the last passing build of the job.")] = None
    bad_sha: Annotated[str | None, Field(description="Commit of the first failing build after it.")] = None
    flaky: Annotated[bool, Field(description="A later attempt of every job that it was seen in passed.")] = False
    trend: Annotated[str, Field(description="new, surging, steady, flaky or regression.")] = ""
    rules_severity: Annotated[
        int | None, Field(ge=1, le=5, description="By the rules alone; a model may have moved the issue's by one.")
    ] = None
    worded_by: Annotated[str, Field(description="rules, or the name of the model that wrote the texts.")] = "rules"
    listing: Annotated[str | None, Field(description="Artifact key of a longer list that belongs to it.")] = None
    reopened_on: Annotated[date | None, Field(description="The day whose sighting made it a regression.")] = None
    resolution: Annotated[str, Field(description="What the person who resolved it noted.")] = ""
