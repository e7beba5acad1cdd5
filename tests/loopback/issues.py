"""GitHub's issues on loopback: repositories whose issues, comments and labels are kept as GitHub keeps them."""

import os
import signal
from dataclasses import dataclass, field
from typing import Any

from tests.loopback.server import Answer, Asked, Loopback, said

WHEN = "2026-03-04T09:30:00Z"
OURS = "repo-agent"


@dataclass
class FakeIssue:
    """`reason` is GitHub's state_reason; `is_locked` keeps our account from commenting."""

    number: int
    title: str
    body: str
    author: str = OURS
    state: str = "open"
    reason: str | None = None
    closed_at: str | None = None
    is_locked: bool = False
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)


@dataclass
class FakeComment:
    id: int
    number: int
    body: str
    author: str = OURS


@dataclass
class FakeRepository:
    """`has_issues` switches them off; `deleted` numbers are gone, `moved` ones are elsewhere."""

    name: str
    has_issues: bool = True
    drops_labels: bool = False
    issues: dict[int, FakeIssue] = field(default_factory=dict)
    comments: list[FakeComment] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    moved: dict[int, str] = field(default_factory=dict)

    def add_issue(self, number: int, author: str = "alice") -> FakeIssue:
        """An issue, or a pull request, that somebody opened."""
        return self.issues.setdefault(number, FakeIssue(number, "An issue", "Please look.", author))

    def comments_on(self, number: int) -> list[str]:
        return [comment.body for comment in self.comments if comment.number == number]

    def close(self, number: int, reason: str = "completed", at: str = WHEN) -> None:
        """As a person does it on GitHub's pages."""
        issue = self.issues[number]
        issue.state, issue.reason, issue.closed_at = "closed", reason, at

    def delete(self, number: int) -> None:
        del self.issues[number]
        self.deleted.add(number)


