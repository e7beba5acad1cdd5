"""Reports on GitHub: one comment or issue for an order, edited when there is a newer version, whatever goes wrong."""

from datetime import timedelta

import pytest

from repo_agent_dagster.reports.publishing.github_texts import mark_of
from repo_agent_dagster.store.report_targets import Document
from tests.loopback.github_faults import bad_credentials, bad_gateway, not_allowed, primary_limit
from tests.loopback.issues import FakeComment, FakeGitHub, FakeRepository
from tests.loopback.server import said
from tests.ops.issues.conftest import rename
from tests.reports.publishing.conftest import KEY, START, Publishing, store_report


def test_a_new_version_edits_the_comment_that_is_there(publishing: Publishing, shop: FakeRepository) -> None:
    store_report(publishing.engine)
    publishing.follow("github:acme/shop#12")

    first = publishing()
    store_report(publishing.engine, version=2)
    second = publishing()

    assert [(one.report_id, one.version) for one in first.done + second.done] == [("order 42", 1), ("order 42", 2)]
    [comment] = shop.comments_on(12)
    assert "This is version 2." in comment
    assert "This is version 1." not in comment


def test_nothing_is_said_again_of_a_version_that_is_there(local: Publishing, github: FakeGitHub) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    local()

    asked = len(github.server.asked)
    again = local()

    assert (again.done, again.waiting) == ([], 0)
    assert len(github.server.asked) == asked


def test_only_the_newest_version_goes_out(local: Publishing, github: FakeGitHub, shop: FakeRepository) -> None:
    local.follow("github:acme/shop#12")
    for version in (1, 2, 3):
        store_report(local.engine, version=version)

    done = local()

    assert [one.version for one in done.done] == [3]
    assert github.writes == 1


def test_an_order_has_an_issue_of_its_own_that_is_edited(publishing: Publishing, shop: FakeRepository) -> None:
    store_report(publishing.engine)
    publishing.follow("github:acme/shop")
    publishing()
    shop.close(13)

    store_report(publishing.engine, version=2)
    publishing()

    assert set(shop.issues) == {12, 13}
    issue = shop.issues[13]
    assert (issue.title, issue.labels) == ("[Delivery] 42: 6 patches, 1 failed", ["delivery-report"])
    assert "This is version 2." in issue.body
    assert issue.state == "closed"  # whoever closed it has read it


def test_a_comment_whose_id_was_lost_is_known_by_its_mark(local: Publishing, shop: FakeRepository) -> None:
    store_report(local.engine)
    mark = mark_of(Document("order", "42"), KEY)
    shop.comments += [
        FakeComment(1, 12, f"a copy by somebody else {mark}", author="mallory"),
        FakeComment(2, 12, f"of another order {mark_of(Document('order', '43'), KEY)}"),
        FakeComment(3, 12, f"ours {mark}"),
    ]
    local.follow("github:acme/shop#12")

    local()

    assert len(shop.comments) == 3
    assert "This is version 1." in shop.comments[2].body


def test_an_answer_that_got_lost_makes_no_second_comment(local: Publishing, github: FakeGitHub) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    github.loses = {1}

    lost = local()
    soon = local(now=local.now + timedelta(seconds=30))
    later = local()

    assert (lost.done, lost.waiting) == ([], 1)
    assert soon.done == []  # what GitHub lists may not show it yet
    assert [one.version for one in later.done] == [1]
    assert len(github.repository().comments) == 1


def test_an_answer_that_got_lost_opens_no_second_issue(local: Publishing, github: FakeGitHub) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop")
    github.loses = {2}  # the label is created first

    local()
    later = local()

    assert [one.version for one in later.done] == [1]
    assert set(github.repository().issues) == {12, 13}


def test_who_asks_before_github_shows_what_got_lost_is_told_to_wait(local: Publishing, github: FakeGitHub) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    github.loses = {1}
    local()

    github.server.goes_wrong("GET .*/comments", said([]))
    too_soon = local.ask("order 42")
    shown = local.ask("order 42")

    assert "may have created it without our knowing" in too_soon.problems[0]
    assert len(shown.done) == len(github.repository().comments) == 1


def test_a_comment_that_somebody_deleted_is_made_anew_with_the_next_version(
    local: Publishing, shop: FakeRepository
) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    local()
    shop.comments.clear()

    store_report(local.engine, version=2)
    local()

    assert len(shop.comments_on(12)) == 1


@pytest.mark.parametrize("happened", ["deleted", "moved", "locked"])
def test_a_place_that_is_gone_is_told_once_for_a_version(
    local: Publishing, shop: FakeRepository, github: FakeGitHub, happened: str
) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    if happened == "deleted":
        shop.delete(12)
    elif happened == "moved":
        github.repository("acme/attic").add_issue(7)
        shop.moved[12] = "acme/attic/issues/7"
    else:
        shop.issues[12].is_locked = True

    first, second = local(), local()

    assert (first.refused, len(first.problems), first.waiting) == (1, 1, 0)
    assert (second.refused, second.problems) == (0, [])
    assert github.repository("acme/attic").comments == []
    assert local.state().refused_version == 1


def test_a_place_that_is_there_again_gets_the_next_version(local: Publishing, shop: FakeRepository) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    shop.issues[12].is_locked = True
    local()

    shop.issues[12].is_locked = False
    store_report(local.engine, version=2)
    done = local()

    assert [one.version for one in done.done] == [2]
    assert local.state().refused_version is None


