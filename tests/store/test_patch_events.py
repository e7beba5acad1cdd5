"""Events, their hash chain and the view, on both databases."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, text, update

from repo_agent_dagster.contracts.custody import CustodyRefused, CustodyUnavailable, EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store import patch_events
from repo_agent_dagster.store.engine import open_store, read_transaction, write_transaction
from repo_agent_dagster.store.migrate import head_revision
from repo_agent_dagster.store.patch_events import ChainVerdict, PatchActivity, StoreCustody, v_patch_activity
from repo_agent_dagster.store.revision import newest_revision, open_upgraded
from repo_agent_dagster.store.tables import patch_custody
from repo_agent_dagster.store.tables import patch_events as events_table

NOW = datetime(2026, 3, 4, 9, 30, 0, 123456, tzinfo=UTC)


def event(number: int = 1, name: str = "patch_requested", **more: Any) -> EventRow:
    values = {
        "patch_id": f"patch-{number}",
        "batch_id": "batch",
        "requester": "factory",
        "workspace": "w",
        "file_path": f"f{number}.py",
        "op": "append",
        "event": PatchEventName(name),
        "created_at": NOW,
    }
    return EventRow(**values | more)


def put(store: Engine, *events: EventRow) -> None:
    with write_transaction(store) as conn:
        patch_events.record(conn, events)


def verdict(store: Engine, workspace: str = "w") -> ChainVerdict:
    with read_transaction(store) as conn:
        return patch_events.verify_chain(conn, workspace)


def test_what_is_recorded_comes_back(store: Engine) -> None:
    asked = event(
        task_id="t",
        order_id="42",
        phase="one",
        ts_check_ok=False,
        diff_path="d.diff",
        error="ä\nb",
        meta={"z": 1, "a": [None, 1.5, {"ä": True}]},
        created_at=NOW.astimezone(timezone(timedelta(hours=2))),
    )
    put(store, asked)
    with read_transaction(store) as conn:
        (told,) = patch_events.listing(conn)
    assert {field.name: getattr(told, field.name) for field in fields(EventRow)} == {
        field.name: getattr(asked, field.name) for field in fields(EventRow)
    }
    assert told.created_at.tzinfo is UTC
    assert verdict(store) == ChainVerdict(ok=True, checked=1)


def test_text_that_no_database_keeps_is_made_fit_and_the_chain_holds(store: Engine) -> None:
    put(store, event(error="nul\0 and half \ud800", meta={"k\0": "v\0"}))
    with read_transaction(store) as conn:
        (told,) = patch_events.listing(conn)
    assert told.error == "nul\ufffd and half \ufffd"
    assert verdict(store).ok


def test_each_workspace_has_its_own_chain_without_gaps(store: Engine) -> None:
    put(store, event(1), event(2, workspace="v"), event(3))
    put(store, event(4), event(5, workspace="v"))
    assert verdict(store, "w") == ChainVerdict(ok=True, checked=3)
    assert verdict(store, "v") == ChainVerdict(ok=True, checked=2)
    assert verdict(store, "none") == ChainVerdict(ok=True, checked=0)
    with read_transaction(store) as conn:
        assert patch_events.workspaces(conn) == ["v", "w"]
        assert patch_events.newest_id(conn) == 5


def test_nothing_to_record_is_no_error(store: Engine) -> None:
    put(store)
    with read_transaction(store) as conn:
        assert patch_events.newest_id(conn) == 0


CUSTODY, EVENTS = patch_custody, events_table


@pytest.mark.parametrize(
    ("tampering", "seq", "problem"),
    [
        pytest.param(
            update(CUSTODY).where(CUSTODY.c.seq == 2).values(factory="other"), 2, "row 2 was edited", id="edit"
        ),
        pytest.param(
            update(CUSTODY).where(CUSTODY.c.seq == 2).values(message="{}"), 2, "row 2 was edited", id="message"
        ),
        pytest.param(
            update(CUSTODY).where(CUSTODY.c.seq == 2).values(ts=NOW + timedelta(microseconds=1)), 2, "edited", id="time"
        ),
        pytest.param(delete(CUSTODY).where(CUSTODY.c.seq == 2), 2, "row 2 is missing: the next is 3", id="delete"),
        pytest.param(delete(CUSTODY).where(CUSTODY.c.seq == 4), 4, "row 4 is missing", id="delete the last"),
        pytest.param(update(CUSTODY).where(CUSTODY.c.seq == 4).values(seq=9), 4, "row 4 is missing", id="renumber"),
        pytest.param(
            update(CUSTODY).where(CUSTODY.c.seq == 3).values(prev_hash="0" * 64), 3, "does not follow", id="prev hash"
        ),
        pytest.param(
            update(EVENTS).where(EVENTS.c.patch_id == "patch-3").values(error="none"), 3, "event 3 is not", id="event"
        ),
        pytest.param(
            update(EVENTS).where(EVENTS.c.patch_id == "patch-3").values(ts_check_ok=True), 3, "event 3 is not", id="ok"
        ),
        pytest.param(delete(EVENTS).where(EVENTS.c.patch_id == "patch-1"), 1, "event 2 is not", id="delete an event"),
        pytest.param(
            delete(EVENTS).where(EVENTS.c.patch_id == "patch-4"),
            4,
            r"\(patch patch-4\) was deleted",
            id="the last event",
        ),
        pytest.param(
            insert(EVENTS).values(
                patch_id="x", requester="x", workspace="w", file_path="x", op="x", event="patch_applied", created_at=NOW
            ),
            5,
            "event 5 has no row in the chain",
            id="slip in an event",
        ),
        pytest.param(
            insert(CUSTODY).values(
                workspace="w",
                seq=5,
                patch_id="x",
                factory="x",
                event_type="patch_applied",
                message="{}",
                ts=NOW,
                prev_hash="0" * 64,
                hash="0" * 64,
            ),
            5,
            "does not follow",
            id="slip in a row",
        ),
    ],
)
def test_tampering_is_found_and_the_first_row_is_named(store: Engine, tampering: Any, seq: int, problem: str) -> None:
    put(store, *(event(number) for number in (1, 2, 3, 4)))
    with write_transaction(store) as conn:
        conn.execute(tampering)
    found = verdict(store)
    assert (found.ok, found.seq, found.checked) == (False, seq, seq - 1)
    assert found.problem is not None
    assert re.search(problem, found.problem)


def test_concurrent_writers_keep_the_chain_whole(store: Engine) -> None:
    def write(writer: int) -> None:
        for number in range(5):
            put(store, event(100 * writer + number), event(100 * writer + number, "patch_applied"))

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, range(4)))  # list: to raise what one of them raised
    assert verdict(store) == ChainVerdict(ok=True, checked=40)


def test_a_transaction_that_fails_leaves_neither_event_nor_link(store: Engine) -> None:
    put(store, event(1))
    with pytest.raises(AttributeError):
        put(store, event(2), replace(event(3), created_at=None))  # type: ignore[arg-type] # fails at the second
    with store.connect() as conn:
        patch_events.record(conn, [event(3)])
        conn.rollback()
    put(store, event(4))
    assert verdict(store) == ChainVerdict(ok=True, checked=2)


def test_three_thousand_events_are_one_quick_transaction(store: Engine) -> None:
    batch = [event(number, meta={"added": 1, "removed": 2}) for number in range(3000)]
    put(store, event(9999))
    before = time.process_time()
    put(store, *batch)
    assert time.process_time() - before < 2.0  # one commit each takes several seconds; measured here: about 0.15
    assert verdict(store).checked == 3001


def test_listing_goes_on_from_a_cursor(store: Engine) -> None:
    put(store, *(event(number, order_id=str(number % 2), batch_id=f"b{number}") for number in range(6)))
    with read_transaction(store) as conn:
        first = patch_events.listing(conn, limit=4)
        rest = patch_events.listing(conn, after_id=first[-1].id)
        assert [one.patch_id for one in [*first, *rest]] == [f"patch-{number}" for number in range(6)]
        assert [one.patch_id for one in patch_events.listing(conn, order_id="1")] == ["patch-1", "patch-3", "patch-5"]
        assert [one.batch_id for one in patch_events.listing(conn, patch_id="patch-2")] == ["b2"]
        assert [one.patch_id for one in patch_events.listing(conn, batch_id="b3")] == ["patch-3"]


def test_orders_are_listed_once_and_from_an_instant_on(store: Engine) -> None:
    later = NOW + timedelta(days=1)
    put(store, event(1, order_id="b"), event(2, order_id="a"), event(3, order_id="b", created_at=later), event(4))
    with read_transaction(store) as conn:
        assert patch_events.order_ids(conn) == ["a", "b"]
        assert patch_events.order_ids(conn, since=later) == ["b"]


def test_activity_sums_up_each_patch_in_one_row(store: Engine) -> None:
    def at(minutes: int) -> datetime:
        return NOW + timedelta(minutes=minutes)

    first = event(1, order_id="42", phase="one", task_id="t")
    put(
        store,
        first,
        event(2, order_id="42"),
        replace(first, event=PatchEventName.PATCH_APPLIED, created_at=at(1), diff_path="d"),
        replace(
            first, event=PatchEventName.PATCH_FAILED, created_at=at(2), ts_check_ok=False, error="bad", diff_path="d"
        ),
        replace(first, event=PatchEventName.PATCH_REVERTED, created_at=at(3)),
    )
    with read_transaction(store) as conn:
        both = patch_events.activity(conn)
        (one,) = patch_events.activity(conn, patch_id="patch-1", order_id="42", workspace="w", batch_id="batch")
        assert patch_events.activity(conn, order_id="43") == []
        assert len(patch_events.activity(conn, limit=1)) == 1
    assert [row.patch_id for row in both] == ["patch-2", "patch-1"]
    assert one == PatchActivity(
        patch_id="patch-1",
        batch_id="batch",
        task_id="t",
        order_id="42",
        phase="one",
        requester="factory",
        workspace="w",
        file_path="f1.py",
        op="append",
        requested_at=NOW,
        applied_at=at(1),
        validated_at=None,
        failed_at=at(2),
        reverted_at=at(3),
        exported_at=None,
        last_event="patch_reverted",
        ts_check_ok=False,
        error="bad",
        diff_path="d",
    )


def test_the_view_has_the_columns_that_are_declared(store: Engine) -> None:
    with store.connect() as conn:
        found = conn.execute(text("SELECT * FROM v_patch_activity")).keys()
    assert list(found) == [column.name for column in v_patch_activity.c]
    assert set(found) == {field.name for field in fields(PatchActivity)}


def test_a_patch_is_told_with_all_of_its_events(store: Engine) -> None:
    put(store, event(1), event(2), event(2, "patch_applied"), event(1, "patch_applied"), event(2, "patch_reverted"))
    custody = StoreCustody(store)
    one, two = custody.batch("batch")
    assert (one.patch_id, one.is_in_force, len(one.events)) == ("patch-1", True, 2)
    assert (two.patch_id, two.is_in_force, len(two.events)) == ("patch-2", False, 3)
    assert two.last(PatchEventName.PATCH_FAILED) is None
    assert [patch.patch_id for patch in custody.patches(["patch-2", "patch-1", "none"])] == ["patch-1", "patch-2"]
    assert custody.batch("none") == []


def test_many_patches_are_asked_for_at_once(store: Engine) -> None:
    put(store, *(event(number) for number in range(1200)))
    ids = [f"patch-{number}" for number in range(1200)]
    assert len(StoreCustody(store).patches(ids)) == 1200


def test_a_value_that_does_not_fit_is_refused_on_both_databases_alike(store: Engine) -> None:
    with pytest.raises(CustodyRefused, match="requester takes at most 200 characters, not 201"):
        StoreCustody(store).record([event(requester="x" * 201)])


def test_a_store_that_does_not_answer_is_unavailable() -> None:
    custody = StoreCustody(open_store("postgresql://nobody:secret@127.0.0.1:1/none"))
    with pytest.raises(CustodyUnavailable, match="cannot be reached") as failure:
        custody.record([event()])
    assert "secret" not in str(failure.value)


def test_a_store_without_our_tables_refuses(tmp_path: Any) -> None:
    custody = StoreCustody(open_store(f"sqlite:///{tmp_path / 'empty.db'}"))
    with pytest.raises((CustodyRefused, CustodyUnavailable), match="no such table"):
        custody.batch("b")


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    assert newest_revision() == head_revision()


def test_opening_upgrades_what_is_not_up_to_date(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    for _ in range(2):
        engine = open_upgraded(url)
        put(engine, event())
        engine.dispose()
    assert verdict(open_store(url)).checked == 2
