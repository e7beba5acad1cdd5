"""The outbox: who is told of patch events, and how far each has come.

The ids of `patch_events` grow in the order of commits, so a target is a cursor over them: an event that is on record
is delivered, whatever happens to the process that recorded it. Whoever delivers holds a target by a lease, and every
step is a guarded UPDATE that says whether the lease still held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, update

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.store import patch_events as event_store
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.patch_events import StoredEvent
from repo_agent_dagster.store.rows import add, add_if_absent, fetch_all, fetch_one, storable
from repo_agent_dagster.store.tables import notification_targets, parked_notifications, patch_events

_target = notification_targets.c
_parked = parked_notifications.c
_event = patch_events.c


class UnknownTargetError(PermanentFault):
    """No notification target has this id."""


@dataclass(frozen=True)
class NotificationTarget:
    """Somebody who is told: of one batch's events, or of all (`batch_id` None). Times are UTC.

    `cursor` is the id of the last event that is done with; `attempts` counts failures at the one after it.
    """

    id: str
    url: str
    batch_id: str | None
    secret_env: str | None
    cursor: int
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    last_delivered_at: datetime | None
    claimed_by: str | None
    claimed_until: datetime | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class ParkedNotification:
    """An event that a target refused again and again; the events after it go on. `retry_at` None: on request only."""

    target_id: str
    event_id: int
    attempts: int
    error: str
    parked_at: datetime
    retry_at: datetime | None


@dataclass(frozen=True)
class TargetState:
    """A target with the number of events that wait for it, and of those that are parked."""

    target: NotificationTarget
    waiting: int
    parked: int


def subscribe(
    conn: Connection, url: str, *, now: datetime, batch_id: str | None = None, secret_env: str | None = None
) -> NotificationTarget:
    """Tell `url` of all events that are recorded from now on, or of one batch's; the same again is the same target.

    `secret_env` names the environment variable with the secret that its messages are signed with.
    """
    values = {
        "id": new_id(),
        "url": url,
        "batch_id": batch_id,
        "secret_env": secret_env,
        "cursor": event_store.newest_id(conn),
        "attempts": 0,
        "created_at": now,
    }
    if not add_if_absent(conn, notification_targets, values):
        differs = _target.secret_env.is_distinct_from(secret_env)
        conn.execute(update(notification_targets).where(*_scope(url, batch_id), differs).values(secret_env=secret_env))
    found = active(conn, url, batch_id)
    if found is None:
        raise UnknownTargetError(f"the subscription of {url} ended while it was written; subscribe again")
    return found


def active(conn: Connection, url: str, batch_id: str | None = None) -> NotificationTarget | None:
    """Return the active target of this URL for one batch's events, or for all; None when there is none."""
    return fetch_one(conn, notification_targets, NotificationTarget, *_scope(url, batch_id))


def end(conn: Connection, target_id: str, *, now: datetime) -> bool:
    """Tell a target no more; False if it had ended before, or there is none."""
    ending = update(notification_targets).where(_target.id == target_id, _target.ended_at.is_(None))
    return conn.execute(ending.values(ended_at=now)).rowcount == 1


def end_unused(conn: Connection, target_id: str, *, now: datetime) -> bool:
    """End the target of a batch that left no event (it was never begun); tell whether it was so."""
    batch_has_events = exists().where(_event.batch_id == _target.batch_id)
    ending = update(notification_targets).where(
        _target.id == target_id, _target.ended_at.is_(None), _target.batch_id.is_not(None), ~batch_has_events
    )
    return conn.execute(ending.values(ended_at=now)).rowcount == 1


def get(conn: Connection, target_id: str) -> NotificationTarget | None:
    """Return the target, or None when there is none with this id."""
    return fetch_one(conn, notification_targets, NotificationTarget, _target.id == target_id)


def overview(conn: Connection, *, ended: bool = False, limit: int = 100) -> list[TargetState]:
    """Return targets with what waits for them, those for all events first, then the newest; ended ones on request."""
    conditions = [] if ended else [_target.ended_at.is_(None)]
    order = [_target.batch_id.is_not(None), _target.id.desc()]
    targets = fetch_all(conn, notification_targets, NotificationTarget, *conditions, order_by=order, limit=limit)
    return [TargetState(target, _waiting_count(conn, target), _parked_count(conn, target.id)) for target in targets]


