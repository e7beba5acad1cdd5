"""Explain one log: the whole analysis without a database, for a terminal or a step of any build."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from repo_agent_dagster.contracts.explanations import ExplainedIncident, ExplainedLine, LogExplanation
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.analysis.causes import cause_of
from repo_agent_dagster.ops.analysis.grouping import group
from repo_agent_dagster.ops.analysis.model import Failure, History, Incident, Line, Log, Place
from repo_agent_dagster.ops.analysis.picking import failures_of, text_log
from repo_agent_dagster.ops.analysis.templates import TemplateMiner
from repo_agent_dagster.ops.severity.contract import SeverityRules, severity_rules
from repo_agent_dagster.ops.severity.rating import rate
from repo_agent_dagster.ops.severity.spread import note_spread
from repo_agent_dagster.ops.wording.by_rule import word
from repo_agent_dagster.redaction import LineRedactor, redact

_SOURCE = "explained"
_END_ALONE = frozenset({"tail"})


def explain_log(
    content: bytes | Iterable[bytes],
    green: bytes | Iterable[bytes] | None = None,
    *,
    place: str,
    has_failed: bool = False,
    kind: LogKind = "build",
    rules_file: Path | None = None,
) -> LogExplanation:
    """Return what failed in a log, the gravest first; `green` is the last passing log of the same job.

    Logs are given whole or in pieces; of very long ones the beginning and the end are looked at, in bounded memory.
    The log may be GitHub Actions' (also as `gh run view --log` prints it), a terminal's, or JSON lines. Secrets are
    taken out of all that is returned. `place` is whose log it is, for the texts. Of a log that
    `has_failed` for sure the end is returned where nothing in it looks like a failure.

    Raises:
        PermanentFault: the severity rules are broken.
    """
    rules = severity_rules(rules_file)
    where, redactor = Place(kind, place), LineRedactor()
    log = text_log(content, where, _SOURCE, hide=redactor.redact)
    passing = None if green is None else text_log(green, where, _SOURCE, hide=LineRedactor().redact)
    failures = failures_of(log, passing)
    incidents = _incidents([one for one in failures if has_failed or one.signals != _END_ALONE])
    explained = [_explained(incident, rules) for incident in incidents]
    explained.sort(key=lambda one: (one.severity, one.lines[0].number if one.lines else 0))
    return LogExplanation(
        place=place,
        lines=_line_count(log),
        compared_with_green=passing is not None,
        redacted=redactor.count,
        incidents=tuple(explained),
    )


def _incidents(failures: Sequence[Failure]) -> list[Incident]:
    miner = TemplateMiner()
    incidents = group(failures, lambda _source: miner)
    note_spread(incidents)
    return incidents


def _explained(incident: Incident, rules: SeverityRules) -> ExplainedIncident:
    first, history = incident.first, History()
    cause = cause_of(first)
    severity = rate(incident, history, cause, rules)
    wording = word(incident, severity, cause, history)
    return ExplainedIncident(
        title=wording.title,
        fingerprint=incident.fingerprint.value,
        place=redact(str(incident.place)),
        count=incident.count,
        severity=severity.value,
        severity_reasons=severity.reasons,
        cause=cause.name,
        cause_reason=cause.reason,
        headline=first.headline,
        exception=first.exception,
        tool=first.tool,
        test=first.test,
        command=first.command,
        exit_code=first.exit_code,
        anchors=tuple(dict.fromkeys(str(anchor) for anchor in first.anchors)),
        lines=_lines(line for failure in incident.failures for line in failure.lines),
        before=_lines(first.before),
        after=_lines(first.after),
        picked_for=tuple(sorted(first.signals)),
        reproduce=wording.reproduce,
        analysis=wording.analysis,
        prompt=wording.prompt,
    )


def _lines(lines: Iterable[Line]) -> tuple[ExplainedLine, ...]:
    by_number = {line.number: line.text for line in lines}
    return tuple(ExplainedLine(number=number, text=by_number[number]) for number in sorted(by_number))


def _line_count(log: Log) -> int:
    return log.lines[-1].number if log.lines else 0
