"""Tasks of goal runs and the attempts at them. A remediation task has no run until one adopts it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.goals import GoalTaskStatus
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add, fetch_all, fetch_one, storable
from repo_agent_dagster.store.tables import task_attempts, tasks

ALLOWED_FROM: dict[GoalTaskStatus, tuple[GoalTaskStatus, ...]] = {
    GoalTaskStatus.PENDING: (GoalTaskStatus.IN_PROGRESS, GoalTaskStatus.BLOCKED),
    GoalTaskStatus.IN_PROGRESS: (GoalTaskStatus.PENDING, GoalTaskStatus.BLOCKED),
    GoalTaskStatus.COMPLETED: (GoalTaskStatus.IN_PROGRESS,),
    GoalTaskStatus.BLOCKED: (GoalTaskStatus.IN_PROGRESS,),
    GoalTaskStatus.ABANDONED: (GoalTaskStatus.PENDING, GoalTaskStatus.IN_PROGRESS, GoalTaskStatus.BLOCKED),
}
"""The statuses that each status may be reached from."""

_task = tasks.c
_attempt = task_attempts.c


class GoalTaskStateError(PermanentFault):
    """The task is not in a state that allows what was asked."""


@dataclass(frozen=True)
class GoalTask:
    """One piece of work with its criteria. `blocker_signature` names what stopped it, so that a repeat is noticed."""

    id: str
    run_id: str | None
    title: str
    objective: str
    acceptance_criteria: list[str]
    verification_steps: list[str]
    allowed_paths: list[str]
    status: GoalTaskStatus
    attempt_count: int
    implementation_summary: str | None
    blocker_signature: str | None
    created_at: datetime
    updated_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", GoalTaskStatus(self.status))


@dataclass(frozen=True)
class TaskAttempt:
    """One attempt at a task; attempts count from 1."""

    id: str
    run_id: str
    task_id: str
    attempt_number: int
    status: str
    summary: str
    blocker_signature: str | None
    result: dict[str, Any] | None
    created_at: datetime


def create(
    conn: Connection,
    title: str,
    objective: str,
    *,
    now: datetime,
    run_id: str | None = None,
    acceptance_criteria: Sequence[str] = (),
    verification_steps: Sequence[str] = (),
    allowed_paths: Sequence[str] = (),
) -> GoalTask:
    """Store a pending task and return it; without a run it is a remediation task that a run may adopt."""
    task = GoalTask(
        id=new_id(),
        run_id=run_id,
        title=title,
        objective=objective,
        acceptance_criteria=list(acceptance_criteria),
        verification_steps=list(verification_steps),
        allowed_paths=list(allowed_paths),
        status=GoalTaskStatus.PENDING,
        attempt_count=0,
        implementation_summary=None,
        blocker_signature=None,
        created_at=now,
        updated_at=now,
    )
    add(conn, tasks, asdict(task))
    return task


def get(conn: Connection, task_id: str) -> GoalTask | None:
    """Return the task, or None when there is none with this id."""
    return fetch_one(conn, tasks, GoalTask, _task.id == task_id)


def of_run(conn: Connection, run_id: str, *, status: GoalTaskStatus | None = None) -> list[GoalTask]:
    """Return the run's tasks, of one status or of all, in the order in which they were made."""
    conditions = [] if status is None else [_task.status == status]
    return fetch_all(conn, tasks, GoalTask, _task.run_id == run_id, *conditions, order_by=[_task.created_at, _task.id])


def unadopted(conn: Connection, *, limit: int = 50) -> list[GoalTask]:
    """Return at most `limit` pending tasks that belong to no run, oldest first."""
    is_free = [_task.run_id.is_(None), _task.status == GoalTaskStatus.PENDING]
    return fetch_all(conn, tasks, GoalTask, *is_free, order_by=[_task.created_at, _task.id], limit=limit)


def adopt(conn: Connection, task_id: str, run_id: str, *, now: datetime) -> bool:
    """Make a pending task without a run the given run's; False, with nothing changed, if another run was first."""
    free = update(tasks).where(_task.id == task_id, _task.run_id.is_(None), _task.status == GoalTaskStatus.PENDING)
    return conn.execute(free.values(run_id=run_id, updated_at=now)).rowcount == 1


def change_status(
    conn: Connection,
    task_id: str,
    status: GoalTaskStatus,
    *,
    now: datetime,
    implementation_summary: str | None = None,
    blocker_signature: str | None = None,
) -> bool:
    """Set the status if the present one allows it (`ALLOWED_FROM`), and what else is given; say whether it did."""
    given = {"implementation_summary": implementation_summary, "blocker_signature": blocker_signature}
    changes: dict[str, Any] = {"status": status.value, "updated_at": now}
    changes |= {name: value for name, value in given.items() if value is not None}
    guarded = update(tasks).where(_task.id == task_id, _task.status.in_(ALLOWED_FROM[status]))
    return conn.execute(guarded.values(storable(tasks, changes))).rowcount == 1


def add_attempt(
    conn: Connection,
    task_id: str,
    status: str,
    *,
    now: datetime,
    summary: str = "",
    blocker_signature: str | None = None,
    result: dict[str, Any] | None = None,
) -> TaskAttempt:
    """Store the next attempt at a task in progress and return it.

    Raises:
        GoalTaskStateError: the task is unknown, not in progress, or of no run.
    """
    counted = (
        update(tasks)
        .where(_task.id == task_id, _task.status == GoalTaskStatus.IN_PROGRESS, _task.run_id.is_not(None))
        .values(attempt_count=_task.attempt_count + 1, updated_at=now)
        .returning(_task.run_id, _task.attempt_count)
    )
    found = conn.execute(counted).one_or_none()
    if found is None:
        raise GoalTaskStateError(f"task {task_id} is not in progress in a goal run; begin it before an attempt")
    attempt = TaskAttempt(
        new_id(), found.run_id, task_id, found.attempt_count, status, summary, blocker_signature, result, now
    )
    add(conn, task_attempts, asdict(attempt))
    return attempt


def attempts(conn: Connection, task_id: str) -> list[TaskAttempt]:
    """Return the attempts at the task, first to last."""
    return fetch_all(conn, task_attempts, TaskAttempt, _attempt.task_id == task_id, order_by=[_attempt.attempt_number])
