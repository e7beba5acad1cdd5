"""A fold touches no more than it must, may be killed anywhere, and bears others beside it."""

import os
import signal
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, select, update

from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.store.engine import open_store, read_transaction, write_transaction
from repo_agent_dagster.store.patch_rollups import (
    compare_days,
    days_due,
    fold,
    fold_day,
    note_events,
    rebuild_day,
    sample_days,
)
from repo_agent_dagster.store.tables import patch_daily, patch_rollup_periods, patch_trends
from tests.reports.builder import APPLIED, VALIDATED, event_rows, write
from tests.store.patch_rollups.answers import assert_equal

DAY = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 5, 2, tzinfo=UTC)
SPRING = UtcRange(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
MOST_STATEMENTS = 200


def _folded_ids(store: Engine) -> dict[tuple[str, date], int]:
    row = patch_rollup_periods.c
    with read_transaction(store) as conn:
        return {(grain, start): n for grain, start, n in conn.execute(select(row.grain, row.start, row.folded_id))}


def _days(store: Engine, first: int, days: int) -> None:
    write(store, *(event_rows(DAY + timedelta(days=first + n), VALIDATED, check=True) for n in range(days)))


def test_a_late_event_refreshes_only_its_day_and_the_periods_around_it(store: Engine) -> None:
    _days(store, 0, 40)
    fold(store, NOW)
    before = _folded_ids(store)

    late = event_rows(DAY + timedelta(days=3, hours=5), ("patch_requested",))
    write(store, late)
    folded = fold(store, NOW)

    after = _folded_ids(store)
    assert (folded.days, folded.events, folded.patches) == (1, 1, 2)
    assert {period for period in after if after[period] != before.get(period)} == {
        ("day", date(2026, 3, 5)),
        ("week", date(2026, 3, 2)),
        ("month", date(2026, 3, 1)),
    }
    assert_equal(store, SPRING)


def test_a_later_event_of_a_patch_refreshes_the_day_of_its_first(store: Engine) -> None:
    patch = event_rows(DAY, ("patch_requested",))
    write(store, patch)
    _days(store, 1, 3)
    fold(store, NOW)

    write(store, [patch[0] | {"event": "patch_failed", "created_at": DAY + timedelta(days=20), "ts_check_ok": False}])

    with read_transaction(store) as conn:
        assert days_due(conn) == [DAY.date()]
    assert fold(store, NOW).days == 1
    assert_equal(store, SPRING)


def test_nothing_new_folds_nothing(store: Engine) -> None:
    _days(store, 0, 3)
    fold(store, NOW)
    said: list[str] = []

    folded = fold(store, NOW, said.append)

    assert (folded.days, folded.events, folded.patches, said) == (0, 0, 0, [])
    with read_transaction(store) as conn:
        assert days_due(conn) == []


def test_the_running_week_and_month_are_left_to_their_days(store: Engine) -> None:
    _days(store, 0, 3)
    fold(store, DAY + timedelta(days=4))
    assert {grain for (grain, _), n in _folded_ids(store).items() if n} == {"day"}

    fold(store, DAY + timedelta(days=7))
    assert {grain for (grain, _), n in _folded_ids(store).items() if n} == {"day", "week"}


def test_a_long_fold_tells_how_far_it_is(store: Engine) -> None:
    _days(store, 0, 2)
    said: list[str] = []

    fold(store, NOW, said.append)

    assert said[:3] == [
        "events up to 6 are noted; they touch 2 days",
        "2026-03-03 has 1 patches (1 of 2 days)",
        "2026-03-02 has 1 patches (2 of 2 days)",
    ]


def test_a_row_that_was_changed_is_found_and_a_rebuild_mends_it(store: Engine) -> None:
    _days(store, 0, 9)
    fold(store, NOW)
    with write_transaction(store) as conn:
        conn.execute(update(patch_daily).where(patch_daily.c.day == DAY.date()).values(patches=7))
        of_day = (patch_trends.c.grain == "day", patch_trends.c.start == DAY.date())
        conn.execute(update(patch_trends).where(*of_day).values(total=7))

    with read_transaction(store) as conn:
        found = compare_days(conn, sample_days(conn, 50, seed=7))
    # The week and the month are no more the sums of their days, either.
    assert {mismatch.day for mismatch in found} == {DAY.date(), date(2026, 3, 1)}
    assert {mismatch.table for mismatch in found} == {"patch_daily", "patch_trends"}

    assert rebuild_day(store, DAY.date(), NOW) == 1
    fold(store, NOW)

    with read_transaction(store) as conn:
        assert compare_days(conn, [DAY.date()]) == []
    assert_equal(store, SPRING)


def test_a_week_that_is_not_the_sum_of_its_days_is_found(store: Engine) -> None:
    _days(store, 0, 9)
    fold(store, NOW)
    row = patch_trends.c
    with write_transaction(store) as conn:
        of_week = (row.grain == "week", row.start == DAY.date(), row.dimension == "order")
        conn.execute(update(patch_trends).where(*of_week).values(total=8))

    with read_transaction(store) as conn:
        [found] = compare_days(conn, [DAY.date()])

    assert found.key == ("order", "week", DAY.date(), "42")
    assert found.expected is not None
    assert found.found is not None
    assert (found.expected[0], found.found[0]) == (7, 8)


def test_a_sample_is_of_folded_days_and_the_same_for_a_seed(store: Engine) -> None:
    _days(store, 0, 8)
    note_events(store)
    for n in range(5):
        fold_day(store, DAY.date() + timedelta(days=n), NOW)

    with read_transaction(store) as conn:
        sample = sample_days(conn, 3, seed=4)
        assert sample == sample_days(conn, 3, seed=4)
        assert len(sample_days(conn, 50, seed=4)) == 5
    assert len(sample) == 3


def test_an_older_computation_never_replaces_a_newer_one(store: Engine) -> None:
    patch = event_rows(DAY, ("patch_requested",))
    write(store, patch)
    note_events(store)
    overtaken = False

    @event.listens_for(store, "commit")
    def _overtake(_: object) -> None:
        # The day was computed, and is not written yet: meanwhile it gets an event, and somebody else folds it.
        nonlocal overtaken
        if overtaken:
            return
        overtaken = True
        write(store, [patch[0] | {"event": "patch_failed", "ts_check_ok": False}])
        fold(store, NOW)

    assert fold_day(store, DAY.date(), NOW) is None

    assert overtaken
    assert_equal(store, SPRING)
    with read_transaction(store) as conn:
        assert compare_days(conn, [DAY.date()]) == []


def _killed_after(store: Engine, statements: int) -> bool:
    """Fold in a process that is killed after so many statements; return whether it came that far."""
    url = store.url.render_as_string(hide_password=False)
    child = os.fork()
    if child == 0:
        try:
            engine = open_store(url)
            seen = 0

            @event.listens_for(engine, "after_cursor_execute")
            def _count(*_: object) -> None:
                nonlocal seen
                seen += 1
                if seen == statements:
                    os.kill(os.getpid(), signal.SIGKILL)

            fold(engine, NOW)
        finally:
            os._exit(0)  # nothing of the test runner's may run twice
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_killed_anywhere_what_is_read_is_right_and_the_next_fold_goes_on(sqlite_store: Engine) -> None:
    _days(sqlite_store, 0, 2)
    fold(sqlite_store, NOW)
    kills = 0
    for statements in range(1, MOST_STATEMENTS, 4):
        write(sqlite_store, event_rows(DAY + timedelta(hours=statements), VALIDATED, check=None))
        if not _killed_after(sqlite_store, statements):
            break
        kills += 1
        assert_equal(sqlite_store, SPRING)

    assert kills > 8
    fold(sqlite_store, NOW)
    assert_equal(sqlite_store, SPRING)
    with read_transaction(sqlite_store) as conn:
        assert compare_days(conn, sample_days(conn, 50, seed=1)) == []


def test_two_folders_and_a_writer_at_once_agree_with_the_events_all_the_time(store: Engine) -> None:
    _days(store, 0, 3)
    written = threading.Event()
    faults: list[BaseException] = []

    def work(rounds: int, once: object) -> None:
        try:
            for n in range(rounds):
                once(n)  # type: ignore[operator]
        except BaseException as fault:  # noqa: BLE001 - raised below, in the test's own thread
            faults.append(fault)

    def append(n: int) -> None:
        patch = event_rows(DAY + timedelta(days=n % 9), VALIDATED, check=bool(n % 2))
        write(store, patch[:1])
        write(store, patch[1:])

    def keep_folding(_: int) -> None:
        while not written.is_set():
            fold(store, NOW)

    writer = threading.Thread(target=work, args=(25, append))
    folders = [threading.Thread(target=work, args=(1, keep_folding)) for _ in range(2)]
    for thread in (writer, *folders):
        thread.start()
    while writer.is_alive():
        assert_equal(store, SPRING)
    written.set()
    for thread in (writer, *folders):
        thread.join()

    assert faults == []
    fold(store, NOW)
    assert_equal(store, SPRING)
    with read_transaction(store) as conn:
        assert compare_days(conn, sample_days(conn, 50, seed=1)) == []


def test_a_clock_that_was_wrong_by_thousands_of_years_stops_no_fold(store: Engine) -> None:
    write(store, event_rows(datetime(9999, 12, 31, tzinfo=UTC), APPLIED), event_rows(datetime(1, 1, 1, tzinfo=UTC)))
    _days(store, 0, 2)
    assert fold(store, NOW).days == 4
    assert_equal(store, SPRING)


@pytest.mark.parametrize("length", [401, 5000])
def test_a_key_too_long_for_an_index_is_cut_and_told_apart_by_its_digest(store: Engine, length: int) -> None:
    write(store, *(event_rows(DAY, file_path="x" * length + end, workspace="/w" * length) for end in "ab"))
    fold(store, NOW)
    assert_equal(store, SPRING)
