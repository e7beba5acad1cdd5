"""Tell GitHub what waits in the outbox: each problem one issue, whoever is killed when, and however many try at once.

One publisher works on a store at a time. Before it opens anything it lists the issues that are there: what an earlier
publisher opened, and could not record any more, is found by its marker and adopted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from repo_agent_dagster.github.faults import GitHubRefused, GitHubUnavailable
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.ops.issues.survey import Survey
from repo_agent_dagster.ops.issues.syncing import follow_github
from repo_agent_dagster.ops.issues.telling import SETTLING_TIME, RepositoryClosed, Teller
from repo_agent_dagster.store import ops_issues, ops_outbox
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue
from repo_agent_dagster.store.ops_outbox import Intent
from repo_agent_dagster.store.publisher_lock import Publisher, PublisherBusy, PublisherLockLost, publisher_lock

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from repo_agent_dagster.github.issues import GitHubIssues

WAIT_SECONDS = 30.0
_FAILURES_IN_A_ROW = 3
_NO_REPOSITORY = (
    "no repository is known for it: set REPO_AGENT_OPS_ISSUE_REPOSITORY or REPO_AGENT_OPS_WORKER_REPOSITORIES"
)


@dataclass(slots=True)
class Published:
    """What one call of `publish` did. `problems` are sentences for people; `held` counts openings over the day's cap.

    `adopted` are issues that were found on GitHub already; `settled_there` and `reopened_there` what people did.
    """

    opened: int = 0
    adopted: int = 0
    updated: int = 0
    reopened: int = 0
    commented: int = 0
    closed: int = 0
    held: int = 0
    refused: int = 0
    settled_there: int = 0
    reopened_there: int = 0
    is_busy: bool = False
    problems: list[str] = field(default_factory=list)


class _Stop(Exception):
    """GitHub is to be left alone for now."""


def publish(
    engine: "Engine",
    github: "GitHubIssues",
    policy: IssuePolicy,
    *,
    key: bytes,
    now: datetime,
    server: str = "https://github.com",
    wait_seconds: float = WAIT_SECONDS,
    say: Callable[[str], None] = lambda _line: None,
) -> Published:
    """Bring GitHub in step with `ops_issues`, and `ops_issues` with what people did on GitHub.

    `key` signs the markers, `server` is where GitHub's pages are. What cannot be told now waits for the next call; what
    never can is recorded with the issue. Faults of GitHub do not raise: they are `problems`.
    """
    done = Published()
    try:
        with publisher_lock(engine, Publisher.OPS, wait_seconds=wait_seconds) as check:
            _Round(engine, github, policy, key, now, server, check, say, done).run()
    except PublisherBusy as busy:
        done.is_busy = True
        done.problems.append(str(busy))
    except PublisherLockLost as lost:
        done.problems.append(str(lost))
    return done


class _Round:
    """One publisher's turn."""

    def __init__(
        self,
        engine: "Engine",
        github: "GitHubIssues",
        policy: IssuePolicy,
        key: bytes,
        now: datetime,
        server: str,
        check: Callable[[], None],
        say: Callable[[str], None],
        done: Published,
    ) -> None:
        self._engine = engine
        self._github = github
        self._policy = policy
        self._key = key
        self._now = now
        self._server = server
        self._check = check
        self._say = say
        self._done = done
        self._surveys: dict[str, Survey] = {}
        self._shut: set[str] = set()
        self._failures = 0

    def run(self) -> None:
        """Look at the repositories, follow what people did there, and tell what waits."""
        with read_transaction(self._engine) as connection:
            intents = [*ops_outbox.due(connection, now=self._now), *self._begun(connection)]
            issues = ops_issues.get_many(connection, {intent.issue_id for intent in intents})
            known = ops_issues.github_repositories(connection)
        wanted = {repository for issue in issues.values() if (repository := self._repository_of(issue))}
        if not wanted and not known and not intents:
            return
        try:
            account = self._github.account() if wanted or known else ""
            for repository in sorted({*wanted, *known}):
                self._look_at(repository, account)
            with read_transaction(self._engine) as connection:
                intents = ops_outbox.due(connection, now=self._now)  # people's doings may have added some
            self._tell(intents, account)
        except (GitHubUnavailable, GitHubRefused) as fault:
            self._done.problems.append(str(fault))
        except _Stop:
            return

    def _begun(self, connection: "Connection") -> list[Intent]:
        return ops_outbox.begun(connection, "open", now=self._now)

    def _repository_of(self, issue: OpsIssue) -> str | None:
        return issue.gh_repo or self._policy.repository_of(issue.worker, issue.repo)

    def _look_at(self, repository: str, account: str) -> None:
        self._say(f"looking at the issues of {repository}")
        try:
            survey = Survey.of(self._github, repository, account=account, key=self._key)
            if survey.takes_issues:
                settled, reopened = follow_github(self._engine, self._github, survey, repository, now=self._now)
                self._done.settled_there += settled
                self._done.reopened_there += reopened
        except GitHubRefused as fault:
            if fault.status == 401:
                raise
            self._shut_out(repository, str(fault))
        except GitHubUnavailable as fault:
            self._shut_out(repository, str(fault))
            self._count_failure(fault)
        else:
            # Also by the name that it has now: that is what our rows say from here on.
            self._surveys[repository] = self._surveys[survey.repository] = survey

    def _shut_out(self, repository: str, problem: str) -> None:
        self._shut.add(repository)
        self._done.problems.append(problem)

    def _tell(self, intents: list[Intent], account: str) -> None:
        teller = Teller(
            self._engine,
            self._github,
            self._policy,
            self._key,
            account,
            self._server,
            self._now,
            self._check,
            self._done,
        )
        self._adopt_begun(teller)
        for issue_id, group in groupby(intents, key=lambda intent: intent.issue_id):
            with read_transaction(self._engine) as connection:
                issue = ops_issues.get(connection, issue_id)
            repository = self._repository_of(issue)
            waiting = list(group)
            if repository is None:
                self._refuse(waiting, _NO_REPOSITORY)
            elif (survey := self._surveys.get(repository)) is None:
                continue  # it could not be looked at, and all waits
            elif repository not in self._shut:
                self._tell_issue(teller, survey, repository, issue, waiting)

    def _adopt_begun(self, teller: Teller) -> None:
        """Take over at once what a publisher that was killed had opened; what is not found is not opened yet."""
        with read_transaction(self._engine) as connection:
            begun = self._begun(connection)
            issues = ops_issues.get_many(connection, {intent.issue_id for intent in begun})
        for intent in begun:
            issue = issues[intent.issue_id]
            survey = self._surveys.get(self._repository_of(issue) or "")
            if survey is not None:
                teller.adopt_if_there(survey, issue, intent)

    def _tell_issue(
        self, teller: Teller, survey: Survey, repository: str, issue: OpsIssue, waiting: list[Intent]
    ) -> None:
        try:
            teller.tell(survey, issue, waiting)
            self._failures = 0
        except RepositoryClosed as closed:
            self._shut_out(repository, str(closed))
        except GitHubUnavailable as fault:
            self._done.problems.append(str(fault))
            self._postpone(waiting, fault)
            self._count_failure(fault)
        except GitHubRefused as fault:
            if fault.status in (401, 403):
                # It is the token, not the issue: all waits for a better one.
                self._shut_out(repository, str(fault))
                if fault.status == 401:
                    raise
            else:
                self._done.problems.append(str(fault))
                self._refuse(waiting, str(fault))

    def _refuse(self, waiting: list[Intent], why: str) -> None:
        with write_transaction(self._engine) as connection:
            refused = [ops_outbox.refuse(connection, intent.id, why, now=self._now) for intent in waiting]
        self._done.refused += sum(refused)

    def _postpone(self, waiting: list[Intent], fault: GitHubUnavailable) -> None:
        until = max(self._now + SETTLING_TIME, fault.retry_at or self._now)
        with write_transaction(self._engine) as connection:
            for intent in waiting:
                ops_outbox.postpone(connection, intent.id, str(fault), next_attempt_at=until)

    def _count_failure(self, fault: GitHubUnavailable) -> None:
        """Leave GitHub alone after some failures in a row, and at once when it named a time."""
        self._failures += 1
        if fault.retry_at is not None or self._failures >= _FAILURES_IN_A_ROW:
            raise _Stop
