"""Feasibility jobs: a question about a repository, claimed by one worker, answered or failed once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import TaskStatus
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add, fetch_all, fetch_one, storable
from repo_agent_dagster.store.tables import feasibility_jobs

_row = feasibility_jobs.c
_OPEN = (TaskStatus.PENDING, TaskStatus.RUNNING)


class FeasibilityStateError(PermanentFault):
    """A feasibility job cannot end in the status that was asked for."""


@dataclass(frozen=True)
class FeasibilityJob:
    """One question about one repository. `result` is the answer, once the status is `success`."""

    id: str
    repo_url: str
    question: str
    status: TaskStatus
    result: dict[str, Any] | None
    error: str | None
    created_at: datetime
    updated_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", TaskStatus(self.status))


def create(conn: Connection, repo_url: str, question: str, *, now: datetime) -> FeasibilityJob:
    """Store a pending job and return it."""
    job = FeasibilityJob(new_id(), repo_url, question, TaskStatus.PENDING, None, None, now, now)
    add(conn, feasibility_jobs, vars(job))
    return job


def get(conn: Connection, job_id: str) -> FeasibilityJob | None:
    """Return the job, or None when there is none with this id."""
    return fetch_one(conn, feasibility_jobs, FeasibilityJob, _row.id == job_id)


def listing(conn: Connection, *, status: TaskStatus | None = None, limit: int = 50) -> list[FeasibilityJob]:
    """Return at most `limit` jobs, of one status or of all, oldest first."""
    conditions = [] if status is None else [_row.status == status]
    oldest_first = [_row.created_at, _row.id]
    return fetch_all(conn, feasibility_jobs, FeasibilityJob, *conditions, order_by=oldest_first, limit=limit)


def claim(conn: Connection, job_id: str, *, now: datetime) -> bool:
    """Set a pending job running; False, with nothing changed, if it is not pending."""
    return _change(conn, job_id, [TaskStatus.PENDING], {"status": TaskStatus.RUNNING.value, "updated_at": now})


def finish(
    conn: Connection,
    job_id: str,
    status: TaskStatus,
    *,
    now: datetime,
    result: dict[str, Any] | None = None,
    error: str | None = None,
) -> bool:
    """Close an open job with a final status; False, with nothing changed, if it is not open.

    Raises:
        FeasibilityStateError: the status is not final.
    """
    if status in _OPEN:
        raise FeasibilityStateError(f"job {job_id} cannot end as {status}; end it as success, failed or cancelled")
    return _change(conn, job_id, _OPEN, {"status": status.value, "result": result, "error": error, "updated_at": now})


def _change(
    conn: Connection, job_id: str, allowed: tuple[TaskStatus, ...] | list[TaskStatus], changes: dict[str, Any]
) -> bool:
    guarded = update(feasibility_jobs).where(_row.id == job_id, _row.status.in_(allowed))
    return conn.execute(guarded.values(storable(feasibility_jobs, changes))).rowcount == 1
