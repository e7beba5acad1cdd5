"""Deliver what the outbox holds: to each target in the order of events, one at a time, until it is taken.

State advances only after a 2xx. Who is killed between the answer and the commit sends the same message again, with the
same idempotency key; that is the one way in which a message can come twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from time import monotonic
from typing import TYPE_CHECKING

from repo_agent_dagster.notify.message import key_of, message_of
from repo_agent_dagster.notify.posting import Answer, Poster
from repo_agent_dagster.notify.retrying import (
    REFUSALS_BEFORE_PARKING,
    delay_after,
    is_refusal,
    parked_retry_at,
    parsed_retry_after,
)
from repo_agent_dagster.notify.signature import headers
from repo_agent_dagster.store import notifications
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.notifications import NotificationTarget
from repo_agent_dagster.store.patch_events import StoredEvent

if TYPE_CHECKING:
    from sqlalchemy import Engine

LEASE = timedelta(seconds=60)
"""How long a target is held without a sign of life; longer than any one message may take."""

POST_SECONDS = 10.0
_EVENTS_PER_QUERY = 50
_SHORTEST_POST_SECONDS = 0.05

Clock = Callable[[], datetime]


@dataclass(slots=True)
class Delivery:
    """What one call of `deliver` did. `problems` are sentences, one for each target that could not be told."""

    delivered: int = 0
    parked: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing went wrong."""
        return not self.problems and not self.parked


class _HoldLost(Exception):
    """Another deliverer took the target over, or somebody ended it."""


def deliver(
    engine: "Engine",
    *,
    clock: Clock,
    secrets: Mapping[str, str],
    chance: Random,
    only: Sequence[str] | None = None,
    budget_seconds: float = 20.0,
    post_seconds: float = POST_SECONDS,
) -> Delivery:
    """Tell every target that is due of what waits for it, for at most about `budget_seconds`.

    Two at once do not send twice: each target is held by a lease. `only` are the ids of the targets to serve;
    `secrets` maps environment variables' names to the secrets that messages are signed with.
    """
    done = Delivery()
    deadline = monotonic() + budget_seconds
    with read_transaction(engine) as conn:
        targets = notifications.due(conn, now=clock(), only=only)
    if not targets:
        return done
    with Poster() as poster:
        for target in targets:
            left = deadline - monotonic()
            if left < _SHORTEST_POST_SECONDS:
                break
            # So that one long queue does not keep the other targets waiting.
            share = left if target is targets[-1] else max(left / 2, min(left, post_seconds))
            round_ = _Round(engine, poster, clock, secrets, chance, done, monotonic() + share, post_seconds)
            round_.serve(target.id)
    return done


