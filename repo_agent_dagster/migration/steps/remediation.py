"""What is left to do after a migration stopped: a task that a person or a goal run can pick up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.goals import GoalTaskStatus
from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.steps.account import Account, StepName
from repo_agent_dagster.migration.steps.environment import Environment
from repo_agent_dagster.store import goal_tasks
from repo_agent_dagster.store.engine import write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Connection

_OUTPUT_LIMIT = 8000


@dataclass(frozen=True)
class Remedy:
    """What a remediation task needs to say: what failed, what it printed, and where a change would help."""

    step: StepName
    problem: str
    output: str = ""
    allowed_paths: tuple[str, ...] = ()


def leave_remediation(
    environment: Environment, account: Account, manifest: Manifest, remedy: Remedy, *, command: str
) -> str:
    """Store the task of a migration that stopped, link it to it, and return its id; while it is open, it has no second.

    `command` is what runs the migration again.
    """
    row = account.row
    with write_transaction(environment.engine) as conn:
        if row.remediation_task_id is not None:
            known = goal_tasks.get(conn, row.remediation_task_id)
            if known is not None and known.status in _OPEN:
                return known.id
        task = _create(conn, environment, manifest, remedy, row.source_digest, f"stopped at {remedy.step}", command)
    account.note(remediation_task_id=task)
    return task


def leave_manual_work(
    environment: Environment, account: Account, manifest: Manifest, remedy: Remedy, *, command: str
) -> str:
    """Store a task for what a migration left undone though it came through, and return its id."""
    with write_transaction(environment.engine) as conn:
        return _create(conn, environment, manifest, remedy, account.row.source_digest, "left manual work", command)


def _create(
    conn: "Connection",
    environment: Environment,
    manifest: Manifest,
    remedy: Remedy,
    source_digest: str,
    what: str,
    command: str,
) -> str:
    return goal_tasks.create(
        conn,
        f"Migration of {manifest.unit} {what}",
        _objective(manifest, remedy, source_digest, what),
        now=environment.now(),
        acceptance_criteria=[f"`{command}` ends with exit code 0"],
        verification_steps=[command, *(f"{one.run} (in {one.package})" for one in manifest.checks)],
        allowed_paths=list(remedy.allowed_paths or allowed_paths(manifest)),
    ).id


def settle_remediation(environment: Environment, account: Account) -> None:
    """Close the task of an earlier attempt, when the migration came through without it."""
    task_id = account.row.remediation_task_id
    if task_id is None:
        return
    with write_transaction(environment.engine) as conn:
        goal_tasks.change_status(
            conn,
            task_id,
            GoalTaskStatus.ABANDONED,
            now=environment.now(),
            implementation_summary="not needed any more: the migration came through",
        )


def allowed_paths(manifest: Manifest) -> list[str]:
    """Return the globs, relative to the target root, under which a remedy may change files."""
    folders = [manifest.destination]
    if manifest.refactor.d1_to_rpc is not None:
        folders.append(manifest.refactor.d1_to_rpc.orchestrator)
    return ["**/*" if folder == "." else f"{folder}/**/*" for folder in folders]


_OPEN = (GoalTaskStatus.PENDING, GoalTaskStatus.IN_PROGRESS, GoalTaskStatus.BLOCKED)


def _objective(manifest: Manifest, remedy: Remedy, source_digest: str, what: str) -> str:
    parts = [
        f"Make the unit {manifest.unit} (content {source_digest[:12]}) migrate to {manifest.destination}. "
        f"It {what}; on_failure is {manifest.on_failure}.",
        f"What went wrong: {remedy.problem}",
    ]
    if remedy.output.strip():
        parts.append(f"Output:\n{remedy.output.strip()[-_OUTPUT_LIMIT:]}")
    return "\n\n".join(parts)
