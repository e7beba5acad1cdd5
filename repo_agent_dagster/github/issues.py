"""Issues and pull requests of GitHub's repositories: one method for each thing that is done with them."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Literal

from repo_agent_dagster.github.client import GitHub, asked
from repo_agent_dagster.github.faults import (
    GitHubRefused,
    IssueGone,
    IssueLocked,
    IssuesDisabled,
    IssueTransferred,
)
from repo_agent_dagster.github.issue_records import (
    Comment,
    Issue,
    IssueState,
    PullRequest,
    StateReason,
    Tracker,
)

if TYPE_CHECKING:
    from github import Github
    from github.Issue import Issue as FoundIssue
    from github.IssueComment import IssueComment as FoundComment
    from github.Repository import Repository

MAX_TITLE_CHARACTERS = 256
MAX_BODY_CHARACTERS = 65_536
"""GitHub's own limits of an issue's title, and of the body of an issue or a comment."""

_LISTED_AT_MOST = 20_000
_PULL = "/pull/"
_REPOSITORY = re.compile(r"/repos/([^/]+/[^/]+)/issues/\d+$")
_LOCKED = re.compile(r"\block(?:ed)?\b", re.IGNORECASE)
_DISABLED = re.compile(r"\b(?:disabled|archived|read-only)\b", re.IGNORECASE)


class GitHubIssues(GitHub):
    """What is read and written of issues and pull requests. Repositories are named ``owner/name``.

    Every method raises GitHubRefused (IssueGone, IssueLocked, IssueTransferred and IssuesDisabled tell what is the
    matter with an issue) and GitHubUnavailable. What creates something is never tried twice by itself.
    """

    def account(self) -> str:
        """Return the login that the token writes as: only what it wrote is ours.

        Tokens of GitHub Apps and of workflows may not ask the REST API who they are, but GraphQL answers them.
        """
        try:
            return super().account()
        except GitHubRefused as refused:
            if refused.status != 403:
                raise
        with asked("asking whose token it is"):
            _, answer = self._client.requester.graphql_query("query { viewer { login } }", {})
            return str(answer["data"]["viewer"]["login"])

    def close(self) -> None:
        """Close the connections."""
        self._lazy.close()
        super().close()

    def tracker(self, repository: str) -> Tracker:
        """Return what the repository is called now, and whether it takes issues."""
        with asked(f"looking for the repository {repository}"):
            found = self._client.get_repo(repository)
            return Tracker(found.full_name, bool(found.has_issues) and not found.archived)

    def list_issues(
        self,
        repository: str,
        *,
        label: str | None = None,
        state: Literal["open", "closed", "all"] = "open",
        limit: int = _LISTED_AT_MOST,
    ) -> list[Issue]:
        """Return the issues, newest first, without pull requests. The list is current, other than GitHub's search."""
        with _of_issue(f"listing the issues of {repository}"):
            labels = [label] if label is not None else []
            listed = self._repository(repository).get_issues(state=state, labels=labels)
            # The list holds pull requests as well. Asking for `pull_request`, which issues have not, would fetch each.
            ours = (found for found in listed if _PULL not in found.html_url)
            return [_issue(found) for found in islice(ours, limit)]

    def list_pull_requests(
        self, repository: str, *, state: Literal["open", "closed", "all"] = "open", limit: int = 100
    ) -> list[PullRequest]:
        """Return the pull requests, newest first."""
        with asked(f"listing the pull requests of {repository}"):
            listed = self._repository(repository).get_pulls(state=state)
            return [
                PullRequest(
                    found.number,
                    found.title,
                    _login(found.user),
                    found.html_url,
                    found.state,
                    bool(found.draft),
                    found.head.ref,
                    found.base.ref,
                    found.created_at,
                )
                for found in islice(listed, limit)
            ]

    def get_issue(self, repository: str, number: int) -> Issue:
        """Return an issue; one that is now in another repository is a fault."""
        what = f"looking for issue {number} of {repository}"
        with _of_issue(what):
            found = self._repository(repository).get_issue(number).complete()
            place = _REPOSITORY.search(found.url)
            if place is not None and place[1].lower() != repository.lower():
                raise IssueTransferred(f"{what}: it was moved to {found.html_url}", found.html_url)
            return _issue(found)

    def create_issue(self, repository: str, title: str, body: str, labels: Sequence[str] = ()) -> Issue:
        """Open an issue. After GitHubUnavailable it may have been opened all the same: look before trying again."""
        with _of_issue(f"opening an issue in {repository}"):
            return _issue(self._repository(repository).create_issue(title, body=body, labels=list(labels)))

    def edit_issue(self, repository: str, number: int, *, title: str, body: str) -> None:
        """Replace an issue's title and body; its state and labels stay."""
        with _of_issue(f"editing issue {number} of {repository}"):
            self._repository(repository).get_issue(number).edit(title=title, body=body)

    def comments(self, repository: str, number: int) -> list[Comment]:
        """Return all comments on an issue, oldest first."""
        with _of_issue(f"reading the comments on issue {number} of {repository}"):
            listed = self._repository(repository).get_issue(number).get_comments()
            return [_comment(found) for found in islice(listed, _LISTED_AT_MOST)]

    def comment(self, repository: str, number: int, body: str) -> Comment:
        """Comment on an issue."""
        with _of_issue(f"commenting on issue {number} of {repository}"):
            return _comment(self._repository(repository).get_issue(number).create_comment(body))

    def edit_comment(self, repository: str, number: int, comment_id: int, body: str) -> None:
        """Replace a comment's text."""
        with _of_issue(f"editing comment {comment_id} on issue {number} of {repository}"):
            self._repository(repository).get_issue(number).get_comment(comment_id).edit(body)

    def update_state(self, repository: str, number: int, state: IssueState, reason: StateReason | None = None) -> None:
        """Close or reopen an issue; one that is in that state already stays so."""
        with _of_issue(f"setting issue {number} of {repository} to {state}"):
            found = self._repository(repository).get_issue(number)
            if reason is None:
                found.edit(state=state)
            else:
                found.edit(state=state, state_reason=reason)

    def assign(self, repository: str, number: int, login: str) -> bool:
        """Assign an issue to somebody; return False when GitHub does not let it be theirs."""
        with _of_issue(f"assigning issue {number} of {repository} to {login}"):
            found = self._repository(repository).get_issue(number)
            found.add_to_assignees(login)
            return login.lower() in (_login(assignee).lower() for assignee in found.assignees)

    def add_labels(self, repository: str, number: int, labels: Sequence[str]) -> None:
        """Add labels to an issue; those that it has already stay."""
        with _of_issue(f"labelling issue {number} of {repository}"):
            self._repository(repository).get_issue(number).add_to_labels(*labels)

    def labels(self, repository: str) -> list[str]:
        """Return the names of the labels that the repository has."""
        with asked(f"listing the labels of {repository}"):
            return [label.name for label in islice(self._repository(repository).get_labels(), _LISTED_AT_MOST)]

    def create_label(self, repository: str, name: str, *, color: str, description: str) -> None:
        """Create a label, or leave the one of that name as it is; `color` is six hex digits."""
        try:
            with asked(f"creating the label {name} in {repository}"):
                self._repository(repository).create_label(name, color, description)
        except GitHubRefused as refused:
            if refused.status != 422:  # there is one
                raise

    @cached_property
    def _lazy(self) -> "Github":
        # It asks for an object only when a part of it is needed that is not known, which spares half the requests.
        return self._client.withLazy(True)

    def _repository(self, name: str) -> "Repository":
        return self._lazy.get_repo(name)


