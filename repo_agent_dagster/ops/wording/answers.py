"""What a model is asked for of an incident, and what is made of its answer: words only, cleaned, within limits."""

from typing import Annotated

from pydantic import Field

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.redaction import redact

MAX_WORDS = 4_000
MAX_TITLE = 120


class IncidentAnswer(SnakeContract):
    """A model's words for one incident, by the id that it was asked with."""

    id: str
    title: Annotated[str, Field(min_length=1, description="What went wrong, in at most twelve words.")]
    summary: Annotated[str, Field(min_length=1, description="Two to four sentences, Markdown.")]
    cause: Annotated[str, Field(min_length=1, description="The likeliest cause and the evidence for it, Markdown.")]
    remediation: Annotated[str, Field(min_length=1, description="What to change or to do first, Markdown.")]
    severity: Annotated[int, Field(ge=1, le=5, description="1 is the gravest.")]


class IncidentAnswers(SnakeContract):
    """The answers for all incidents that were asked about, each once."""

    incidents: tuple[IncidentAnswer, ...]


class ModelWords(SnakeContract):
    """What is kept of an answer: redacted words, and by how much it would move the severity (-1, 0 or 1)."""

    title: str
    summary: str
    cause: str
    remediation: str
    severity_step: Annotated[int, Field(ge=-1, le=1)]


def words_of(answer: IncidentAnswer, severity: int) -> ModelWords:
    """Return the words of an answer for an incident that has this severity by rule."""
    return ModelWords(
        title=redact(answer.title)[:MAX_TITLE],
        summary=redact(answer.summary)[:MAX_WORDS],
        cause=redact(answer.cause)[:MAX_WORDS],
        remediation=redact(answer.remediation)[:MAX_WORDS],
        severity_step=min(max(answer.severity - severity, -1), 1),
    )


def id_problems(answers: IncidentAnswers, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is wrong with the ids of an answer: each that was asked for must be there once, and no other."""
    given = [one.id for one in answers.incidents]
    missing = [name for name in asked if name not in given]
    twice = sorted({name for name in given if given.count(name) > 1})
    unknown = sorted({name for name in given if name not in asked})
    return (
        *(f"incidents: {name} is missing" for name in missing),
        *(f"incidents: {name} is there more than once" for name in twice),
        *(f"incidents: {name!r:.60} was not asked for" for name in unknown[:5]),
    )
