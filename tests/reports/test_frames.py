"""Trends as frames: documented types, and numbers equal to a plain count over the rows."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from repo_agent_dagster.reports import trends
from repo_agent_dagster.reports.frames import COUNT_COLUMNS
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.patch_stats import StatsRequestError
from repo_agent_dagster.store.tables import patch_events
from tests.reports.builder import FAILED, VALIDATED, event_rows, write

BEGIN = datetime(2025, 12, 27, tzinfo=UTC)
HOURS = st.integers(0, 24 * 12)
GROUPS = ("day", "week", "phase", "order", "factory")


@st.composite
def _patch(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One patch with any events at any times, also out of order and with several verdicts."""
    names = ("patch_requested", "patch_applied", "patch_validated", "patch_failed", "patch_reverted")
    base = event_rows(
        BEGIN,
        ("patch_requested",),
        order=draw(st.sampled_from([None, "", "a", "b"])),
        phase=draw(st.sampled_from([None, "plan", "verify"])),
        requester=draw(st.sampled_from(["x", "y"])),
    )[0]
    events = draw(
        st.lists(st.tuples(st.sampled_from(names), HOURS, st.sampled_from([None, True, False])), min_size=1, max_size=4)
    )
    return [
        base | {"event": event, "created_at": BEGIN + timedelta(hours=hours), "ts_check_ok": verdict}
        for event, hours, verdict in events
    ]


def _key(row: dict[str, Any], group: str) -> str | None:
    at: datetime = row["created_at"]
    iso = at.isocalendar()
    keys: dict[str, str | None] = {
        "day": at.strftime("%Y-%m-%d"),
        "week": f"{iso.year}-W{iso.week:02d}",
        "phase": row["phase"],
        "order": row["order_id"] or "unattributed",
        "factory": row["requester"],
    }
    return keys[group]


def _reference(patches: list[list[dict[str, Any]]], group: str, start: datetime, end: datetime) -> dict[Any, Any]:
    """Count by brute force, in no more than one loop over the patches."""
    found: dict[str | None, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNT_COLUMNS, 0))
    for rows in patches:
        if not start <= rows[0]["created_at"] < end:
            continue
        counts = found[_key(rows[0], group)]
        verdict = None
        for row in rows:
            if row["ts_check_ok"] is not None:
                verdict = row["ts_check_ok"]
        counts["total"] += 1
        counts["ok"] += verdict is True
        counts["failed"] += verdict is False
        counts["unchecked"] += verdict is None
        counts["checked"] += verdict is not None
        counts["reverted"] += any(row["event"] == "patch_reverted" for row in rows)
        counts["refused"] += verdict is None and any(row["event"] == "patch_failed" for row in rows)
    return dict(found)


def _as_counts(frame: pd.DataFrame, group: str) -> Iterator[tuple[str | None, dict[str, int]]]:
    for row in frame.to_dict("records"):
        key = None if pd.isna(row[group]) else row[group]
        yield key, {column: row[column] for column in COUNT_COLUMNS}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    patches=st.lists(_patch(), max_size=8), group=st.sampled_from(GROUPS), bounds=st.tuples(HOURS, HOURS).map(sorted)
)
def test_trends_equal_a_plain_count(
    store: Engine, patches: list[list[dict[str, Any]]], group: str, bounds: list[int]
) -> None:
    start, end = (BEGIN + timedelta(hours=hours) for hours in bounds)
    with write_transaction(store) as conn:
        conn.execute(delete(patch_events))
    if patches:
        write(store, *patches)

    frame = trends(store, group, start, end)

    assert dict(_as_counts(frame, group)) == _reference(patches, group, start, end)
    assert len(frame) == frame[group].nunique(dropna=False)
    for row in frame.to_dict("records"):
        assert (
            pd.isna(row["success_rate"]) if row["checked"] == 0 else row["success_rate"] == row["ok"] / row["checked"]
        )


@pytest.mark.parametrize("is_empty", [True, False])
def test_the_types_are_as_documented(store: Engine, is_empty: bool) -> None:
    if not is_empty:
        write(store, event_rows(BEGIN, VALIDATED, check=True), event_rows(BEGIN, FAILED, phase=None, check=False))
    frame = trends(store, "phase", BEGIN, BEGIN + timedelta(days=1))
    assert list(frame.columns) == ["phase", *COUNT_COLUMNS, "success_rate"]
    assert len(frame) == (0 if is_empty else 2)
    assert {str(frame[column].dtype) for column in COUNT_COLUMNS} == {"int64"}
    assert (str(frame["phase"].dtype), str(frame["success_rate"].dtype)) == ("string", "Float64")


def test_an_unknown_group_is_refused(store: Engine) -> None:
    with pytest.raises(StatsRequestError, match="unknown group 'month'"):
        trends(store, "month", BEGIN, BEGIN)
