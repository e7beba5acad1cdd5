"""A spool's segment is taken in once, whole, at the end of its workspace's chain, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.custody import CustodyRefused, EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.spool import SpoolSegment, Subscription, TakesSpools
from repo_agent_dagster.store import notifications, patch_events
from repo_agent_dagster.store.custody import open_custody
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.patch_events import ChainVerdict, StoreCustody

OpenCustody = Callable[[], StoreCustody]


@pytest.fixture(params=["whole store", "custody alone"])
def open_one(request: pytest.FixtureRequest, store: Engine) -> OpenCustody:
    """Open custody on the store: by SQLAlchemy, and as a command does that loads none of it where it need not."""
    if request.param == "whole store":
        return lambda: StoreCustody(store)
    return lambda: open_custody(store.url.render_as_string(hide_password=False))  # type: ignore[return-value] # alike


def event(number: int, now: datetime, name: PatchEventName = PatchEventName.PATCH_REQUESTED) -> EventRow:
    return EventRow(
        patch_id=f"patch-{number}",
        batch_id="batch",
        requester="factory",
        workspace="w",
        file_path="f",
        op="append",
        event=name,
        created_at=now,
    )


def segment(*events: EventRow, subscriptions: tuple[Subscription, ...] = ()) -> SpoolSegment:
    return SpoolSegment(new_id(), "w", events, subscriptions, "0" * 64)


def test_a_segment_is_taken_in_once_and_continues_the_chain(
    store: Engine, open_one: OpenCustody, now: datetime
) -> None:
    custody = open_one()
    assert isinstance(custody, TakesSpools)
    custody.record([event(1, now)])
    earlier = now - timedelta(hours=1)
    taken = segment(event(2, earlier), event(2, earlier, PatchEventName.PATCH_APPLIED))

    assert custody.take_in(taken, now)
    assert not custody.take_in(taken, now)

    with read_transaction(store) as conn:
        told = patch_events.listing(conn)
        assert patch_events.verify_chain(conn, "w") == ChainVerdict(ok=True, checked=3)
    assert [(one.patch_id, one.created_at) for one in told] == [
        ("patch-1", now),
        ("patch-2", earlier),
        ("patch-2", earlier),
    ]


def test_an_empty_segment_is_taken_in_too(open_one: OpenCustody, now: datetime) -> None:
    nothing = segment()
    assert open_one().take_in(nothing, now)
    assert not open_one().take_in(nothing, now)


def test_a_segment_with_an_event_that_does_not_fit_leaves_nothing(
    store: Engine, open_one: OpenCustody, now: datetime
) -> None:
    refused = segment(event(1, now), replace(event(2, now), requester="x" * 201))
    with pytest.raises(CustodyRefused, match="requester takes at most 200"):
        open_one().take_in(refused, now)
    with read_transaction(store) as conn:
        assert patch_events.listing(conn) == []
    assert open_one().take_in(replace(refused, events=refused.events[:1]), now)


def test_a_subscription_in_a_segment_is_told_of_all_that_its_batch_did(
    store: Engine, open_one: OpenCustody, now: datetime
) -> None:
    wish = Subscription(new_id(), "http://h/", "batch", "HOOK_SECRET")
    again = Subscription(new_id(), "http://h/", "batch", "HOOK_SECRET")
    open_one().take_in(segment(event(1, now), event(2, now), subscriptions=(wish, again)), now)
    with read_transaction(store) as conn:
        (state,) = notifications.overview(conn)
    assert (state.target.id, state.target.secret_env, state.waiting) == (wish.id, "HOOK_SECRET", 2)


def test_of_many_that_ship_one_segment_at_once_one_succeeds(
    store: Engine, open_one: OpenCustody, now: datetime
) -> None:
    taken = segment(*(event(number, now) for number in range(5)))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: open_one().take_in(taken, now), range(8)))
    assert sum(results) == 1
    with read_transaction(store) as conn:
        assert patch_events.verify_chain(conn, "w") == ChainVerdict(ok=True, checked=5)