def due(
    conn: Connection, *, now: datetime, only: Sequence[str] | None = None, limit: int = 100
) -> list[NotificationTarget]:
    """Return targets that something waits for and that nobody holds, the longest unserved first, at most `limit`."""
    conditions = [_is_free(now), or_(_has_waiting(), _has_parked_due(now))]
    if only is not None:
        conditions.append(_target.id.in_(only))
    order = [_target.last_delivered_at.is_not(None), _target.last_delivered_at, _target.id]
    return fetch_all(conn, notification_targets, NotificationTarget, *conditions, order_by=order, limit=limit)


def claim(conn: Connection, target_id: str, *, by: str, now: datetime, until: datetime) -> NotificationTarget | None:
    """Hold a target until an instant, and return it; None if somebody else does, or it is not due yet."""
    claiming = update(notification_targets).where(_target.id == target_id, _is_free(now))
    if conn.execute(claiming.values(claimed_by=by, claimed_until=until)).rowcount != 1:
        return None
    return get(conn, target_id)


def waiting(
    conn: Connection, target: NotificationTarget, *, after_id: int | None = None, limit: int = 100
) -> list[StoredEvent]:
    """Return the events after the target's cursor, or after another id, in their order, at most `limit`."""
    start = target.cursor if after_id is None else after_id
    return event_store.listing(conn, batch_id=target.batch_id, after_id=start, limit=limit)


def advance(conn: Connection, target_id: str, *, by: str, past: int, now: datetime, until: datetime) -> bool:
    """Put an event behind the cursor: it was delivered. False, with nothing changed, if the hold on it was lost."""
    values = {"attempts": 0, "next_attempt_at": None, "last_error": None, "last_delivered_at": now}
    return _move(conn, target_id, by, past, {**values, "claimed_until": until})


def postpone(conn: Connection, target_id: str, *, by: str, error: str, next_attempt_at: datetime) -> bool:
    """Let go of a target that could not be told, until an instant; False if the hold on it was lost."""
    values = {"last_error": error, "next_attempt_at": next_attempt_at, "claimed_by": None, "claimed_until": None}
    changes = storable(notification_targets, values)
    failed = update(notification_targets).where(*_held(target_id, by))
    return conn.execute(failed.values(attempts=_target.attempts + 1, **changes)).rowcount == 1


def release(conn: Connection, target_id: str, *, by: str) -> bool:
    """Let go of a target; False if the hold on it was lost."""
    return _change(conn, target_id, by, {"claimed_by": None, "claimed_until": None})


def park(
    conn: Connection,
    target_id: str,
    *,
    by: str,
    event_id: int,
    attempts: int,
    error: str,
    now: datetime,
    retry_at: datetime | None,
    until: datetime,
) -> bool:
    """Put an event that was refused aside, so that those after it go on; False if the hold on it was lost."""
    values = {"attempts": 0, "next_attempt_at": None, "last_error": error, "claimed_until": until}
    if not _move(conn, target_id, by, event_id, values):
        return False
    parked = {
        "target_id": target_id,
        "event_id": event_id,
        "attempts": attempts,
        "error": error,
        "parked_at": now,
        "retry_at": retry_at,
    }
    add(conn, parked_notifications, parked)
    return True


def parked_due(
    conn: Connection, target_id: str, *, now: datetime, limit: int = 100
) -> list[tuple[ParkedNotification, StoredEvent]]:
    """Return a target's parked events that are to be tried again, in their order, at most `limit`."""
    conditions = [_parked.target_id == target_id, _parked.retry_at <= now]
    parked = fetch_all(
        conn, parked_notifications, ParkedNotification, *conditions, order_by=[_parked.event_id], limit=limit
    )
    found: list[tuple[ParkedNotification, StoredEvent]] = []
    for one in parked:
        (event,) = event_store.listing(conn, after_id=one.event_id - 1, limit=1)
        found.append((one, event))
    return found


def parked(conn: Connection, *, target_id: str | None = None, limit: int = 100) -> list[ParkedNotification]:
    """Return parked events of active targets, or of one target, by target and in their order, at most `limit`."""
    active = _parked.target_id.in_(select(_target.id).where(_target.ended_at.is_(None)))
    conditions = [active] if target_id is None else [_parked.target_id == target_id]
    order = [_parked.target_id, _parked.event_id]
    return fetch_all(conn, parked_notifications, ParkedNotification, *conditions, order_by=order, limit=limit)


