"""What is read equals what the events say, whatever was written, folded, and asked for, in whatever order."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.patch_events import record
from repo_agent_dagster.store.patch_rollups import compare_days, fold, fold_day, note_events, rebuild_day, sample_days
from repo_agent_dagster.store.patch_rollups.longer_periods import rebuild_periods
from repo_agent_dagster.store.tables import (
    patch_daily,
    patch_errors_daily,
    patch_events,
    patch_latency,
    patch_rollup_cursor,
    patch_rollup_periods,
    patch_trends,
)
from tests.store.patch_rollups.answers import assert_equal

FIRST = datetime(2025, 12, 20, tzinfo=UTC)  # the range holds the turn of a month, a year, and of ISO's 2026-W01
SPAN_HOURS = 24 * 50
NOW = FIRST + timedelta(days=60)

hours = st.one_of(st.integers(0, SPAN_HOURS), st.integers(0, 49).map(lambda day: 24 * day), st.integers(0, 30))
instants = hours.map(lambda hour: FIRST + timedelta(hours=hour)) | hours.map(
    lambda hour: FIRST + timedelta(hours=hour, microseconds=-1)
)


@dataclass(frozen=True)
class Event:
    """An event of one of a few patches, so that patches get several, on several days."""

    patch: int
    name: PatchEventName
    at: datetime
    check: bool | None
    error: str | None

    def row(self) -> EventRow:
        """Make the row; a patch's later events may disagree with its first, which counts."""
        n = self.patch
        return EventRow(
            patch_id=f"019c0000-0000-7000-8000-{n:012d}",
            batch_id=None,
            requester=f"agent-{n % 2}",
            workspace=("/srv/shop", "/srv/" + "long" * 200)[n % 5 == 0],
            file_path=f"src/{n % 3}.py" if n % 7 else "src/" + "x" * 900,
            op="revert" if n == 11 else ("insert", "delete")[n % 2],
            event=self.name,
            created_at=self.at,
            task_id=None,
            order_id=(None, "", "42", "43")[n % 4],
            phase=(None, "plan", "")[n % 3],
            ts_check_ok=self.check,
            diff_path=None,
            error=self.error,
            meta=None,
        )


events = st.builds(
    Event,
    patch=st.integers(0, 15),
    name=st.sampled_from(PatchEventName),
    at=instants,
    check=st.sampled_from([None, True, False]),
    error=st.sampled_from([None, None, "conflict", "locked", "e" * 2001, "e" * 2002]),
)
days = st.integers(0, 49).map(lambda day: (FIRST + timedelta(days=day)).date())


@dataclass
class Steps:
    """What may happen to a store."""

    store: Engine

    def write(self, rows: list[Event]) -> None:
        with write_transaction(self.store) as conn:
            record(conn, [event.row() for event in rows])

    def fold(self, _: None) -> None:
        fold(self.store, NOW)

    def note(self, _: None) -> None:
        note_events(self.store)

    def fold_day(self, day: date) -> None:
        fold_day(self.store, day, NOW)

    def rebuild_day(self, day: date) -> None:
        rebuild_day(self.store, day, NOW)

    def rebuild_periods(self, _: None) -> None:
        list(rebuild_periods(self.store, NOW))

    def ask(self, ends: tuple[datetime, datetime]) -> None:
        assert_equal(self.store, UtcRange(min(ends), max(ends)))


steps = st.one_of(
    st.tuples(st.just("write"), st.lists(events, min_size=1, max_size=6)),
    st.tuples(st.sampled_from(["fold", "note", "rebuild_periods"]), st.none()),
    st.tuples(st.sampled_from(["fold_day", "rebuild_day"]), days),
    st.tuples(st.just("ask"), st.tuples(instants, instants)),
)


@contextmanager
def emptied(store: Engine) -> Iterator[Engine]:
    """One store serves all the examples: an upgrade for each would take most of the time."""
    with write_transaction(store) as conn:
        for table in (
            patch_events,
            patch_rollup_cursor,
            patch_rollup_periods,
            patch_daily,
            patch_trends,
            patch_errors_daily,
            patch_latency,
        ):
            conn.execute(delete(table))
    yield store


def run(store: Engine, script: list[tuple[str, object]]) -> None:
    with emptied(store):
        steps = Steps(store)
        for name, given_to_it in script:
            getattr(steps, name)(given_to_it)
        everything = UtcRange(FIRST, FIRST + timedelta(hours=SPAN_HOURS + 24))
        assert_equal(store, everything)
        fold(store, NOW)
        assert_equal(store, everything)
        with read_transaction(store) as conn:
            assert compare_days(conn, sample_days(conn, 50, seed=1)) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=1, max_size=12))
def test_on_sqlite(sqlite_store: Engine, script: list[tuple[str, object]]) -> None:
    run(sqlite_store, script)


@pytest.mark.postgres
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=4, max_size=12))
def test_on_postgresql(postgres_store: Engine, script: list[tuple[str, object]]) -> None:
    run(postgres_store, script)
