"""Words by a model, where one is configured: it may say what, why and what to do, and nothing else.

What an incident is, where it stands, how grave it is at the least, its labels, and whether it is filed are decided in
code before. The model sees redacted, fenced log text; its answer is validated, redacted again, and made harmless.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from repo_agent_dagster.ai import (
    AiFault,
    AnswerInvalid,
    BudgetSpent,
    ModelRefused,
    Provider,
    ProviderRefused,
    ProviderUnavailable,
)
from repo_agent_dagster.ai.budget import estimated_tokens
from repo_agent_dagster.ai.prompting import rendered
from repo_agent_dagster.ops.analysis.causes import Cause
from repo_agent_dagster.ops.analysis.masking import pattern
from repo_agent_dagster.ops.analysis.model import Failure, Incident
from repo_agent_dagster.ops.severity.contract import HIGHEST, LOWEST
from repo_agent_dagster.ops.severity.rating import Severity
from repo_agent_dagster.ops.wording.answers import IncidentAnswers, ModelWords, id_problems, words_of
from repo_agent_dagster.ops.wording.by_rule import Wording, titled
from repo_agent_dagster.ops.wording.excerpt import excerpt
from repo_agent_dagster.pages.safety import as_data, inline_code, one_line, prose
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store import ops_wordings
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_wordings import StoredWording

if TYPE_CHECKING:
    from sqlalchemy import Engine

TEMPLATE = "ops_incident"
AGENT = "ops_scan"
VERSION = "1"
"""Part of every digest: raise it when the prompt changes so much that all should be asked anew."""

MAX_INCIDENTS = 5
MAX_PROMPT_TOKENS = 8_000
"""Incidents of one call, and the size of its prompt: a long one is answered worse, and a failure costs more."""

MAX_FAILED_CALLS = 3
_DIGEST_LINES = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """An incident with what rules made of it."""

    incident: Incident
    severity: Severity
    cause: Cause
    wording: Wording


@dataclass(frozen=True, slots=True)
class Reworded:
    """An incident in a model's words; `severity` is what holds now, with its reasons."""

    wording: Wording
    severity: int
    reasons: tuple[str, ...]


@dataclass(slots=True)
class ModelOutcome:
    """What became of the candidates: those in `reworded`, by fingerprint, have a model's words, the others the rules'.

    `asked` incidents were put to the model and answered, `failed` ones were not, `cached` ones were known from before.
    `problem` says why some kept the rules' words.
    """

    reworded: dict[str, Reworded] = field(default_factory=dict)
    asked: int = 0
    cached: int = 0
    failed: int = 0
    tokens: int = 0
    problem: str | None = None


def word_with_model(
    provider: Provider,
    candidates: Sequence[Candidate],
    *,
    engine: "Engine",
    now: datetime,
    threshold: int = LOWEST,
    allowed: Collection[str] = (),
) -> ModelOutcome:
    """Word the candidates by a model, the gravest first, until the provider's budget is spent.

    An incident whose (masked) text has not changed since the same model worded it costs nothing. Answers are stored as
    they come, each call's in a transaction of its own; call this outside of any. `threshold` is the least grave
    severity that is filed: the model moves no incident across it. `allowed` are the hosts that its links may lead to.
    No fault of the model's or the provider's is raised: the outcome tells of it.
    """
    outcome = ModelOutcome()
    model = provider.spec.model
    with read_transaction(engine) as connection:
        known = ops_wordings.stored(connection, [one.incident.fingerprint.value for one in candidates])
    waiting = []
    for one in sorted(candidates, key=lambda one: (one.severity.value, -one.incident.count)):
        words = _kept_words(known.get(one.incident.fingerprint.value), _digest(one, model), model)
        if words is None:
            waiting.append(one)
        else:
            outcome.cached += 1
            outcome.reworded[one.incident.fingerprint.value] = _reworded(one, words, model, threshold, allowed)
    failed_calls = 0
    for batch in _batches(waiting):
        if failed_calls >= MAX_FAILED_CALLS:
            break
        before = provider.budget.spent_tokens
        try:
            words_by_id = _asked(provider, batch)
        except AiFault as fault:
            outcome.problem = outcome.problem or str(fault)
            outcome.tokens += provider.budget.spent_tokens - before
            if isinstance(fault, (BudgetSpent, ProviderRefused, ProviderUnavailable)):
                break  # the next call would come to the same
            failed_calls += isinstance(fault, (AnswerInvalid, ModelRefused))
            continue
        tokens = provider.budget.spent_tokens - before
        outcome.tokens += tokens
        outcome.asked += len(batch)
        kept = []
        for number, (one, words) in enumerate(zip(batch, words_by_id, strict=True)):
            share = tokens // len(batch) + (number < tokens % len(batch))
            name = one.incident.fingerprint.value
            outcome.reworded[name] = _reworded(one, words, model, threshold, allowed)
            kept.append(StoredWording(name, _digest(one, model), model[:200], words.model_dump(), share))
        with write_transaction(engine) as connection:
            ops_wordings.keep(connection, kept, now=now)
    outcome.failed = len(waiting) - outcome.asked
    return outcome


