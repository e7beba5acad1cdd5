"""Write the stages of a plan through the patching journal, and take back what was written, to the byte."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from repo_agent_dagster.contracts.custody import Custody
from repo_agent_dagster.migration.faults import MigrationConflict
from repo_agent_dagster.migration.planning.destination import Destination
from repo_agent_dagster.migration.planning.model import Plan, Stage, StageName
from repo_agent_dagster.patching import (
    BatchResult,
    Checker,
    FileChange,
    PatchConflict,
    Workspace,
    revert,
    write_files,
)
from repo_agent_dagster.store.ids import new_id

REQUESTER = "migrate-staging"


@dataclass(frozen=True)
class Written:
    """What was written of a plan: the batch of each stage, in order; none where there was nothing to do."""

    plan: Plan
    batches: tuple[BatchResult, ...] = ()

    @property
    def batch_ids(self) -> tuple[str, ...]:
        """The ids of the batches, in the order in which they were written."""
        return tuple(batch.batch_id for batch in self.batches)


def execute(plan: Plan, *, custody: Custody, now: datetime, task_id: str | None = None) -> Written:
    """Write all stages of a plan, each as one patch batch. An empty plan writes nothing.

    Raises:
        As `write_stage`; then the stages before it are taken back, and nothing of the plan stays.
    """
    batches: list[BatchResult] = []
    refuse_conflicts(plan)
    try:
        for stage in plan.stages:
            batches.append(write_stage(plan, stage, custody=custody, now=now, task_id=task_id))
    except BaseException:
        take_back(plan.target_root, [batch.batch_id for batch in batches], custody=custody, now=now)
        raise
    return Written(plan, tuple(batches))


def refuse_conflicts(plan: Plan) -> None:
    """Refuse a plan that would overwrite what people wrote.

    Raises:
        MigrationConflict: it has conflicts; all are named.
    """
    if not plan.conflicts:
        return
    told = "; ".join(f"{change.path} {change.reason}" for change in plan.conflicts[:10])
    more = f"; and {len(plan.conflicts) - 10} more" if len(plan.conflicts) > 10 else ""
    files = plan.merge_conflicts
    side = f". The three sides are in .mission_control/conflicts/{plan.unit}/: settle them there and run again"
    raise MigrationConflict(
        f"unit {plan.unit} stops, nothing was written: {told}{more}{side if files else ''}",
        tuple(change.path for change in plan.conflicts),
        files,
    )


def write_stage(
    plan: Plan,
    stage: Stage,
    *,
    custody: Custody,
    now: datetime,
    task_id: str | None = None,
    checker: Checker | None = None,
    announce: Callable[[str], None] = lambda _batch_id: None,
) -> BatchResult:
    """Write one stage as one patch batch: all of it or nothing. `announce` is told the batch's id before.

    Interrupted, by Ctrl-C or a cancelled run, it leaves nothing of the stage written: who is interrupted gets no
    result to roll back by.

    Raises:
        MigrationConflict: files under the target root changed since the plan was made.
        CheckFailed: the checker found what was not there before.
        PermanentFault, TransientFault: what patching raises; then nothing was written.
    """
    _refuse_if_stale(plan, stage)
    changes = [
        FileChange(change.path, change.new, executable=change.executable, expect_sha256=change.old_sha256)
        for change in stage.changes
    ]
    batch_id = new_id()
    announce(batch_id)
    try:
        return write_files(
            Workspace(plan.target_root),
            changes,
            order_id=plan.manifest.order_id,
            requester=REQUESTER,
            reason=_reason(plan, stage.name),
            phase=plan.manifest.order.phase,
            task_id=task_id,
            custody=custody,
            now=now,
            batch_id=batch_id,
            checker=checker,
        )
    except PatchConflict as conflict:
        raise MigrationConflict(
            f"unit {plan.unit} stops, nothing of step {stage.name} was written: {conflict}; plan again", ()
        ) from conflict
    except BaseException as error:
        is_interrupted = not isinstance(error, Exception)
        if is_interrupted:
            take_back(plan.target_root, [batch_id], custody=custody, now=now)
        raise


def take_back(
    target_root: Path, batch_ids: Sequence[str], *, custody: Custody, now: datetime, three_way: bool = False
) -> list[str]:
    """Undo batches, the last first, and return the ids of those that were in force.

    A batch that was announced and never written, or is undone already, is passed over.

    Raises:
        PatchConflict: people changed the files since; with `three_way`, their work is merged with the way back.
    """
    undone = []
    for batch_id in reversed(batch_ids):
        if any(patch.is_in_force for patch in custody.batch(batch_id)):
            revert(Workspace(target_root), batch_id, custody=custody, now=now, requester=REQUESTER, three_way=three_way)
            undone.append(batch_id)
    return undone


def _reason(plan: Plan, stage: StageName) -> str:
    what = {
        "copy": f"migrate unit {plan.unit} ({plan.source_digest[:12]}) to {plan.destination}",
        "standards": f"hold unit {plan.unit} in {plan.destination} to the standards",
        "refactor": f"move the database of unit {plan.unit} in {plan.destination} behind the orchestrator",
    }
    return what[stage]


def _refuse_if_stale(plan: Plan, stage: Stage) -> None:
    """Refuse a plan whose target moved on: patching guards what exists, this also guards what must not exist."""
    standing = Destination(plan.target_root)
    changed = tuple(change.path for change in stage.changes if standing.read(change.path).content != change.old)
    if changed:
        raise MigrationConflict(
            f"unit {plan.unit} stops, nothing was written: {', '.join(changed[:10])} changed since the plan was made; "
            "plan again",
            changed,
        )
