"""Ranges of time as people write them: what they mean, and what is said to those that mean nothing."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.patch_stats import TrendGroup
from repo_agent_dagster.contracts.periods import UtcRange, iso_week
from repo_agent_dagster.reports.periods import OPTIONS, Moment, RangeError, group_of, range_of, week_days, week_of

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def _range(from_: Moment | None = None, to: Moment | None = None, days: int = 7) -> tuple[str, str]:
    period = range_of(from_, to, now=NOW, default_days=days, names=OPTIONS)
    return (f"{period.start:%Y-%m-%dT%H:%M}", f"{period.end:%Y-%m-%dT%H:%M}")


@pytest.mark.parametrize(
    ("from_", "to", "expected"),
    [
        (None, None, ("2026-02-26T00:00", "2026-03-05T00:00")),
        ("2026-03-01", "2026-03-01", ("2026-03-01T00:00", "2026-03-02T00:00")),
        ("2026-03-01", None, ("2026-03-01T00:00", "2026-03-05T00:00")),
        (None, "2026-02-28", ("2026-02-22T00:00", "2026-03-01T00:00")),
        (None, "2026-02-28T12:00Z", ("2026-02-22T00:00", "2026-02-28T12:00")),
        ("2026-03-01T01:00:00+02:00", "2026-03-02 00:00Z", ("2026-02-28T23:00", "2026-03-02T00:00")),
        (date(2026, 3, 1), datetime(2026, 3, 2, 6, tzinfo=UTC), ("2026-03-01T00:00", "2026-03-02T06:00")),
    ],
)
def test_a_day_means_all_of_it_and_an_instant_itself(
    from_: Moment | None, to: Moment | None, expected: tuple[str, str]
) -> None:
    assert _range(from_, to) == expected


def test_the_same_instant_twice_is_an_empty_range() -> None:
    assert range_of(NOW, NOW, now=NOW, default_days=7).is_empty


def test_today_is_the_day_in_utc() -> None:
    in_new_zealand = datetime(2026, 3, 5, 9, tzinfo=timezone(timedelta(hours=13)))
    assert range_of(None, None, now=in_new_zealand, default_days=1) == UtcRange.of_days(date(2026, 3, 4), NOW.date())


@pytest.mark.parametrize(
    ("from_", "to", "complaint"),
    [
        ("2026-03-05T00:00Z", "2026-03-01", "--from '2026-03-05T00:00Z' is after --to '2026-03-01'; exchange them"),
        ("2026-06-01", None, "--from '2026-06-01' is after the end of today; give --to, too"),
        ("2026-03-04T09:30", None, "--from '2026-03-04T09:30' has no time zone; write 2026-03-04T09:30:00+00:00 "),
        (datetime(2026, 3, 4), None, "--from 2026-03-04 00:00:00 has no time zone"),  # noqa: DTZ001
        ("yesterday", None, "--from 'yesterday' is no day or instant; write 2026-03-04 or 2026-03-04T09:30:00+00:00"),
        (None, "2026-02-30", "--to '2026-02-30' is no day or instant"),
        (None, "20260301", "--to '20260301' is no day or instant"),
        (None, "2026-W09", "--to '2026-W09' is no day or instant"),
        (None, "", "--to '' is no day or instant"),
        (None, "2026-03-04T25:00Z", "--to '2026-03-04T25:00Z' is no day or instant"),
        ("1969-12-31", "1970-01-02", "--from '1969-12-31' is before 1970-01-01"),
        ("0001-01-01T00:00+23:00", None, "is before 1970-01-01"),
        (None, "9999-12-31", "--to '9999-12-31' is more than a year after today, 2026-03-04"),
        ("2010-01-01", None, "--from '2010-01-01' is 5,907 days before --to; ask for ten years at most"),
    ],
)
def test_what_means_nothing_is_told_with_the_remedy(from_: Moment | None, to: Moment | None, complaint: str) -> None:
    with pytest.raises(RangeError) as told:
        _range(from_, to)
    assert complaint in str(told.value)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_one_short_line(text: str) -> None:
    told = ""
    try:
        range_of(text, text, now=NOW, default_days=7)
    except RangeError as error:
        told = str(error)
    assert len(told) < 200
    assert "\n" not in told


@given(st.datetimes(datetime(1971, 1, 1), datetime(2026, 3, 1)), st.integers(0, 3000))  # noqa: DTZ001
def test_the_days_of_a_range_cover_it_and_no_more(start: datetime, hours: int) -> None:
    period = UtcRange(start.replace(tzinfo=UTC), start.replace(tzinfo=UTC) + timedelta(hours=hours))
    days = period.days()
    assert days == sorted(set(days))
    if days:
        whole = UtcRange.of_days(days[0], days[-1])
        assert whole.start <= period.start < whole.start + timedelta(days=1)
        assert whole.end - timedelta(days=1) < period.end <= whole.end
    else:
        assert period.is_empty


def test_a_range_never_runs_backwards_and_never_lacks_a_zone() -> None:
    with pytest.raises(ValueError, match="cannot start"):
        UtcRange(NOW, NOW - timedelta(seconds=1))
    with pytest.raises(ValueError, match="naive"):
        UtcRange(NOW.replace(tzinfo=None), NOW)


def test_groups_are_told_to_who_asks_for_another() -> None:
    assert group_of("week") is TrendGroup.WEEK
    with pytest.raises(
        RangeError,
        match="unknown group 'month'; groups are day, week, phase, order, factory, operation, workspace, file",
    ):
        group_of("month")


def test_a_week_is_an_iso_week() -> None:
    assert week_of(None, now=NOW) == "2026-W09", "the last one that is over"
    assert week_of("2026W10", now=NOW) == "2026-W10"
    assert week_of("2020-W53", now=NOW) == iso_week(date(2021, 1, 3))
    assert week_days("2026-W01") == UtcRange.of_days(date(2025, 12, 29), date(2026, 1, 4))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("last", "WEEK 'last' is no ISO 8601 week; write 2026-W10 for this one"),
        ("2026-W54", "WEEK '2026-W54' is no ISO 8601 week"),
        ("2026-W11", "WEEK '2026-W11' has not begun; this week is 2026-W10"),
        ("1969-W40", "WEEK '1969-W40' is before 1970"),
    ],
)
def test_a_week_that_is_none_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(RangeError, match=complaint):
        week_of(text, now=NOW)
