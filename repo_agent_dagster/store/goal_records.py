"""What a goal run leaves behind: events, artifacts, and checkpoints to resume from."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from repo_agent_dagster.contracts.goals import GoalRole
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add, add_returning_id, fetch_all
from repo_agent_dagster.store.tables import artifacts, checkpoints, events

_event = events.c
_artifact = artifacts.c
_checkpoint = checkpoints.c


@dataclass(frozen=True)
class GoalEvent:
    """Something that happened in a run; ids ascend in the order of recording."""

    id: int
    run_id: str
    ts: datetime
    source: str
    kind: str
    message: str
    payload: dict[str, Any] | None


@dataclass(frozen=True)
class Artifact:
    """A file that a role left, e.g. a plan or a diff; `path` is relative to the artifact store."""

    id: str
    run_id: str
    role: GoalRole
    kind: str
    path: str
    created_at: datetime
    metadata: dict[str, Any] | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", GoalRole(self.role))


@dataclass(frozen=True)
class Checkpoint:
    """A state that the run can be resumed from."""

    id: str
    run_id: str
    status: str
    payload: dict[str, Any]
    created_at: datetime


def add_event(
    conn: Connection,
    run_id: str,
    source: str,
    kind: str,
    *,
    ts: datetime,
    message: str = "",
    payload: dict[str, Any] | None = None,
) -> int:
    """Store an event and return its id."""
    values = {
        "run_id": run_id,
        "ts": ts,
        "source": source,
        "kind": kind,
        "message": message,
        "payload": payload,
    }
    return add_returning_id(conn, events, values)


def events_of(conn: Connection, run_id: str, *, after_id: int = 0, limit: int = 1000) -> list[GoalEvent]:
    """Return at most `limit` of the run's events after the one with id `after_id`, in their order."""
    conditions = [_event.run_id == run_id, _event.id > after_id]
    return fetch_all(conn, events, GoalEvent, *conditions, order_by=[_event.id], limit=limit)


def add_artifact(
    conn: Connection,
    run_id: str,
    role: GoalRole,
    kind: str,
    path: str,
    *,
    now: datetime,
    metadata: dict[str, Any] | None = None,
) -> Artifact:
    """Store where a role left a file, and return it."""
    artifact = Artifact(new_id(), run_id, role, kind, path, now, metadata)
    add(conn, artifacts, asdict(artifact))
    return artifact


def artifacts_of(conn: Connection, run_id: str, *, kind: str | None = None) -> list[Artifact]:
    """Return the run's artifacts, of one kind or of all, oldest first."""
    conditions = [] if kind is None else [_artifact.kind == kind]
    oldest_first = [_artifact.created_at, _artifact.id]
    return fetch_all(conn, artifacts, Artifact, _artifact.run_id == run_id, *conditions, order_by=oldest_first)


def add_checkpoint(conn: Connection, run_id: str, status: str, payload: dict[str, Any], *, now: datetime) -> Checkpoint:
    """Store a state to resume from, and return it."""
    checkpoint = Checkpoint(new_id(), run_id, status, payload, now)
    add(conn, checkpoints, asdict(checkpoint))
    return checkpoint


def latest_checkpoint(conn: Connection, run_id: str) -> Checkpoint | None:
    """Return the run's newest checkpoint, or None when it has none."""
    newest_first = [_checkpoint.created_at.desc(), _checkpoint.id.desc()]
    found = fetch_all(conn, checkpoints, Checkpoint, _checkpoint.run_id == run_id, order_by=newest_first, limit=1)
    return found[0] if found else None
