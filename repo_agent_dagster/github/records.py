"""What GitHub tells, as plain values. Times are UTC."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository: ``owner/name`` as it is called now, and whether anything was pushed to it lately."""

    name: str
    default_branch: str
    is_archived: bool
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """A run of a workflow with the attempt that was made last; `conclusion` is None until it has ended."""

    id: int
    repository: str
    workflow: str
    attempt: int
    status: str
    conclusion: str | None
    event: str
    branch: str | None
    sha: str | None
    is_of_fork: bool
    url: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """A step of a job; its number counts from 1, with gaps before the steps that clean up."""

    number: int
    name: str
    conclusion: str | None
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """A job in one attempt of a run; `conclusion` is None until it has ended."""

    id: int
    attempt: int
    name: str
    status: str
    conclusion: str | None
    url: str
    started_at: datetime | None
    completed_at: datetime | None
    steps: tuple[WorkflowStep, ...]
