"""`/api/v1/tasks`: put work into the queue, follow it, cancel it, queue it again."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from repo_agent_dagster.api.bounds import refuse_foreign_folders
from repo_agent_dagster.api.messages import Accepted, Invocation, Label, TaskSummary, TaskView
from repo_agent_dagster.api.problems import Conflict, documented
from repo_agent_dagster.api.transactions import Store
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import Pathway, TaskStatus
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.storable import storable_json
from repo_agent_dagster.store.task_requests import TaskRequest, UnknownTaskError

PREFIX = "/api/v1/tasks"
LISTED_AT_MOST = 200  # the store reads each with its payload, which may hold a whole batch
TaskId = Annotated[str, Path(pattern=r"^[!-~]{1,64}$", description="The task's id.")]


class KeyReused(PermanentFault):
    """A key that stands for one task was sent with another."""


def task_routes(settings: Settings, store: Store, clock: Callable[[], datetime]) -> APIRouter:
    """Return the routes over this store."""
    routes = APIRouter(prefix=PREFIX, tags=["tasks"], responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY))

    @routes.post("/invoke", status_code=HTTPStatus.ACCEPTED)
    def invoke_task(
        asked: Invocation,
        response: Response,
        idempotency_key: Annotated[
            str | None, Header(pattern=r"^[ -~]{1,202}$", description="The same key again returns the first task.")
        ] = None,
    ) -> Accepted:
        """Put a task into the queue; a running system takes it up within seconds."""
        refuse_foreign_folders(asked.payload, settings)
        key, own_id = _one_key(asked.dedupe_key, idempotency_key), new_id()
        with store.writing() as conn:
            task = task_requests.submit(
                conn,
                asked.pathway,
                asked.payload,
                now=clock(),
                initial_prompt=asked.initial_prompt,
                order_id=asked.order_id,
                dedupe_key=key,
                task_id=own_id,
            )
        if task.id != own_id:
            _refuse_another(task, asked)
        url = response.headers["Location"] = f"{PREFIX}/{task.id}"
        return Accepted(id=task.id, status=task.status, status_url=url, replayed=task.id != own_id)

    @routes.get("")
    def list_tasks(
        status: TaskStatus | None = None,
        pathway: Pathway | None = None,
        order_id: Annotated[Label | None, Query(alias="orderId")] = None,
        limit: Annotated[int, Query(ge=1, le=LISTED_AT_MOST)] = 50,
    ) -> list[TaskSummary]:
        """List the tasks that match, newest first."""
        with store.reading() as conn:
            found = task_requests.listing(conn, status=status, pathway=pathway, order_id=order_id, limit=limit)
        return [TaskSummary.of(task) for task in found]

    @routes.get("/{task_id}", responses=documented(HTTPStatus.NOT_FOUND))
    def get_task(task_id: TaskId) -> TaskView:
        """Show one task: what was asked, what came of it."""
        with store.reading() as conn:
            found = task_requests.get(conn, task_id)
        return TaskView.of(_existing(found, task_id))

    @routes.post("/{task_id}/cancel", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
    def cancel_task(task_id: TaskId) -> TaskSummary:
        """Cancel a task that has not ended; its run is stopped and its sandbox removed within a minute."""
        with store.writing() as conn:
            cancelled = task_requests.cancel(conn, task_id, now=clock())
            task = _existing(task_requests.get(conn, task_id), task_id)
        if not cancelled:
            raise Conflict(f"task {task.id} is {task.status.value}; only a pending or running one is cancelled")
        return TaskSummary.of(task)

    @routes.post("/{task_id}/retry", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
    def retry_task(task_id: TaskId) -> TaskSummary:
        """Queue a failed or cancelled task again, as its next attempt."""
        with store.writing() as conn:
            return TaskSummary.of(task_requests.retry(conn, task_id, now=clock()))

    return routes


def _existing(task: TaskRequest | None, task_id: str) -> TaskRequest:
    if task is None:
        raise UnknownTaskError(f"there is no task {task_id}; GET {PREFIX} lists them")
    return task


def _one_key(in_body: str | None, in_header: str | None) -> str | None:
    """Return the key that was sent; as a header it may stand in quotes, as structured fields have it."""
    if in_header is not None and len(in_header) > 2 and in_header[0] == in_header[-1] == '"':
        in_header = in_header[1:-1]
    if in_body is not None and in_header is not None and in_body != in_header:
        raise KeyReused("dedupeKey and the header Idempotency-Key differ; send one of them")
    return in_header if in_body is None else in_body


def _refuse_another(first: TaskRequest, asked: Invocation) -> None:
    """Refuse a request that its key does not stand for: answering with the first task would hide that it is not done.

    Raises:
        KeyReused: the pathway, the payload or the order is another.
    """
    payload = storable_json(asked.payload.model_dump(mode="json", by_alias=True))
    order = asked.order_id if asked.order_id is not None else getattr(asked.payload, "order_id", None)
    if (first.pathway, first.payload, first.order_id) != (asked.pathway, payload, order):
        raise KeyReused(f"the key was used for another request, task {first.id}; send a new one with a new request")
