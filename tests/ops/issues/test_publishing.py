"""Publishing: what GitHub is told of issues, once, through PyGithub against a server that keeps them as GitHub does."""

import re
from datetime import timedelta

from sqlalchemy import Engine

from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from tests.loopback.github_faults import bad_credentials, bad_gateway, not_allowed, primary_limit
from tests.loopback.issues import FakeGitHub, FakeIssue, FakeRepository
from tests.ops.issues.conftest import DAY, Publisher, forget_what_was_opened, problem, rename, scan, stored, tomorrow


def test_a_problem_becomes_one_issue_with_title_labels_and_marker(
    publisher: Publisher, shop: FakeRepository, store: Engine
) -> None:
    scan(store, problem("boom"))

    done = publisher()

    (issue,) = shop.issues.values()
    assert (done.opened, done.problems) == (1, [])
    assert issue.title == "[Ops] acme/shop CI/test: boom"
    assert issue.labels == ["ops-scan", "severity-2", "ops-build"]
    assert set(issue.labels) <= shop.labels
    assert re.search(r"<!-- repo-agent:ops v1 boomx+ \S+ issue [0-9a-f]{64} -->", issue.body)
    (ours,) = stored(store)
    assert (ours.gh_repo, ours.gh_issue_number, ours.gh_state) == ("acme/shop", issue.number, "open")
    assert ours.gh_issue_url == "https://github.test/acme/shop/issues/1"


def test_publishing_and_scanning_again_tells_nothing_twice(
    publisher: Publisher, github: FakeGitHub, store: Engine
) -> None:
    scan(store, problem("boom"))
    publisher()
    writes = github.writes

    scan(store, problem("boom"))
    done = publisher()

    assert (github.opened, github.writes, done.opened) == (1, writes, 0)


def test_an_open_issue_seen_again_has_one_comment_that_is_edited_with_the_tally(
    publisher: Publisher, shop: FakeRepository, store: Engine
) -> None:
    boom = problem("boom")
    scan(store, boom)
    publisher()
    for days in (1, 2):
        scan(store, tomorrow(boom, days), day=DAY + timedelta(days=days))
        publisher()

    (comment,) = shop.comments_on(1)
    assert "Seen again" in comment
    assert "6 occurrences since 2026-03-03" in comment
    assert all(f"| 2026-03-0{day} | 2 |" in comment for day in (3, 4, 5))


def test_several_nights_that_were_not_told_become_one_edit(
    publisher: Publisher, github: FakeGitHub, store: Engine
) -> None:
    boom = problem("boom")
    scan(store, boom)
    publisher()
    writes = github.writes
    for days in (1, 2, 3):
        scan(store, tomorrow(boom, days), day=DAY + timedelta(days=days))

    done = publisher()

    assert (done.updated, github.writes - writes) == (1, 1)


def test_a_problem_below_the_threshold_stays_in_the_store(sqlite_publisher: Publisher, github: FakeGitHub) -> None:
    engine = sqlite_publisher.engine
    scan(engine, problem("mild", severity=4), problem("grave", severity=3))

    sqlite_publisher()

    assert github.opened == 1
    assert len(stored(engine)) == 2


def test_a_problem_that_becomes_graver_is_opened_then(sqlite_publisher: Publisher, github: FakeGitHub) -> None:
    scan(sqlite_publisher.engine, problem("mild", severity=4))
    sqlite_publisher()

    later = DAY + timedelta(days=1)
    scan(sqlite_publisher.engine, problem("mild", later, severity=3), day=later)
    sqlite_publisher()

    assert github.opened == 1


