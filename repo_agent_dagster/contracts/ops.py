"""Ops issues: the statuses an issue passes through, the causes it may have, and how it moves from night to night."""

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


class CauseName(StrEnum):
    """What a failure is likely to come from: the nearest cause that its log supports."""

    DEPENDENCY_RESOLUTION = "dependency_resolution"
    TYPE_ERROR = "type_error"
    ASSERTION = "assertion"
    TIMEOUT = "timeout"
    OOM = "oom"
    RATE_LIMIT = "rate_limit"
    AUTH = "auth"
    DNS = "dns"
    DISK = "disk"
    MISSING_SECRET = "missing_secret"  # noqa: S105 - a cause, no secret
    LINT = "lint"
    FLAKY = "flaky"
    INFRA = "infra"
    EXCEPTION = "exception"
    SYNTAX = "syntax"
    CONFIG = "config"
    UNKNOWN = "unknown"


class Trend(StrEnum):
    """How an incident moves against the trailing days; what each means in numbers is in the severity rules."""

    NEW = "new"
    SURGING = "surging"
    STEADY = "steady"
    FLAKY = "flaky"
    REGRESSION = "regression"
