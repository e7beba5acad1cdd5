"""Sightings: what makes an issue new, updated, reopened or unchanged, on both databases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from repo_agent_dagster.contracts.issue_details import IssueDetails
from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue, get, set_status, settle
from repo_agent_dagster.store.ops_sightings import (
    Change,
    Recorded,
    Sighting,
    lock_for_scan,
    record_sightings,
)
from repo_agent_dagster.store.ops_tallies import forget_other_sightings

DAY = date(2026, 3, 3)


def sighting(
    day: date = DAY, occurrences: int = 2, fingerprint: str = "f" * 64, severity: int = 3, **changes: Any
) -> Sighting:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    seen = Sighting(
        fingerprint=fingerprint,
        kind="worker",
        day=day,
        occurrences=occurrences,
        first_seen=noon,
        last_seen=noon + timedelta(hours=1),
        severity=severity,
        severity_reasons=("level error: 3",),
        title=f"title of {day}",
        analysis="analysis",
        prompt="prompt",
        sample=[{"message": "boom"}],
        worker="shop",
        repo=None,
        run_id=None,
    )
    return replace(seen, **changes)


def record(engine: Engine, seen: Sighting, now: datetime) -> Recorded:
    with write_transaction(engine) as connection:
        lock_for_scan(connection)
        return record_sightings(connection, [seen], now=now)[0]


def read(engine: Engine, issue_id: str) -> OpsIssue:
    with write_transaction(engine) as connection:
        return get(connection, issue_id)


def test_the_first_sighting_opens_an_issue(store: Engine, now: datetime) -> None:
    recorded = record(store, sighting(), now)

    issue = read(store, recorded.issue_id)
    assert (recorded.change, recorded.status) == (Change.NEW, IssueStatus.OPEN)
    assert (issue.status, issue.severity, issue.severity_reasons) == (IssueStatus.OPEN, 3, ["level error: 3"])
    assert (issue.occurrences, issue.regressions, issue.place) == (2, 0, "shop")
    assert (issue.first_seen, issue.last_seen) == (sighting().first_seen, sighting().last_seen)
    assert issue.sample == [{"message": "boom"}]


def test_recording_the_same_day_again_changes_nothing(store: Engine, now: datetime) -> None:
    first = record(store, sighting(), now)
    before = read(store, first.issue_id)

    again = record(store, sighting(), now)

    assert (again.issue_id, again.change) == (first.issue_id, Change.UNCHANGED)
    assert read(store, first.issue_id) == before


def test_a_days_new_count_takes_the_place_of_the_old_and_days_add_up(store: Engine, now: datetime) -> None:
    issue_id = record(store, sighting(occurrences=2), now).issue_id
    next_day = sighting(DAY + timedelta(days=1), occurrences=10)

    assert record(store, sighting(occurrences=5), now).change is Change.UPDATED
    assert record(store, next_day, now).change is Change.UPDATED

    issue = read(store, issue_id)
    assert issue.occurrences == 15
    assert (issue.first_seen, issue.last_seen) == (sighting().first_seen, next_day.last_seen)


def test_what_the_issue_says_follows_its_latest_day(store: Engine, now: datetime) -> None:
    issue_id = record(store, sighting(severity=2), now).issue_id

    record(store, sighting(DAY - timedelta(days=3), severity=5), now)

    issue = read(store, issue_id)
    assert (issue.title, issue.severity) == (f"title of {DAY}", 2)
    assert issue.first_seen == sighting(DAY - timedelta(days=3)).first_seen


@pytest.mark.parametrize("settled", [IssueStatus.RESOLVED, IssueStatus.CLOSED])
def test_a_settled_issue_seen_on_a_later_day_is_reopened_exactly_once(
    store: Engine, now: datetime, settled: IssueStatus
) -> None:
    issue_id = record(store, sighting(), now).issue_id
    with write_transaction(store) as connection:
        set_status(connection, issue_id, settled, now=now)
    later = sighting(now.date() + timedelta(days=1))

    changes = [record(store, later, now).change for _ in range(3)]

    issue = read(store, issue_id)
    assert changes == [Change.REOPENED, Change.UNCHANGED, Change.UNCHANGED]
    assert (issue.status, issue.regressions, issue.resolved_at) == (IssueStatus.OPEN, 1, None)


def test_a_settled_issue_seen_on_the_day_of_its_resolution_or_before_stays_settled(
    store: Engine, now: datetime
) -> None:
    issue_id = record(store, sighting(), now).issue_id
    with write_transaction(store) as connection:
        set_status(connection, issue_id, IssueStatus.RESOLVED, now=now)

    for day in (now.date(), DAY, DAY - timedelta(days=1)):
        recorded = record(store, sighting(day, occurrences=7), now)
        assert (recorded.change, recorded.status) == (Change.UPDATED, IssueStatus.RESOLVED)

    assert read(store, issue_id).regressions == 0


def test_a_sighting_that_the_day_no_longer_has_is_forgotten(store: Engine, now: datetime) -> None:
    stays = record(store, sighting(), now).issue_id
    goes = record(store, sighting(fingerprint="e" * 64), now).issue_id
    record(store, sighting(DAY - timedelta(days=1), occurrences=4, fingerprint="e" * 64), now)
    build = record(store, replace(sighting(fingerprint="b" * 64), kind="build"), now).issue_id

    with write_transaction(store) as connection:
        forgotten = forget_other_sightings(connection, DAY, ("worker",), {stays})

    assert forgotten == 1
    assert [read(store, issue).occurrences for issue in (stays, goes, build)] == [2, 4, 2]
    assert read(store, goes).last_seen.date() == DAY - timedelta(days=1)


def test_an_issue_without_any_sighting_left_counts_nothing_and_keeps_its_times(store: Engine, now: datetime) -> None:
    issue_id = record(store, sighting(), now).issue_id

    with write_transaction(store) as connection:
        forget_other_sightings(connection, DAY, ("worker", "build"), set())

    issue = read(store, issue_id)
    assert (issue.occurrences, issue.last_seen) == (0, sighting().last_seen)


def record_all(engine: Engine, seen: list[Sighting], now: datetime) -> list[Recorded]:
    with write_transaction(engine) as connection:
        lock_for_scan(connection)
        return record_sightings(connection, seen, now=now)


def test_an_issue_is_found_by_any_fingerprint_that_it_was_ever_seen_with(store: Engine, now: datetime) -> None:
    first = record(store, sighting(fingerprint="a" * 64, aliases=("c1",)), now)
    moved = record(store, sighting(DAY + timedelta(days=1), fingerprint="b" * 64, aliases=("c1", "c2")), now)
    again = record(store, sighting(DAY + timedelta(days=2), fingerprint="d" * 64, aliases=("c2",)), now)

    assert {first.issue_id, moved.issue_id, again.issue_id} == {first.issue_id}
    assert read(store, first.issue_id).fingerprint == "a" * 64


def test_sightings_of_one_scan_that_share_a_fingerprint_are_counted_together(store: Engine, now: datetime) -> None:
    seen = [
        sighting(fingerprint="a" * 64, aliases=("c",), occurrences=2, severity=3),
        sighting(fingerprint="b" * 64, aliases=("c",), occurrences=5, severity=2),
        sighting(fingerprint="z" * 64, occurrences=1),
    ]

    for _ in range(2):
        recorded = record_all(store, seen, now)

    assert recorded[0].issue_id == recorded[1].issue_id != recorded[2].issue_id
    issue = read(store, recorded[0].issue_id)
    assert (issue.occurrences, issue.severity) == (7, 2)


def test_an_issue_of_earlier_rules_goes_to_the_first_that_asks_for_it(store: Engine, now: datetime) -> None:
    old = record(store, sighting(fingerprint="old"), now).issue_id
    later = DAY + timedelta(days=1)
    by_newer = [
        sighting(later, fingerprint=name, earlier_fingerprints=("old",), fingerprint_version="2") for name in ("x", "y")
    ]

    x, y = record_all(store, by_newer, now)
    again = record_all(store, by_newer, now)

    assert (x.issue_id, x.change, y.change) == (old, Change.UPDATED, Change.NEW)
    assert [one.issue_id for one in again] == [x.issue_id, y.issue_id]


def test_a_flaky_failure_reopens_nothing(store: Engine, now: datetime) -> None:
    issue_id = record(store, sighting(), now).issue_id
    with write_transaction(store) as connection:
        settle(connection, issue_id, IssueStatus.RESOLVED, "fixed", now=now)
    later = now.date() + timedelta(days=1)

    flaky = record(store, sighting(later, flaky=True), now)
    real = record(store, sighting(later + timedelta(days=1)), now)

    assert (flaky.status, flaky.change) == (IssueStatus.RESOLVED, Change.UPDATED)
    assert real.change is Change.REOPENED


def test_a_persons_note_stays_until_the_problem_is_back(store: Engine, now: datetime) -> None:
    issue_id = record(store, sighting(), now).issue_id
    with write_transaction(store) as connection:
        settle(connection, issue_id, IssueStatus.RESOLVED, "fixed in 1.2", now=now)
    record(store, sighting(now.date(), details=IssueDetails(headline="same day")), now)
    kept = read(store, issue_id).details
    later = now.date() + timedelta(days=1)
    record(store, sighting(later), now)

    assert (kept.resolution, kept.headline) == ("fixed in 1.2", "same day")
    assert read(store, issue_id).details == IssueDetails(reopened_on=later)


def test_thousands_of_problems_are_recorded_by_few_statements(store: Engine, now: datetime) -> None:
    statements: list[str] = []
    listens = event.listens_for(store, "before_cursor_execute")
    listens(lambda _conn, _cursor, statement, *_: statements.append(statement))
    seen = [sighting(fingerprint=f"{number:064d}", aliases=(f"alias {number}",)) for number in range(1100)]

    recorded = record_all(store, seen, now)
    record_all(store, [replace(one, day=DAY + timedelta(days=1)) for one in seen], now)

    assert len({one.issue_id for one in recorded}) == 1100
    assert len(statements) < 100
