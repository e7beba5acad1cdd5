"""The job `decide_approval`: opens or closes a gate from the Dagster UI's launchpad."""

import dagster as dg

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.goals import Verdict
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import approvals
from repo_agent_dagster.store.engine import write_transaction


class DecisionConfig(dg.Config):
    """Which approval, what is decided, who decides, and why."""

    approval_id: str
    approve: bool
    decided_by: str
    rationale: str = ""


@dg.op(description="Decide the approval; the sensor then goes on with what waited for it.")
def decide(context: dg.OpExecutionContext, config: DecisionConfig, store: StoreResource, clock: ClockResource) -> None:
    """Put the decision on record, once."""
    verdict = Verdict.APPROVED if config.approve else Verdict.REJECTED
    with write_transaction(store.engine()) as conn:
        decided = approvals.decide(
            conn,
            config.approval_id,
            verdict,
            by=config.decided_by,
            rationale=config.rationale,
            now=clock.now(),
        )
        found = approvals.get(conn, config.approval_id)
    if found is None:
        raise PermanentFault(f"there is no approval {config.approval_id}; `repo-agent approvals list` shows them")
    if not decided:
        raise PermanentFault(f"approval {found.id} is decided already: {found.verdict} by {found.decided_by}")
    context.add_output_metadata({**(found.payload or {}), "verdict": verdict.value, "by": config.decided_by})


@dg.job(description="Approve or reject a plan that waits, e.g. a migration's; the ids are on its approval step.")
def decide_approval() -> None:
    """Take the decision from the config."""
    decide()


default_jobs = [decide_approval]
