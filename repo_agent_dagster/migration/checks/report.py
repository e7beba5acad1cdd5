"""What a check said of a migrated unit."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

CheckOutcome = Literal["passed", "findings", "failed", "timed_out", "tool_missing", "nothing_to_check"]


@dataclass(frozen=True)
class CheckFinding:
    """One thing that is wrong; `file` is relative to the target root ("" for the project), `line` counts from 1."""

    file: str
    line: int
    code: str
    message: str


@dataclass(frozen=True)
class CheckReport:
    """What a check said. `message` is one sentence for people, `output` the last part of what the command wrote.

    `findings` are those that count: what the unit came with, and what other packages have, does not. `known` is how
    many of what was found it came with. `notes` tell what was not looked at, and why.
    """

    outcome: CheckOutcome
    command: str
    message: str
    findings: tuple[CheckFinding, ...] = ()
    duration_seconds: float = 0.0
    output: str = ""
    known: int = 0
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the migration: the check passed, or there is nothing to check."""
        return self.outcome in {"passed", "nothing_to_check"}

    @property
    def ran(self) -> bool:
        """Whether a check was due: what was not checked counts neither as ok nor as failed."""
        return self.outcome != "nothing_to_check"

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "ok": self.ok,
            "outcome": self.outcome,
            "command": self.command,
            "message": self.message,
            "duration_seconds": round(self.duration_seconds, 3),
            "findings": [asdict(finding) for finding in self.findings],
            "known": self.known,
            "notes": list(self.notes),
            "output": self.output[-20_000:],
        }