@dataclass
class FakeGitHub:
    """The issue half of GitHub's REST API, with `login` as the account of every token.

    `dies_with` is the process that is killed when the request with that number, of those that write, has been carried
    out and is not yet answered. `loses` are numbers of such requests whose answer gets lost on its way.
    """

    server: Loopback
    login: str = OURS
    repositories: dict[str, FakeRepository] = field(default_factory=dict)
    writes: int = 0
    dies_at: int | None = None
    dies_with: int | None = None
    loses: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        on, repo = self.server.on, r"/repos/([^/]+/[^/]+)"
        on("GET", "/user", lambda _: said({"login": self.login}))
        on("GET", repo, self._repository)
        on("GET", f"{repo}/issues", self._list)
        on("POST", f"{repo}/issues", self._create)
        on("GET", rf"{repo}/issues/(\d+)", self._get)
        on("PATCH", rf"{repo}/issues/(\d+)", self._edit)
        on("GET", rf"{repo}/issues/(\d+)/comments", self._comments)
        on("POST", rf"{repo}/issues/(\d+)/comments", self._comment)
        on("PATCH", rf"{repo}/issues/comments/(\d+)", self._edit_comment)
        on("POST", rf"{repo}/issues/(\d+)/labels", self._label)
        on("POST", rf"{repo}/issues/(\d+)/assignees", self._assign)
        on("GET", f"{repo}/labels", self._labels)
        on("POST", f"{repo}/labels", self._create_label)
        on("GET", f"{repo}/pulls", self._pulls)

    def repository(self, name: str = "acme/shop") -> FakeRepository:
        return self.repositories.setdefault(name, FakeRepository(name))

    @property
    def opened(self) -> int:
        """How many issues there are in all repositories, deleted ones included."""
        return sum(len(repo.issues) + len(repo.deleted) for repo in self.repositories.values())

    def _done(self, answer: Answer) -> Answer:
        self.writes += 1
        if self.writes == self.dies_at and self.dies_with is not None:
            os.kill(self.dies_with, signal.SIGKILL)
        return Answer(502, b"Bad Gateway") if self.writes in self.loses else answer

    def _repository(self, _: Asked, name: str) -> Answer:
        repo = self.repositories.get(name)
        if repo is None:
            return _not_found()
        return said(
            {
                "full_name": name,
                "has_issues": repo.has_issues,
                "archived": False,
                "url": f"{self.server.url}/repos/{name}",
            }
        )

    def _list(self, asked: Asked, name: str) -> Answer:
        repo = self.repositories.get(name)
        if repo is None:
            return _not_found()
        state, wanted = asked.query.get("state", "open"), asked.query.get("labels")
        found = [
            issue
            for issue in sorted(repo.issues.values(), key=lambda issue: -issue.number)
            if state in ("all", issue.state) and (wanted is None or wanted in issue.labels)
        ]
        return self.server.paged(asked, [self._issue(repo, issue) for issue in found])

    def _create(self, asked: Asked, name: str) -> Answer:
        repo = self.repositories[name]
        if not repo.has_issues:
            return said({"message": "Issues has been disabled in this repository."}, 410)
        said_ = asked.json
        if len(said_["title"]) > 256 or len(said_["body"]) > 65_536:
            return said({"message": "Validation Failed"}, 422)
        number = max([0, *repo.issues, *repo.deleted, *repo.moved]) + 1
        # GitHub passes over labels, without a word, where the account may open issues and no more.
        labels = [] if repo.drops_labels else list(said_.get("labels", []))
        issue = FakeIssue(number, said_["title"], said_["body"], self.login, labels=labels)
        repo.issues[number] = issue
        return self._done(said(self._issue(repo, issue), 201))

    def _get(self, _: Asked, name: str, number: str) -> Answer:
        repo = self.repositories[name]
        return self._missing(repo, int(number)) or said(self._issue(repo, repo.issues[int(number)]))

    def _missing(self, repo: FakeRepository, number: int) -> Answer | None:
        if number in repo.deleted:
            return said({"message": "This issue was deleted"}, 410)
        if number in repo.moved:
            return said({"message": "Moved Permanently"}, 301, Location=f"{self.server.url}/repos/{repo.moved[number]}")
        return None if number in repo.issues else _not_found()

    def _edit(self, asked: Asked, name: str, number: str) -> Answer:
        repo = self.repositories[name]
        if missing := self._missing(repo, int(number)):
            return missing
        issue, change = repo.issues[int(number)], asked.json
        issue.title, issue.body = change.get("title", issue.title), change.get("body", issue.body)
        if "state" in change:
            issue.state = change["state"]
            issue.reason = change.get("state_reason")
            issue.closed_at = WHEN if issue.state == "closed" else None
        return self._done(said(self._issue(repo, issue)))

    def _comments(self, asked: Asked, name: str, number: str) -> Answer:
        repo = self.repositories[name]
        if missing := self._missing(repo, int(number)):
            return missing
        ours = [self._comment_json(repo, comment) for comment in repo.comments if comment.number == int(number)]
        return self.server.paged(asked, ours)

    def _comment(self, asked: Asked, name: str, number: str) -> Answer:
        repo = self.repositories[name]
        if missing := self._missing(repo, int(number)):
            return missing
        if repo.issues[int(number)].is_locked:
            return said({"message": "Unable to create comment because issue is locked."}, 403)
        comment = FakeComment(1000 + len(repo.comments), int(number), asked.json["body"], self.login)
        repo.comments.append(comment)
        return self._done(said(self._comment_json(repo, comment), 201))

    def _edit_comment(self, asked: Asked, name: str, comment_id: str) -> Answer:
        repo = self.repositories[name]
        for comment in repo.comments:
            if comment.id == int(comment_id):
                comment.body = asked.json["body"]
                return self._done(said(self._comment_json(repo, comment)))
        return _not_found()

    def _label(self, asked: Asked, name: str, number: str) -> Answer:
        issue = self.repositories[name].issues[int(number)]
        wanted = asked.json if isinstance(asked.json, list) else asked.json["labels"]
        issue.labels += [label for label in wanted if label not in issue.labels]
        return self._done(said([{"name": label} for label in issue.labels]))

    def _assign(self, asked: Asked, name: str, number: str) -> Answer:
        repo = self.repositories[name]
        issue = repo.issues[int(number)]
        # GitHub passes over who has no access to the repository, without a word.
        issue.assignees += [login for login in asked.json["assignees"] if login != "stranger"]
        return self._done(said(self._issue(repo, issue), 201))

    def _labels(self, asked: Asked, name: str) -> Answer:
        return self.server.paged(asked, [{"name": label} for label in sorted(self.repositories[name].labels)])

    def _create_label(self, asked: Asked, name: str) -> Answer:
        labels, label = self.repositories[name].labels, asked.json["name"]
        if label in labels:
            return said({"message": "Validation Failed", "errors": [{"code": "already_exists"}]}, 422)
        labels.add(label)
        return self._done(said({"name": label}, 201))

    def _pulls(self, asked: Asked, name: str) -> Answer:
        return self.server.paged(asked, self.repositories[name].pulls)

    def _issue(self, repo: FakeRepository, issue: FakeIssue) -> dict[str, Any]:
        return {
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "user": {"login": issue.author},
            "url": f"{self.server.url}/repos/{repo.name}/issues/{issue.number}",
            "html_url": f"https://github.test/{repo.name}/issues/{issue.number}",
            "state": issue.state,
            "state_reason": issue.reason,
            "locked": issue.is_locked,
            "labels": [{"name": label} for label in issue.labels],
            "assignees": [{"login": login} for login in issue.assignees],
            "created_at": WHEN,
            "closed_at": issue.closed_at,
        }

    def _comment_json(self, repo: FakeRepository, comment: FakeComment) -> dict[str, Any]:
        return {
            "id": comment.id,
            "body": comment.body,
            "user": {"login": comment.author},
            "url": f"{self.server.url}/repos/{repo.name}/issues/comments/{comment.id}",
            "html_url": f"https://github.test/{repo.name}/issues/{comment.number}#issuecomment-{comment.id}",
        }


def _not_found() -> Answer:
    return said({"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}, 404)
