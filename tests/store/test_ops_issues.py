"""Reading ops issues and taking them through their life, on both databases."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.ops import ALLOWED_FROM, IssueStatus
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_issues import (
    IssueStepRefused,
    UnknownIssue,
    get,
    listing,
    set_status,
)
from repo_agent_dagster.store.ops_sightings import Sighting, record_sightings
from repo_agent_dagster.store.ops_summary import summary


def open_issue(engine: Engine, name: str, severity: int, now: datetime, *, days_ago: int = 0) -> str:
    seen = datetime(2026, 3, 3, 12, tzinfo=UTC) - timedelta(days=days_ago)
    found = Sighting(
        fingerprint=name,
        kind="build",
        day=date(2026, 3, 3),
        occurrences=1,
        first_seen=seen,
        last_seen=seen,
        severity=severity,
        severity_reasons=(),
        title=name,
        analysis="",
        prompt="",
        sample=[],
        worker=None,
        repo="org/web",
        run_id="7",
    )
    with write_transaction(engine) as connection:
        return record_sightings(connection, [found], now=now)[0].issue_id


def step(engine: Engine, issue_id: str, *statuses: IssueStatus, now: datetime) -> None:
    for status in statuses:
        with write_transaction(engine) as connection:
            set_status(connection, issue_id, status, now=now)


@pytest.mark.parametrize("target", [status for status in IssueStatus if status is not IssueStatus.OPEN])
@pytest.mark.parametrize("start", list(IssueStatus))
def test_a_step_is_taken_from_the_statuses_that_allow_it_and_refused_from_all_others(
    store: Engine, now: datetime, start: IssueStatus, target: IssueStatus
) -> None:
    issue_id = open_issue(store, "a", 3, now)
    if start is not IssueStatus.OPEN:
        step(store, issue_id, start, now=now)

    if start in ALLOWED_FROM[target]:
        step(store, issue_id, target, now=now)
        expected = target
    else:
        with pytest.raises(IssueStepRefused, match=f"is {start.value} and cannot become {target.value}"):
            step(store, issue_id, target, now=now)
        expected = start

    with write_transaction(store) as connection:
        assert get(connection, issue_id).status is expected


def test_nobody_reopens_an_issue_by_hand(store: Engine, now: datetime) -> None:
    issue_id = open_issue(store, "a", 3, now)
    step(store, issue_id, IssueStatus.RESOLVED, now=now)

    with pytest.raises(IssueStepRefused, match="possible from here: closed"):
        step(store, issue_id, IssueStatus.OPEN, now=now)


def test_closing_a_resolved_issue_keeps_the_time_of_its_resolution(store: Engine, now: datetime) -> None:
    issue_id = open_issue(store, "a", 3, now)
    step(store, issue_id, IssueStatus.RESOLVED, now=now)
    step(store, issue_id, IssueStatus.CLOSED, now=now + timedelta(days=1))

    with write_transaction(store) as connection:
        assert get(connection, issue_id).resolved_at == now


def test_an_unknown_issue_is_named(store: Engine, now: datetime) -> None:
    with pytest.raises(UnknownIssue, match="nowhere"):
        step(store, "nowhere", IssueStatus.RESOLVED, now=now)


def test_issues_are_listed_gravest_and_newest_first_and_filtered(store: Engine, now: datetime) -> None:
    grave = open_issue(store, "grave", 1, now)
    old = open_issue(store, "old", 3, now, days_ago=2)
    new = open_issue(store, "new", 3, now)
    step(store, old, IssueStatus.RESOLVED, now=now)

    with write_transaction(store) as connection:
        assert [issue.id for issue in listing(connection)] == [grave, new, old]
        assert [issue.id for issue in listing(connection, limit=1)] == [grave]
        assert [issue.id for issue in listing(connection, status="open")] == [grave, new]
        assert [issue.id for issue in listing(connection, severity_at_most=2)] == [grave]
        assert [issue.id for issue in listing(connection, status=IssueStatus.RESOLVED, severity_at_most=2)] == []
        assert [issue.id for issue in listing(connection, place="ORG/")] == [grave, new, old]
        assert [issue.id for issue in listing(connection, place="org_")] == []  # a part of the place, no pattern
        assert [issue.id for issue in listing(connection, cause="dns")] == []
        assert [issue.id for issue in listing(connection, id_end=new[-12:])] == [new]


def test_the_summary_counts_by_status_and_rates_what_is_not_settled(store: Engine, now: datetime) -> None:
    open_issue(store, "a", 1, now)
    open_issue(store, "b", 4, now)
    step(store, open_issue(store, "c", 5, now), IssueStatus.CLOSED, now=now)

    with write_transaction(store) as connection:
        counts = summary(connection, today=now.date())

    assert (counts.total, counts.unsettled, counts.mean_severity) == (3, 2, 2.5)
    assert counts.by_status == {"open": 2, "triaged": 0, "in_progress": 0, "resolved": 0, "closed": 1}
    assert counts.by_severity == {1: 1, 2: 0, 3: 0, 4: 1, 5: 0}


def test_the_summary_of_nothing_has_no_mean(store: Engine, now: datetime) -> None:
    with write_transaction(store) as connection:
        assert summary(connection, today=now.date()).mean_severity is None
