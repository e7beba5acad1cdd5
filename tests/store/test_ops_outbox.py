"""The outbox to GitHub: intents are noted once, and done in order, on both databases."""

from datetime import datetime, timedelta

from sqlalchemy import Engine

from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_issues import set_status, write
from repo_agent_dagster.store.ops_outbox import (
    Intent,
    NewIntent,
    Problem,
    Standing,
    begin,
    done_since,
    due,
    finish,
    note,
    postpone,
    refuse,
    standing,
)
from tests.store.test_ops_issues import open_issue

LATER = timedelta(minutes=2)


def noted(engine: Engine, now: datetime, *intents: NewIntent) -> list[Intent]:
    with write_transaction(engine) as connection:
        note(connection, intents, now=now)
        return due(connection, now=now)


def test_the_same_intent_is_noted_once(store: Engine, now: datetime) -> None:
    issue = open_issue(store, "a", 3, now)
    for number in range(3):
        found = noted(store, now, NewIntent(issue, "seen", "seen:1", {"number": number}))

    assert [(one.step_key, one.payload, one.attempts) for one in found] == [("seen:1", {"number": 0}, 0)]


def test_what_was_done_is_not_noted_again_and_what_was_refused_is(store: Engine, now: datetime) -> None:
    issue = open_issue(store, "a", 3, now)
    done, refused = noted(store, now, NewIntent(issue, "open", "open"), NewIntent(issue, "seen", "seen:1"))
    with write_transaction(store) as connection:
        finish(connection, done.id, now=now)
        assert refuse(connection, refused.id, "locked", now=now)
        assert not refuse(connection, done.id, "too late", now=now)
        assert (due(connection, now=now), done_since(connection, "open", now)) == ([], 1)

    again = noted(store, now, NewIntent(issue, "open", "open"), NewIntent(issue, "seen", "seen:1"))

    assert [(one.step_key, one.error) for one in again] == [("seen:1", None)]


def test_the_gravest_issue_comes_first_and_each_issues_intents_in_the_order_of_noting(
    store: Engine, now: datetime
) -> None:
    mild, grave = open_issue(store, "mild", 4, now), open_issue(store, "grave", 1, now)
    keys = ["c", "a", "b"]

    found = noted(store, now, *(NewIntent(issue, "seen", key) for key in keys for issue in (mild, grave)))

    assert [(one.issue_id, one.step_key) for one in found] == [
        *((grave, key) for key in keys),
        *((mild, key) for key in keys),
    ]


def test_what_was_begun_and_not_ended_waits_and_nothing_of_its_issue_overtakes_it(store: Engine, now: datetime) -> None:
    held, free = open_issue(store, "held", 1, now), open_issue(store, "free", 2, now)
    first, *_ = noted(
        store, now, NewIntent(held, "open", "open"), NewIntent(held, "seen", "seen"), NewIntent(free, "open", "open")
    )
    with write_transaction(store) as connection:
        begin(connection, first.id, next_attempt_at=now + LATER)
        at_once = due(connection, now=now + LATER / 2)
        later = due(connection, now=now + LATER)

    assert [one.issue_id for one in at_once] == [free]
    assert [(one.issue_id, one.attempts) for one in later] == [(held, 1), (held, 0), (free, 0)]


def test_a_postponed_intent_says_why(store: Engine, now: datetime) -> None:
    issue = open_issue(store, "a", 3, now)
    (intent,) = noted(store, now, NewIntent(issue, "open", "open"))
    with write_transaction(store) as connection:
        postpone(connection, intent.id, "no answer\0", next_attempt_at=now + LATER)
        (found,) = due(connection, now=now + LATER)
        assert found.error == "no answer\N{REPLACEMENT CHARACTER}"
        assert standing(connection) == Standing(1, 1, now, ())


def test_github_is_in_step_when_nothing_waits_and_no_open_issue_has_a_problem(store: Engine, now: datetime) -> None:
    lost, settled = open_issue(store, "lost", 3, now), open_issue(store, "settled", 3, now)
    with write_transaction(store) as connection:
        assert standing(connection) == Standing(0, 0, None, ())
        for issue in (lost, settled):
            write(connection, issue, gh_state="deleted", gh_problem="it was deleted")
        set_status(connection, settled, IssueStatus.RESOLVED, now=now)
        assert standing(connection).problems == (Problem(lost, "deleted", "it was deleted"),)