class _Round:
    """One target's turn."""

    def __init__(
        self,
        engine: "Engine",
        poster: Poster,
        clock: Clock,
        secrets: Mapping[str, str],
        chance: Random,
        done: Delivery,
        deadline: float,
        post_seconds: float,
    ) -> None:
        self._engine = engine
        self._poster = poster
        self._clock = clock
        self._secrets = secrets
        self._chance = chance
        self._done = done
        self._deadline = deadline
        self._post_seconds = post_seconds
        self._me = new_id()
        self._held_until = clock()

    def serve(self, target_id: str) -> None:
        """Hold the target, tell it what waits until it is told all, fails, or time is up, and let go of it."""
        with write_transaction(self._engine) as conn:
            target = notifications.claim(conn, target_id, by=self._me, now=self._clock(), until=self._lease())
        if target is None:
            return
        try:
            if self._retry_parked(target):
                self._tell_waiting(target)
        except _HoldLost:
            return
        finally:
            with write_transaction(self._engine) as conn:
                notifications.release(conn, target.id, by=self._me)

    def _retry_parked(self, target: NotificationTarget) -> bool:
        """Try what is parked and due again; tell whether the target can be told more."""
        with read_transaction(self._engine) as conn:
            parked = notifications.parked_due(conn, target.id, now=self._clock())
        for one, event in parked:
            answer = self._post(target, event)
            if answer is None:
                return False
            now = self._clock()
            if answer.is_taken:
                with write_transaction(self._engine) as conn:
                    self._kept(
                        notifications.parked_delivered(
                            conn, target.id, event.id, by=self._me, now=now, until=self._lease()
                        )
                    )
                self._done.delivered += 1
            elif answer.status is not None and is_refusal(answer.status):
                retry_at = parked_retry_at(one.attempts + 1, now)
                with write_transaction(self._engine) as conn:
                    self._kept(
                        notifications.parked_again(
                            conn,
                            target.id,
                            event.id,
                            by=self._me,
                            error=answer.said,
                            retry_at=retry_at,
                            until=self._lease(),
                        )
                    )
                self._done.problems.append(f"{target.url} refuses event {event.id} still: {answer.said}")
            else:
                self._postpone(target, target.attempts + 1, answer)
                return False
        return True

    def _tell_waiting(self, target: NotificationTarget) -> None:
        attempts, cursor = target.attempts, target.cursor
        while events := self._waiting(target, cursor):
            for event in events:
                answer = self._post(target, event)
                if answer is None:
                    return
                attempts += 1
                if answer.is_taken:
                    self._advance(target, event)
                elif answer.status is not None and is_refusal(answer.status) and attempts >= REFUSALS_BEFORE_PARKING:
                    self._park(target, event, answer)
                else:
                    self._postpone(target, attempts, answer)
                    return
                attempts, cursor = 0, event.id

    def _waiting(self, target: NotificationTarget, cursor: int) -> list[StoredEvent]:
        with read_transaction(self._engine) as conn:
            return notifications.waiting(conn, target, after_id=cursor, limit=_EVENTS_PER_QUERY)

    def _post(self, target: NotificationTarget, event: StoredEvent) -> Answer | None:
        """Return the answer; None when there is no time left to ask for one."""
        left = self._deadline - monotonic()
        seconds = min(self._post_seconds, left)
        now = self._clock()
        # A machine that slept may have lost its hold without knowing.
        if left < _SHORTEST_POST_SECONDS or now + timedelta(seconds=seconds) >= self._held_until:
            return None
        secret = None
        if target.secret_env is not None:
            secret = self._secrets.get(target.secret_env)
            if not secret:
                return Answer(None, f"the secret to sign with is missing: {target.secret_env} is not set here")
        body = message_of(event).model_dump_json().encode()
        key = key_of(target.id, event)
        signed = headers(event.event.value, key, body, secret=secret, now=now)
        return self._poster.post(target.url, body, signed, within_seconds=seconds)

    def _advance(self, target: NotificationTarget, event: StoredEvent) -> None:
        with write_transaction(self._engine) as conn:
            self._kept(
                notifications.advance(
                    conn, target.id, by=self._me, past=event.id, now=self._clock(), until=self._lease()
                )
            )
        self._done.delivered += 1

    def _park(self, target: NotificationTarget, event: StoredEvent, answer: Answer) -> None:
        now = self._clock()
        with write_transaction(self._engine) as conn:
            self._kept(
                notifications.park(
                    conn,
                    target.id,
                    by=self._me,
                    event_id=event.id,
                    attempts=1,
                    error=answer.said,
                    now=now,
                    retry_at=parked_retry_at(1, now),
                    until=self._lease(),
                )
            )
        self._done.parked += 1
        self._done.problems.append(
            f"{target.url} refuses event {event.id}, which is parked; those after it go on: {answer.said}"
        )

    def _postpone(self, target: NotificationTarget, attempts: int, answer: Answer) -> None:
        now = self._clock()
        retry_at = now + delay_after(attempts, parsed_retry_after(answer.retry_after, now), self._chance)
        with write_transaction(self._engine) as conn:
            self._kept(
                notifications.postpone(conn, target.id, by=self._me, error=answer.said, next_attempt_at=retry_at)
            )
        self._done.problems.append(f"{target.url} could not be told: {answer.said}")

    def _lease(self) -> datetime:
        self._held_until = self._clock() + LEASE
        return self._held_until

    def _kept(self, held: bool) -> None:
        if not held:
            raise _HoldLost