def test_the_gravest_are_opened_first_and_the_others_on_the_next_days(
    sqlite_publisher: Publisher, shop: FakeRepository
) -> None:
    sqlite_publisher.policy = IssuePolicy(opened_per_day=2)
    seen = [problem(f"p{number}", severity=1 + number % 3) for number in range(5)]
    scan(sqlite_publisher.engine, *seen)

    held = [sqlite_publisher().held, sqlite_publisher().held]
    first = [issue.labels[1] for issue in shop.issues.values()]
    sqlite_publisher.now += timedelta(days=1)
    sqlite_publisher()

    assert held == [3, 3]
    assert first == ["severity-1", "severity-1"]
    assert len(shop.issues) == 4


def test_a_resolved_issue_that_recurs_is_reopened_as_a_regression(
    publisher: Publisher, shop: FakeRepository, store: Engine
) -> None:
    boom = problem("boom")
    scan(store, boom)
    publisher()
    shop.close(1)

    followed = publisher()
    (ours,) = stored(store)
    assert (followed.settled_there, ours.status) == (1, IssueStatus.RESOLVED)
    later = DAY + timedelta(days=5)
    scan(store, tomorrow(boom, 5), day=later)
    done = publisher()

    (ours,) = stored(store)
    assert (shop.issues[1].state, shop.issues[1].reason, done.reopened) == ("open", "reopened", 1)
    assert (ours.status, ours.regressions, ours.gh_state) == (IssueStatus.OPEN, 1, "open")
    assert any("a regression (number 1)" in comment for comment in shop.comments_on(1))
    assert len(shop.issues) == 1


def test_what_was_closed_as_not_planned_is_closed_and_not_resolved(
    sqlite_publisher: Publisher, shop: FakeRepository
) -> None:
    scan(sqlite_publisher.engine, problem("boom"))
    sqlite_publisher()
    shop.close(1, "not_planned")

    sqlite_publisher()

    assert stored(sqlite_publisher.engine)[0].status is IssueStatus.CLOSED


def test_an_issue_closed_on_github_and_seen_on_a_later_day_before_we_knew_is_a_regression(
    publisher: Publisher, shop: FakeRepository, store: Engine
) -> None:
    boom = problem("boom")
    scan(store, boom)
    publisher()
    shop.close(1, at="2026-03-04T10:00:00Z")
    scan(store, tomorrow(boom, 2), day=DAY + timedelta(days=2))

    publisher()

    (ours,) = stored(store)
    assert (ours.status, ours.regressions, shop.issues[1].state) == (IssueStatus.OPEN, 1, "open")


def test_an_issue_reopened_by_a_person_is_open_here_as_well(sqlite_publisher: Publisher, shop: FakeRepository) -> None:
    scan(sqlite_publisher.engine, problem("boom"))
    sqlite_publisher()
    shop.close(1)
    sqlite_publisher()
    shop.issues[1].state = "open"

    done = sqlite_publisher()

    (ours,) = stored(sqlite_publisher.engine)
    assert (done.reopened_there, ours.status, ours.regressions) == (1, IssueStatus.OPEN, 0)


def test_a_retry_that_passed_reopens_nothing(sqlite_publisher: Publisher, shop: FakeRepository) -> None:
    engine = sqlite_publisher.engine
    scan(engine, problem("boom"))
    sqlite_publisher()
    shop.close(1)
    sqlite_publisher()

    later = DAY + timedelta(days=5)
    scan(engine, problem("boom", later, flaky=True), day=later)
    sqlite_publisher()

    (ours,) = stored(engine)
    assert (ours.status, ours.regressions, shop.issues[1].state) == (IssueStatus.RESOLVED, 0, "closed")


def test_what_was_opened_and_not_recorded_is_found_by_its_marker(
    publisher: Publisher, shop: FakeRepository, store: Engine
) -> None:
    scan(store, problem("boom"))
    publisher()
    forget_what_was_opened(store)

    done = publisher()

    assert (done.adopted, done.opened, len(shop.issues)) == (1, 0, 1)
    assert stored(store)[0].gh_issue_number == 1


