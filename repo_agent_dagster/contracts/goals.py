"""A goal run's words: who takes part, and where a run, a task and an approval stand."""

from enum import StrEnum


class GoalRole(StrEnum):
    """The part that an agent plays in a goal run."""

    STRATEGY = "strategy"
    IMPLEMENTATION = "implementation"
    CHECKER = "checker"


class GoalRunStatus(StrEnum):
    """Where a goal run stands. `running` and `waiting` (for a person) are open; the rest are final."""

    RUNNING = "running"
    WAITING = "waiting"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


class GoalTaskStatus(StrEnum):
    """Where a task of a goal run stands. A blocked task can be taken up again; completed and abandoned are final."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    BLOCKED = "blocked"
    ABANDONED = "abandoned"


class Verdict(StrEnum):
    """What was decided at a gate."""

    APPROVED = "approved"
    REJECTED = "rejected"


class ApprovalState(StrEnum):
    """Where an approval stands: undecided, or decided one way."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
