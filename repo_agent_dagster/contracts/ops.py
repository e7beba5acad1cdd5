"""Ops issues: the statuses an issue passes through and which step may follow which."""

from enum import StrEnum


class IssueStatus(StrEnum):
    """Where an ops issue stands. `resolved` and `closed` are final until the problem is seen again."""

    OPEN = "open"
    TRIAGED = "triaged"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


SETTLED_STATUSES = (IssueStatus.RESOLVED, IssueStatus.CLOSED)
"""Seen again on a later day, an issue in one of these is a regression."""

ALLOWED_FROM: dict[IssueStatus, tuple[IssueStatus, ...]] = {
    IssueStatus.TRIAGED: (IssueStatus.OPEN,),
    # Claiming is exclusive: a second claim finds the issue in progress and is refused.
    IssueStatus.IN_PROGRESS: (IssueStatus.OPEN, IssueStatus.TRIAGED),
    IssueStatus.RESOLVED: (IssueStatus.OPEN, IssueStatus.TRIAGED, IssueStatus.IN_PROGRESS),
    IssueStatus.CLOSED: (
        IssueStatus.OPEN,
        IssueStatus.TRIAGED,
        IssueStatus.IN_PROGRESS,
        IssueStatus.RESOLVED,
    ),
}
"""The statuses each status may be reached from by a person; only a scan leads back to `open`."""
