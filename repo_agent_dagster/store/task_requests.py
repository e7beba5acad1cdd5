"""The task queue: the one way in for work. Every change of state is a guarded UPDATE that says whether it happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, select, update

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import PAYLOADS, Pathway, TaskStatus
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add_if_absent, fetch_all, fetch_one, storable
from repo_agent_dagster.store.storable import storable_text
from repo_agent_dagster.store.tables import task_requests

OPEN = (TaskStatus.PENDING, TaskStatus.RUNNING)
FINAL = (TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.CANCELLED)
RETRYABLE = (TaskStatus.FAILED, TaskStatus.CANCELLED)

_row = task_requests.c
ModelT = TypeVar("ModelT", bound=Contract)


class PayloadError(PermanentFault):
    """A task's payload is not what its pathway takes."""


class TaskStateError(PermanentFault):
    """The task is not in a state that allows what was asked."""


class UnknownTaskError(PermanentFault):
    """No task request has this id."""


class TaskIdTakenError(PermanentFault):
    """Another task request already has the id that the caller chose."""


@dataclass(frozen=True)
class TaskRequest:
    """One invocation of a pathway; its id is the partition key of its Dagster run. Times are UTC."""

    id: str
    pathway: Pathway
    status: TaskStatus
    initial_prompt: str
    payload: dict[str, Any]
    result: dict[str, Any] | None
    repo_url: str | None
    order_id: str | None
    dedupe_key: str | None
    dagster_run_id: str | None
    attempt: int
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    def __post_init__(self) -> None:
        # The columns are text; a value that the enums do not know is a corrupt row and fails here, by name.
        object.__setattr__(self, "pathway", Pathway(self.pathway))
        object.__setattr__(self, "status", TaskStatus(self.status))

    @property
    def is_open(self) -> bool:
        """Whether the task still waits or runs."""
        return self.status in OPEN

    def payload_as(self, model: type[ModelT]) -> ModelT:
        """Return the payload as the model of the pathway.

        Raises:
            PayloadError: the payload is not of this model.
        """
        try:
            return model.model_validate(self.payload)
        except ValidationError as error:
            raise PayloadError(f"task {self.id} ({self.pathway}) holds no {model.__name__}: {error}") from error


def submit(
    conn: Connection,
    pathway: Pathway,
    payload: Contract,
    *,
    now: datetime,
    initial_prompt: str = "",
    repo_url: str | None = None,
    order_id: str | None = None,
    dedupe_key: str | None = None,
    task_id: str | None = None,
) -> TaskRequest:
    """Put a task into the queue and return it; with a `dedupe_key` that was used before, return that task unchanged.

    `repo_url` and `order_id` default to those of the payload, if it has them.

    Raises:
        PayloadError: the payload is not what the pathway takes.
        TaskIdTakenError: `task_id` is another task's.
    """
    expected = PAYLOADS[pathway]
    if not isinstance(payload, expected):
        raise PayloadError(f"pathway {pathway} takes a {expected.__name__}, not a {type(payload).__name__}")
    stored = payload.model_dump(mode="json", by_alias=True)
    identity = task_id or new_id()
    values = {
        "id": identity,
        "pathway": pathway.value,
        "status": TaskStatus.PENDING.value,
        "initial_prompt": initial_prompt,
        "payload": stored,
        "repo_url": repo_url if repo_url is not None else stored.get("repoUrl"),
        "order_id": order_id if order_id is not None else getattr(payload, "order_id", None),
        "dedupe_key": dedupe_key,
        "attempt": 1,
        "created_at": now,
    }
    inserted = add_if_absent(conn, task_requests, values)
    if not inserted and dedupe_key is not None:
        existing = fetch_one(conn, task_requests, TaskRequest, _row.dedupe_key == storable_text(dedupe_key))
        if existing is not None:
            return existing
    if not inserted:
        raise TaskIdTakenError(f"task id {identity} is taken; choose another, or none to get a new one")
    return _existing(conn, identity)


def get(conn: Connection, task_id: str) -> TaskRequest | None:
    """Return the task, or None when there is none with this id."""
    return fetch_one(conn, task_requests, TaskRequest, _row.id == task_id)


def by_run(conn: Connection, dagster_run_id: str) -> TaskRequest | None:
    """Return the task that this Dagster run carries out, or None when the run is not a task's present one."""
    return fetch_one(conn, task_requests, TaskRequest, _row.dagster_run_id == dagster_run_id)


def by_dedupe_prefix(conn: Connection, prefix: str) -> list[TaskRequest]:
    """Return the tasks whose dedupe key begins so, oldest first."""
    begins = _row.dedupe_key.startswith(prefix, autoescape=True)
    return fetch_all(conn, task_requests, TaskRequest, begins, order_by=[_row.created_at, _row.id])


def pending(conn: Connection, limit: int = 100) -> list[TaskRequest]:
    """Return at most `limit` tasks that wait, oldest first."""
    return fetch_all(
        conn,
        task_requests,
        TaskRequest,
        _row.status == TaskStatus.PENDING,
        order_by=[_row.created_at, _row.id],
        limit=limit,
    )


