"""The outbox to GitHub: intents, noted in the transaction that made them true, and done by one publisher at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, func, select

from repo_agent_dagster.contracts.ops import SETTLED_STATUSES
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import insert_statement, storable
from repo_agent_dagster.store.storable import storable_text
from repo_agent_dagster.store.tables import ops_issues, ops_outbox

Action = Literal["open", "seen", "reopen", "quiet", "claim", "settle"]
"""What GitHub is told: a new issue, its tally, that it is back, that it is quiet, who has it, that it is over."""

_row = ops_outbox.c


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing that GitHub is to be told of an issue. `attempts` counts those that were begun."""

    id: str
    issue_id: str
    action: Action
    step_key: str
    payload: dict[str, Any]
    status: str
    attempts: int
    next_attempt_at: datetime | None
    error: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewIntent:
    """An intent to be noted; the same thing to be told has the same `step_key`, and is told once."""

    issue_id: str
    action: Action
    step_key: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """An issue that is not settled and of which GitHub cannot be told: its id, what it is there, and why."""

    issue_id: str
    state: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far GitHub is behind: intents `waiting`, those of them that `failed` already, and since when one waits.

    Openings over the day's cap wait without having failed.
    """

    waiting: int
    failed: int
    oldest: datetime | None
    problems: tuple[Problem, ...]


_COLUMNS = [_row[name] for name in Intent.__dataclass_fields__]


def note(connection: Connection, intents: Sequence[NewIntent], *, now: datetime) -> None:
    """Note intents. One with the same key that waits or is done stays as it is; one that was refused waits again."""
    if not intents:
        return
    rows = [
        storable(
            ops_outbox,
            {
                "id": new_id(),
                "issue_id": intent.issue_id,
                "action": intent.action,
                "step_key": intent.step_key,
                "payload": dict(intent.payload),
                "status": "pending",
                "attempts": 0,
                "created_at": now,
            },
        )
        for intent in intents
    ]
    statement = insert_statement(connection, ops_outbox)
    again = statement.on_conflict_do_update(
        index_elements=["issue_id", "step_key"],
        set_={"status": "pending", "error": None, "done_at": None, "payload": statement.excluded.payload},
        where=_row.status == "refused",
    )
    connection.execute(again, rows)


def due(connection: Connection, *, now: datetime) -> list[Intent]:
    """Return what waits and may be tried now: the gravest issues first, each issue's intents in the order of noting.

    An issue with an intent that has to wait is left out as a whole, so that nothing overtakes.
    """
    waiting = (
        select(_row.issue_id).where(_row.status == "pending", _row.next_attempt_at > now).distinct().scalar_subquery()
    )
    rows = connection.execute(
        select(*_COLUMNS)
        .join(ops_issues, ops_issues.c.id == _row.issue_id)
        .where(_row.status == "pending", _row.issue_id.not_in(waiting))
        .order_by(ops_issues.c.severity, ops_issues.c.occurrences.desc(), _row.issue_id, _row.id)
    )
    return [Intent(**row._mapping) for row in rows]


def begun(connection: Connection, action: Action, *, now: datetime) -> list[Intent]:
    """Return the intents of an action that were begun, have no known end, and may not be tried again yet."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(_row.status == "pending", _row.action == action, _row.attempts > 0, _row.next_attempt_at > now)
        .order_by(_row.id)
    )
    return [Intent(**row._mapping) for row in rows]


def begin(connection: Connection, intent_id: str, *, next_attempt_at: datetime) -> None:
    """Count an attempt before it is made. Who is killed in it leaves an intent that waits until `next_attempt_at`."""
    _update(connection, _row.id == intent_id, attempts=_row.attempts + 1, next_attempt_at=next_attempt_at)


def finish(connection: Connection, intent_id: str, *, now: datetime) -> None:
    """Record that GitHub was told."""
    _update(connection, _row.id == intent_id, status="done", done_at=now, next_attempt_at=None, error=None)


def refuse(connection: Connection, intent_id: str, error: str, *, now: datetime) -> bool:
    """Record that GitHub will not be told, and why; return False if it was told already."""
    return _update(connection, _row.id == intent_id, status="refused", done_at=now, next_attempt_at=None, error=error)


def postpone(connection: Connection, intent_id: str, error: str, *, next_attempt_at: datetime) -> None:
    """Record why GitHub could not be told now, and when it is to be tried again."""
    _update(connection, _row.id == intent_id, error=error, next_attempt_at=next_attempt_at)


def done_since(connection: Connection, action: str, since: datetime) -> int:
    """Return how many intents of an action were done since an instant."""
    return int(
        connection.execute(
            select(func.count()).where(_row.action == action, _row.status == "done", _row.done_at >= since)
        ).scalar_one()
    )


def issues_waiting_for(connection: Connection, actions: Collection[Action]) -> set[str]:
    """Return the ids of the issues of which one of these is still to be told."""
    rows = connection.execute(
        select(_row.issue_id).where(_row.status == "pending", _row.action.in_(list(actions))).distinct()
    )
    return set(rows.scalars())


def standing(connection: Connection) -> Standing:
    """Return how far GitHub is behind the store, and with which issues there is a problem."""
    waiting, failed, oldest = connection.execute(
        select(func.count(), func.count(_row.error), func.min(_row.created_at)).where(_row.status == "pending")
    ).one()
    problems = connection.execute(
        select(ops_issues.c.id, ops_issues.c.gh_state, ops_issues.c.gh_problem)
        .where(
            ops_issues.c.gh_problem.is_not(None),
            ops_issues.c.status.not_in([status.value for status in SETTLED_STATUSES]),
        )
        .order_by(ops_issues.c.id)
    )
    return Standing(waiting, failed, oldest, tuple(Problem(*row) for row in problems))


def _update(connection: Connection, which: ColumnElement[bool], **values: Any) -> bool:
    if isinstance(error := values.get("error"), str):
        values["error"] = storable_text(error)
    return connection.execute(ops_outbox.update().where(which, _row.status == "pending").values(**values)).rowcount == 1