def parked_delivered(
    conn: Connection, target_id: str, event_id: int, *, by: str, now: datetime, until: datetime
) -> bool:
    """Forget a parked event that was delivered after all; False if the hold on its target was lost."""
    if not _change(conn, target_id, by, {"last_delivered_at": now, "claimed_until": until}):
        return False
    _delete_parked(conn, target_id, event_id)
    return True


def parked_again(
    conn: Connection, target_id: str, event_id: int, *, by: str, error: str, retry_at: datetime | None, until: datetime
) -> bool:
    """Leave an event parked after another failure; False if the hold on its target was lost."""
    if not _change(conn, target_id, by, {"last_error": error, "claimed_until": until}):
        return False
    values = storable(parked_notifications, {"error": error, "retry_at": retry_at})
    one = update(parked_notifications).where(_parked.target_id == target_id, _parked.event_id == event_id)
    conn.execute(one.values(attempts=_parked.attempts + 1, **values))
    return True


def retry(conn: Connection, *, now: datetime, target_id: str | None = None) -> int:
    """Make what waits and what is parked due at once, of one active target or of all; return how many were parked."""
    chosen = (
        [_target.ended_at.is_(None)] if target_id is None else [_target.id == target_id, _target.ended_at.is_(None)]
    )
    conn.execute(update(notification_targets).where(*chosen).values(next_attempt_at=None))
    of_them = _parked.target_id.in_(select(_target.id).where(*chosen))
    return int(conn.execute(update(parked_notifications).where(of_them).values(retry_at=now)).rowcount)


def _scope(url: str, batch_id: str | None) -> list[ColumnElement[bool]]:
    return [_target.url == url, _target.batch_id.is_not_distinct_from(batch_id), _target.ended_at.is_(None)]


def _is_free(now: datetime) -> ColumnElement[bool]:
    return and_(
        _target.ended_at.is_(None),
        or_(_target.next_attempt_at.is_(None), _target.next_attempt_at <= now),
        or_(_target.claimed_until.is_(None), _target.claimed_until <= now),
    )


def _has_waiting() -> ColumnElement[bool]:
    # Two lookups, each by its own index, instead of one that fits neither.
    of_any = exists().where(_event.id > _target.cursor)
    of_its_batch = exists().where(_event.batch_id == _target.batch_id, _event.id > _target.cursor)
    return or_(and_(_target.batch_id.is_(None), of_any), and_(_target.batch_id.is_not(None), of_its_batch))


def _has_parked_due(now: datetime) -> ColumnElement[bool]:
    return exists().where(_parked.target_id == _target.id, _parked.retry_at <= now)


def _move(conn: Connection, target_id: str, by: str, past: int, values: dict[str, Any]) -> bool:
    return _change(conn, target_id, by, {**values, "cursor": past}, _target.cursor < past)


def _change(
    conn: Connection, target_id: str, by: str, values: dict[str, Any], *conditions: ColumnElement[bool]
) -> bool:
    """Change a target that `by` holds; say whether it still did."""
    changing = update(notification_targets).where(*_held(target_id, by), *conditions)
    return conn.execute(changing.values(**storable(notification_targets, values))).rowcount == 1


def _held(target_id: str, by: str) -> list[ColumnElement[bool]]:
    return [_target.id == target_id, _target.claimed_by == by, _target.ended_at.is_(None)]


def _delete_parked(conn: Connection, target_id: str, event_id: int) -> None:
    conn.execute(delete(parked_notifications).where(_parked.target_id == target_id, _parked.event_id == event_id))


def _waiting_count(conn: Connection, target: NotificationTarget) -> int:
    query = select(func.count()).select_from(patch_events).where(_event.id > target.cursor)
    if target.batch_id is not None:
        query = query.where(_event.batch_id == target.batch_id)
    return conn.execute(query).scalar_one()


def _parked_count(conn: Connection, target_id: str) -> int:
    query = select(func.count()).select_from(parked_notifications).where(_parked.target_id == target_id)
    return conn.execute(query).scalar_one()
