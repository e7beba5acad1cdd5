"""The job of pathway `staging_migration`, one op for each step: what each did is seen in the UI, and can be run again.

inventory → plan → diff → approval → copy → standards → refactor → validate → report → notify. A step that fails puts
the destination back to the byte, unless the manifest says `on_failure: keep`. At a gate that waits for a person the
run ends: the approval is a row, and a sensor submits the unit again once it is decided.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg

from assets.metadata import markdown_table
from assets.staging import can_be_partition, unit_materialization
from jobs.tasks import SANDBOX_POOL, WHOLE_RUN_RETRY, close_task, current_task, take_task, task_partitions
from repo_agent_dagster.contracts.faults import PermanentFault, RepoAgentError
from repo_agent_dagster.contracts.tasks import Pathway, StagingMigrationPayload
from repo_agent_dagster.migration import (
    ApprovalNeeded,
    CheckReport,
    Migration,
    Outcome,
    Plan,
    load_manifest,
    render_report,
)
from repo_agent_dagster.migration.inventory import inventory_metadata
from repo_agent_dagster.migration.standards import StandardsReport
from repo_agent_dagster.resources import (
    ClockResource,
    FoldersResource,
    MigrationResource,
    NotificationsResource,
    SandboxResource,
    StoreResource,
    WorkspacesResource,
)
from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store import workspaces as registry
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus

DIFF_LIMIT = 60_000


@dataclass(frozen=True)
class Underway:
    """What one step hands to the next: the migration, its plan, and what the checks said so far."""

    migration: Migration
    plan: Plan | None = None
    standards: StandardsReport | None = None
    check: CheckReport | None = None
    outcome: Outcome | None = None

    @property
    def planned(self) -> Plan:
        """The plan; every step after the second has it."""
        if self.plan is None:
            raise PermanentFault("the migration has no plan yet; run the job from its first step")
        return self.plan


@dg.op(pool=SANDBOX_POOL, description="Claim the task, read the unit and its manifest, and see what is in it.")
def take_inventory(
    context: dg.OpExecutionContext,
    store: StoreResource,
    clock: ClockResource,
    folders: FoldersResource,
    migrations: MigrationResource,
    sandboxes: SandboxResource,
    workspaces: WorkspacesResource,
    notifications: NotificationsResource,
) -> Underway:
    """Return the migration; all later steps see the unit and the manifest as they are read here."""
    task = take_task(context, store, clock, Pathway.STAGING_MIGRATION)
    payload = task.payload_as(StagingMigrationPayload)
    unit_path = Path(payload.unit_path)
    with _told(context, store, clock), _recorded(payload, store, clock, task_id=task.id):
        _refuse_foreign_folders(payload, folders, store)
        if not unit_path.is_dir():
            raise PermanentFault(f"unit {payload.unit} is no longer at {unit_path}; drop it into STAGING again")
        environment = migrations.environment(
            store,
            clock,
            sandboxes,
            workspaces,
            notifications,
            task_id=task.id,
            run_id=context.run_id,
        )
        migration = Migration.open(
            unit_path,
            Path(payload.target_root),
            environment,
            manifest=load_manifest(unit_path),
            task_id=task.id,
            source_digest=payload.source_digest,
        )
        inventory = migration.take_inventory()
    context.add_output_metadata(
        {
            name: markdown_table(value, limit=200) if isinstance(value, list) else value
            for name, value in inventory_metadata(inventory).items()
        }
    )
    return Underway(migration)


@dg.op(pool=SANDBOX_POOL, description="What would be written, to the byte; conflicts with people's edits stop here.")
def plan_unit(context: dg.OpExecutionContext, taken: Underway, store: StoreResource, clock: ClockResource) -> Underway:
    """Return the plan; nothing is written."""
    with _told(context, store, clock):
        planned = taken.migration.make_plan()
    as_json = planned.to_json()
    context.add_output_metadata(
        {
            "unit": planned.unit,
            "destination": planned.destination,
            "counts": markdown_table([planned.counts()]),
            "rewrites": markdown_table(as_json["rewrites"], limit=100),
            "unresolved": markdown_table(as_json["unresolved"], limit=100),
            "old_paths_that_survive": markdown_table(as_json["residual"], limit=100),
            "merged_or_kept": markdown_table(
                [{"file": one.path, "what": one.reason} for one in planned.changes if one.reason], limit=100
            ),
        }
    )
    return replace(taken, plan=planned)


@dg.op(description="The whole change as one diff, before anything is written.")
def show_diff(
    context: dg.OpExecutionContext, planned: Underway, store: StoreResource, clock: ClockResource
) -> Underway:
    """Show the diff."""
    with _told(context, store, clock):
        diff = planned.migration.show_diff(planned.planned)
    context.add_output_metadata(
        {"diff": dg.MetadataValue.md(f"~~~~diff\n{diff[:DIFF_LIMIT]}\n~~~~"), "diff_is_cut": len(diff) > DIFF_LIMIT}
    )
    return planned


@dg.op(
    out=dg.Out(Underway, is_required=False),
    description="The gate: where a person has to approve the plan first, the run ends here, and goes on once decided.",
)
def ask_approval(
    context: dg.OpExecutionContext, shown: Underway, store: StoreResource, clock: ClockResource
) -> Iterator[dg.Output[Underway]]:
    """Let the plan through, or end the run with the approval on the list."""
    with _told(context, store, clock):
        try:
            approval = shown.migration.ask_approval(shown.planned)
        except ApprovalNeeded as waiting:
            context.log.info(str(waiting))
            summary = {**_summary(shown), "status": "waiting", "message": str(waiting)}
            close_task(store, clock, context, ok=True, result={**summary, "approvalId": waiting.approval_id})
            return
    who = "–" if approval is None else f"{approval.verdict} by {approval.decided_by}"
    yield dg.Output(shown, metadata={"approval": who})


@dg.op(pool=SANDBOX_POOL, description="Copy, rewrite and merge: one patch batch, all of it or nothing.")
def copy_and_rewrite(
    context: dg.OpExecutionContext, approved: Underway, store: StoreResource, clock: ClockResource
) -> Underway:
    """Write the first stage."""
    with _told(context, store, clock):
        approved.migration.copy(approved.planned)
    context.add_output_metadata({"batches": markdown_table(_batches(approved))})
    return approved


@dg.op(pool=SANDBOX_POOL, description="Hold the unit to the standards; their safe fixes are a batch of their own.")
def hold_to_standards(
    context: dg.OpExecutionContext, copied: Underway, store: StoreResource, clock: ClockResource
) -> Underway:
    """Return with what the standards say."""
    with _told(context, store, clock):
        report = copied.migration.hold_to_standards(copied.planned)
    findings = [
        {"file": f"{one.file}:{one.line}", "rule": one.rule, "level": one.level, "what": one.message}
        for one in report.findings
    ]
    context.add_output_metadata(
        {"score": report.score, "findings": len(findings), "table": markdown_table(findings, limit=100)}
    )
    return replace(copied, standards=report)


@dg.op(pool=SANDBOX_POOL, description="Refactor as the manifest says; a batch that adds type errors is taken back.")
def refactor(context: dg.OpExecutionContext, held: Underway, store: StoreResource, clock: ClockResource) -> Underway:
    """Write the refactoring, if there is one."""
    with _told(context, store, clock):
        held.migration.refactor(held.planned)
    refactoring = held.planned.refactoring
    if refactoring is not None:
        context.add_output_metadata(
            {
                "methods": markdown_table([{"method": one.signature} for one in refactoring.methods]),
                "manual_work": markdown_table(
                    [{"place": str(one.site), "code": one.code, "why": one.reason} for one in refactoring.manual]
                ),
            }
        )
    return held


@dg.op(pool=SANDBOX_POOL, description="Validate in a sandbox: tsc against the baseline, or the manifest's commands.")
def validate_unit(
    context: dg.OpExecutionContext, refactored: Underway, store: StoreResource, clock: ClockResource
) -> Underway:
    """Return with what the check said; a failed one leaves nothing of the migration."""
    with _told(context, store, clock):
        report = refactored.migration.validate(refactored.planned)
    if report is not None:
        context.log.info(report.message)
        context.add_output_metadata(
            {
                "outcome": report.outcome,
                "command": report.command or "–",
                "seconds": round(report.duration_seconds, 2),
                "findings": markdown_table([vars(finding) for finding in report.findings]),
            }
        )
    return replace(refactored, check=report)


@dg.op(description="Put the end on record, write the report, close the task.")
def report_migration(
    context: dg.OpExecutionContext, validated: Underway, store: StoreResource, clock: ClockResource
) -> Underway:
    """Close the task."""
    with _told(context, store, clock):
        outcome = validated.migration.report(validated.planned, validated.check, validated.standards)
    ended = replace(validated, outcome=outcome)
    close_task(store, clock, context, ok=True, result=_summary(ended))
    context.add_output_metadata({"report": dg.MetadataValue.md(render_report(outcome))})
    row, task = validated.migration.account.row, current_task(context, store)
    if can_be_partition(row.unit):
        context.log_event(unit_materialization(row, task))
    return ended


@dg.op(description="Tell whoever is subscribed to the events of this order.")
def notify(context: dg.OpExecutionContext, ended: Underway) -> None:
    """Deliver now what the outbox holds; what cannot be delivered now, the sensor tries again."""
    ended.migration.notify()


def _refuse_foreign_folders(payload: StagingMigrationPayload, folders: FoldersResource, store: StoreResource) -> None:
    """Let a task read units of the STAGING folder only, and write into the target root or a registered workspace only.

    Whoever may submit tasks may not thereby read or change any folder of this machine.
    """
    staging, target = Path(folders.staging).resolve(), Path(payload.target_root).resolve()
    if staging not in Path(payload.unit_path).resolve().parents:
        raise PermanentFault(f"unit {payload.unit} at {payload.unit_path} is not in the STAGING folder {staging}")
    if target == Path(folders.target_root).resolve():
        return
    with read_transaction(store.engine()) as conn:
        registered = registry.find(conn, str(target))
    if registered is None:
        raise PermanentFault(
            f"{target} is neither the target root nor a registered workspace; `repo-agent workspaces add PATH` adds one"
        )


@contextmanager
def _told(context: dg.OpExecutionContext, store: StoreResource, clock: ClockResource) -> Iterator[None]:
    """Close the task with what is on record when a step fails, and fail the run without another try."""
    try:
        yield
    except RepoAgentError as error:
        row = _row_of(context, store, clock)
        result = {
            "status": row.status.value,
            "message": str(error),
            "steps": row.steps,
            "remediationTaskId": row.remediation_task_id,
        }
        close_task(store, clock, context, ok=False, result=result, error=str(error))
        raise dg.Failure(str(error), allow_retries=False) from error


@contextmanager
def _recorded(
    payload: StagingMigrationPayload, store: StoreResource, clock: ClockResource, *, task_id: str
) -> Iterator[None]:
    """Put a unit that cannot even be read on record."""
    try:
        yield
    except RepoAgentError as error:
        with write_transaction(store.engine()) as conn:
            row = staging_migrations.upsert_seen(
                conn, payload.unit, payload.source_digest, payload.target_root, now=clock.now()
            )
            staging_migrations.set_status(
                conn, row.id, StagingStatus.FAILED, now=clock.now(), error=str(error), task_request_id=task_id
            )
        raise


def _row_of(
    context: dg.OpExecutionContext, store: StoreResource, clock: ClockResource
) -> staging_migrations.StagingMigration:
    payload = current_task(context, store).payload_as(StagingMigrationPayload)
    with write_transaction(store.engine()) as conn:
        return staging_migrations.upsert_seen(
            conn, payload.unit, payload.source_digest, payload.target_root, now=clock.now()
        )


def _batches(underway: Underway) -> list[dict[str, Any]]:
    return [{"batch": batch_id} for batch_id in underway.migration.account.row.batches or ()]


def _summary(underway: Underway) -> dict[str, Any]:
    planned, outcome, check = underway.planned, underway.outcome, underway.check
    return {
        "unit": planned.unit,
        "destination": planned.destination,
        "status": outcome.status if outcome else "planned",
        "message": outcome.message if outcome else "",
        "batchIds": list(outcome.batches) if outcome else [],
        "files": len(planned.touching),
        "rewrites": len(planned.rewrites),
        "unresolved": len(planned.unresolved),
        "residual": len(planned.residual),
        "standardsScore": underway.standards.score if underway.standards else None,
        "check": None if check is None else check.to_json(),
    }


@dg.job(
    partitions_def=task_partitions,
    tags=WHOLE_RUN_RETRY,
    description="Migrate one STAGING unit, step by step: planned, approved, written, held to standards, validated.",
)
def staging_migration_job() -> None:
    """One run for each task request."""
    approved = ask_approval(show_diff(plan_unit(take_inventory())))
    checked = validate_unit(refactor(hold_to_standards(copy_and_rewrite(approved))))
    notify(report_migration(checked))


default_jobs = [staging_migration_job]
