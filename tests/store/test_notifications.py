"""The outbox's rows: who is told, how far each has come, and who holds it, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store import notifications, patch_events
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.notifications import NotificationTarget

URL = "https://hooks.example/patches"
MINUTE = timedelta(minutes=1)


def record(store: Engine, now: datetime, *numbers: int, batch_id: str = "batch") -> None:
    events = [
        EventRow(
            patch_id=f"patch-{number}",
            batch_id=batch_id,
            requester="factory",
            workspace="w",
            file_path="f",
            op="append",
            event=PatchEventName.PATCH_REQUESTED,
            created_at=now,
        )
        for number in numbers
    ]
    with write_transaction(store) as conn:
        patch_events.record(conn, events)


def subscribe(store: Engine, now: datetime, url: str = URL, **values: Any) -> NotificationTarget:
    with write_transaction(store) as conn:
        return notifications.subscribe(conn, url, now=now, **values)


def claim(store: Engine, target: NotificationTarget, now: datetime, by: str = "me") -> NotificationTarget | None:
    with write_transaction(store) as conn:
        return notifications.claim(conn, target.id, by=by, now=now, until=now + MINUTE)


def get(store: Engine, target: NotificationTarget) -> NotificationTarget:
    with read_transaction(store) as conn:
        found = notifications.get(conn, target.id)
    assert found is not None
    return found


def due_ids(store: Engine, now: datetime) -> list[str]:
    with read_transaction(store) as conn:
        return [target.id for target in notifications.due(conn, now=now)]


def test_a_subscription_begins_with_what_is_recorded_next(store: Engine, now: datetime) -> None:
    record(store, now, 1, 2)
    target = subscribe(store, now)
    assert (target.cursor, target.attempts, target.batch_id, target.secret_env) == (2, 0, None, None)
    assert due_ids(store, now) == []
    record(store, now, 3)
    assert due_ids(store, now) == [target.id]
    with read_transaction(store) as conn:
        assert [event.id for event in notifications.waiting(conn, target)] == [3]


def test_the_same_subscription_again_is_the_same_target(store: Engine, now: datetime) -> None:
    everything = subscribe(store, now)
    of_batch = subscribe(store, now, batch_id="a")
    record(store, now, 1)
    assert subscribe(store, now) == everything
    assert subscribe(store, now, batch_id="a") == of_batch
    others = [subscribe(store, now, batch_id="b"), subscribe(store, now, url=URL + "/2")]
    assert len({everything.id, of_batch.id, *(one.id for one in others)}) == 4


def test_a_subscription_takes_a_new_secret_and_keeps_its_place(store: Engine, now: datetime) -> None:
    first = subscribe(store, now)
    record(store, now, 1)
    again = subscribe(store, now, secret_env="HOOK_SECRET")
    assert (again.id, again.cursor, again.secret_env) == (first.id, first.cursor, "HOOK_SECRET")


def test_subscribing_at_the_same_time_makes_one_target(store: Engine, now: datetime) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: subscribe(store, now).id, range(8)))
    assert len(found) == 1


def test_an_ended_target_is_told_no_more_and_may_be_subscribed_anew(store: Engine, now: datetime) -> None:
    first = subscribe(store, now)
    record(store, now, 1)
    with write_transaction(store) as conn:
        assert notifications.end(conn, first.id, now=now)
        assert not notifications.end(conn, first.id, now=now)
    assert due_ids(store, now) == []
    assert claim(store, first, now) is None
    second = subscribe(store, now)
    assert (second.id != first.id, second.cursor) == (True, 1)
    with read_transaction(store) as conn:
        assert [state.target.id for state in notifications.overview(conn)] == [second.id]
        assert len(notifications.overview(conn, ended=True)) == 2


def test_only_a_batch_that_was_never_begun_ends_its_target(store: Engine, now: datetime) -> None:
    begun, unused = subscribe(store, now, batch_id="begun"), subscribe(store, now, batch_id="unused")
    everything = subscribe(store, now)
    record(store, now, 1, batch_id="begun")
    with write_transaction(store) as conn:
        ended = [notifications.end_unused(conn, one.id, now=now) for one in (begun, unused, everything)]
    assert ended == [False, True, False]
    assert get(store, unused).ended_at == now


def test_a_target_is_held_by_one_until_its_lease_is_over(store: Engine, now: datetime) -> None:
    target = subscribe(store, now)
    record(store, now, 1)
    held = claim(store, target, now)
    assert held is not None
    assert (held.claimed_by, held.claimed_until) == ("me", now + MINUTE)
    assert claim(store, target, now + MINUTE / 2, by="other") is None
    assert due_ids(store, now + MINUTE / 2) == []
    assert claim(store, target, now + MINUTE, by="other") is not None


def test_of_many_that_claim_at_once_one_succeeds(store: Engine, now: datetime) -> None:
    target = subscribe(store, now)
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda number: claim(store, target, now, by=f"w{number}"), range(8)))
    assert sum(one is not None for one in claims) == 1


def test_an_event_that_was_delivered_is_behind_the_cursor(store: Engine, now: datetime) -> None:
    target = subscribe(store, now)
    record(store, now, 1, 2)
    claim(store, target, now)
    with write_transaction(store) as conn:
        assert notifications.postpone(conn, target.id, by="me", error="down", next_attempt_at=now + MINUTE)
    failed = get(store, target)
    assert (failed.attempts, failed.last_error, failed.next_attempt_at) == (1, "down", now + MINUTE)
    assert (failed.claimed_by, due_ids(store, now), due_ids(store, now + MINUTE)) == (None, [], [target.id])

    later = now + MINUTE
    claim(store, target, later)
    with write_transaction(store) as conn:
        until = later + 2 * MINUTE
        assert notifications.advance(conn, target.id, by="me", past=1, now=later, until=until)
        assert not notifications.advance(conn, target.id, by="me", past=1, now=later, until=until)
    told = get(store, target)
    assert (told.cursor, told.attempts, told.last_error, told.next_attempt_at) == (1, 0, None, None)
    assert (told.last_delivered_at, told.claimed_until) == (later, until)
    with write_transaction(store) as conn:
        assert notifications.release(conn, target.id, by="me")
    assert due_ids(store, later) == [target.id]


def test_who_does_not_hold_a_target_changes_nothing(store: Engine, now: datetime) -> None:
    target = subscribe(store, now)
    record(store, now, 1)
    held = claim(store, target, now)
    with write_transaction(store) as conn:
        assert not notifications.advance(conn, target.id, by="other", past=1, now=now, until=now)
        assert not notifications.postpone(conn, target.id, by="other", error="x", next_attempt_at=now)
        assert not notifications.release(conn, target.id, by="other")
        parking = {"event_id": 1, "attempts": 1, "error": "x", "now": now, "retry_at": None, "until": now}
        assert not notifications.park(conn, target.id, by="other", **parking)
        assert not notifications.parked_delivered(conn, target.id, 1, by="other", now=now, until=now)
        assert not notifications.parked_again(conn, target.id, 1, by="other", error="x", retry_at=None, until=now)
        assert notifications.parked(conn) == []
    assert get(store, target) == held


@pytest.fixture
def parked(store: Engine, now: datetime) -> NotificationTarget:
    """A target, held by "me", whose first event is parked until the next minute."""
    target = subscribe(store, now)
    record(store, now, 1, 2)
    claim(store, target, now)
    with write_transaction(store) as conn:
        assert notifications.park(
            conn,
            target.id,
            by="me",
            event_id=1,
            attempts=1,
            error="HTTP 422 nul\0",
            now=now,
            retry_at=now + MINUTE,
            until=now + MINUTE,
        )
    return target


def test_a_parked_event_is_behind_the_cursor_and_comes_due_again(
    store: Engine, now: datetime, parked: NotificationTarget
) -> None:
    with read_transaction(store) as conn:
        (state,) = notifications.overview(conn)
        assert (state.target.cursor, state.waiting, state.parked) == (1, 1, 1)
        assert notifications.parked_due(conn, parked.id, now=now) == []
        ((one, event),) = notifications.parked_due(conn, parked.id, now=now + MINUTE)
        assert (one.error, one.parked_at, event.patch_id) == ("HTTP 422 nul\ufffd", now, "patch-1")
    with write_transaction(store) as conn:
        assert notifications.advance(conn, parked.id, by="me", past=2, now=now, until=now)
    assert due_ids(store, now) == []
    assert due_ids(store, now + MINUTE) == [parked.id]


def test_a_parked_event_that_is_delivered_is_forgotten(
    store: Engine, now: datetime, parked: NotificationTarget
) -> None:
    with write_transaction(store) as conn:
        assert notifications.parked_delivered(conn, parked.id, 1, by="me", now=now, until=now + MINUTE)
        assert notifications.parked(conn) == []


def test_a_parked_event_that_is_refused_again_stays_until_it_is_asked_for(
    store: Engine, now: datetime, parked: NotificationTarget
) -> None:
    with write_transaction(store) as conn:
        assert notifications.parked_again(
            conn, parked.id, 1, by="me", error="HTTP 410", retry_at=None, until=now + MINUTE
        )
        (one,) = notifications.parked(conn, target_id=parked.id)
        assert (one.attempts, one.error, one.retry_at) == (2, "HTTP 410", None)
        assert notifications.parked_due(conn, parked.id, now=now + 1000 * MINUTE) == []
        assert notifications.retry(conn, now=now, target_id="another") == 0
        assert notifications.retry(conn, now=now) == 1
        assert len(notifications.parked_due(conn, parked.id, now=now)) == 1


def test_what_an_ended_target_has_parked_is_neither_listed_nor_retried(
    store: Engine, now: datetime, parked: NotificationTarget
) -> None:
    with write_transaction(store) as conn:
        notifications.end(conn, parked.id, now=now)
        assert notifications.parked(conn) == []
        assert notifications.retry(conn, now=now) == 0
        assert len(notifications.parked(conn, target_id=parked.id)) == 1


def test_the_longest_unserved_is_due_first(store: Engine, now: datetime) -> None:
    names = ("late", "early", "never")
    targets = {name: subscribe(store, now, url=f"{URL}/{name}") for name in names}
    record(store, now, 1, 2)
    for name, at in (("late", now + 2 * MINUTE), ("early", now)):
        claim(store, targets[name], at)
        with write_transaction(store) as conn:
            assert notifications.advance(conn, targets[name].id, by="me", past=1, now=at, until=at)
            assert notifications.release(conn, targets[name].id, by="me")
    assert due_ids(store, now + 3 * MINUTE) == [targets[name].id for name in ("never", "early", "late")]


def test_a_batch_target_waits_for_its_batch_alone(store: Engine, now: datetime) -> None:
    target = subscribe(store, now, batch_id="mine")
    record(store, now, 1, batch_id="other")
    assert due_ids(store, now) == []
    record(store, now, 2, batch_id="mine")
    assert due_ids(store, now) == [target.id]
    with read_transaction(store) as conn:
        (state,) = notifications.overview(conn)
        assert [event.patch_id for event in notifications.waiting(conn, target)] == ["patch-2"]
    assert state.waiting == 1
