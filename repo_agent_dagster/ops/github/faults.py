"""What can go wrong with GitHub, as faults; free of PyGithub, so that catching them costs no import."""

from datetime import datetime

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault


class GitHubRefused(PermanentFault):
    """GitHub will not do it until somebody changes something. `status` is its HTTP status, None where it gave none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class GitHubUnavailable(TransientFault):
    """GitHub does not answer now, after all retries, or wants a longer wait than is allowed.

    `retry_at` is from when on it will answer again, UTC, where it told.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_at = retry_at
