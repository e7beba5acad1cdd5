"""What GitHub tells of issues and pull requests, as plain values. Times are UTC; texts are as untrusted as any."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

IssueState = Literal["open", "closed"]
StateReason = Literal["completed", "not_planned", "reopened"]


@dataclass(frozen=True, slots=True)
class Tracker:
    """A repository as a place for issues: ``owner/name`` as it is called now, and whether it takes any."""

    repository: str
    takes_issues: bool


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue. `state_reason` is completed, not_planned, duplicate or reopened, where GitHub tells one."""

    number: int
    title: str
    body: str
    author: str
    url: str
    state: str
    state_reason: str | None
    is_locked: bool
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    created_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue."""

    id: int
    body: str
    author: str
    url: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request; `branch` is the one it would merge, `base` the one it would change."""

    number: int
    title: str
    author: str
    url: str
    state: str
    is_draft: bool
    branch: str
    base: str
    created_at: datetime | None
