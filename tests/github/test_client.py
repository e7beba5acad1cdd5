"""PyGithub with our manners: what is asked again, what is waited for, and what becomes of errors."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from repo_agent_dagster.github.actions import GitHubActions
from repo_agent_dagster.github.client import GitHub, asked
from repo_agent_dagster.github.faults import GitHubRefused, GitHubUnavailable
from repo_agent_dagster.github.records import WorkflowRun
from tests.loopback import github_faults
from tests.loopback.actions import NOON
from tests.loopback.server import Answer, Loopback, said, serving

TOKEN = "made-up-" + "token-of-a-client"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving() as loopback:
        loopback.on("GET", "/user", lambda _asked: said({"login": "ops-bot", "url": f"{loopback.url}/user"}))
        loopback.on("POST", "/repos/acme/shop/issues", lambda _asked: said({"number": 1}, 201))
        yield loopback


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is waited, noted instead of waited."""
    noted: list[float] = []
    monkeypatch.setattr(time, "sleep", noted.append)
    return noted


def client(server: Loopback, *, is_paced: bool = False) -> GitHub:
    return GitHub(TOKEN, base_url=server.url, attempts=3, longest_wait=timedelta(minutes=2), is_paced=is_paced)


def post(github: GitHub) -> None:
    with asked("opening an issue"):
        github._client.requester.requestJsonAndCheck("POST", "/repos/acme/shop/issues", input={"title": "t"})


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (github_faults.bad_gateway, (0.5, 1)),
        (lambda: github_faults.primary_limit(60), (55, 61.5)),
        (lambda: github_faults.secondary_limit("45"), (45, 45)),
        (github_faults.secondary_limit, (60, 60)),
        (lambda: github_faults.too_many("45"), (45, 45)),
        (lambda: Answer(429), (60, 60)),
        (lambda: Answer(200, b'{"login": "ops-bot"}', cut=4), (0.5, 1)),
    ],
    ids=["502", "limit", "secondary limit", "secondary limit in words", "429", "429 without a word", "cut off"],
)
def test_reading_is_repeated_after_a_wait(
    server: Loopback, waits: list[float], fault: Callable[[], Answer], seconds: tuple[float, float]
) -> None:
    server.goes_wrong("/user", fault())
    assert client(server).account() == "ops-bot"
    assert len(server.asked) == 2
    assert seconds[0] <= max(waits) <= seconds[1]


@pytest.mark.parametrize("fault", [github_faults.primary_limit, github_faults.secondary_limit, github_faults.too_many])
def test_writing_that_was_refused_for_a_limit_is_repeated(
    server: Loopback, waits: list[float], fault: Callable[..., Answer]
) -> None:
    server.goes_wrong("/issues", fault("60") if fault is not github_faults.primary_limit else fault(60))
    post(client(server))
    assert server.times("POST") == 2
    assert 55 <= max(waits) <= 62


@pytest.mark.parametrize("fault", [github_faults.bad_gateway(), Answer(500), Answer(201, b'{"number": 1}', cut=3)])
def test_writing_that_may_have_been_done_is_not_repeated(server: Loopback, fault: Answer) -> None:
    server.goes_wrong("/issues", fault)
    with pytest.raises(GitHubUnavailable, match="opening an issue"):
        post(client(server))
    assert server.times("POST") == 1


@pytest.mark.parametrize("fault", [github_faults.primary_limit(3600), github_faults.secondary_limit("3600")])
def test_a_limit_beyond_our_patience_tells_when_to_come_again(
    server: Loopback, waits: list[float], fault: Answer
) -> None:
    server.goes_wrong("/user", fault)
    with pytest.raises(GitHubUnavailable, match="answers again at") as told:
        client(server).account()
    assert told.value.retry_at is not None
    assert not waits


@pytest.mark.parametrize(
    ("fault", "status", "advice"),
    [
        (github_faults.bad_credentials(), 401, "give a new one"),
        (github_faults.not_allowed(), 403, "grant it"),
        (github_faults.not_found(), 404, "check the name"),
        (said({"message": "Issues are disabled for this repo"}, 410), 410, "Issues are disabled"),
        (said({"message": "Repository access blocked"}, 451), 451, "legal"),
    ],
)
def test_a_refusal_bears_its_status_and_says_what_to_do(
    server: Loopback, fault: Answer, status: int, advice: str
) -> None:
    server.goes_wrong("/user", fault)
    with pytest.raises(GitHubRefused, match=advice) as told:
        client(server).account()
    assert told.value.status == status
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        said({"login": 7}),
        Answer(200, b"<html>Log in</html>", {"Content-Type": "text/html"}),
        Answer(301, headers={"Location": "https://elsewhere.test/user"}),
    ],
    ids=["another type", "a page", "a redirect to another host"],
)
def test_an_answer_that_is_not_githubs_is_a_refusal(server: Loopback, answer: Answer) -> None:
    server.goes_wrong("/user", answer)
    with pytest.raises(GitHubRefused, match="/api/v3"):
        client(server).account()


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b'{"jobs": 7}', b'{"jobs": [{"id": "x"}]}', b"null"])
def test_a_listing_that_is_not_githubs_is_a_refusal(server: Loopback, body: bytes) -> None:
    github = GitHubActions(TOKEN, base_url=server.url, is_paced=False)
    server.on("GET", "/.*", lambda _asked: Answer(200, body, {"Content-Type": "application/json"}))
    run = WorkflowRun(1, "a/b", "CI", 1, "completed", None, "push", None, None, False, "", NOON, NOON)
    with pytest.raises(GitHubRefused, match="/api/v3"):
        github.jobs(run)


def test_no_connection_is_told_without_addresses_of_objects(waits: list[float]) -> None:
    with pytest.raises(GitHubUnavailable, match="does not answer") as told:
        client(Loopback(port=9)).account()
    assert "0x" not in str(told.value)
    assert len(waits) == 2


def test_the_token_is_never_told(server: Loopback) -> None:
    server.goes_wrong("/user", said({"message": f"no user of ghp_{'a1' * 18}"}, 401))
    with pytest.raises(GitHubRefused) as told:
        client(server).account()
    assert "a1a1" not in str(told.value)
