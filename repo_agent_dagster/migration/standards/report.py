"""What a check of standards found: findings, what is unsure, counts, and one number for the whole."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from repo_agent_dagster.migration.standards.contract import Level

LEVELS: tuple[Level, ...] = ("error", "warning", "info")
_WEIGHT: dict[Level, float] = {"error": 1.0, "warning": 0.5, "info": 0.0}

Fixable = Literal["safe", "unsafe", "no"]


@dataclass(frozen=True)
class Finding:
    """One place that breaks a rule; line and column count from 1. `why_not` tells why the rule's fix does not fit."""

    rule: str
    level: Level
    file: str
    line: int
    column: int
    message: str
    fix: Fixable = "no"
    why_not: str = ""

    @property
    def fixable(self) -> bool:
        """Whether `fix` would repair it without being asked for more than safe fixes."""
        return self.fix == "safe"


@dataclass(frozen=True)
class Unsure:
    """A place that the rules could not judge, and why."""

    file: str
    line: int
    column: int
    reason: str


@dataclass(frozen=True)
class StandardsReport:
    """The outcome of a check; `files` counts those that some rule is for.

    `suppressed` counts findings that a comment with a reason allows; `idle` tells of rules that had nothing to go by.
    """

    rules: tuple[str, ...]
    files: int
    findings: tuple[Finding, ...]
    unsure: tuple[Unsure, ...] = ()
    suppressed: int = 0
    idle: tuple[str, ...] = ()

    @cached_property
    def counts(self) -> dict[Level, int]:
        """Findings by level."""
        found = Counter(finding.level for finding in self.findings)
        return {level: found[level] for level in LEVELS}

    @cached_property
    def by_rule(self) -> dict[str, int]:
        """Findings by rule, by name; rules without one are left out."""
        return dict(sorted(Counter(finding.rule for finding in self.findings).items()))

    @cached_property
    def score(self) -> int:
        """From 0 to 100: the share of files without a fault, where a warning is half a fault and an error a whole one.

        A file has at most one fault, info counts nothing, and it is rounded down: 100 means no error and no warning.
        """
        if not self.files:
            return 100
        faults: dict[str, float] = {}
        for finding in self.findings:
            faults[finding.file] = min(1.0, faults.get(finding.file, 0.0) + _WEIGHT[finding.level])
        return int(100 * (1 - sum(faults.values()) / self.files))

    def fails(self, fail_on: Literal["error", "warning", "never"]) -> bool:
        """Return whether there is a finding of the level, or of a graver one."""
        if fail_on == "never":
            return False
        return self.counts["error"] > 0 or (fail_on == "warning" and self.counts["warning"] > 0)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "score": self.score,
            "files": self.files,
            "rules": list(self.rules),
            "counts": {**self.counts, "suppressed": self.suppressed, "unsure": len(self.unsure)},
            "by_rule": self.by_rule,
            "findings": [
                {
                    "rule": finding.rule,
                    "level": finding.level,
                    "file": finding.file,
                    "line": finding.line,
                    "column": finding.column,
                    "message": finding.message,
                    "fix": finding.fix,
                    "why_not": finding.why_not,
                }
                for finding in self.findings
            ],
            "unsure": [vars(one) for one in self.unsure],
            "idle": list(self.idle),
        }
