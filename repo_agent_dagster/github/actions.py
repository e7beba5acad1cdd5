"""GitHub Actions as PyGithub tells of them: repositories, runs of a span of time, jobs of each attempt."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from github.GithubObject import GithubObject
from github.Repository import Repository as ListedRepository
from github.WorkflowJob import WorkflowJob as ListedJob
from github.WorkflowRun import WorkflowRun as ListedRun

from repo_agent_dagster.github.client import PAGE_SIZE, GitHub, asked, told
from repo_agent_dagster.github.known_pages import KnownPage, KnownPages
from repo_agent_dagster.github.records import Repository, WorkflowJob, WorkflowRun, WorkflowStep

_T = TypeVar("_T", bound=GithubObject)

MOST_LISTED = 1000
"""GitHub lists no more runs for one filter; a span of time that has more is halved."""

_SHORTEST_SPAN = timedelta(minutes=1)
_MOST_JOBS = 5000
_MOST_PAGES = 1000


class GitHubActions(GitHub):
    """Reads Actions. Each method raises GitHubRefused or GitHubUnavailable where GitHub does not tell.

    With `known_pages`, a page that has not changed is not sent again, and does not count for the rate limit.
    """

    known_pages: KnownPages | None = None

    def repository(self, name: str) -> Repository:
        """Return what is known of ``owner/name``; one that was renamed comes with its new name."""
        with asked(f"asking for the repository {name}"):
            return self._again(lambda: _repository(self._client.get_repo(name)))

    def repositories_of(self, organization: str, *, most: int) -> tuple[list[Repository], bool]:
        """Return the organisation's repositories that were pushed to last, and whether there are more than `most`."""
        with asked(f"listing the repositories of {organization}"):
            pages = self._pages(ListedRepository, f"/orgs/{organization}/repos", "", sort="pushed", direction="desc")
            found = [_repository(one) for one in islice(chain.from_iterable(pages), most + 1)]
        return found[:most], len(found) > most

    def runs(self, repository: str, start: datetime, end: datetime) -> Iterator[WorkflowRun]:
        """Yield the runs that were created with start ≤ time < end, each once, newest first."""
        seen: set[int] = set()
        for run in self._runs_within(repository, start, end):
            # While pages are read new runs push the older ones on, so one may be listed twice.
            if run.id not in seen:
                seen.add(run.id)
                yield run

    def _runs_within(self, repository: str, start: datetime, end: datetime) -> Iterator[WorkflowRun]:
        doing = f"listing the runs of {repository} from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
        # The filter's end is inclusive, and counts in seconds.
        span = f"{start:%Y-%m-%dT%H:%M:%SZ}..{end - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
        pages = self._pages(ListedRun, f"/repos/{repository}/actions/runs", "workflow_runs", created=span)
        with asked(doing):
            page = [_run(one, repository) for one in next(pages, [])]
        if pages.total > MOST_LISTED and end - start > _SHORTEST_SPAN:
            middle = start + (end - start) / 2
            yield from self._runs_within(repository, middle, end)
            yield from self._runs_within(repository, start, middle)
            return
        while page:
            yield from page
            with asked(doing):
                page = [_run(one, repository) for one in next(pages, [])]

    def jobs(self, run: WorkflowRun) -> list[WorkflowJob]:
        """Return the jobs of all attempts of a run, by attempt; one that an attempt took over unchanged stands once."""
        path = f"/repos/{run.repository}/actions/runs/{run.id}/jobs"
        with asked(f"listing the jobs of run {run.id} of {run.repository}"):
            pages = self._pages(ListedJob, path, "jobs", filter="all")
            found = [_job(one) for one in islice(chain.from_iterable(pages), _MOST_JOBS)]
        return without_carried_over(found)

    def _pages(self, kind: Callable[..., _T], path: str, item: str, **query: str) -> "_Pages[_T]":
        # PyGithub's own methods ask for the repository, and for the run, before they list, and know no ETags.
        def asked_for(number: int) -> tuple[list[_T], int]:
            data = self._again(lambda: self._page(path, {**query, "per_page": str(PAGE_SIZE), "page": str(number)}))
            elements, total = (data[item], data["total_count"]) if item else (data, 0)
            return [kind(self._client.requester, {}, element) for element in elements], int(total)

        return _Pages(asked_for, is_counted=bool(item))

    def _page(self, path: str, query: dict[str, str]) -> Any:
        address = f"{self.base_url}{path}?{urlencode(sorted(query.items()))}"
        known = self.known_pages.get(address) if self.known_pages else None
        sent = {"If-None-Match": known.etag} if known else {}
        got, data = self._client.requester.requestJsonAndCheck("GET", path, parameters=query, headers=sent)
        if known is not None and data is None:
            return known.data
        if self.known_pages is not None and got.get("etag"):
            self.known_pages.put(address, KnownPage(got["etag"], data))
        return data


