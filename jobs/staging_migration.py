"""The job of pathway `staging_migration`: plan → copy and rewrite → check in a sandbox → record.

Whatever ends the check badly puts the destination back to the byte, unless the manifest says `on_failure: keep`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from assets.metadata import markdown_table
from jobs.tasks import (
    SANDBOX_POOL,
    WHOLE_RUN_RETRY,
    close_task,
    current_task,
    take_task,
    task_partitions,
)
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import Pathway, StagingMigrationPayload
from repo_agent_dagster.migration import (
    CheckReport,
    MigrationResult,
    Plan,
    conclude,
    execute,
    load_manifest,
    plan,
    render_report,
    roll_back,
    type_check,
)
from repo_agent_dagster.resources import ClockResource, SandboxResource, StoreResource
from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus

DIFF_LIMIT = 60_000


def _set_status(
    context: dg.OpExecutionContext,
    store: StoreResource,
    clock: ClockResource,
    status: StagingStatus,
    **values: Any,
) -> None:
    task = current_task(context, store)
    payload = task.payload_as(StagingMigrationPayload)
    with write_transaction(store.engine()) as conn:
        row = staging_migrations.upsert_seen(
            conn, payload.unit, payload.source_digest, payload.target_root, now=clock.now()
        )
        staging_migrations.set_status(conn, row.id, status, now=clock.now(), task_request_id=task.id, **values)


@contextmanager
def _failure_recorded(context: dg.OpExecutionContext, store: StoreResource, clock: ClockResource) -> Iterator[None]:
    try:
        yield
    except BaseException as error:  # a cancelled run interrupts with a BaseException
        _set_status(context, store, clock, StagingStatus.FAILED, error=str(error))
        raise


@dg.op(
    pool=SANDBOX_POOL, description="Claim the task, read the manifest, and plan: what would be written, to the byte."
)
def plan_unit(context: dg.OpExecutionContext, store: StoreResource, clock: ClockResource) -> Plan:
    """Return the plan; writes nothing but the unit's status."""
    task = take_task(context, store, clock, Pathway.STAGING_MIGRATION)
    payload = task.payload_as(StagingMigrationPayload)
    unit_path = Path(payload.unit_path)
    with _failure_recorded(context, store, clock):
        if not unit_path.is_dir():
            raise PermanentFault(f"unit {payload.unit} is no longer at {unit_path}; drop it into STAGING again")
        planned = plan(unit_path, Path(payload.target_root), load_manifest(unit_path))
    as_json = planned.to_json()
    _set_status(context, store, clock, StagingStatus.PLANNED, order_id=planned.manifest.order_id, plan=as_json)
    diff = planned.diff()
    context.add_output_metadata(
        {
            "unit": planned.unit,
            "destination": planned.destination,
            "counts": markdown_table([planned.counts()]),
            "rewrites": markdown_table(as_json["rewrites"], limit=100),
            "unresolved": markdown_table(as_json["unresolved"], limit=100),
            "diff": dg.MetadataValue.md(f"~~~~diff\n{diff[:DIFF_LIMIT]}\n~~~~"),
            "diff_is_cut": len(diff) > DIFF_LIMIT,
        }
    )
    return planned


@dg.op(pool=SANDBOX_POOL, description="Write the plan as one patch batch: all of it or nothing.")
def copy_and_rewrite(
    context: dg.OpExecutionContext, planned: Plan, store: StoreResource, clock: ClockResource
) -> MigrationResult:
    """Return what was written."""
    with _failure_recorded(context, store, clock):
        result = execute(planned, custody=store.custody(), now=clock.now(), task_id=context.partition_key)
        try:
            if result.batch is not None:
                _set_status(context, store, clock, StagingStatus.APPLIED)
                context.add_output_metadata({"batch": result.batch.batch_id, "patches": len(result.batch.patches)})
            context.log.info(result.message)
        except BaseException:  # a run that is cancelled here has no check any more that could judge the unit
            roll_back(result, custody=store.custody(), now=clock.now())
            raise
    return result


@dg.op(pool=SANDBOX_POOL, description="Check the migrated unit in a sandbox without network: tsc, or its own commands.")
def check_unit(
    context: dg.OpExecutionContext,
    result: MigrationResult,
    store: StoreResource,
    sandboxes: SandboxResource,
    clock: ClockResource,
) -> CheckReport:
    """Return what the check said; if it cannot be run at all, nothing of the migration stays."""
    migrated = result.plan
    try:
        box = sandboxes.open(task_id=context.partition_key, run_id=context.run_id, store=store)
        report = type_check(box, migrated.target_root, migrated.destination, commands=migrated.manifest.checks)
    except BaseException as error:  # a cancelled run, too
        roll_back(result, custody=store.custody(), now=clock.now())
        _set_status(context, store, clock, StagingStatus.ROLLED_BACK, error=f"the check could not be run: {error}")
        raise
    context.log.info(report.message)
    context.add_output_metadata(
        {
            "outcome": report.outcome,
            "command": report.command or "–",
            "seconds": round(report.duration_seconds, 2),
            "findings": markdown_table([vars(finding) for finding in report.findings]),
        }
    )
    return report


@dg.op(pool=SANDBOX_POOL, description="Put the check on record, keep or roll back, write the report, close the task.")
def conclude_migration(
    context: dg.OpExecutionContext,
    result: MigrationResult,
    check: CheckReport,
    store: StoreResource,
    clock: ClockResource,
) -> None:
    """Fail the run if the check failed, after everything is on record."""
    ended = conclude(result, check, custody=store.custody(), now=clock.now())
    report = _summary(ended, check)
    error = None if check.ok else check.message
    _set_status(context, store, clock, _status(ended, check), report=report, error=error)
    close_task(store, clock, context, ok=check.ok, result=report, error=error)
    context.log_event(
        dg.AssetMaterialization(
            asset_key=["staging", ended.plan.unit],
            description=ended.message,
            metadata={"report": dg.MetadataValue.md(render_report(ended, check))},
        )
    )
    if not check.ok:
        raise dg.Failure(f"{ended.message}: {check.message}", allow_retries=False)


def _status(result: MigrationResult, check: CheckReport) -> StagingStatus:
    if not check.ran:
        return StagingStatus.APPLIED
    if check.ok:
        return StagingStatus.VALIDATED
    return StagingStatus.ROLLED_BACK if result.status == "rolled_back" else StagingStatus.FAILED


def _summary(result: MigrationResult, check: CheckReport) -> dict[str, Any]:
    planned = result.plan
    return {
        "unit": planned.unit,
        "destination": planned.destination,
        "status": result.status,
        "message": result.message,
        "batchId": result.batch.batch_id if result.batch else None,
        "files": len(planned.touching),
        "rewrites": len(planned.rewrites),
        "unresolved": len(planned.unresolved),
        "check": check.to_json(),
    }


@dg.job(
    partitions_def=task_partitions,
    tags=WHOLE_RUN_RETRY,
    description="Migrate one STAGING unit: planned, written as one batch, checked in a sandbox, recorded.",
)
def staging_migration_job() -> None:
    """One run for each task request."""
    result = copy_and_rewrite(plan_unit())
    conclude_migration(result, check_unit(result))


default_jobs = [staging_migration_job]
