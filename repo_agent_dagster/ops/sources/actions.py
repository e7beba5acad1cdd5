"""GitHub Actions as a source: an object for each attempt of each job of the runs that have lines in a window."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.github.faults import GitHubRefused, GitHubUnavailable
from repo_agent_dagster.github.records import Repository, WorkflowJob, WorkflowRun
from repo_agent_dagster.ops.sources.actions_logs import AttemptLogs, JobLog
from repo_agent_dagster.ops.sources.http import HttpClient
from repo_agent_dagster.ops.sources.protocol import SourceIncomplete, SourceRefused, SourceUnavailable, Window

if TYPE_CHECKING:
    from repo_agent_dagster.github.actions import GitHubActions

_PULL_REQUESTS = frozenset({"pull_request", "pull_request_target"})


@dataclass(frozen=True)
class ActionsSource:
    """Runs of some repositories, of an organisation's, or of both. `connect` and `download` open clients for one fetch.

    Of an organisation the `most_repositories` that were pushed to last are read.
    """

    name: str
    connect: "Callable[[], GitHubActions]"
    download: Callable[[], HttpClient]
    repositories: tuple[str, ...] = ()
    organization: str | None = None
    most_repositories: int = 100
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def kind(self) -> LogKind:
        """Builds."""
        return "build"

    def fetch(self, window: Window) -> Iterator[JobLog]:
        """Yield the log of each job that ran in the window, of attempts that have ended.

        A run counts that was created in the window or up to its lateness before; an attempt that still runs is read
        the next time. A log's bytes are fetched when they are read; read each before the next is asked for, since the
        jobs of an attempt share their archive, which is then removed.

        Raises:
            SourceIncomplete: a repository is refused, or there are too many; the others were read.
            SourceRefused, SourceUnavailable: GitHub stopped answering.
        """
        with ExitStack() as opened:
            github = opened.enter_context(closing(self.connect()))
            client = opened.enter_context(closing(self.download()))
            refused: list[str] = []
            read = 0
            for repository in self._repositories(github, refused):
                try:
                    yield from self._logs(github, client, repository, window)
                    read += 1
                except GitHubRefused as error:
                    refused.append(str(error))
                except GitHubUnavailable as error:
                    raise SourceUnavailable(f"source {self.name}: {error}") from error
        if refused:
            said = f"source {self.name}: {'; '.join(refused[:3])}"
            said += f"; and {len(refused) - 3} more" if len(refused) > 3 else ""
            raise SourceIncomplete(said) if read else SourceRefused(said)

    def check(self) -> str:
        """Ask for the first repository, or the organisation's, and say what was found.

        Raises:
            SourceRefused, SourceUnavailable: GitHub did not tell.
        """
        with closing(self.connect()) as github:
            try:
                if self.repositories:
                    found = github.repository(self.repositories[0])
                    return f"{found.name} is readable; its default branch is {found.default_branch}"
                listed, more = github.repositories_of(str(self.organization), most=1)
            except GitHubRefused as error:
                raise SourceRefused(f"source {self.name}: {error}") from error
            except GitHubUnavailable as error:
                raise SourceUnavailable(f"source {self.name}: {error}") from error
        if not listed:
            raise SourceRefused(f"source {self.name}: the token sees no repository of {self.organization}")
        return f"{listed[0].name}{' and others are' if more else ' is'} readable"

    def _repositories(self, github: "GitHubActions", refused: list[str]) -> Iterator[Repository]:
        seen: set[str] = set()
        for name in self.repositories:
            try:
                one = github.repository(name)
            except GitHubRefused as error:
                refused.append(str(error))
                continue
            except GitHubUnavailable as error:
                raise SourceUnavailable(f"source {self.name}: {error}") from error
            if one.name.lower() not in seen:
                seen.add(one.name.lower())
                yield one
        if self.organization is None:
            return
        try:
            listed, has_more = github.repositories_of(self.organization, most=self.most_repositories)
        except GitHubRefused as error:
            refused.append(str(error))
            return
        except GitHubUnavailable as error:
            raise SourceUnavailable(f"source {self.name}: {error}") from error
        if has_more:
            refused.append(
                f"{self.organization} has more than {self.most_repositories} repositories, and those that were pushed "
                "to longest ago are not read: raise most_repositories"
            )
        yield from (one for one in listed if one.name.lower() not in seen and not one.is_archived)

    def _logs(
        self, github: "GitHubActions", client: HttpClient, repository: Repository, window: Window
    ) -> Iterator[JobLog]:
        for run in github.runs(repository.name, window.start - window.lateness, window.end):
            is_over = run.status == "completed"
            if run.updated_at < window.start or not (is_over or run.attempt > 1):
                continue
            ended = run.attempt if is_over else run.attempt - 1
            jobs = [job for job in github.jobs(run) if job.attempt <= ended and _is_in(job, window)]
            for number, attempted in groupby(jobs, key=lambda job: job.attempt):
                logs = AttemptLogs(client, repository.name, run.id, number)
                try:
                    for job in attempted:
                        fact = self._build_job(repository, run, job)
                        yield JobLog(
                            fact.object_name,
                            f"{job.conclusion} {job.completed_at:%FT%T}",
                            fact,
                            job,
                            logs,
                            self.clock(),
                        )
                finally:
                    logs.release()

    def _build_job(self, repository: Repository, run: WorkflowRun, job: WorkflowJob) -> BuildJob:
        is_own = not run.is_of_fork and run.event not in _PULL_REQUESTS
        return BuildJob(
            source=self.name,
            repo=repository.name,
            run_id=str(run.id),
            attempt=job.attempt,
            job_id=str(job.id),
            workflow=run.workflow,
            job=job.name,
            branch=run.branch,
            is_default_branch=is_own and run.branch == repository.default_branch,
            sha=run.sha,
            event=run.event,
            conclusion=job.conclusion,
            url=job.url or run.url,
            started_at=job.started_at,
            finished_at=job.completed_at,
            object_name=f"{repository.name}/runs/{run.id}/attempts/{job.attempt}/jobs/{job.id}",
        )


def _is_in(job: WorkflowJob, window: Window) -> bool:
    """Whether the job ran, at least for a part of the window. A job that was skipped has no log."""
    if job.completed_at is None or job.conclusion == "skipped" or (job.conclusion == "cancelled" and not job.steps):
        return False
    return job.completed_at >= window.start and (job.started_at or job.completed_at) < window.end