@contextmanager
def _of_issue(what: str) -> Iterator[None]:
    """Tell apart what a refusal means for an issue."""
    try:
        with asked(what):
            yield
    except IssueTransferred:
        raise
    except GitHubRefused as refused:
        said = str(refused)
        if refused.status in (403, 410) and _DISABLED.search(said):
            raise IssuesDisabled(said, refused.status) from refused
        if refused.status in (403, 423) and _LOCKED.search(said):
            raise IssueLocked(said, refused.status) from refused
        if refused.status in (404, 410):
            raise IssueGone(said, refused.status) from refused
        raise


def _issue(found: "FoundIssue") -> Issue:
    return Issue(
        number=found.number,
        title=found.title,
        body=found.body or "",
        author=_login(found.user),
        url=found.html_url,
        state=found.state,
        state_reason=found.state_reason,
        is_locked=bool(found.locked),
        labels=tuple(label.name for label in found.labels),
        assignees=tuple(_login(assignee) for assignee in found.assignees),
        created_at=found.created_at,
        closed_at=found.closed_at,
    )


def _comment(found: "FoundComment") -> Comment:
    return Comment(found.id, found.body or "", _login(found.user), found.html_url)


def _login(user: object) -> str:
    """Return an account's login; the account of a deleted user is null."""
    login = getattr(user, "login", None)
    return login if isinstance(login, str) else ""
