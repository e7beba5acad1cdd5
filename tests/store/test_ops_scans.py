"""The log of scans, on both databases."""

from datetime import datetime, timedelta

from sqlalchemy import Engine

from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_scans import fail_scan, finish_scan, latest_scans, start_scan

HOUR = timedelta(hours=1)


def test_a_scan_is_on_record_from_its_start(store: Engine, now: datetime) -> None:
    with write_transaction(store) as connection:
        scan_id = start_scan(connection, "full", now - 24 * HOUR, now, now=now)
        [scan] = latest_scans(connection)

    assert (scan.id, scan.scope, scan.status, scan.started_at) == (scan_id, "full", "running", now)
    assert (scan.window_start, scan.window_end, scan.finished_at) == (now - 24 * HOUR, now, None)


def test_a_finished_scan_has_its_totals_and_cannot_fail_afterwards(store: Engine, now: datetime) -> None:
    with write_transaction(store) as connection:
        scan_id = start_scan(connection, "cicd", now, now, now=now)
        finished = finish_scan(connection, scan_id, {"lines": 3}, now=now + HOUR)
        failed = fail_scan(connection, scan_id, "too late", now=now + HOUR)
        [scan] = latest_scans(connection)

    assert (finished, failed) == (True, False)
    assert (scan.status, scan.totals, scan.error, scan.finished_at) == ("success", {"lines": 3}, None, now + HOUR)


def test_a_failed_scan_says_why(store: Engine, now: datetime) -> None:
    with write_transaction(store) as connection:
        scan_id = start_scan(connection, "cloudflare", now, now, now=now)
        assert fail_scan(connection, scan_id, "disk full", now=now)
        [scan] = latest_scans(connection)

    assert (scan.status, scan.error, scan.totals) == ("failed", "disk full", None)


def test_scans_are_listed_newest_first_up_to_the_limit(store: Engine, now: datetime) -> None:
    with write_transaction(store) as connection:
        ids = [start_scan(connection, "full", now, now, now=now + n * HOUR) for n in range(3)]
        listed = [scan.id for scan in latest_scans(connection, limit=2)]

    assert listed == [ids[2], ids[1]]
