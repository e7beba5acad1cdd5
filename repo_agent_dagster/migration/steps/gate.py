"""The gate before anything is written: a person approves exactly this plan, or it waits."""

from repo_agent_dagster.contracts.goals import ApprovalState
from repo_agent_dagster.migration.faults import ApprovalNeeded, ApprovalRefused
from repo_agent_dagster.migration.planning.model import Plan
from repo_agent_dagster.migration.steps.account import Account
from repo_agent_dagster.migration.steps.environment import Environment
from repo_agent_dagster.store import approvals
from repo_agent_dagster.store.approvals import Approval
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus

SUBJECT = "staging_migration"


def pass_gate(environment: Environment, account: Account, plan: Plan) -> Approval | None:
    """Return the approval that lets the plan through, or None where none is asked for.

    The approval is of the plan's digest: a unit, a manifest or a target that changed since needs a new one.

    Raises:
        ApprovalNeeded: nobody has decided yet; the migration waits.
        ApprovalRefused: somebody refused it.
    """
    asked_for = plan.manifest.approval
    if not (environment.needs_approval if asked_for is None else asked_for):
        return None
    with write_transaction(environment.engine) as conn:
        approval = approvals.request(
            conn,
            subject=f"{SUBJECT}:{plan.unit}:{plan.digest}",
            source=SUBJECT,
            payload=_payload(account, plan),
            now=environment.now(),
        )
    account.note(approval_id=approval.id)
    if approval.is_pending:
        account.move(StagingStatus.WAITING)
        raise ApprovalNeeded(
            f"unit {plan.unit} waits for approval {approval.id}: `migrate-staging plan` shows the diff, "
            f"`repo-agent approvals approve {approval.id}` lets it through",
            approval.id,
        )
    if approval.verdict is ApprovalState.REJECTED:
        why = f": {approval.rationale}" if approval.rationale else ""
        raise ApprovalRefused(
            f"unit {plan.unit} is not migrated: {approval.decided_by} refused this plan{why}; "
            "change the unit or its manifest, and the new plan can be approved"
        )
    return approval


def _payload(account: Account, plan: Plan) -> dict[str, object]:
    return {
        "migration_id": account.row.id,
        "unit": plan.unit,
        "unit_path": str(plan.unit_path.resolve()),
        "target_root": str(plan.target_root.resolve()),
        "destination": plan.destination,
        "source_digest": plan.source_digest,
        "plan_digest": plan.digest,
        "counts": plan.counts(),
    }
