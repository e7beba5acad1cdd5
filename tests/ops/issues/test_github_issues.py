"""Issues through PyGithub: what a refusal means, and who we are."""

from collections.abc import Iterator

import pytest

from repo_agent_dagster.github.faults import (
    GitHubRefused,
    GitHubUnavailable,
    IssueGone,
    IssueLocked,
    IssuesDisabled,
    IssueTransferred,
)
from repo_agent_dagster.github.issues import GitHubIssues
from tests.loopback.github_faults import bad_gateway, not_allowed
from tests.loopback.issues import FakeGitHub, FakeIssue, FakeRepository
from tests.loopback.server import said
from tests.ops.issues.conftest import client


@pytest.fixture
def issues(github: FakeGitHub, shop: FakeRepository) -> Iterator[GitHubIssues]:
    shop.issues[1] = FakeIssue(1, "a title", "a body")
    speaks = client(github)
    yield speaks
    speaks.close()


def test_pages_are_read_to_the_end_and_pull_requests_are_none(
    issues: GitHubIssues, github: FakeGitHub, shop: FakeRepository
) -> None:
    for number in range(2, 252):
        shop.issues[number] = FakeIssue(number, f"t{number}", "", labels=["ops-scan"])

    found = issues.list_issues("acme/shop", label="ops-scan", state="all")

    assert [issue.number for issue in found] == list(range(251, 1, -1))
    assert github.server.times("GET /repos/acme/shop/issues$") == 3
    assert github.server.times("GET /repos/acme/shop/issues/") == 0


@pytest.mark.parametrize(
    ("status", "message", "fault"),
    [
        (404, "Not Found", IssueGone),
        (410, "This issue was deleted", IssueGone),
        (410, "Issues has been disabled in this repository.", IssuesDisabled),
        (403, "Repository was archived so is read-only.", IssuesDisabled),
        (403, "Unable to create comment because issue is locked.", IssueLocked),
        (423, "Locked", IssueLocked),
        (502, "Bad Gateway", GitHubUnavailable),
    ],
)
def test_refusals_are_told_apart(
    issues: GitHubIssues, github: FakeGitHub, status: int, message: str, fault: type[Exception]
) -> None:
    github.server.goes_wrong("POST .*comments", said({"message": message}, status))

    with pytest.raises(fault, match="commenting on issue 1 of acme/shop"):
        issues.comment("acme/shop", 1, "hello")

    assert github.server.times("POST .*comments") == 1


@pytest.mark.parametrize("message", ["Resource not accessible by personal access token", "Forbidden"])
def test_a_lack_of_permission_is_none_of_these(issues: GitHubIssues, github: FakeGitHub, message: str) -> None:
    github.server.goes_wrong("POST .*comments", said({"message": message}, 403))

    with pytest.raises(GitHubRefused, match="the token lacks the permission") as refused:
        issues.comment("acme/shop", 1, "hello")

    assert type(refused.value) is GitHubRefused


def test_a_moved_issue_tells_where_it_is(issues: GitHubIssues, github: FakeGitHub, shop: FakeRepository) -> None:
    github.repository("acme/archive").issues[9] = FakeIssue(9, "a title", "")
    shop.moved[1] = "acme/archive/issues/9"

    with pytest.raises(IssueTransferred) as moved:
        issues.get_issue("acme/shop", 1)

    assert moved.value.url == "https://github.test/acme/archive/issues/9"


def test_a_gateway_that_fails_opens_nothing_a_second_time(issues: GitHubIssues, github: FakeGitHub) -> None:
    github.server.goes_wrong("POST .*/issues$", bad_gateway())

    with pytest.raises(GitHubUnavailable):
        issues.create_issue("acme/shop", "t", "b")

    assert github.server.times("POST .*/issues$") == 1


def test_a_label_that_is_there_already_is_left_alone(issues: GitHubIssues, shop: FakeRepository) -> None:
    for _ in range(2):
        issues.create_label("acme/shop", "ops-scan", color="5319e7", description="")

    assert shop.labels == {"ops-scan"}


def test_an_apps_token_is_known_by_graphql(issues: GitHubIssues, github: FakeGitHub) -> None:
    github.server.goes_wrong("GET /user", not_allowed())
    github.server.on("POST", "/graphql", lambda _: said({"data": {"viewer": {"login": "our-app[bot]"}}}))

    assert issues.account() == "our-app[bot]"
