"""Stats and trends: their numbers are the events', on folded days and on those that nobody folded yet."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from repo_agent_dagster.contracts.patch_stats import PatchStats, TrendGroup
from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.contracts.reports import NumberSource
from repo_agent_dagster.reports.stats import stats, trends
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_rollups import NotCountedAheadError, PatchFilter, fold
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows, write

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WEEK = UtcRange.of_days(date(2026, 3, 2), date(2026, 3, 8))
REFUSED = ("patch_requested", "patch_failed")


@pytest.fixture
def worked(store: Engine) -> Engine:
    """A week of eight patches, the first four of them on days that are folded."""
    write(
        store,
        event_rows(MONDAY, VALIDATED, check=True),
        event_rows(MONDAY, VALIDATED, check=True, requester="agent-b", step=timedelta(seconds=4)),
        event_rows(MONDAY, FAILED, check=False, error="type error", op="append"),
        event_rows(MONDAY - timedelta(days=1), VALIDATED, check=True, order="41"),
    )
    fold(store, MONDAY)
    write(
        store,
        event_rows(MONDAY + timedelta(days=2), FAILED, check=False, error="type error", order=None),
        event_rows(MONDAY + timedelta(days=2), REFUSED, error="conflict", order="43", phase=None),
        event_rows(MONDAY + timedelta(days=2), APPLIED, order="43", file_path="b.py"),
        event_rows(MONDAY + timedelta(days=2), VALIDATED, op="revert"),
        event_rows(MONDAY + timedelta(days=7), VALIDATED, check=True),
    )
    return store


@pytest.fixture
def week(worked: Engine) -> PatchStats:
    return stats(worked, WEEK)


def test_totals_keep_the_unchecked_apart_and_the_rate_states_its_denominator(week: PatchStats) -> None:
    totals = week.totals
    assert (totals.total, totals.ok, totals.failed, totals.unchecked, totals.refused) == (6, 2, 2, 2, 1)
    assert (totals.checked, totals.success_rate, totals.reverted) == (4, 0.5, 2)


def test_every_day_of_the_range_is_told_and_the_days_add_up(week: PatchStats) -> None:
    assert [day.counts.total for day in week.daily] == [3, 0, 3, 0, 0, 0, 0]
    assert week.daily[1].counts.success_rate is None
    assert sum(day.counts.failed for day in week.daily) == week.totals.failed


def test_factories_and_operations_are_of_the_range_alone(week: PatchStats) -> None:
    assert [(row.factory, row.counts.total, row.counts.success_rate) for row in week.factories] == [
        ("agent-a", 5, 1 / 3),
        ("agent-b", 1, 1.0),
    ]
    assert [(row.op, row.patches) for row in week.operations] == [("replace-block", 5), ("append", 1)]
    assert sum(row.share for row in week.operations) == pytest.approx(1)


def test_errors_beyond_the_top_are_counted(worked: Engine, week: PatchStats) -> None:
    assert [(row.error, row.patches) for row in week.errors] == [("type error", 2), ("conflict", 1)]
    assert week.other_errors == 0
    shorter = stats(worked, WEEK, top=1)
    assert [(row.error, row.patches) for row in shorter.errors] == [("type error", 2)]
    assert shorter.other_errors == 1


def test_latencies_are_of_the_patches_that_made_the_step(week: PatchStats) -> None:
    told = {row.step: (row.patches, row.mean_seconds) for row in week.latency}
    assert told["requested_applied"] == (5, pytest.approx((2 + 4 + 2 + 2 + 2) / 5))
    assert told["requested_validated"] == (2, pytest.approx((4 + 8) / 2))
    assert told["applied_validated"] == (2, pytest.approx(3))
    p95 = {row.step: row.p95_seconds for row in week.latency}
    assert p95["requested_validated"] == pytest.approx(8, rel=0.025)


def test_a_range_without_patches_has_no_rate_and_no_latency(store: Engine) -> None:
    empty = stats(store, WEEK)
    assert (empty.totals.total, empty.totals.success_rate) == (0, None)
    assert (empty.factories, empty.operations, empty.errors) == ([], [], [])
    assert [row.mean_seconds for row in empty.latency] == [None, None, None]
    assert stats(store, UtcRange(MONDAY, MONDAY)).daily == []


def test_an_instant_as_an_end_is_left_out(worked: Engine) -> None:
    assert stats(worked, UtcRange(WEEK.start, MONDAY)).totals.total == 0
    assert stats(worked, UtcRange(MONDAY, MONDAY + timedelta(microseconds=1))).totals.total == 3


def test_a_late_verdict_changes_the_day_that_the_patch_began_on(worked: Engine) -> None:
    before = stats(worked, WEEK)
    late = event_rows(MONDAY, APPLIED, patch_id="019c0000-0000-7000-8000-00000000aaaa")
    write(worked, late)
    fold(worked, MONDAY)
    verdict = late[1] | {"event": "patch_validated", "ts_check_ok": True, "created_at": MONDAY + timedelta(days=30)}
    write(worked, [verdict])
    after = stats(worked, WEEK)
    assert (after.daily[0].counts.ok, after.totals.total) == (before.daily[0].counts.ok + 1, before.totals.total + 1)
    fold(worked, MONDAY)
    assert stats(worked, WEEK) == after


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (TrendGroup.DAY, [("2026-03-02", 3), ("2026-03-04", 3)]),
        (TrendGroup.WEEK, [("2026-W10", 6)]),
        (TrendGroup.PHASE, [("implement", 5), (None, 1)]),
        (TrendGroup.ORDER, [("42", 3), ("43", 2), ("unattributed", 1)]),
        (TrendGroup.FACTORY, [("agent-a", 5), ("agent-b", 1)]),
        (TrendGroup.OPERATION, [("replace-block", 5), ("append", 1)]),
        (TrendGroup.WORKSPACE, [("/srv/shop", 6)]),
        (TrendGroup.FILE, [("src/cart.py", 5), ("b.py", 1)]),
    ],
)
def test_each_group_has_every_patch_once(worked: Engine, group: TrendGroup, expected: list[tuple[str, int]]) -> None:
    found = trends(worked, group, WEEK)
    assert [(row.key, row.counts.total) for row in found.rows] == expected
    assert {row.workspace for row in found.rows} == {"/srv/shop" if group is TrendGroup.FILE else None}


def test_orders_tell_their_first_and_last_patch_and_the_time_between(worked: Engine) -> None:
    spring = UtcRange.of_days(date(2026, 2, 1), date(2026, 4, 1))
    first = trends(worked, TrendGroup.ORDER, spring).rows[0]
    assert (first.key, first.first_patch, first.last_patch) == ("42", MONDAY, MONDAY + timedelta(days=7))
    assert first.duration_seconds == 7 * 86_400


def test_what_is_beyond_the_limit_is_counted(worked: Engine) -> None:
    found = trends(worked, TrendGroup.ORDER, WEEK, limit=1)
    assert ([row.key for row in found.rows], found.left_out) == (["42"], 2)


def test_weeks_are_iso_weeks_also_over_the_year(store: Engine) -> None:
    sunday = datetime(2027, 1, 3, 12, tzinfo=UTC)
    write(store, event_rows(sunday), event_rows(sunday + timedelta(days=1)))
    found = trends(store, TrendGroup.WEEK, UtcRange.of_days(date(2026, 12, 28), date(2027, 1, 10)))
    assert [row.key for row in found.rows] == ["2026-W53", "2027-W01"]


def test_a_filter_counts_one_factory_or_order_alone(worked: Engine) -> None:
    one = trends(worked, TrendGroup.DAY, WEEK, where=PatchFilter(factory="agent-b"))
    assert [(row.key, row.counts.total) for row in one.rows] == [("2026-03-02", 1)]
    without = trends(worked, TrendGroup.FACTORY, WEEK, where=PatchFilter(order=""))
    assert [(row.key, row.counts.total) for row in without.rows] == [("agent-a", 1)]
    with pytest.raises(NotCountedAheadError, match="not counted by file"):
        trends(worked, TrendGroup.FILE, WEEK, where=PatchFilter(order="42"))


def test_the_query_of_each_number_finds_it_again(worked: Engine) -> None:
    found = stats(worked, WEEK)
    queries = {source.id: source.query for source in found.sources}
    assert sum(row["total"] for row in _run(worked, queries["days"])) == found.totals.total
    assert sum(row["ok"] for row in _run(worked, queries["outcomes"])) == found.totals.ok
    assert {row["error"]: row["patches"] for row in _run(worked, queries["errors"])} == {"type error": 2, "conflict": 1}
    assert all(source.rule and source.query for source in found.sources)
    for group in TrendGroup:
        listed = trends(worked, group, WEEK)
        [query] = {source.query for source in listed.sources}
        assert sorted(row["total"] for row in _run(worked, query)) == sorted(row.counts.total for row in listed.rows)


def test_sources_are_told_apart_by_their_ids(week: PatchStats) -> None:
    ids = [source.id for source in week.sources]
    assert len(set(ids)) == len(ids)
    assert all(isinstance(source, NumberSource) for source in week.sources)


def _run(engine: Engine, query: str | None) -> Iterator[dict[str, object]]:
    with read_transaction(engine) as conn:
        return (dict(row) for row in conn.execute(text((query or "").replace(":", "\\:"))).mappings().all())
