"""How a migration ended, for people, for `--json` and for the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from repo_agent_dagster.migration.checks.report import CheckReport
from repo_agent_dagster.migration.planning.model import Plan

if TYPE_CHECKING:
    from repo_agent_dagster.migration.standards import StandardsReport

OutcomeStatus = Literal["nothing_to_do", "applied", "validated", "failed_kept", "rolled_back"]


@dataclass(frozen=True)
class Outcome:
    """What became of a plan. `batches` are the ids of the patch batches that are in force because of it."""

    plan: Plan
    status: OutcomeStatus
    batches: tuple[str, ...] = ()
    check: CheckReport | None = None
    standards: "StandardsReport | None" = None
    steps: Sequence[dict[str, Any]] = ()
    remediation_task_id: str | None = None

    @property
    def message(self) -> str:
        """One sentence for people."""
        counts = self.plan.counts()
        done = ", ".join(f"{counts[action]} {action}d" for action in ("create", "update", "delete") if counts[action])
        merged = sum(change.merged for change in self.plan.touching)
        done += f" ({merged} merged with local edits)" if merged else ""
        where = f"{self.plan.unit} → {self.plan.destination}"
        return {
            "nothing_to_do": f"{where}: nothing to do, the destination is as the unit and its manifest say",
            "applied": f"{where}: {done or 'nothing written'}; not checked",
            "validated": f"{where}: {done or 'nothing written'}; check passed",
            "failed_kept": f"{where}: {done or 'nothing written'}; a step failed, files kept (on_failure: keep)",
            "rolled_back": f"{where}: rolled back, the destination is as it was before",
        }[self.status]

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return {
            "status": self.status,
            "message": self.message,
            "batches": list(self.batches),
            "order_id": self.plan.manifest.order_id,
            "check": None if self.check is None else self.check.to_json(),
            "standards": None if self.standards is None else self.standards.to_json(),
            "steps": list(self.steps),
            "remediation_task_id": self.remediation_task_id,
            "plan": self.plan.to_json(),
        }
