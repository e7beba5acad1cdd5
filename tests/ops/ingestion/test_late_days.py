"""The nightly run ingests yesterday, and again the days for which lines may still have come in."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.ops.ingestion.late_days import days_to_ingest

NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.mark.parametrize(("hours", "days"), [(0, 1), (9, 1), (10, 2), (24, 2), (33, 2), (34, 3), (72, 4)])
def test_a_day_is_ingested_again_while_its_lines_may_have_come_since_the_last_run(hours: int, days: int) -> None:
    yesterday = date(2026, 3, 3)

    assert days_to_ingest(NINE, timedelta(hours=hours)) == [yesterday - timedelta(n) for n in reversed(range(days))]


def test_the_day_is_that_of_utc() -> None:
    east = datetime.fromisoformat("2026-03-04T01:00:00+02:00")

    assert days_to_ingest(east, timedelta(0)) == [date(2026, 3, 2)]


@given(late=st.integers(0, 100), arrival=st.integers(0, 23), line_hour=st.integers(0, 23))
def test_every_line_within_lateness_is_there_after_the_next_run(late: int, arrival: int, line_hour: int) -> None:
    written = datetime(2026, 2, 10, line_hour, arrival, tzinfo=UTC)
    arrived = written + timedelta(hours=late)
    run = datetime(2026, 2, 11, 9, tzinfo=UTC)
    while run < arrived:
        run += timedelta(days=1)

    assert written.date() in days_to_ingest(run, timedelta(hours=late))
