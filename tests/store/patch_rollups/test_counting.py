"""What is counted, and for which range; the same before and after a fold."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_rollups import (
    Dimension,
    LatencySum,
    NotCountedAheadError,
    PatchFilter,
    PatchReading,
    Step,
    fold,
)
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows, write

DAY = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 4, 2, tzinfo=UTC)
MARCH = UtcRange(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))

Ask = Callable[[PatchReading], object]


def _ask(store: Engine, ask: Ask, period: UtcRange = MARCH) -> object:
    """Ask before a fold and after it; the answers are the same."""
    with read_transaction(store) as conn:
        before = ask(PatchReading.of(conn, period))
    fold(store, NOW)
    with read_transaction(store) as conn:
        after = ask(PatchReading.of(conn, period))
    assert before == after
    return after


def _keys(dimension: Dimension) -> Ask:
    return lambda reading: [(row.key, row.counts.total) for row in reading.counts_by(dimension).rows]


def _outcomes(reading: PatchReading) -> object:
    total = reading.total()
    return total.total, total.ok, total.failed, total.unchecked, total.reverted, total.refused


def test_a_patch_counts_once_by_its_last_verdict(store: Engine) -> None:
    rejudged = event_rows(DAY, VALIDATED, check=False)
    write(
        store,
        event_rows(DAY, VALIDATED, check=True),
        event_rows(DAY, (*APPLIED, "patch_failed", "patch_validated"), check=None),
        event_rows(DAY, FAILED, check=False),
        event_rows(DAY, APPLIED),
        event_rows(DAY, ("patch_requested", "patch_failed"), error="conflict"),
        [*rejudged, rejudged[-1] | {"ts_check_ok": True}, rejudged[-1] | {"ts_check_ok": None}],
    )

    assert _ask(store, _outcomes) == (6, 2, 1, 3, 1, 2)


def test_a_revert_is_no_patch_of_its_own(store: Engine) -> None:
    write(store, event_rows(DAY, op="revert"))
    assert _ask(store, _outcomes) == (0, 0, 0, 0, 0, 0)


def test_the_range_holds_its_start_and_not_its_end(store: Engine) -> None:
    start, end = DAY, DAY + timedelta(hours=1)
    instants = [start - timedelta(microseconds=1), start, end - timedelta(microseconds=1), end]
    write(store, *(event_rows(at, order=f"o{index}") for index, at in enumerate(instants)))

    assert _ask(store, _keys(Dimension.ORDER), UtcRange(start, end)) == [("o1", 1), ("o2", 1)]
    assert _ask(store, _keys(Dimension.ORDER), UtcRange(start, start)) == []


def test_a_patch_belongs_to_the_day_of_its_first_event_with_all_that_comes_later(store: Engine) -> None:
    day = UtcRange.of_days(DAY.date(), DAY.date())
    write(
        store,
        event_rows(DAY - timedelta(minutes=1), VALIDATED, check=True, step=timedelta(minutes=2)),
        event_rows(DAY, VALIDATED, check=True, step=timedelta(days=2)),
    )

    assert _ask(store, lambda reading: {day: counts.ok for day, counts in reading.by_day().items()}, day) == {
        date(2026, 3, 2): 1
    }


def test_days_are_utc_whatever_zone_the_event_was_written_in(store: Engine) -> None:
    write(store, event_rows(datetime(2026, 3, 3, 8, 59, tzinfo=timezone(timedelta(hours=9)))))
    assert _ask(store, lambda reading: list(reading.by_day())) == [date(2026, 3, 2)]


@pytest.mark.parametrize(
    ("dimension", "keys"),
    [
        (Dimension.ALL, [(None, 4)]),
        (Dimension.PHASE, [(None, 2), ("plan", 2)]),
        (Dimension.ORDER, [("unattributed", 2), ("7", 1), ("8", 1)]),
        (Dimension.FACTORY, [("agent-a", 3), ("agent-b", 1)]),
        (Dimension.OP, [("replace-block", 4)]),
        (Dimension.WORKSPACE, [("/srv/shop", 4)]),
        (Dimension.FILE, [("src/cart.py", 4)]),
    ],
)
def test_groups_are_by_size_then_name_and_lose_no_patch(
    store: Engine, dimension: Dimension, keys: list[tuple[str | None, int]]
) -> None:
    write(
        store,
        event_rows(DAY, phase="plan", order="7", requester="agent-b"),
        event_rows(DAY, phase="plan", order="8"),
        event_rows(DAY, phase=None, order=None),
        event_rows(DAY, phase="", order=""),
    )
    assert _ask(store, _keys(dimension)) == keys


def test_a_file_tells_its_workspace(store: Engine) -> None:
    write(store, event_rows(DAY), event_rows(DAY, workspace="/srv/api"))
    found = _ask(store, lambda reading: [(row.workspace, row.key) for row in reading.counts_by(Dimension.FILE).rows])
    assert found == [("/srv/api", "src/cart.py"), ("/srv/shop", "src/cart.py")]


def test_a_limit_keeps_the_largest_groups_and_says_how_many_it_leaves_out(store: Engine) -> None:
    orders = [f"o{n}" for n in range(6) for _ in range(n)]
    write(store, *(event_rows(DAY, order=order) for order in orders))
    fold(store, NOW)
    # What nobody has folded moves two groups up, one of them new.
    write(store, *(event_rows(DAY, order=order) for order in ["o1"] * 4 + ["new"] * 7))

    with read_transaction(store) as conn:
        found = PatchReading.of(conn, MARCH).counts_by(Dimension.ORDER, limit=3)

    assert [(row.key, row.counts.total) for row in found.rows] == [("new", 7), ("o1", 5), ("o5", 5)]
    assert found.left_out == 3


def test_a_filter_counts_the_patches_that_have_all_of_it(store: Engine) -> None:
    write(
        store,
        event_rows(DAY, order="7", requester="agent-b", check=True),
        event_rows(DAY, order="7", phase=None),
        event_rows(DAY + timedelta(days=9), order="7", phase=None),
        event_rows(DAY, order="8"),
    )
    where = PatchFilter(order="7", phase="")

    def ask(reading: PatchReading) -> object:
        days = {day: counts.total for day, counts in reading.by_day(where).items()}
        factories = reading.counts_by(Dimension.FACTORY, where=where).rows
        return days, list(reading.by_week(where)), [(row.key, row.counts.total) for row in factories]

    assert _ask(store, ask) == (
        {date(2026, 3, 2): 1, date(2026, 3, 11): 1},
        ["2026-W10", "2026-W11"],
        [("agent-a", 2)],
    )


def test_files_cannot_be_filtered(sqlite_store: Engine) -> None:
    with (
        read_transaction(sqlite_store) as conn,
        pytest.raises(NotCountedAheadError, match="not counted by file and by factory"),
    ):
        PatchReading.of(conn, MARCH).counts_by(Dimension.FILE, where=PatchFilter(order="7"))


def test_errors_are_counted_once_a_patch_with_its_last_error(store: Engine) -> None:
    retried = event_rows(DAY, ("patch_requested", "patch_failed"), error="locked")
    write(
        store,
        [*retried, retried[-1] | {"error": "conflict"}],
        event_rows(DAY, FAILED, check=False, error="conflict"),
        event_rows(DAY + timedelta(days=1), FAILED, check=False, error="a type error"),
        event_rows(DAY - timedelta(days=60), FAILED, check=False, error="long ago"),
    )

    def ask(reading: PatchReading) -> object:
        found = reading.errors(1)
        return [(row.error, row.patches) for row in found.rows], found.others

    assert _ask(store, ask) == ([("conflict", 2)], 1)


def test_errors_beyond_those_that_a_day_keeps_are_counted_without_their_names(store: Engine) -> None:
    texts = [f"e{n:04}" for n in range(510)]
    patches = {text: event_rows(DAY, ("patch_requested", "patch_failed"), error=text) for text in texts}
    write(store, *patches.values(), event_rows(DAY, ("patch_requested", "patch_failed"), error="e0001"))
    fold(store, NOW)
    # One that is not named gets another error, and one that is named too.
    for text in ("e0509", "e0002"):
        write(store, [patches[text][-1] | {"error": "e0001"}])

    with read_transaction(store) as conn:
        found = PatchReading.of(conn, MARCH).errors(1)

    assert [(row.error, row.patches) for row in found.rows] == [("e0001", 4)]
    assert found.others == 507


def test_a_new_error_is_named_before_its_day_is_folded_again_however_many_others_that_day_has(store: Engine) -> None:
    texts = [f"e{n:04}" for n in range(300)]
    write(store, *(event_rows(DAY, ("patch_requested", "patch_failed"), error=text) for text in texts))
    fold(store, NOW)
    write(store, *(event_rows(DAY, ("patch_requested", "patch_failed"), error="new") for _ in range(3)))

    def ask(reading: PatchReading) -> object:
        found = reading.errors(1)
        return [(row.error, row.patches) for row in found.rows], found.others

    with read_transaction(store) as conn:
        assert ask(PatchReading.of(conn, MARCH)) == ([("new", 3)], 300)
    assert _ask(store, ask) == ([("new", 3)], 300)


def test_latency_is_from_step_to_step_over_the_patches_that_made_it(store: Engine) -> None:
    write(
        store,
        *(event_rows(DAY, VALIDATED, check=True, step=timedelta(seconds=n)) for n in range(1, 101)),
        event_rows(DAY, APPLIED, step=timedelta(seconds=-5)),
        event_rows(DAY, ("patch_requested",)),
    )

    def ask(reading: PatchReading) -> object:
        return reading.latency()

    applied, validated, both = _ask(store, ask)  # type: ignore[misc]

    assert applied == LatencySum(Step.REQUESTED_APPLIED, 101, pytest.approx(50), pytest.approx(95, rel=0.025))
    assert validated == LatencySum(Step.APPLIED_VALIDATED, 100, 50.5, pytest.approx(95, rel=0.025))
    assert both == LatencySum(Step.REQUESTED_VALIDATED, 100, 101, pytest.approx(190, rel=0.025))