def listing(
    conn: Connection,
    *,
    status: TaskStatus | None = None,
    pathway: Pathway | None = None,
    order_id: str | None = None,
    limit: int = 50,
) -> list[TaskRequest]:
    """Return at most `limit` tasks that match every filter given, newest first."""
    filters = {"status": status, "pathway": pathway, "order_id": order_id}
    conditions = [_row[name] == value for name, value in filters.items() if value is not None]
    newest_first = [_row.created_at.desc(), _row.id.desc()]
    return fetch_all(conn, task_requests, TaskRequest, *conditions, order_by=newest_first, limit=limit)


def open_ids(conn: Connection) -> list[str]:
    """Return the ids of all tasks that wait or run, oldest first."""
    found = conn.execute(select(_row.id).where(_row.status.in_(OPEN)).order_by(_row.created_at, _row.id))
    return list(found.scalars())


def claim(conn: Connection, task_id: str, *, dagster_run_id: str, now: datetime) -> bool:
    """Make a pending task this run's and set it running; False, with nothing changed, if it is not pending."""
    return _change(
        conn,
        task_id,
        [TaskStatus.PENDING],
        {"status": TaskStatus.RUNNING.value, "dagster_run_id": dagster_run_id, "started_at": now},
    )


def take_over(conn: Connection, task_id: str, *, from_run: str, to_run: str) -> bool:
    """Hand a running task from a run whose worker crashed to the run that retries it; False if that run has it not."""
    return _change(conn, task_id, [TaskStatus.RUNNING], {"dagster_run_id": to_run}, _row.dagster_run_id == from_run)


def finish(
    conn: Connection,
    task_id: str,
    status: TaskStatus,
    *,
    now: datetime,
    result: dict[str, Any] | None = None,
    error: str | None = None,
    dagster_run_id: str | None = None,
) -> bool:
    """Close an open task with a final status; False, with nothing changed, if it is not open.

    Secrets of known shapes are taken out of the error, which may quote anything.

    With `dagster_run_id`, also only if that run holds the task: a run that outlived its task's cancellation cannot
    close the retry that another run has claimed.

    Raises:
        TaskStateError: the status is not final.
    """
    if status not in FINAL:
        raise TaskStateError(f"task {task_id} cannot end as {status}; end it as success, failed or cancelled")
    holder = [] if dagster_run_id is None else [_row.dagster_run_id == dagster_run_id]
    changes = {"status": status.value, "ended_at": now, "result": result, "error": error and redact(error)}
    return _change(conn, task_id, OPEN, changes, *holder)


def cancel(conn: Connection, task_id: str, *, now: datetime) -> bool:
    """Cancel an open task; False if it is not open. Ending a run that is under way is the caller's part."""
    return finish(conn, task_id, TaskStatus.CANCELLED, now=now, error="cancelled on request")


def withdraw(conn: Connection, task_id: str, *, now: datetime, error: str) -> bool:
    """Cancel a task that nobody has begun, with the reason; False, with nothing changed, if it is not pending."""
    changes = {"status": TaskStatus.CANCELLED.value, "ended_at": now, "error": redact(error)}
    return _change(conn, task_id, (TaskStatus.PENDING,), changes)


def retry(conn: Connection, task_id: str, *, now: datetime) -> TaskRequest:
    """Put a failed or cancelled task back into the queue as its next attempt, and return it.

    It keeps its place by `created_at`; the attempt's own times begin when it is claimed, so `now` leaves no mark yet.

    Raises:
        UnknownTaskError: no task has this id.
        TaskStateError: the task neither failed nor was cancelled.
    """
    changes = {
        "status": TaskStatus.PENDING.value,
        "attempt": _row.attempt + 1,
        "error": None,
        "result": None,
        "dagster_run_id": None,
        "started_at": None,
        "ended_at": None,
    }
    if _change(conn, task_id, RETRYABLE, changes):
        return _existing(conn, task_id)
    found = get(conn, task_id)
    if found is None:
        raise UnknownTaskError(f"no task request has the id {task_id}; list the tasks to see their ids")
    raise TaskStateError(f"task {task_id} is {found.status}; only a failed or cancelled task can be retried")


def _change(
    conn: Connection,
    task_id: str,
    allowed: Sequence[TaskStatus],
    changes: dict[str, Any],
    *conditions: ColumnElement[bool],
) -> bool:
    """Apply the changes if the task is in an allowed state and meets the conditions; say whether it was."""
    guarded = update(task_requests).where(_row.id == task_id, _row.status.in_(allowed), *conditions)
    return conn.execute(guarded.values(storable(task_requests, changes))).rowcount == 1


def _existing(conn: Connection, task_id: str) -> TaskRequest:
    found = get(conn, task_id)
    if found is None:
        raise UnknownTaskError(f"task request {task_id} vanished while it was written; submit it again")
    return found