def test_an_issue_of_ours_that_was_deleted_is_not_opened_again(local: Publishing, shop: FakeRepository) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop")
    local()
    shop.delete(13)

    store_report(local.engine, version=2)
    done = local()

    assert (done.refused, set(shop.issues)) == (1, {12})


def test_a_repository_without_issues_takes_comments_on_pull_requests_but_no_issue(
    local: Publishing, shop: FakeRepository
) -> None:
    store_report(local.engine)
    shop.has_issues = False
    local.follow("github:acme/shop#12")
    local.follow("github:acme/shop")

    done = local()

    assert [one.target.text for one in done.done] == ["github:acme/shop#12"]
    assert "takes no issues" in done.problems[0]


def test_a_wrong_token_leaves_all_waiting_and_is_asked_once(local: Publishing, github: FakeGitHub) -> None:
    for order in ("1", "2", "3"):
        store_report(local.engine, order)
    local.follow("github:acme/shop#12", order=None)
    github.server.goes_wrong("/repos/acme/shop", bad_credentials())

    done = local()

    assert (done.waiting, len(done.problems)) == (3, 1)
    assert len(github.server.asked) == 1
    assert len(local(now=local.now + timedelta(hours=1)).done) == 3


def test_a_token_without_permission_waits_and_is_told(local: Publishing, github: FakeGitHub) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    github.server.goes_wrong("POST", not_allowed())

    done = local()

    assert (done.waiting, done.refused) == (1, 0)
    assert "grant it" in done.problems[0]
    assert len(local().done) == 1


def test_a_repository_that_is_not_there_may_come_to_be(local: Publishing, github: FakeGitHub) -> None:
    store_report(local.engine)
    local.follow("github:acme/new")

    first = local()
    github.repository("acme/new")
    second = local(now=local.now + timedelta(hours=1))

    assert (first.waiting, len(second.done)) == (1, 1)


def test_a_rate_limit_is_waited_for_and_nothing_more_is_asked(local: Publishing, github: FakeGitHub) -> None:
    for order in ("1", "2", "3"):
        store_report(local.engine, order)
    local.follow("github:acme/shop#12", order=None)
    github.server.goes_wrong("POST", primary_limit(10 * 365 * 86400))  # an absolute instant, told in real time

    done = local()

    assert done.waiting == 3
    assert "rate limit" in done.problems[0]
    assert github.server.times("POST") == 1
    assert local(now=local.now + timedelta(hours=12)).done == []


def test_github_is_left_alone_after_three_failures_in_a_row(local: Publishing, github: FakeGitHub) -> None:
    for order in range(6):
        store_report(local.engine, str(order))
    local.follow("github:acme/shop#12", order=None)
    github.server.goes_wrong("POST", *[bad_gateway()] * 6)

    done = local()

    assert (done.waiting, github.server.times("POST")) == (6, 3)


def test_a_renamed_repository_is_followed(local: Publishing, github: FakeGitHub) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    local()

    rename(github, "acme/shop", "acme/store")
    store_report(local.engine, version=2)
    done = local()

    assert [one.version for one in done.done] == [2]
    assert len(github.repository("acme/store").comments) == 1


def test_labels_that_github_drops_are_told(local: Publishing, shop: FakeRepository) -> None:
    store_report(local.engine)
    shop.drops_labels = True
    local.follow("github:acme/shop")

    done = local()

    assert len(done.done) == 1
    assert "Triage or Write" in done.problems[0]


def test_a_target_of_all_orders_tells_github_of_new_versions_alone(local: Publishing, shop: FakeRepository) -> None:
    store_report(local.engine, "old", now=START - timedelta(days=1))
    local.follow("github:acme/shop", order=None)
    store_report(local.engine, "new", now=START + timedelta(minutes=1))

    done = local()
    asked = local.ask("order old")

    assert [one.report_id for one in done.done] == ["order new"]
    assert [one.report_id for one in asked.done] == ["order old"]


def test_an_order_with_a_target_of_its_own_is_told_there_once(local: Publishing, shop: FakeRepository) -> None:
    local.follow("github:acme/shop#12", order=None)
    local.follow("github:acme/shop#12")
    store_report(local.engine)

    done = local()

    assert len(done.done) == len(shop.comments_on(12)) == 1


def test_without_a_token_what_goes_to_github_waits_and_the_rest_goes_on(local: Publishing, tmp_path: object) -> None:
    from dataclasses import replace

    store_report(local.engine)
    local.means = replace(local.means, github=None)
    local.follow("github:acme/shop#12")
    local.has_page()
    local.follow(f"file:{tmp_path}/out")

    done = local()

    assert ([one.target.kind for one in done.done], done.waiting) == (["file"], 1)
    assert "REPO_AGENT_GITHUB_TOKEN" in done.problems[0]


def test_asking_makes_a_comment_again_that_somebody_deleted(local: Publishing, shop: FakeRepository) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    local()
    shop.comments.clear()

    done = local.ask("order 42")

    assert len(done.done) == len(shop.comments) == 1


def test_the_mark_of_another_installation_is_not_ours(local: Publishing, shop: FakeRepository) -> None:
    store_report(local.engine)
    shop.comments.append(FakeComment(1, 12, mark_of(Document("order", "42"), b"another installation's key")))
    local.follow("github:acme/shop#12")

    local()

    assert len(shop.comments) == 2


def test_an_answer_that_is_not_githubs_is_refused(local: Publishing, github: FakeGitHub) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")
    github.server.goes_wrong("GET /repos/acme/shop$", said({"full_name": 7}))

    assert "is not what GitHub's API gives" in local().problems[0]
