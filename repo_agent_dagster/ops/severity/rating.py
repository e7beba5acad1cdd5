"""Rate an incident: the base of its level, steps up and down, each with its reason, and floors."""

from dataclasses import dataclass
from functools import cache

from repo_agent_dagster.contracts.logs import LogLevel
from repo_agent_dagster.contracts.ops import Trend
from repo_agent_dagster.ops.analysis.causes import Cause
from repo_agent_dagster.ops.analysis.model import History, Incident
from repo_agent_dagster.ops.severity.contract import (
    HIGHEST,
    LOWEST,
    Conditions,
    SeverityRule,
    SeverityRules,
    severity_rules,
)
from repo_agent_dagster.ops.severity.trend import trend_of
from repo_agent_dagster.ops.text_clues import TextClue, Told, class_names

_SAMPLE_CHARACTERS = 4000
_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Severity:
    """A severity from 1 (gravest) to 5, with the reasons for it in the order in which the rules applied.

    `floor` is the least grave value that anybody but a person may give it; it is 5 where no rule sets one.
    """

    value: int
    trend: Trend
    reasons: tuple[str, ...]
    floor: int = LOWEST
    trend_reason: str = ""


def rate(incident: Incident, history: History, cause: Cause, rules: SeverityRules | None = None) -> Severity:
    """Rate an incident by the rules; without any, by those that come with the package."""
    rules = rules or severity_rules()
    trend, trend_reason = trend_of(incident, history, rules.trend)
    # A failure may be told at level info: that it failed is at least worth a warning.
    base = rules.base.get(incident.level, rules.base[LogLevel.WARN])
    reasons = [f"level {incident.level.value}: {base}"]
    facts = _Facts(incident, cause, trend)
    held = [rule for rule in rules.rules if _holds(rule, facts)]
    up = 0
    for rule in held:
        if rule.up is not None and up < rules.most_up:
            step = min(rule.up, rules.most_up - up)
            up += step
            reasons.append(f"{rule.because}: -{step}")
    down = 0
    for rule in held:
        if rule.down is not None:
            down += rule.down
            reasons.append(f"{rule.because}: +{rule.down}")
    value = min(max(base - up + down, HIGHEST), LOWEST)
    floors = [(rule.never_below, rule.because) for rule in held if rule.never_below is not None]
    floor, because = min(floors, default=(LOWEST, ""))
    if value > floor:
        value = floor
        reasons.append(f"{because}: at least {floor}")
    return Severity(value, trend, tuple(reasons), floor, trend_reason)


class _Facts:
    """What rules ask of an incident; the text of its samples is made only when a rule reads it."""

    def __init__(self, incident: Incident, cause: Cause, trend: Trend) -> None:
        self.incident = incident
        self.cause = cause
        self.trend = trend
        self._told: Told | None = None

    @property
    def told(self) -> Told:
        if self._told is None:
            samples = (f"{one.headline}\n{one.text}" for one in self.incident.failures[:_SAMPLES])
            self._told = Told("\n".join(sample[:_SAMPLE_CHARACTERS] for sample in samples).lower())
        return self._told


def _holds(rule: SeverityRule, facts: _Facts) -> bool:
    return any(_all_hold(conditions, facts) for conditions in rule.when)


def _all_hold(wanted: Conditions, facts: _Facts) -> bool:
    incident = facts.incident
    return (
        (not wanted.kinds or incident.place.kind in wanted.kinds)
        and (not wanted.levels or incident.level in wanted.levels)
        and (not wanted.outcomes or not incident.outcomes.isdisjoint(wanted.outcomes))
        and (not wanted.causes or facts.cause.name in wanted.causes)
        and (not wanted.trends or facts.trend in wanted.trends)
        and wanted.default_branch in (None, incident.on_default_branch)
        and wanted.pull_request in (None, incident.in_pull_request)
        and wanted.deploy in (None, incident.in_deploy)
        and (wanted.least_count or 0) <= incident.count
        and (wanted.most_count is None or incident.count <= wanted.most_count)
        and (wanted.least_runs or 0) <= incident.run_count
        and (wanted.least_places or 0) <= incident.place_count
        and _reaches_share(wanted.least_share_of_runs, incident)
        and (not wanted.exceptions or _has_exception(wanted.exceptions, incident))
        and _is_said(wanted, facts)
    )


def _reaches_share(least: float | None, incident: Incident) -> bool:
    """Tell whether enough of the job's builds have it; where nobody counted them, that is not known to be so."""
    return least is None or (incident.job_runs > 0 and incident.run_count >= least * incident.job_runs)


def _has_exception(wanted: tuple[str, ...], incident: Incident) -> bool:
    names = {(one.exception or "").rpartition(".")[2] for one in incident.failures[:_SAMPLES]} - {""}
    return any(class_names(wanted).fullmatch(name) for name in names)


def _is_said(wanted: Conditions, facts: _Facts) -> bool:
    clue = _clue(wanted.says, wanted.matches)
    return clue is None or clue.position(facts.told) is not None


@cache
def _clue(says: tuple[str, ...], matches: tuple[str, ...]) -> TextClue | None:
    return TextClue.of(says, matches)
