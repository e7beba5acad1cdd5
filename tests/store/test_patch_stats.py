"""Patch trends: what is counted, for which range, and that a bounded range reads only its own rows."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, text

from repo_agent_dagster.contracts.reports import PatchCounts
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.patch_stats import (
    StatsRequestError,
    TrendGroup,
    TrendRow,
    UtcRange,
    daily_query,
    errors_query,
    fold,
    iso_week,
    operation_mix,
    patch_cells,
    patch_errors,
    trend_group,
    utc_range,
)
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows, write

DAY = datetime(2026, 3, 2, tzinfo=UTC)
MARCH = UtcRange(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def _trend(store: Engine, group: TrendGroup, period: UtcRange = MARCH) -> list[TrendRow]:
    with read_transaction(store) as conn:
        return fold(patch_cells(conn, period), group)


def test_a_patch_counts_once_by_its_last_verdict(store: Engine) -> None:
    write(
        store,
        event_rows(DAY, VALIDATED, check=True),
        event_rows(DAY, (*APPLIED, "patch_failed", "patch_validated"), check=None),
        event_rows(DAY, FAILED, check=False),
        event_rows(DAY, APPLIED),
        event_rows(DAY, ("patch_requested", "patch_failed"), error="conflict"),
    )

    [row] = _trend(store, TrendGroup.DAY)

    assert row == TrendRow(
        "2026-03-02",
        PatchCounts(total=5, ok=1, failed=1, unchecked=3, checked=2, reverted=1, refused=2, success_rate=0.5),
    )


def test_a_later_verdict_replaces_an_earlier_one(store: Engine) -> None:
    rejudged = event_rows(DAY, VALIDATED, check=False)
    write(store, rejudged, [rejudged[-1] | {"ts_check_ok": True}], [rejudged[-1] | {"ts_check_ok": None}])

    [row] = _trend(store, TrendGroup.DAY)

    assert (row.counts.ok, row.counts.failed, row.counts.unchecked) == (1, 0, 0)


def test_the_rate_is_null_when_nothing_was_checked(store: Engine) -> None:
    write(store, event_rows(DAY, APPLIED))
    [row] = _trend(store, TrendGroup.DAY)
    assert row.counts.success_rate is None
    assert row.counts.checked == 0


def test_the_range_holds_its_start_and_not_its_end(store: Engine) -> None:
    start, end = DAY, DAY + timedelta(hours=1)
    instants = [start - timedelta(microseconds=1), start, end - timedelta(microseconds=1), end]
    write(store, *(event_rows(at, order=f"o{index}") for index, at in enumerate(instants)))

    assert [row.key for row in _trend(store, TrendGroup.ORDER, UtcRange(start, end))] == ["o1", "o2"]
    assert _trend(store, TrendGroup.ORDER, UtcRange(start, start)) == []


def test_a_patch_begun_before_the_range_is_not_counted_for_its_later_events(store: Engine) -> None:
    write(store, event_rows(DAY - timedelta(minutes=1), VALIDATED, check=True, step=timedelta(minutes=2)))
    assert _trend(store, TrendGroup.DAY, UtcRange(DAY, DAY + timedelta(days=1))) == []


def test_a_verdict_after_the_range_belongs_to_the_patch_s_day(store: Engine) -> None:
    write(store, event_rows(DAY, VALIDATED, check=True, step=timedelta(days=2)))
    [row] = _trend(store, TrendGroup.DAY, UtcRange(DAY, DAY + timedelta(days=1)))
    assert (row.key, row.counts.ok) == ("2026-03-02", 1)


def test_days_are_utc_whatever_zone_the_event_was_written_in(store: Engine) -> None:
    tokyo = timezone(timedelta(hours=9))
    write(store, event_rows(datetime(2026, 3, 3, 8, 59, tzinfo=tokyo)))
    assert [row.key for row in _trend(store, TrendGroup.DAY)] == ["2026-03-02"]


@pytest.mark.parametrize(
    ("group", "keys"),
    [
        (TrendGroup.DAY, ["2026-03-08", "2026-03-09", "2026-03-10"]),
        (TrendGroup.WEEK, ["2026-W10", "2026-W11"]),
        (TrendGroup.PHASE, ["plan", None]),
        (TrendGroup.ORDER, ["7", "unattributed"]),
        (TrendGroup.FACTORY, ["agent-a", "agent-b"]),
    ],
)
def test_groups_are_sorted_and_lose_no_patch(store: Engine, group: TrendGroup, keys: list[str | None]) -> None:
    write(
        store,
        event_rows(datetime(2026, 3, 10, tzinfo=UTC), phase="plan", order="7", requester="agent-b"),
        event_rows(datetime(2026, 3, 9, tzinfo=UTC), phase=None, order=None),
        event_rows(datetime(2026, 3, 8, tzinfo=UTC), phase=None, order=""),
    )

    rows = _trend(store, group)

    assert [row.key for row in rows] == keys
    assert sum(row.counts.total for row in rows) == 3


def test_iso_weeks_follow_iso_8601_at_the_turn_of_the_year() -> None:
    assert iso_week(date(2027, 1, 1)) == "2026-W53"
    assert iso_week(date(2025, 12, 29)) == "2026-W01"


def test_the_operation_mix_is_a_share_of_the_range(store: Engine) -> None:
    write(store, *(event_rows(DAY, op=op) for op in ("append", "append", "prepend", "append")))
    with read_transaction(store) as conn:
        mix = operation_mix(patch_cells(conn, MARCH))
    assert [(share.op, share.patches, share.share) for share in mix] == [("append", 3, 0.75), ("prepend", 1, 0.25)]


def test_errors_are_counted_once_a_patch_with_its_last_error(store: Engine) -> None:
    retried = event_rows(DAY, ("patch_requested", "patch_failed"), error="locked")
    write(
        store,
        retried,
        [retried[-1] | {"error": "conflict"}],
        event_rows(DAY, FAILED, check=False, error="conflict"),
        event_rows(DAY, FAILED, check=False, error="a type error"),
        event_rows(DAY - timedelta(days=60), FAILED, check=False, error="long ago"),
    )
    with read_transaction(store) as conn:
        errors = patch_errors(conn, MARCH)
        assert [(error.error, error.patches) for error in errors] == [("conflict", 2), ("a type error", 1)]
        assert len(patch_errors(conn, MARCH, top=1)) == 1


def test_the_default_range_is_the_last_thirty_days(now: datetime) -> None:
    assert utc_range(None, None, now=now) == UtcRange(now - timedelta(days=30), now)


@pytest.mark.parametrize(
    ("start", "end", "complaint"),
    [
        (DAY, DAY - timedelta(days=1), r"from 2026-03-02T00:00:00\+00:00 is after to 2026-03-01"),
        (datetime(2026, 3, 1), None, "from 2026-03-01T00:00:00 has no time zone"),  # noqa: DTZ001 - the naive value is the case
        (None, datetime(2026, 3, 1), "to 2026-03-01T00:00:00 has no time zone"),  # noqa: DTZ001 - the naive value is the case
    ],
)
def test_a_range_that_means_nothing_is_refused(
    now: datetime, start: datetime | None, end: datetime | None, complaint: str
) -> None:
    with pytest.raises(StatsRequestError, match=complaint):
        utc_range(start, end, now=now)


def test_an_unknown_group_is_refused_with_the_known_ones() -> None:
    with pytest.raises(StatsRequestError, match="unknown group 'month'; groups are day, week, phase, order, factory"):
        trend_group("month")


@pytest.mark.parametrize("query", ["daily", "errors"])
def test_a_bounded_range_never_scans_all_events(store: Engine, query: str) -> None:
    hours = 24 * 120
    write(store, *(event_rows(DAY + timedelta(hours=hour), VALIDATED, check=True) for hour in range(hours)))
    with write_transaction(store) as conn:
        conn.execute(text("ANALYZE patch_events"))
    statement = daily_query(store.dialect.name) if query == "daily" else errors_query()
    sql = str(statement.element if hasattr(statement, "element") else statement)
    sqlite = store.dialect.name == "sqlite"
    start, end = DAY + timedelta(days=60), DAY + timedelta(days=67)
    bounds = {"from_at": str(start)[:19] if sqlite else start, "to_at": str(end)[:19] if sqlite else end, "top": 10}

    with read_transaction(store) as conn:
        explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        plan = "\n".join(str(row[-1]) for row in conn.execute(text(explain + sql), bounds))

    assert "ix_patch_events_created_at" in plan
    assert "Seq Scan" not in plan
    assert not [line for line in plan.splitlines() if line.strip().startswith("SCAN")], plan
