"""The words for an incident by rule: title, analysis, the prompt that asks for a remedy, and how to see it again.

Log text is untrusted: it is redacted, cleaned, and stands only in code spans and in fences that nothing in it closes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from repo_agent_dagster.contracts.ops import CauseName
from repo_agent_dagster.ops.analysis.causes import Cause
from repo_agent_dagster.ops.analysis.masking import pattern
from repo_agent_dagster.ops.analysis.model import Failure, History, Incident, RunRef
from repo_agent_dagster.ops.severity.rating import Severity
from repo_agent_dagster.ops.wording.excerpt import excerpt
from repo_agent_dagster.ops.wording.reproducing import commands
from repo_agent_dagster.pages.safety import as_data, fenced, inline_code, one_line
from repo_agent_dagster.pages.wording import plural
from repo_agent_dagster.redaction import redact

MAX_TITLE_CHARACTERS = 180
MAX_PLACE_CHARACTERS = 80
MAX_ANCHORS = 8
MAX_RUNS = 5
BY_RULES = "rules"

_MAX_WORD = 300
# Words, since the confidence is a rule's weight and no measured share.
_SURE, _LIKELY = 0.8, 0.5
_OUTSIDE = frozenset(
    {
        *(CauseName.DNS, CauseName.INFRA, CauseName.RATE_LIMIT, CauseName.DISK, CauseName.AUTH),
        *(CauseName.MISSING_SECRET, CauseName.FLAKY),
    }
)


@dataclass(frozen=True, slots=True)
class Wording:
    """What people and agents read of an incident; all of it is safe to show. `by` is ``rules`` or a model's name.

    `title` is plain text of one line, `analysis` and `prompt` are Markdown, `reproduce` shell commands of one line.
    """

    title: str
    analysis: str
    prompt: str
    reproduce: tuple[str, ...]
    by: str = BY_RULES


def word(incident: Incident, severity: Severity, cause: Cause, history: History) -> Wording:
    """Return the words for an incident by rule; the same for the same."""
    reproduce = commands(incident)
    return Wording(
        title=titled(incident, what_of(incident)),
        analysis=_analysis(incident, severity, cause, history),
        prompt=_prompt(incident, cause, reproduce),
        reproduce=reproduce,
    )


def titled(incident: Incident, what: str) -> str:
    """Return ``<place>: <what>``, one line of at most `MAX_TITLE_CHARACTERS`."""
    place = one_line(redact(str(incident.place)), MAX_PLACE_CHARACTERS)
    return one_line(f"{place}: {what}", MAX_TITLE_CHARACTERS)


def what_of(incident: Incident) -> str:
    """Return what went wrong in a few words: the failing test where there is one, and the headline's pattern."""
    first = incident.first
    what = pattern(redact(first.headline)).strip()
    if first.test and first.test not in what:
        what = f"{redact(first.test)}: {what}" if what else redact(first.test)
    return one_line(what, MAX_TITLE_CHARACTERS) or "a failure without a message"


def _analysis(incident: Incident, severity: Severity, cause: Cause, history: History) -> str:
    paragraphs = [
        _what_and_when(incident),
        "\n".join(f"- {fact}" for fact in _facts(incident, severity, cause, history)),
        f"The lines of the log:\n\n{fenced(excerpt(incident.first))}",
    ]
    return "\n\n".join(paragraphs)


def _what_and_when(incident: Incident) -> str:
    first = incident.first
    what = _code(first.exception) if first.exception else f"A failure at level {incident.level.value}"
    said = _code(first.headline) if first.headline.strip() else "nothing"
    return f"{what} in {_place(incident)}, {_times(incident)}. It says: {said}"


def _times(incident: Incident) -> str:
    first, last = incident.first_seen, incident.last_seen
    often = "once" if incident.count == 1 else f"{incident.count:,} times"
    if first is None or last is None:
        return often
    if first == last:
        return f"{often}, at {first:%Y-%m-%d %H:%M:%S} UTC"
    return f"{often}, first at {first:%Y-%m-%d %H:%M:%S} and last at {last:%Y-%m-%d %H:%M:%S} UTC"


