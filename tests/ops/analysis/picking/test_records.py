"""Stored rows: those that belong together are one failure, however the lines of many workers are mixed."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.logs import LogLevel, LogRecord
from repo_agent_dagster.ops.analysis.picking import joined_failures

START = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def row():
    """Return a maker of rows, each a tenth of a second after the one before."""
    numbers = count()

    def make(message, place="checkout", *, kind="worker", level=LogLevel.ERROR, later=0.0, run_id=None, **meta):
        number = next(numbers)
        ts = START + timedelta(seconds=number / 10 + later)
        return LogRecord(number, kind, "src", place, run_id, level, message, meta or None, ts)

    return make


def test_a_row_is_a_failure(row):
    failures = list(
        joined_failures(
            [row("TypeError: x is null"), row("TypeError: x is null"), row("queue is slow", level=LogLevel.WARN)]
        )
    )

    assert [failure.headline for failure in failures] == [
        "TypeError: x is null",
        "TypeError: x is null",
        "queue is slow",
    ]
    assert failures[0].exception == "TypeError"
    assert failures[2].level == LogLevel.WARN
    assert str(failures[0].place) == "checkout"


def test_rows_below_the_failure_level_are_none(row):
    assert not list(joined_failures([row("started", level=LogLevel.INFO)]))


def test_the_rows_of_a_trace_are_joined_within_their_request(row):
    failures = joined_failures(
        [
            row("TypeError: x is null", request_id="a"),
            row("RangeError: too far", request_id="b"),
            row("    at price (/srv/shop/cart.js:3:4)", request_id="a"),
            row("    at jump (/srv/shop/map.js:8:1)", request_id="b"),
            row("Caused by: Error: no rows", request_id="a"),
        ]
    )
    first, second = sorted(failures, key=lambda failure: failure.ts)

    assert first.text.splitlines() == [
        "TypeError: x is null",
        "    at price (/srv/shop/cart.js:3:4)",
        "Caused by: Error: no rows",
    ]
    assert first.top_frame is not None
    assert first.top_frame.function == "price"
    assert second.headline == "RangeError: too far"
    assert len(second.lines) == 2


def test_a_traceback_of_single_rows_ends_with_its_exception(row):
    first, second = joined_failures(
        [
            row("Traceback (most recent call last):"),
            row('  File "/srv/shop/cart.py", line 3, in price'),
            row("    return rows[0]"),
            row("IndexError: list index out of range"),
            row("order 12 could not be stored"),
        ]
    )

    assert (first.headline, first.exception) == ("IndexError: list index out of range", "IndexError")
    assert second.headline == "order 12 could not be stored"


def test_a_frame_that_comes_much_later_is_no_part_of_the_trace(row):
    assert len(list(joined_failures([row("Error: a"), row("    at f (/srv/a.js:1:2)", later=60)]))) == 2


def test_the_stack_of_the_meta_is_read(row):
    (failure,) = joined_failures(
        [row("request failed", stack="Error: no price\n    at price (/srv/shop/cart.js:3:4)", exception="PriceError")]
    )

    assert (failure.headline, failure.exception) == ("request failed", "PriceError")
    assert [str(anchor) for anchor in failure.anchors] == ["/srv/shop/cart.js:3:4"]
    assert "stack" not in failure.meta


def test_the_rows_of_a_build_are_read_like_a_log(row):
    def build(message):
        return row(message, "acme/shop", kind="build", run_id="7", workflow="CI", job="test", step="Run npm ci")

    (failure,) = joined_failures(
        [
            build("npm error code E404"),
            build("npm error 404 Not Found - GET https://registry.example/left"),
            build("npm error 404 'left@1' is not in this registry."),
            build("Process completed with exit code 1."),
        ]
    )

    assert (failure.tool, failure.rule, failure.exit_code) == ("npm", "E404", 1)
    assert str(failure.place) == "acme/shop CI/test/Run npm ci"
    assert failure.run_id == "7"


def test_what_a_failure_keeps_is_bounded(row):
    huge = "x" * 3_000_000
    failures = list(joined_failures([row(f"Error: a\n{huge}\n{huge}", blob=huge)]))

    assert sum(len(line.text) for line in failures[0].lines) < 20_000
    assert failures[0].lines[-1].text.endswith("[cut]")
    assert not failures[0].meta


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["Error: x", "    at f (/srv/a.js:1:2)", "slow", ""])),
        max_size=60,
    )
)
def test_every_row_is_in_exactly_one_failure(rows):
    records = [
        LogRecord(n, "worker", "src", place, None, LogLevel.ERROR, text, None, START + timedelta(seconds=n))
        for n, (place, text) in enumerate(rows)
    ]

    failures = list(joined_failures(records))

    assert sum(len(failure.lines) for failure in failures) == sum(1 for _, text in rows if text.strip())
