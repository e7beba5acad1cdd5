"""What `repo-agent ops explain` tells of one log."""

from typing import Annotated

from pydantic import Field, NonNegativeInt

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.contracts.ops import CauseName


class ExplainedLine(SnakeContract):
    """A line of the log: its number, from 1, and its text, redacted and without terminal escapes."""

    number: int
    text: str


class ExplainedIncident(SnakeContract):
    """One problem in the log: what, where, why, how grave, and how to see it again."""

    title: str
    fingerprint: str
    place: str
    count: Annotated[int, Field(description="How often it is in the log.")]
    severity: Annotated[int, Field(ge=1, le=5, description="1 is the gravest.")]
    severity_reasons: tuple[str, ...]
    cause: CauseName
    cause_reason: str
    headline: str
    exception: str | None
    tool: str | None
    test: str | None
    command: str | None
    exit_code: int | None
    anchors: tuple[str, ...]
    lines: Annotated[tuple[ExplainedLine, ...], Field(description="The lines picked as the failure.")]
    before: tuple[ExplainedLine, ...]
    after: tuple[ExplainedLine, ...]
    picked_for: Annotated[tuple[str, ...], Field(description="Why these lines: annotation, block, new-since-green, …")]
    reproduce: tuple[str, ...]
    analysis: Annotated[str, Field(description="Markdown.")]
    prompt: Annotated[str, Field(description="Markdown: asks an agent for a remedy.")]


class LogExplanation(SnakeContract):
    """What one log says; no incident means that nothing in it looks like a failure."""

    place: str
    lines: NonNegativeInt
    compared_with_green: bool
    redacted: Annotated[NonNegativeInt, Field(description="Secrets that were taken out of what is shown.")]
    incidents: tuple[ExplainedIncident, ...]