def _facts(incident: Incident, severity: Severity, cause: Cause, history: History) -> Iterator[str]:
    first = incident.first
    yield f"**Likely cause: {_cause(cause)}**{_evidence(cause)}"
    yield f"Severity {severity.value} of 5: {'; '.join(severity.reasons)}."
    yield f"Trend: {severity.trend.value}: {severity.trend_reason}{_regressions(history)}."
    if first.test:
        yield f"Failing test: {_code(first.test)}"
    if first.command:
        yield f"Failing command: {_code(first.command)}{_exit_code(first)}"
    elif first.exit_code is not None:
        yield f"It ended{_exit_code(first)}"
    if first.anchors:
        yield f"Places in the source: {', '.join(_code(str(anchor)) for anchor in first.anchors[:MAX_ANCHORS])}"
    if frame := first.top_frame:
        function = f"{frame.function} " if frame.function else ""
        yield f"Innermost frame of our own: {_code(f'{function}({frame.anchor})')}"
    if incident.runs:
        runs = ", ".join(_run(run) for run in incident.runs[:MAX_RUNS])
        more = incident.run_count - min(len(incident.runs), MAX_RUNS)
        yield f"Seen in {plural(max(incident.run_count, len(incident.runs)), 'build')}: {runs}" + (
            f" and {more} more" if more > 0 else ""
        )
    if incident.commits and any(incident.commits):
        yield f"Commits: {_commits(*incident.commits)}"
    if incident.place_count > 1:
        yield f"The same is seen in {incident.place_count} places."


def _prompt(incident: Incident, cause: Cause, reproduce: tuple[str, ...]) -> str:
    first = incident.first
    parts = [
        f"Find the cause of a failure in {_place(incident)} and propose the smallest change that removes it.",
        f"It occurred {_times(incident)}. By a rule, the likely cause is {_cause(cause)}; "
        "check this before you rely on it.",
    ]
    if first.anchors:
        places = ", ".join(_code(str(anchor)) for anchor in first.anchors[:MAX_ANCHORS])
        parts.append(f"The log names these places in the source: {places}.")
    if incident.commits and any(incident.commits):
        parts.append(f"Commits: {_commits(*incident.commits)}.")
    parts.append(as_data(excerpt(first)))
    if reproduce:
        parts.append(
            "These commands were made of the log and should show the failure again. Run them in a sandbox only:\n\n"
            + fenced("\n".join(reproduce), "bash")
        )
    parts.append(
        "1. Say which file and line fail, and why, with the evidence for it.\n"
        "2. Write a test that fails for this reason.\n"
        "3. Give the change as a patch batch that touches nothing else, and make the test pass."
    )
    parts.append(
        "The cause seems to lie outside of the source. If so, change no code: say what has to be done, and where."
        if cause.name in _OUTSIDE
        else "If the cause is outside of the repository (a dependency, a service, a missing secret), say so instead."
    )
    return "\n\n".join(parts)


def _place(incident: Incident) -> str:
    place = incident.place
    if place.kind == "worker":
        return f"worker {_code(place.name)}"
    parts = [f"repository {_code(place.name)}"]
    for name, value in (("workflow", place.workflow), ("job", place.job), ("step", place.step)):
        if value:
            parts.append(f"{name} {_code(value)}")
    return ", ".join(parts)


def _cause(cause: Cause) -> str:
    if cause.name is CauseName.UNKNOWN:
        return f"unknown ({cause.reason})"
    belief = "" if cause.confidence >= _SURE else ", likely" if cause.confidence >= _LIKELY else ", a guess"
    return f"{cause.name.value.replace('_', ' ')} ({cause.reason}{belief})"


def _evidence(cause: Cause) -> str:
    return f", by: {_code(cause.evidence)}" if cause.evidence else ""


def _regressions(history: History) -> str:
    return f"; it came back {plural(history.regressions, 'time')} before" if history.regressions else ""


def _exit_code(failure: Failure) -> str:
    return "" if failure.exit_code is None else f" with exit code {failure.exit_code}"


def _run(run: RunRef) -> str:
    notes = [f"attempt {run.attempt}"] if run.attempt and run.attempt > 1 else []
    if run.branch:
        notes.append(_code(run.branch))
    if run.sha:
        notes.append(_code(run.sha[:12]))
    return _code(run.run_id) + (f" ({', '.join(notes)})" if notes else "")


def _commits(good: str | None, bad: str | None) -> str:
    if good and bad:
        return f"{_code(good[:40])} passed last, {_code(bad[:40])} failed first"
    return f"{_code(good[:40])} passed last" if good else f"{_code((bad or '')[:40])} failed first"


def _code(text: str) -> str:
    return inline_code(one_line(redact(text), _MAX_WORD))