def test_what_a_killed_publisher_opened_is_taken_over_at_once_and_what_is_not_there_waits(
    sqlite_publisher: Publisher, shop: FakeRepository
) -> None:
    scan(sqlite_publisher.engine, problem("opened"), problem("not opened"))
    sqlite_publisher()
    forget_what_was_opened(sqlite_publisher.engine, until=sqlite_publisher.now + timedelta(minutes=30))
    del shop.issues[2]

    done = [sqlite_publisher(), sqlite_publisher(now=sqlite_publisher.now + timedelta(hours=1))]

    assert [(one.adopted, one.opened) for one in done] == [(1, 0), (0, 1)]


def test_a_marker_that_another_account_wrote_or_another_key_signed_is_not_trusted(
    sqlite_publisher: Publisher, shop: FakeRepository
) -> None:
    engine = sqlite_publisher.engine
    scan(engine, problem("boom"))
    sqlite_publisher()
    forged = shop.issues[1].body
    forget_what_was_opened(engine)
    shop.issues[1] = FakeIssue(1, "copied", forged, "mallory", labels=["ops-scan"])
    shop.issues[2] = FakeIssue(2, "forged", re.sub(r"[0-9a-f]{64} -->", "0" * 64 + " -->", forged), labels=["ops-scan"])

    done = sqlite_publisher()

    assert (done.adopted, done.opened, len(shop.issues)) == (0, 1, 3)


def test_of_two_issues_for_one_problem_the_first_stays(sqlite_publisher: Publisher, shop: FakeRepository) -> None:
    engine = sqlite_publisher.engine
    scan(engine, problem("boom"))
    sqlite_publisher()
    shop.issues[2] = FakeIssue(2, "again", shop.issues[1].body, labels=["ops-scan"])
    forget_what_was_opened(engine)

    sqlite_publisher()

    assert stored(engine)[0].gh_issue_number == 1
    assert (shop.issues[1].state, shop.issues[2].state) == ("open", "closed")
    assert "same problem as #1" in shop.comments_on(2)[0]


def test_a_deleted_issue_is_recorded_and_never_opened_again(
    publisher: Publisher, shop: FakeRepository, github: FakeGitHub, store: Engine
) -> None:
    boom = problem("boom")
    scan(store, boom)
    publisher()
    shop.delete(1)
    for days in range(1, 4):
        scan(store, tomorrow(boom, days), day=DAY + timedelta(days=days))
        publisher()

    (ours,) = stored(store)
    assert (ours.gh_state, github.opened, shop.issues) == ("deleted", 1, {})
    assert ours.gh_problem is not None
    assert "deleted" in ours.gh_problem


def test_a_moved_issue_is_recorded_with_its_new_place_and_left_alone(
    sqlite_publisher: Publisher, shop: FakeRepository, github: FakeGitHub
) -> None:
    boom = problem("boom")
    engine = sqlite_publisher.engine
    scan(engine, boom)
    sqlite_publisher()
    elsewhere = github.repository("acme/archive")
    elsewhere.issues[9] = FakeIssue(9, shop.issues[1].title, shop.issues[1].body)
    del shop.issues[1]
    shop.moved[1] = "acme/archive/issues/9"
    for days in (1, 2):
        scan(engine, tomorrow(boom, days), day=DAY + timedelta(days=days))
        sqlite_publisher()

    (ours,) = stored(engine)
    assert (ours.gh_state, shop.issues, elsewhere.comments) == ("transferred", {}, [])
    assert "acme/archive/issues/9" in (ours.gh_problem or "")


