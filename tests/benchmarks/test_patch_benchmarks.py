"""The benchmarks of patch analytics and delivery reports run, at a size that says nothing about speed."""

from pathlib import Path

import pytest

from benchmarks._history_stores import load_sqlite
from benchmarks._patch_history import HistorySize, history
from benchmarks.delivery_reports import measure as measure_reports
from benchmarks.patch_analytics import measure, sqlite_peers
from repo_agent_dagster.store.engine import open_store

SMALL = HistorySize(events=600, days=5, factories=4, orders=8, workspaces=2, files=30)


def test_a_history_is_the_same_each_time_and_of_the_size_that_was_asked_for() -> None:
    events = list(history(SMALL))

    assert len(events) == SMALL.events
    assert events == list(history(SMALL))
    assert {"patch_requested", "patch_applied", "patch_validated", "patch_failed", "patch_reverted"} <= {
        event.event for event in events
    }


def test_a_patch_begins_with_its_request_and_has_three_events_on_the_average() -> None:
    events = list(history(SMALL))
    begun: set[str] = set()
    for event in events:
        assert event.event == "patch_requested" or event.patch_id in begun
        begun.add(event.patch_id)

    assert 2.5 < len(events) / len(begun) < 3.5


def test_everybody_gives_the_same_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "events.db"
    url = load_sqlite(store, SMALL)

    measure(url, SMALL, 1, sqlite_peers(store, tmp_path))

    told = capsys.readouterr().out
    assert "the same answers over all of it: rollups, direct, JSON, DuckDB" in told
    assert "one late event: 1 of 5 days folded" in told


def test_reports_are_made_once_and_again_for_an_order_that_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(load_sqlite(tmp_path / "orders.db", HistorySize(events=0)))

    measure_reports(store, tmp_path, SMALL)

    told = capsys.readouterr().out
    assert "all reports: " in told
    assert "one order changed: 1 made" in told
    store.dispose()