def _asked(provider: Provider, batch: Sequence[Candidate]) -> list[ModelWords]:
    """Return the model's words for each of a batch, in its order."""
    names = tuple(f"i{number}" for number in range(1, len(batch) + 1))
    shown = [_shown(name, one) for name, one in zip(names, batch, strict=True)]
    answers = provider.propose(
        IncidentAnswers,
        rendered(TEMPLATE, {"incidents": shown}),
        agent=AGENT,
        judge=lambda answer: id_problems(answer, names),
    ).value
    by_name = {answer.id: answer for answer in answers.incidents}
    return [words_of(by_name[name], one.severity.value) for name, one in zip(names, batch, strict=True)]


def _batches(candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    batch: list[Candidate] = []
    tokens = 0
    for one in candidates:
        size = estimated_tokens([str(_shown("i1", one))])
        if batch and (len(batch) == MAX_INCIDENTS or tokens + size > MAX_PROMPT_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(one)
        tokens += size
    if batch:
        yield batch


def _shown(name: str, one: Candidate) -> dict[str, Any]:
    incident, first = one.incident, one.incident.first
    facts = {
        "place": str(incident.place),
        "level": incident.level.value,
        "occurrences": str(incident.count),
        "trend": f"{one.severity.trend.value}: {one.severity.trend_reason}",
        "severity by rule": f"{one.severity.value} ({'; '.join(one.severity.reasons)})",
        "likely cause by rule": f"{one.cause.name.value}: {one.cause.reason}",
        "exception": first.exception,
        "failing test": first.test,
        "failing command": first.command,
        "places in the source": ", ".join(str(anchor) for anchor in first.anchors[:8]),
        "headline": first.headline,
    }
    told = [f"{key}: {one_line(redact(value), 300)}" for key, value in facts.items() if value]
    return {"id": name, "facts": "\n".join(told), "lines": excerpt(first)}


def _digest(one: Candidate, model: str) -> str:
    """Return a digest of what a model's words depend on, without what changes from night to night."""
    incident, first = one.incident, one.incident.first
    identity = (
        *(VERSION, model, str(incident.place), one.cause.name.value),
        *(first.exception or "", first.tool or "", first.test or "", _frame(first)),
        pattern(redact(first.headline)),
        *(pattern(redact(line.text)) for line in first.lines[:_DIGEST_LINES]),
    )
    return hashlib.sha256("\0".join(identity).encode("utf-8", "surrogatepass")).hexdigest()


def _frame(failure: Failure) -> str:
    frame = failure.top_frame
    return f"{frame.anchor.file} {frame.function or ''}" if frame else ""


def _kept_words(kept: StoredWording | None, digest: str, model: str) -> ModelWords | None:
    if kept is None or kept.input_digest != digest or kept.model != model[:200]:
        return None
    try:
        return ModelWords.model_validate(kept.wording)
    except ValidationError:  # of an earlier shape: asked again, and replaced
        return None


def _reworded(one: Candidate, words: ModelWords, model: str, threshold: int, allowed: Collection[str]) -> Reworded:
    rules = one.severity
    severity = max(min(rules.value + words.severity_step, rules.floor), HIGHEST)
    if (severity <= threshold) != (rules.value <= threshold):
        severity = rules.value  # whether it is filed is not the model's to decide
    moved = severity - rules.value
    remedy = as_data(words.remediation, "proposals of a model")
    wording = replace(
        one.wording,
        title=titled(one.incident, one_line(words.title, 120)),
        analysis="\n\n".join(
            [
                prose(words.summary, allowed),
                f"**The cause, as {inline_code(one_line(model, 100))} reads it**",
                prose(words.cause, allowed),
                "**What to do**",
                prose(words.remediation, allowed),
                "**What the rules say**",
                one.wording.analysis,
            ]
        ),
        prompt=f"{one.wording.prompt}\n\nA model has looked at the log already; check what it proposes. {remedy}",
        by=model,
    )
    reasons = (*rules.reasons, f"as the model reads it: {moved:+d}") if moved else rules.reasons
    return Reworded(wording, severity, reasons)