def test_a_locked_issue_is_left_alone_until_it_is_unlocked(sqlite_publisher: Publisher, shop: FakeRepository) -> None:
    boom = problem("boom")
    engine = sqlite_publisher.engine
    scan(engine, boom)
    sqlite_publisher()
    shop.issues[1].is_locked = True
    for days in (1, 2):
        scan(engine, tomorrow(boom, days), day=DAY + timedelta(days=days))
        sqlite_publisher()
    locked = stored(engine)[0].gh_state
    asked = sqlite_publisher.github.server.times("POST .*/issues/1/comments")
    shop.issues[1].is_locked = False
    scan(engine, tomorrow(boom, 3), day=DAY + timedelta(days=3))
    sqlite_publisher()

    assert (locked, asked) == ("locked", 1)
    assert stored(engine)[0].gh_state == "open"
    assert len(shop.comments_on(1)) == 1


def test_where_issues_are_switched_off_nothing_is_tried_and_all_waits_until_they_are_on(
    sqlite_publisher: Publisher, shop: FakeRepository
) -> None:
    shop.has_issues = False
    engine = sqlite_publisher.engine
    scan(engine, problem("boom"))
    done = [sqlite_publisher(), sqlite_publisher()]
    state = stored(engine)[0].gh_state
    asked = sqlite_publisher.github.server.times("POST ")

    shop.has_issues = True
    sqlite_publisher()

    assert (state, asked, len(shop.issues)) == ("disabled", 0, 1)
    assert all("takes no issues" in one.problems[0] for one in done)
    assert stored(engine)[0].gh_state == "open"


def test_a_repository_that_is_not_there_stops_no_other(sqlite_publisher: Publisher, github: FakeGitHub) -> None:
    scan(sqlite_publisher.engine, problem("lost", repo="acme/gone"), problem("boom"))

    done = sqlite_publisher()

    assert (done.opened, github.opened) == (1, 1)
    assert "acme/gone" in done.problems[0]


def test_what_is_no_repositorys_name_is_asked_nothing(sqlite_publisher: Publisher, github: FakeGitHub) -> None:
    scan(sqlite_publisher.engine, problem("boom", repo="../../admin"), problem("other", repo="a/b/c"))

    sqlite_publisher()

    assert github.server.asked == []


def test_a_workers_problem_goes_to_the_repository_that_is_named_for_it(
    sqlite_publisher: Publisher, github: FakeGitHub, shop: FakeRepository
) -> None:
    sqlite_publisher.policy = policy = IssuePolicy(worker_repositories={"checkout": "acme/shop"})
    workers = [problem(name, kind="worker", worker=name, repo=None) for name in ("checkout", "edge")]
    scan(sqlite_publisher.engine, *workers, policy=policy)

    sqlite_publisher()

    assert [issue.labels[-1] for issue in shop.issues.values()] == ["ops-worker"]


def test_one_repository_for_all_takes_what_others_would(sqlite_publisher: Publisher, github: FakeGitHub) -> None:
    sqlite_publisher.policy = policy = IssuePolicy(repository="acme/ops")
    ops = github.repository("acme/ops")
    scan(sqlite_publisher.engine, problem("boom"), problem("w", kind="worker", worker="edge", repo=None), policy=policy)

    sqlite_publisher()

    assert (len(ops.issues), github.opened) == (2, 2)


def test_a_wrong_token_is_told_and_everything_waits(sqlite_publisher: Publisher, github: FakeGitHub) -> None:
    scan(sqlite_publisher.engine, problem("boom"))
    github.server.goes_wrong("GET /user", bad_credentials())

    done = [sqlite_publisher(), sqlite_publisher()]

    assert "token" in done[0].problems[0]
    assert (done[0].opened, done[1].opened) == (0, 1)


def test_a_token_that_may_not_write_issues_is_told_and_everything_waits(
    sqlite_publisher: Publisher, github: FakeGitHub
) -> None:
    scan(sqlite_publisher.engine, problem("a"), problem("b"))
    github.server.goes_wrong("POST .*/issues$", not_allowed())

    done = [sqlite_publisher(), sqlite_publisher()]

    assert (len(done[0].problems), done[0].opened, done[0].refused) == (1, 0, 0)
    assert (done[1].opened, github.opened) == (2, 2)


