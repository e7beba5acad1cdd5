"""Patches as frames: documented types, and numbers equal to a plain count over the rows."""

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from repo_agent_dagster.reports.export import PatchRow
from repo_agent_dagster.reports.frames import COUNT_COLUMNS, patches, stats, trends
from repo_agent_dagster.reports.periods import RangeError
from repo_agent_dagster.store.engine import open_store, write_transaction
from repo_agent_dagster.store.tables import patch_events
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows, write

BEGIN = datetime(2025, 12, 27, tzinfo=UTC)
HOURS = st.integers(0, 24 * 12)
GROUPS = ("day", "week", "phase", "order", "factory", "operation", "workspace", "file")
DAY = (BEGIN, BEGIN + timedelta(days=1))
PAGE = Path(__file__).parents[2] / "docs/patch-analytics.md"


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
        "operation": row["op"],
        "workspace": row["workspace"],
        "file": row["file_path"],
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

    frame = trends(group, start, end, engine=store)

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
    counted = dict.fromkeys(COUNT_COLUMNS, "int64") | {"success_rate": "Float64"}
    spans = {"first_patch": "datetime64[us, UTC]", "last_patch": "datetime64[us, UTC]", "duration": "timedelta64[us]"}
    for group in GROUPS:
        frame = trends(group, *DAY, engine=store)
        place = {"workspace": "string"} if group == "file" else {}
        assert _types(frame) == place | {group: "string"} | counted | spans
    assert {name: _types(frame) for name, frame in stats(*DAY, engine=store).items()} == {
        "daily": {"day": "datetime64[us]"} | counted,
        "factories": {"factory": "string"} | counted,
        "operations": {"op": "string", "patches": "int64", "share": "float64"},
        "errors": {"error": "string", "patches": "int64"},
        "latency": {"step": "string", "patches": "int64", "mean_seconds": "Float64", "p95_seconds": "Float64"},
    }
    frame = patches(*DAY, engine=store)
    assert list(frame.columns) == list(PatchRow._fields)
    assert _types(frame[["patch_id", "op", "day", "opened_at", "is_reverted"]]) == {
        "patch_id": "string",
        "op": "category",
        "day": "datetime64[us]",
        "opened_at": "datetime64[us, UTC]",
        "is_reverted": "bool",
    }
    assert len(frame) == (0 if is_empty else 2)


def test_days_and_instants_are_taken_as_text_too(store: Engine) -> None:
    write(store, event_rows(BEGIN), event_rows(BEGIN + timedelta(hours=30)))
    assert list(trends("day", "2025-12-27", "2025-12-28", engine=store)["total"]) == [1, 1]
    assert len(patches("2025-12-27T00:00Z", "2025-12-27T00:00:01Z", engine=store)) == 1


def test_what_did_not_happen_is_missing(store: Engine) -> None:
    write(store, event_rows(BEGIN, APPLIED, order=None))
    [patch] = patches(*DAY, engine=store).to_dict("records")
    assert (patch["outcome"], patch["is_reverted"]) == ("unchecked", False)
    assert [pd.isna(patch[name]) for name in ("order_id", "error", "validated_at", "requested_at")] == [
        *(True, True, True, False)
    ]


def test_without_a_store_the_configured_one_is_read(
    tmp_path: Path, upgraded_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path))
    shutil.copy(upgraded_file, tmp_path / "repo_agent.db")
    engine = open_store(f"sqlite:///{tmp_path / 'repo_agent.db'}")
    write(engine, event_rows(datetime(2026, 3, 4, 9, tzinfo=UTC), VALIDATED, check=True))
    assert list(trends("day", "2026-03-04", "2026-03-04")["day"]) == ["2026-03-04"]
    assert trends("day").empty, "the last thirty days"


def test_the_example_of_the_page_runs(tmp_path: Path, upgraded_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPO_AGENT_HOME", str(tmp_path))
    shutil.copy(upgraded_file, tmp_path / "repo_agent.db")
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    exec(example, {})


def test_an_unknown_group_and_a_range_backwards_are_refused(store: Engine) -> None:
    with pytest.raises(RangeError, match="unknown group 'month'"):
        trends("month", *DAY, engine=store)
    with pytest.raises(RangeError, match=r"from 2025-12-28 00:00:00\+00:00 is after to"):
        stats(DAY[1], DAY[0], engine=store)


def _types(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