class _Pages(Generic[_T]):
    """The pages of a listing, each asked for on its own, so that one whose body breaks off can be asked for again.

    `total` is what GitHub counts, once a page was read; 0 for a listing that it does not count.
    """

    def __init__(self, ask: Callable[[int], tuple[list[_T], int]], *, is_counted: bool) -> None:
        self.total = 0
        self._ask = ask
        self._is_counted = is_counted
        self._number = self._seen = 0
        self._is_over = False

    def __iter__(self) -> "_Pages[_T]":
        return self

    def __next__(self) -> list[_T]:
        if self._is_over:
            raise StopIteration
        self._number += 1
        page, self.total = self._ask(self._number)
        self._seen += len(page)
        last = self._seen >= self.total if self._is_counted else len(page) < PAGE_SIZE
        self._is_over = last or not page or self._number == _MOST_PAGES
        return page


def without_carried_over(jobs: list[WorkflowJob]) -> list[WorkflowJob]:
    """Return the jobs by attempt and id, without those that "re-run failed jobs" copied from an earlier attempt.

    A copy has an id of its own but the same name, times and conclusion.
    """
    kept: dict[tuple[Any, ...], WorkflowJob] = {}
    for job in sorted(jobs, key=lambda one: (one.attempt, one.id)):
        same = (job.name, job.started_at, job.completed_at, job.conclusion)
        known = kept.get(same)
        if known is None or known.attempt == job.attempt or job.completed_at is None:
            kept[same if known is None else (*same, job.id)] = job
    return list(kept.values())


def _repository(one: ListedRepository) -> Repository:
    name, branch = told(one.full_name, "full_name"), told(one.default_branch, "default_branch")
    return Repository(name, branch, bool(one.archived), _utc(one.pushed_at))


def _run(one: ListedRun, repository: str) -> WorkflowRun:
    head = one.head_repository  # none for a fork that was deleted
    created = _utc(one.created_at) or datetime.fromtimestamp(0, UTC)
    return WorkflowRun(
        id=one.id,
        repository=repository,
        workflow=one.name or one.path.rpartition("/")[2],
        attempt=one.run_attempt or 1,
        status=one.status,
        conclusion=one.conclusion,
        event=one.event,
        branch=one.head_branch,
        sha=one.head_sha,
        is_of_fork=head is None or head.full_name.lower() != repository.lower(),
        url=one.html_url,
        created_at=created,
        updated_at=_utc(one.updated_at) or created,
    )


def _job(one: ListedJob) -> WorkflowJob:
    return WorkflowJob(
        id=one.id,
        attempt=one.run_attempt or 1,
        name=one.name,
        status=one.status,
        conclusion=one.conclusion,
        url=one.html_url or "",
        started_at=_utc(one.started_at),
        completed_at=_utc(one.completed_at),
        steps=tuple(
            WorkflowStep(step.number, step.name, step.conclusion, _utc(step.started_at), _utc(step.completed_at))
            for step in one.steps or ()
        ),
    )


def _utc(instant: datetime | None) -> datetime | None:
    if instant is None:
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
