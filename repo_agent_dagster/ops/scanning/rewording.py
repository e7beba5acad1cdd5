"""Have a model word what a scan recorded, where one is configured; what it does not word keeps the rules' words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from repo_agent_dagster.ops.scanning.recording import Written
from repo_agent_dagster.ops.wording.model import Candidate, word_with_model
from repo_agent_dagster.ops.wording.model import Reworded as ModelWords
from repo_agent_dagster.store import ops_issues
from repo_agent_dagster.store.engine import write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.ai import Provider


@dataclass(frozen=True, slots=True)
class Reworded:
    """What the model came to: incidents `asked` about, those whose words were `cached`, and the cost in tokens.

    `problem` tells why some incidents kept the rules' words.
    """

    asked: int = 0
    cached: int = 0
    tokens: int = 0
    problem: str | None = None


def reword(
    engine: "Engine",
    written: Sequence[Written],
    provider: "Callable[[], Provider] | None",
    *,
    day: date,
    now: datetime,
    threshold: int,
    allowed: Sequence[str] = (),
    say: Callable[[str], None] = lambda _line: None,
) -> Reworded:
    """Write the model's words over the rules'. Call it outside of any transaction: a model takes its time.

    `allowed` are the hosts, or beginnings of their paths, that the model's links may lead to. The model moves no
    severity across `threshold`: what is filed is decided by the rules.
    """
    if provider is None or not written:
        return Reworded()
    say(f"asking the model about {len(written)} incident(s)")
    candidates = [
        Candidate(one.recognised.incident, one.recognised.severity, one.recognised.cause, one.wording)
        for one in written
    ]
    outcome = word_with_model(provider(), candidates, engine=engine, now=now, threshold=threshold, allowed=allowed)
    _write(engine, written, outcome.reworded, day)
    return Reworded(outcome.asked, outcome.cached, outcome.tokens, outcome.problem)


def _write(engine: "Engine", written: Sequence[Written], words: dict[str, ModelWords], day: date) -> None:
    """Put the words into the issues that this day tells; an issue seen on a later day keeps what that one says."""
    with write_transaction(engine) as connection:
        issues = ops_issues.get_many(connection, {one.recorded.issue_id for one in written})
        for one in written:
            reworded = words.get(one.sighting.fingerprint)
            issue = issues.get(one.recorded.issue_id)
            if reworded is None or issue is None or issue.last_seen.date() > day:
                continue
            wording = reworded.wording
            details = issue.details.model_copy(update={"worded_by": wording.by, "reproduce": wording.reproduce})
            ops_issues.write(
                connection,
                issue.id,
                title=wording.title,
                analysis=wording.analysis,
                prompt=wording.prompt,
                severity=reworded.severity,
                severity_reasons=list(reworded.reasons),
                details=details.model_dump(mode="json"),
            )
