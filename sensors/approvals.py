"""The approvals sensor: a plan that somebody let through goes on, as a task request of its own."""

import dagster as dg

from repo_agent_dagster.contracts.goals import ApprovalState
from repo_agent_dagster.contracts.tasks import Pathway, StagingMigrationPayload
from repo_agent_dagster.resources import ClockResource, StoreResource
from repo_agent_dagster.store import approvals, staging_migrations, task_requests
from repo_agent_dagster.store.approvals import Approval
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.staging_migrations import StagingStatus


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Submits a migration again when the plan that it waited with is approved; a refused one is closed.",
)
def approvals_sensor(
    context: dg.SensorEvaluationContext, store: StoreResource, clock: ClockResource
) -> dg.SensorResult | dg.SkipReason:
    """Look at the migrations that wait. A repeated tick submits nothing twice: the dedupe key is the approval."""
    gone_on: list[str] = []
    with write_transaction(store.engine()) as conn:
        for row in staging_migrations.listing(conn, status=StagingStatus.WAITING):
            approval = None if row.approval_id is None else approvals.get(conn, row.approval_id)
            if approval is None or approval.is_pending:
                continue
            if approval.verdict is ApprovalState.REJECTED:
                why = f"{approval.decided_by} refused the plan: {approval.rationale}"
                staging_migrations.set_status(conn, row.id, StagingStatus.FAILED, now=clock.now(), error=why)
                continue
            own_id = new_id()
            task = task_requests.submit(
                conn,
                Pathway.STAGING_MIGRATION,
                _payload(approval),
                now=clock.now(),
                initial_prompt=f"Migrate {row.unit} as approved by {approval.decided_by}",
                order_id=row.order_id,
                dedupe_key=f"approval:{approval.id}",
                task_id=own_id,
            )
            if task.id == own_id:
                gone_on.append(row.unit)
    if gone_on:
        context.log.info(f"approved and submitted: {', '.join(gone_on)}")
        return dg.SensorResult()
    return dg.SkipReason("no approval was decided that a migration waits for")


def _payload(approval: Approval) -> StagingMigrationPayload:
    asked = approval.payload or {}
    return StagingMigrationPayload(
        unit=asked["unit"],
        unit_path=asked["unit_path"],
        source_digest=asked["source_digest"],
        target_root=asked["target_root"],
    )


default_sensors = [approvals_sensor]
