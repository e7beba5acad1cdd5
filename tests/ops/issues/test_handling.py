"""What people do with issues: claim, triage, resolve, work on; told on GitHub as well."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.issue_details import IssueDetails, IssueRun
from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.contracts.tasks import ErrorRecreationPayload, Pathway, TaskStatus
from repo_agent_dagster.ops.issues.handling import (
    IssueTask,
    NothingToWorkOn,
    claim,
    resolve,
    server_of,
    summary,
    triage,
    work_on,
)
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.store import ops_issues, task_requests
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_issues import IssueStepRefused, UnknownIssue
from repo_agent_dagster.store.task_requests import TaskRequest
from tests.loopback.issues import FakeRepository
from tests.ops.issues.conftest import DAY, NOW, Publisher, problem, scan, stored, tomorrow

SERVER = "https://github.test"


def test_a_claimed_issue_is_its_holders_and_github_is_told_once(
    publisher: Publisher, shop: FakeRepository, store: Engine
) -> None:
    (seen,) = scan(store, problem("boom"))
    publisher()

    issue = claim(store, seen.issue_id, "@alice", now=NOW)
    again = claim(store, seen.issue_id, "alice", now=NOW + timedelta(hours=1))
    publisher()
    publisher()

    assert (issue.status, issue.assignee, again.assignee) == (IssueStatus.IN_PROGRESS, "alice", "alice")
    assert shop.issues[1].assignees == ["alice"]
    assert [comment.partition("\n")[0] for comment in shop.comments_on(1)] == ["alice works on this."]


def test_a_second_claim_is_refused_by_name(store: Engine) -> None:
    (seen,) = scan(store, problem("boom"))
    claim(store, seen.issue_id, "alice", now=NOW)

    with pytest.raises(IssueStepRefused, match="held by alice"):
        claim(store, seen.issue_id, "bob", now=NOW)

    assert stored(store)[0].assignee == "alice"


def test_of_many_who_claim_at_once_one_has_it(store: Engine) -> None:
    (seen,) = scan(store, problem("boom"))

    def claims(name: str) -> bool:
        try:
            claim(store, seen.issue_id, name, now=NOW)
        except IssueStepRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(claims, ["alice", "bob", "carol", "dave"]))

    assert won.count(True) == 1
    assert stored(store)[0].assignee == ["alice", "bob", "carol", "dave"][won.index(True)]


def test_who_cannot_be_assigned_is_named_in_the_comment(sqlite_publisher: Publisher, shop: FakeRepository) -> None:
    (seen,) = scan(sqlite_publisher.engine, problem("boom"))
    sqlite_publisher()

    claim(sqlite_publisher.engine, seen.issue_id, "stranger", now=NOW)
    done = sqlite_publisher()

    assert (shop.issues[1].assignees, done.problems) == ([], [])
    assert "stranger works on this" in shop.comments_on(1)[0]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_name_that_is_none_is_refused(sqlite_store: Engine, name: str) -> None:
    (seen,) = scan(sqlite_store, problem("boom"))

    with pytest.raises(PermanentFault, match="1 to 200 characters"):
        claim(sqlite_store, seen.issue_id, name, now=NOW)


def test_a_triaged_issue_can_be_claimed_and_a_settled_one_can_not(sqlite_store: Engine) -> None:
    (seen,) = scan(sqlite_store, problem("boom"))

    assert triage(sqlite_store, seen.issue_id, now=NOW).status is IssueStatus.TRIAGED
    claim(sqlite_store, seen.issue_id, "alice", now=NOW)
    resolve(sqlite_store, seen.issue_id, now=NOW)

    with pytest.raises(IssueStepRefused, match="resolved"):
        claim(sqlite_store, seen.issue_id, "bob", now=NOW)
    with pytest.raises(UnknownIssue):
        triage(sqlite_store, "nowhere", now=NOW)


def test_resolving_comments_and_closes_on_github_and_keeps_the_note_without_secrets(
    publisher: Publisher, shop: FakeRepository, store: Engine
) -> None:
    (seen,) = scan(store, problem("boom"))
    publisher()
    token = "ghp_" + "a1B2" * 9

    issue = resolve(store, seen.issue_id, now=NOW, note=f"fixed by #12 with {token}")
    publisher()

    assert issue.details.resolution.startswith("fixed by #12 with [REDACTED:")
    assert (shop.issues[1].state, shop.issues[1].reason) == ("closed", "completed")
    (comment,) = shop.comments_on(1)
    assert "This is resolved." in comment
    assert "fixed by #12" in comment
    assert token not in comment


def test_closing_says_that_nothing_is_to_be_done(sqlite_publisher: Publisher, shop: FakeRepository) -> None:
    (seen,) = scan(sqlite_publisher.engine, problem("boom"))
    sqlite_publisher()

    resolve(sqlite_publisher.engine, seen.issue_id, now=NOW, status=IssueStatus.CLOSED)
    sqlite_publisher()

    assert (shop.issues[1].state, shop.issues[1].reason) == ("closed", "not_planned")


def test_an_issue_that_came_back_is_nobodys(sqlite_store: Engine) -> None:
    boom = problem("boom")
    (seen,) = scan(sqlite_store, boom)
    claim(sqlite_store, seen.issue_id, "alice", now=NOW)
    resolve(sqlite_store, seen.issue_id, now=NOW)

    scan(sqlite_store, tomorrow(boom, 5), day=DAY + timedelta(days=5))

    assert stored(sqlite_store)[0].assignee is None
    assert claim(sqlite_store, seen.issue_id, "bob", now=NOW).assignee == "bob"


def test_the_summary_tells_statuses_kinds_places_and_days(store: Engine) -> None:
    scan(store, problem("a", severity=1), problem("b", severity=4), problem("w", kind="worker", place="edge"))
    later = DAY + timedelta(days=1)
    scan(store, tomorrow(problem("a")), problem("new", later), day=later)
    resolve(store, stored(store)[1].id, now=NOW)

    found = summary(store, now=NOW)

    assert [(one.name, one.issues, one.mean_severity) for one in found.statuses] == [
        ("open", 3, 2.0),
        ("resolved", 1, 4.0),
    ]
    assert [(one.name, one.issues) for one in found.kinds] == [("build", 2), ("worker", 1)]
    assert [(one.name, one.issues) for one in found.places] == [("acme/shop CI/test", 2), ("edge", 1)]
    assert [(one.day, one.seen, one.first_seen, one.occurrences) for one in found.trend] == [
        (DAY, 3, 3, 6),
        (later, 2, 1, 4),
    ]


def work(engine: Engine, issue_id: str, policy: IssuePolicy | None = None, *, order_id: str | None = None) -> IssueTask:
    return work_on(engine, issue_id, policy=policy or IssuePolicy(), server=SERVER, now=NOW, order_id=order_id)


def task(engine: Engine, task_id: str) -> TaskRequest:
    with write_transaction(engine) as connection:
        found = task_requests.get(connection, task_id)
    assert found is not None
    return found


def test_a_task_recreates_the_error_at_the_commit_that_showed_it(store: Engine) -> None:
    details = IssueDetails(
        headline="KeyError: 'x'",
        exception="KeyError",
        reproduce=("git checkout abc1234", "pytest tests/a.py::test_x"),
        runs=(IssueRun(run_id="7", sha="abc1234def"),),
    )
    (seen,) = scan(store, problem("boom", details=details))

    made = work(store, seen.issue_id)

    submitted = task(store, made.task_id)
    payload = submitted.payload_as(ErrorRecreationPayload)
    assert (made.is_new, submitted.pathway, submitted.initial_prompt) == (
        True,
        Pathway.ERROR_RECREATION,
        "Find the cause.",
    )
    assert (payload.repo_url, payload.ref) == ("https://github.test/acme/shop", "abc1234def")
    assert payload.expected_error == "KeyError: 'x'"
    assert "pytest tests/a.py::test_x" in payload.bug_description


def test_a_task_that_is_open_is_returned_and_after_it_a_new_one_is_made(store: Engine) -> None:
    (seen,) = scan(store, problem("boom"))
    first = work(store, seen.issue_id)
    same = work(store, seen.issue_id)
    with write_transaction(store) as connection:
        task_requests.finish(connection, first.task_id, TaskStatus.FAILED, now=NOW, error="no")

    second = work(store, seen.issue_id)

    assert same == replace(first, is_new=False)
    assert (second.is_new, second.task_id != first.task_id) == (True, True)


def test_what_is_resolved_is_put_down_to_the_order_that_worked_on_it(sqlite_store: Engine) -> None:
    (seen,) = scan(sqlite_store, problem("boom"))
    work(sqlite_store, seen.issue_id, order_id="42")
    assert resolve(sqlite_store, seen.issue_id, now=NOW).order_id == "42"
    with write_transaction(sqlite_store) as connection:
        ops_issues.reopen(connection, seen.issue_id, is_regression=False)
        assert ops_issues.get(connection, seen.issue_id).order_id is None
    assert resolve(sqlite_store, seen.issue_id, now=NOW, order_id="43").order_id == "43"


def test_a_worker_needs_a_repository_to_work_on(sqlite_store: Engine) -> None:
    (seen,) = scan(sqlite_store, problem("w", kind="worker", worker="edge", repo=None))

    with pytest.raises(NothingToWorkOn, match="REPO_AGENT_OPS_WORKER_REPOSITORIES"):
        work(sqlite_store, seen.issue_id)

    made = work(sqlite_store, seen.issue_id, IssuePolicy(worker_repositories={"edge": "acme/edge"}))
    assert task(sqlite_store, made.task_id).repo_url == "https://github.test/acme/edge"


def test_pathways_that_need_more_than_an_issue_are_refused(sqlite_store: Engine) -> None:
    (seen,) = scan(sqlite_store, problem("boom"))

    with pytest.raises(NothingToWorkOn, match="goal runs are not built yet"):
        work_on(
            sqlite_store,
            seen.issue_id,
            policy=IssuePolicy(),
            server=SERVER,
            now=NOW,
            pathway=Pathway.SOLUTION_VALIDATION,
        )


@pytest.mark.parametrize(
    ("api", "server"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://git.acme.test/api/v3/", "https://git.acme.test"),
        ("https://api.acme.ghe.test", "https://acme.ghe.test"),
    ],
)
def test_the_pages_of_a_server_are_beside_its_api(api: str, server: str) -> None:
    assert server_of(api) == server
