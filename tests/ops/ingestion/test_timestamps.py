"""Times in every form become one UTC text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.ops.ingestion.timestamps import utc_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-04T12:34:56.789Z", "2026-03-04 12:34:56.789000"),
        ("2026-03-04T12:34:56.7Z", "2026-03-04 12:34:56.700000"),
        ("2026-03-04T12:34:56.123456Z", "2026-03-04 12:34:56.123456"),
        ("2026-03-04T12:34:56.123456789Z", "2026-03-04 12:34:56.123456"),
        ("2026-03-04T12:34:56Z", "2026-03-04 12:34:56.000000"),
        ("2026-03-04T12:34:56", "2026-03-04 12:34:56.000000"),
        ("2026-03-04 12:34:56.5", "2026-03-04 12:34:56.500000"),
        ("2026-03-04T01:30:00+02:00", "2026-03-03 23:30:00.000000"),
        ("2026-03-03T23:30:00.250-05:30", "2026-03-04 05:00:00.250000"),
        ("20260304T123456.789000Z", "2026-03-04 12:34:56.789000"),
        ("2026-W10-3T12:34:56.789Z", "2026-03-04 12:34:56.789000"),
        (1772627696, "2026-03-04 12:34:56.000000"),
        (1772627696.5, "2026-03-04 12:34:56.500000"),
        (1772627696789, "2026-03-04 12:34:56.789000"),
        (1772627696789012, "2026-03-04 12:34:56.789012"),
        (1772627696789012345, "2026-03-04 12:34:56.789012"),
    ],
)
def test_a_time_is_read(value: object, expected: str) -> None:
    assert utc_text(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-04", "yesterday", "", "2026-02-30T00:00:00Z", "2026-03-04T25:00:00.000Z", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00", "1999-12-31T23:59:59.999Z", "2100-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z",
        0, -1, 1e300, float("inf"), float("nan"), 10**30, True, None, [], {},
    ],
)  # fmt: skip
def test_what_is_no_plausible_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        utc_text(value)


@given(
    instant=st.datetimes(datetime(2000, 1, 3), datetime(2099, 12, 29)),  # noqa: DTZ001 - hypothesis wants naive bounds
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_any_offset_names_the_same_instant(instant: datetime, minutes: int) -> None:
    aware = instant.replace(tzinfo=UTC)
    shifted = aware.astimezone(timezone(timedelta(minutes=minutes)))

    expected = instant.isoformat(" ", "microseconds")
    assert utc_text(shifted.isoformat()) == expected
    assert utc_text(aware.isoformat(timespec="microseconds").replace("+00:00", "Z")) == expected
