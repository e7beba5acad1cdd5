"""A receiver, a clock that is set by hand, and a short way to record events and to deliver them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.notify import Delivery, deliver
from repo_agent_dagster.store import patch_events
from repo_agent_dagster.store.engine import write_transaction
from tests.notify.receiver import Receiver, listening


class Outbox:
    """A store with events, and the time."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self.engine = engine
        self.now = now

    def record(self, *numbers: int, batch_id: str = "batch", **values: Any) -> None:
        events = [
            EventRow(
                patch_id=f"patch-{number}",
                batch_id=batch_id,
                requester="factory",
                workspace="w",
                file_path=f"f{number}.py",
                op="append",
                event=values.get("event", PatchEventName.PATCH_REQUESTED),
                created_at=self.now,
                order_id="42",
                meta={"step": number},
            )
            for number in numbers
        ]
        with write_transaction(self.engine) as conn:
            patch_events.record(conn, events)

    def deliver(self, **options: Any) -> Delivery:
        values: dict[str, Any] = {"clock": lambda: self.now, "secrets": {}, "chance": Random(7), **options}
        return deliver(self.engine, **values)

    def passes(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@pytest.fixture
def outbox(store: Engine, now: datetime) -> Outbox:
    return Outbox(store, now)


@pytest.fixture
def sqlite_outbox(sqlite_store: Engine, now: datetime) -> Outbox:
    return Outbox(sqlite_store, now)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as one:
        yield one
