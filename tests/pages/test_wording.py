"""Counts, instants and names as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from repo_agent_dagster.pages.wording import duration, instant, latency, plural, words

START = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(4.24, "4.2 s"), (200, "3 min 20 s"), (3720, "1 h 02 min"), (52 * 3600, "2 d 4 h"), (-1, "0.0 s")],
)
def test_a_duration_is_told_in_the_units_that_fit_it(seconds: float, told: str) -> None:
    assert duration(START, START + timedelta(seconds=seconds)) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 ms"), (0.0124, "12 ms"), (0.9999, "1.0 s"), (4.24, "4.2 s"), (200, "3 min 20 s")]
)
def test_a_latency_is_told_down_to_the_millisecond(seconds: float, told: str) -> None:
    assert latency(seconds) == told


def test_what_is_not_known_is_a_dash() -> None:
    assert (instant(None), duration(START, None), latency(None)) == ("–", "–", "–")


def test_counts_and_states_are_told_in_words() -> None:
    assert (plural(1, "patch", "patches"), plural(2000, "file")) == ("1 patch", "2,000 files")
    assert words("rolled_back") == "rolled back"
