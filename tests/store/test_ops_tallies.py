"""What the trailing days say of issues, and for how long they were not seen, on both databases."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_issues import get, settle
from repo_agent_dagster.store.ops_scans import fail_scan, finish_scan, start_scan
from repo_agent_dagster.store.ops_sightings import record_sightings
from repo_agent_dagster.store.ops_tallies import (
    PastDays,
    covered_days,
    opened_on,
    past_days,
    quiet_issues,
    update_missed_scans,
)
from repo_agent_dagster.store.tables import log_source_days
from tests.store.test_ops_sightings import DAY, sighting

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


def days(*offsets: int) -> list[date]:
    return [DAY + timedelta(days=offset) for offset in offsets]


def scanned(engine: Engine, on: Iterable[date], scope: str = "full", *, failed: bool = False) -> None:
    for day in on:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        with write_transaction(engine) as connection:
            scan_id = start_scan(connection, scope, start, start + timedelta(days=1), now=NOW)
            if failed:
                fail_scan(connection, scan_id, "broken", now=NOW)
            else:
                finish_scan(connection, scan_id, {}, now=NOW)


def ingested(engine: Engine, day: date, *statuses: str, kind: str = "worker") -> None:
    with write_transaction(engine) as connection:
        for number, status in enumerate(statuses):
            connection.execute(
                log_source_days.insert().values(
                    source=f"s{number}",
                    kind=kind,
                    day=day,
                    status=status,
                    objects=1,
                    rows=1,
                    quarantined=0,
                    expired=0,
                    redacted=0,
                    fetched_at=NOW,
                )
            )


def seen(engine: Engine, *on: date, **changes: object) -> str:
    with write_transaction(engine) as connection:
        for day in on:
            (recorded,) = record_sightings(connection, [sighting(day, **changes)], now=NOW)
    return recorded.issue_id


def missed(engine: Engine, issue_id: str, day: date) -> int:
    with write_transaction(engine) as connection:
        update_missed_scans(connection, day, ("worker", "build"))
        return get(connection, issue_id).missed_scans


def test_a_day_is_covered_by_a_scan_of_its_kind_that_succeeded(store: Engine) -> None:
    scanned(store, days(0), "cloudflare")
    scanned(store, days(1), "cicd")
    scanned(store, days(2))
    scanned(store, days(3), failed=True)

    with write_transaction(store) as connection:
        assert covered_days(connection, "worker", DAY, DAY + timedelta(days=9)) == set(days(0, 2))
        assert covered_days(connection, "build", DAY, DAY + timedelta(days=1)) == set(days(1))


@pytest.mark.parametrize(
    ("statuses", "counts"),
    [
        (("complete",), True),
        (("complete", "no_data"), True),
        (("no_data",), False),
        (("complete", "failed"), False),
        (("complete", "partial"), False),
    ],
)
def test_a_day_without_its_logs_is_no_day_without_failures(
    sqlite_store: Engine, statuses: tuple[str, ...], counts: bool
) -> None:
    scanned(sqlite_store, days(0))
    ingested(sqlite_store, DAY, *statuses)

    with write_transaction(sqlite_store) as connection:
        assert (covered_days(connection, "worker", DAY, DAY) == {DAY}) is counts


def test_the_trailing_days_are_counted_oldest_first(store: Engine) -> None:
    scanned(store, days(-3, -2, -1))
    issue_id = seen(store, *days(-3, -1), occurrences=4)
    seen(store, *days(-1), flaky=True, kind="build", occurrences=1)
    seen(store, *days(0, -9), occurrences=50)

    with write_transaction(store) as connection:
        past = past_days(connection, [issue_id, "unknown"], DAY, days=4)

    assert past == {issue_id: PastDays(issue_id, IssueStatus.OPEN, 0, (0, 4, 0, 5), 3, 1)}


def test_a_day_that_is_scanned_again_finds_the_past_as_it_was(sqlite_store: Engine) -> None:
    new = seen(sqlite_store, *days(0))
    back = seen(sqlite_store, *days(-5), fingerprint="back")
    with write_transaction(sqlite_store) as connection:
        settle(connection, back, IssueStatus.RESOLVED, "", now=NOW - timedelta(days=11))
    seen(sqlite_store, *days(0), fingerprint="back")

    with write_transaction(sqlite_store) as connection:
        same_day = past_days(connection, [new, back], DAY, days=7)
        next_day = past_days(connection, [new, back], DAY + timedelta(days=1), days=7)

    assert (same_day[new].status, same_day[back].status, same_day[back].regressions) == (None, IssueStatus.RESOLVED, 0)
    assert (next_day[new].status, next_day[back].status, next_day[back].regressions) == ("open", "open", 1)


def test_missed_scans_count_the_covered_days_since_it_was_seen_however_often_they_are_scanned(store: Engine) -> None:
    issue_id = seen(store, DAY)
    scanned(store, days(0, 1, 1, 2))
    ingested(store, DAY + timedelta(days=2), "failed")

    assert missed(store, issue_id, DAY + timedelta(days=1)) == 1
    assert missed(store, issue_id, DAY + timedelta(days=2)) == 1
    assert [missed(store, issue_id, DAY + timedelta(days=3)) for _ in range(2)] == [2, 2]


def test_seen_again_it_has_missed_nothing_and_settled_it_is_not_quiet(store: Engine) -> None:
    issue_id, other = seen(store, DAY), seen(store, DAY, fingerprint="other")
    scanned(store, days(0, 1))
    missed(store, issue_id, DAY + timedelta(days=1))
    with write_transaction(store) as connection:
        quiet = quiet_issues(connection, 1)
        settle(connection, other, IssueStatus.CLOSED, "", now=NOW)
        left = quiet_issues(connection, 1)
    seen(store, DAY + timedelta(days=2))

    assert (set(quiet), left) == ({issue_id, other}, [issue_id])
    assert missed(store, issue_id, DAY + timedelta(days=2)) == 0


def test_issues_opened_on_a_day_are_those_first_seen_on_it(store: Engine) -> None:
    seen(store, *days(0), fingerprint="a")
    seen(store, *days(-1, 0), fingerprint="b")
    seen(store, *days(0), fingerprint="c", kind="build")

    with write_transaction(store) as connection:
        assert opened_on(connection, DAY, ("worker",)) == 1
        assert opened_on(connection, DAY, ("worker", "build")) == 2
