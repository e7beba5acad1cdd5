"""Builds as their service tells of them: one attempt of one job, its outcome, and what became of its log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

JobLogStatus = Literal["stored", "partial", "expired", "missing"]
"""What we have of a job's log: all, a part (read again next time), nothing any more (404 or 410), nothing ever."""

GREEN_CONCLUSIONS = frozenset({"success", "neutral"})
RED_CONCLUSIONS = frozenset({"failure", "timed_out", "startup_failure"})
"""Cancelled and skipped jobs are neither: they say nothing about the code."""


@dataclass(frozen=True, slots=True)
class BuildJob:
    """One attempt of one job of a build. Times are UTC; `conclusion` is in GitHub's words, in lower case."""

    source: str
    repo: str
    run_id: str
    attempt: int
    job_id: str
    workflow: str
    job: str
    branch: str | None
    is_default_branch: bool | None
    sha: str | None
    event: str | None
    conclusion: str | None
    url: str | None
    started_at: datetime | None
    finished_at: datetime | None
    object_name: str
    log_status: JobLogStatus = "stored"

    @property
    def is_green(self) -> bool:
        """Whether it passed."""
        return self.conclusion in GREEN_CONCLUSIONS

    @property
    def is_red(self) -> bool:
        """Whether it failed, for any reason but that somebody stopped it."""
        return self.conclusion in RED_CONCLUSIONS
