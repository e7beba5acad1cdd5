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


class IssuesDisabled(GitHubRefused):
    """The repository takes no issues: they are switched off, or it is archived."""


class IssueGone(GitHubRefused):
    """The issue or comment was deleted, or may no longer be seen."""


class IssueLocked(GitHubRefused):
    """The issue's conversation is locked for our account."""


class IssueTransferred(GitHubRefused):
    """The issue was moved to another repository; `url` is where it is now."""

    def __init__(self, message: str, url: str) -> None:
        super().__init__(message, 301)
        self.url = url
