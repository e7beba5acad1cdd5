"""Publish on GitHub: a comment on an issue or pull request, or an issue of its own; both edited when there is more.

Before anything is created the mark of what is there already is looked for: what was created by somebody who was killed
before recording it, or whose answer was lost, is taken over.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from repo_agent_dagster.github.faults import (
    GitHubRefused,
    GitHubUnavailable,
    IssueGone,
    IssueLocked,
    IssuesDisabled,
    IssueTransferred,
)
from repo_agent_dagster.reports.publishing import github_texts
from repo_agent_dagster.reports.publishing.documents import Outgoing
from repo_agent_dagster.reports.publishing.outcomes import ChannelClosed, NotNow, Placed, Refused
from repo_agent_dagster.reports.publishing.targets import split_number
from repo_agent_dagster.store.report_publications import Publication
from repo_agent_dagster.store.report_targets import Document

if TYPE_CHECKING:
    from repo_agent_dagster.github.issue_records import Comment, Tracker
    from repo_agent_dagster.github.issues import GitHubIssues

SETTLING_TIME = timedelta(minutes=2)
"""After a request that may have been carried out without our knowing, nothing is tried again before this has passed.

Lists that GitHub answers with may be some seconds old; what was created must be in them before it is looked for.
"""

OUR_LABEL = "delivery-report"
"""Every issue of ours has it; issues are found again by listing it."""

_COLOR, _DESCRIPTION = "1d76db", "What an order brought, kept up to date by repo-agent"


@dataclass
class OnGitHub:
    """GitHub for one round of publishing: what was asked once is not asked again."""

    github: "GitHubIssues"
    key: bytes
    _trackers: dict[str, "Tracker"] = field(default_factory=dict)
    _ours: dict[str, dict[str, int]] = field(default_factory=dict)
    _labelled: set[str] = field(default_factory=set)

    def publish(
        self, address: str, outgoing: Outgoing, known: Publication | None, *, begin: Callable[[], None]
    ) -> Placed:
        """Bring a document to ``owner/name`` or ``owner/name#12``; `begin` is called before something is created.

        Raises:
            Refused: this version will not be taken: gone, moved, locked, switched off.
            NotNow: it may be taken later.
            ChannelClosed: GitHub takes nothing now.
        """
        repository, number = split_number(address)
        try:
            repository = self._tracker(repository).repository
            if number is not None:
                return self._comment(repository, number, outgoing, known, begin)
            if known is not None and known.remote_id:
                return self._edit_issue(repository, int(known.remote_id), outgoing)
            return self._open_issue(repository, outgoing, begin)
        except (IssueGone, IssueLocked, IssueTransferred, IssuesDisabled) as fault:
            raise Refused(str(fault)) from fault
        except GitHubRefused as fault:
            if fault.status == 401:
                raise ChannelClosed(str(fault)) from fault
            if fault.status == 403:  # it is the token, not the document
                raise NotNow(str(fault)) from fault
            raise Refused(str(fault)) from fault
        except GitHubUnavailable as fault:
            if fault.retry_at is not None:
                raise ChannelClosed(str(fault), fault.retry_at) from fault
            raise NotNow(str(fault), may_be_done=True) from fault

    @cached_property
    def _account(self) -> str:
        return self.github.account().lower()

    def _tracker(self, repository: str) -> "Tracker":
        if repository not in self._trackers:
            try:
                self._trackers[repository] = self.github.tracker(repository)
            except GitHubRefused as fault:
                if fault.status in (404, 451):
                    raise NotNow(str(fault)) from fault  # it may come to be, or the token may be let in
                raise
        return self._trackers[repository]

    def _comment(
        self, repository: str, number: int, outgoing: Outgoing, known: Publication | None, begin: Callable[[], None]
    ) -> Placed:
        body = github_texts.body_of(outgoing, self.key)
        if known is not None and known.remote_id and self._edited(repository, number, int(known.remote_id), body):
            return Placed(known.place or f"{repository}#{number}", known.remote_id)
        issue = self.github.get_issue(repository, number)  # a fault, if it is gone or was moved
        found = self._own_comment(repository, number, outgoing.document)
        if found is not None and self._edited(repository, number, found.id, body):
            return Placed(found.url, str(found.id))
        if issue.is_locked:
            raise IssueLocked(f"{issue.url} is locked: unlock it, and the next version is told there")
        begin()
        comment = self.github.comment(repository, number, body)
        return Placed(comment.url, str(comment.id))

    def _edited(self, repository: str, number: int, comment_id: int, body: str) -> bool:
        try:
            self.github.edit_comment(repository, number, comment_id, body)
        except IssueGone:  # the comment, or the issue with it
            return False
        return True

    def _own_comment(self, repository: str, number: int, document: Document) -> "Comment | None":
        digest = github_texts.digest_of(document)
        for comment in self.github.comments(repository, number):
            is_ours = comment.author.lower() == self._account
            if is_ours and github_texts.marked_digest(comment.body, self.key) == digest:
                return comment
        return None

    def _edit_issue(self, repository: str, number: int, outgoing: Outgoing) -> Placed:
        issue = self.github.get_issue(repository, number)  # a fault, if it is gone or was moved
        self.github.edit_issue(
            repository,
            number,
            title=github_texts.title_of(outgoing),
            body=github_texts.body_of(outgoing, self.key),
        )
        return Placed(issue.url, str(number))

    def _open_issue(self, repository: str, outgoing: Outgoing, begin: Callable[[], None]) -> Placed:
        if not self._tracker(repository).takes_issues:
            raise Refused(f"{repository} takes no issues: they are switched off, or it is archived")
        digest = github_texts.digest_of(outgoing.document)
        found = self._own_issues(repository).get(digest)
        if found is not None:
            return self._edit_issue(repository, found, outgoing)
        self._ensure_label(repository)
        begin()
        issue = self.github.create_issue(
            repository, github_texts.title_of(outgoing), github_texts.body_of(outgoing, self.key), [OUR_LABEL]
        )
        self._ours[repository][digest] = issue.number
        note = None
        if OUR_LABEL not in issue.labels:
            note = (
                f"{repository} took an issue without its label, by which it is found again: give the token's account "
                "the role Triage or Write there"
            )
        return Placed(issue.url, str(issue.number), note)

    def _own_issues(self, repository: str) -> dict[str, int]:
        """Return our issues there by the document that they are on; of two on one document, the first."""
        if repository not in self._ours:
            ours: dict[str, int] = {}
            for issue in reversed(self.github.list_issues(repository, label=OUR_LABEL, state="all")):
                digest = github_texts.marked_digest(issue.body, self.key)
                if digest is not None and issue.author.lower() == self._account:
                    ours.setdefault(digest, issue.number)
            self._ours[repository] = ours
        return self._ours[repository]

    def _ensure_label(self, repository: str) -> None:
        if repository not in self._labelled:
            self.github.create_label(repository, OUR_LABEL, color=_COLOR, description=_DESCRIPTION)
            self._labelled.add(repository)
