"""Severity from 1 (highest) to 5, by rules that are data: a base by level, then steps up or down, each with its reason.

| level | base |          | rule | step |
|---|---|---|---|---|
| fatal | 2 |           | ended by the platform (CPU, memory), out of memory, disk full, data corrupt or lost | 1 up |
| error | 3 |           | 100 or more occurrences on the day (a warning: 1,000 or more) | 1 up |
| warn | 4 |            | on the default branch, or in a deploy step (builds, not warnings) | 1 up each |
|   |   |               | a warning seen once | 1 down |
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from repo_agent_dagster.contracts.logs import LogLevel
from repo_agent_dagster.ops.analysis.incidents import Incident

HIGHEST, LOWEST = 1, 5
BASE = {LogLevel.FATAL: 2, LogLevel.ERROR: 3, LogLevel.WARN: 4}

_PLATFORM_OUTCOMES = frozenset({"exceededCpu", "exceededMemory", "killed", "scriptNotFound"})
_GRAVE = re.compile(
    r"out of memory|\boom(?:killed)?\b|no space left|disk (?:is )?full|ENOSPC|corrupt(?:ed|ion)?\b|data ?loss"
    r"|exceeded (?:cpu|memory)|segmentation fault|too many (?:open files|connections)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """A condition, the steps it raises the severity by (negative: lowers), and the reason it gives."""

    reason: str
    raises_by: int
    holds: Callable[[Incident], bool]


@dataclass(frozen=True, slots=True)
class Severity:
    """A severity with the reasons for it, in the order in which the rules applied."""

    value: int
    reasons: tuple[str, ...]


RULES: tuple[SeverityRule, ...] = (
    SeverityRule(
        "resources, data or the platform's limits are at stake",
        1,
        lambda i: bool(i.outcomes & _PLATFORM_OUTCOMES) or any(_GRAVE.search(s.message[:4000]) for s in i.samples),
    ),
    SeverityRule("100 or more occurrences on the day", 1, lambda i: i.level != LogLevel.WARN and i.count >= 100),
    SeverityRule("1,000 or more warnings on the day", 1, lambda i: i.level == LogLevel.WARN and i.count >= 1000),
    SeverityRule(
        "on the default branch",
        1,
        lambda i: i.kind == "build" and i.level != LogLevel.WARN and i.on_default_branch,
    ),
    SeverityRule(
        "in a deploy step",
        1,
        lambda i: i.kind == "build" and i.level != LogLevel.WARN and i.in_deploy,
    ),
    SeverityRule("a warning seen once", -1, lambda i: i.level == LogLevel.WARN and i.count == 1),
)


def severity(incident: Incident) -> Severity:
    """Rate an incident by its level and `RULES`."""
    value = BASE[incident.level]
    reasons = [f"level {incident.level.value}: {value}"]
    for rule in RULES:
        if rule.holds(incident):
            value -= rule.raises_by
            reasons.append(f"{rule.reason}: {-rule.raises_by:+d}")
    return Severity(min(max(value, HIGHEST), LOWEST), tuple(reasons))