def test_labels_that_are_dropped_are_told(sqlite_publisher: Publisher, shop: FakeRepository) -> None:
    shop.drops_labels = True
    scan(sqlite_publisher.engine, problem("boom"))

    done = [sqlite_publisher(), sqlite_publisher()]

    assert "took an issue without its labels" in done[0].problems[0]
    assert (done[1].problems, len(shop.issues), stored(sqlite_publisher.engine)[0].gh_state) == ([], 1, "open")


def test_an_answer_that_got_lost_opens_nothing_twice(
    sqlite_publisher: Publisher, github: FakeGitHub, shop: FakeRepository
) -> None:
    scan(sqlite_publisher.engine, problem("boom"))
    sqlite_publisher()
    forget_what_was_opened(sqlite_publisher.engine)
    kept = shop.issues.pop(1)  # GitHub's list lags: it does not show what it has opened
    github.server.goes_wrong("POST .*/issues$", bad_gateway())
    lost = sqlite_publisher()
    at_once = sqlite_publisher(now=sqlite_publisher.now + timedelta(seconds=30))
    shop.issues[1] = kept

    done = sqlite_publisher()

    assert (lost.opened, at_once.opened, done.opened, done.adopted) == (0, 0, 0, 1)
    assert len(shop.issues) == 1


def test_a_rate_limit_ends_the_round_and_the_rest_waits(sqlite_publisher: Publisher, github: FakeGitHub) -> None:
    scan(sqlite_publisher.engine, problem("a"), problem("b"), problem("c"))
    github.server.goes_wrong("POST .*/issues$", primary_limit(3600))

    done = sqlite_publisher()

    assert (done.opened, len(done.problems)) == (0, 1)
    assert "rate limit" in done.problems[0]
    assert github.server.times("POST .*/issues$") == 1


def test_an_issue_that_is_quiet_for_some_scans_is_commented_once(
    sqlite_publisher: Publisher, shop: FakeRepository
) -> None:
    sqlite_publisher.policy = policy = IssuePolicy(quiet_after=2)
    quiet_days(sqlite_publisher, policy, 4)

    (comment,) = shop.comments_on(1)
    assert "Not seen in the last 2 scanned days" in comment
    assert shop.issues[1].state == "open"


def test_an_issue_that_is_quiet_is_closed_if_the_policy_says_so_and_reopened_when_it_is_back(
    publisher: Publisher, shop: FakeRepository, store: Engine
) -> None:
    publisher.policy = policy = IssuePolicy(quiet_after=2, close_when_quiet=True)
    quiet_days(publisher, policy, 3)
    closed = (stored(store)[0].status, shop.issues[1].state)

    back = DAY + timedelta(days=4)
    scan(store, problem("boom", back), day=back, policy=policy)
    publisher()

    assert closed == (IssueStatus.CLOSED, "closed")
    assert (stored(store)[0].status, shop.issues[1].state) == (IssueStatus.OPEN, "open")


def test_a_repository_that_was_renamed_keeps_its_issues(
    sqlite_publisher: Publisher, github: FakeGitHub, shop: FakeRepository
) -> None:
    engine = sqlite_publisher.engine
    boom = problem("boom")
    scan(engine, boom)
    sqlite_publisher()
    rename(github, "acme/shop", "acme/store")

    scan(engine, tomorrow(boom), day=DAY + timedelta(days=1))
    done = sqlite_publisher()

    (ours,) = stored(engine)
    assert (ours.gh_repo, ours.gh_state, done.updated, github.opened) == ("acme/store", "open", 1, 1)


def quiet_days(publisher: Publisher, policy: IssuePolicy, days: int) -> None:
    """A problem that is seen once, and the scans of the days after it, which do not see it."""
    scan(publisher.engine, problem("boom"), policy=policy)
    publisher()
    for number in range(1, days + 1):
        scan(publisher.engine, day=DAY + timedelta(days=number), policy=policy)
        publisher()
