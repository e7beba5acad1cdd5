"""Output of the commands that ran in sandboxes: appended in bulk, read by cursor or from its end."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import JSON, ColumnElement, Connection, Insert, Integer, String, bindparam, cast, func, insert, select

from repo_agent_dagster.store.rows import fetch_all
from repo_agent_dagster.store.storable import refuse_longer, storable_text
from repo_agent_dagster.store.tables import container_operation_logs
from repo_agent_dagster.store.types import UtcDateTime

Stream = Literal["stdin", "stdout", "stderr"]

_row = container_operation_logs.c
_COMMAND_ID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class ContainerLogLines:
    """Lines of one command and stream that arrived at once: the first is number `seq` of the command, and so on.

    The command itself is a line of `stdin` with `seq` 0; `exit_code` is on its last row.
    """

    task_request_id: str
    timestamp: datetime
    command_id: str
    seq: int
    stream: Stream
    texts: list[str]
    exit_code: int | None = None


@dataclass(frozen=True)
class StoredContainerLog:
    """A stored line with its id, which ascends in the order of appending: the cursor of `listing`."""

    task_request_id: str
    timestamp: datetime
    command_id: str
    seq: int
    stream: Stream
    log_content: str
    exit_code: int | None
    id: int


def append(conn: Connection, blocks: Iterable[ContainerLogLines]) -> None:
    """Append the lines in their order, as fast as each database takes them; NUL becomes U+FFFD, as PostgreSQL has none.

    Whoever follows a task reads past the ids that it has seen: let one transaction at a time append to a task.
    """
    values = [_values(block) for block in blocks]
    if values:
        conn.execute(_appending(conn.dialect.name), values)


@cache
def _appending(dialect: str) -> Insert:
    """Return the statement that makes a row of each text of a JSON array: a third of the time of a row at a time."""
    texts = bindparam("texts", type_=String)
    first = bindparam("first", type_=Integer)
    if dialect == "postgresql":
        items = func.json_array_elements_text(cast(texts, JSON)).table_valued("value", with_ordinality="place")
        items = items.render_derived()
        seq = first + items.c.place - 1
    else:
        items = func.json_each(texts).table_valued("key", "value")
        seq = first + items.c.key
    columns: dict[str, ColumnElement[Any]] = {
        "task_request_id": bindparam("task", type_=String),
        "timestamp": bindparam("at", type_=UtcDateTime),
        "command_id": bindparam("command", type_=String),
        "seq": seq,
        "stream": bindparam("of", type_=String),
        "log_content": items.c.value,
        "exit_code": bindparam("code", type_=Integer),
    }
    return insert(container_operation_logs).from_select(list(columns), select(*columns.values()))


def _values(block: ContainerLogLines) -> dict[str, Any]:
    refuse_longer("container_operation_logs.command_id", block.command_id, _COMMAND_ID_LENGTH)
    return {
        "task": block.task_request_id,
        "at": block.timestamp,
        "command": block.command_id,
        "first": block.seq,
        "of": block.stream,
        "texts": json.dumps([storable_text(text) for text in block.texts], ensure_ascii=False),
        "code": block.exit_code,
    }


def listing(
    conn: Connection,
    task_request_id: str,
    *,
    after_id: int = 0,
    command_id: str | None = None,
    since: datetime | None = None,
    limit: int = 1000,
) -> list[StoredContainerLog]:
    """Return at most `limit` of the task's lines after the one with id `after_id`, in the order of appending.

    To follow a task, ask again with the last id; `command_id` and `since` (inclusive) leave others out.
    """
    conditions = [*_chosen(task_request_id, command_id), _row.id > after_id]
    if since is not None:
        conditions.append(_row.timestamp >= since)
    return fetch_all(conn, container_operation_logs, StoredContainerLog, *conditions, order_by=[_row.id], limit=limit)


def tail(
    conn: Connection, task_request_id: str, count: int, *, command_id: str | None = None
) -> list[StoredContainerLog]:
    """Return the task's last `count` lines, or one command's, in the order of appending."""
    newest = fetch_all(
        conn,
        container_operation_logs,
        StoredContainerLog,
        *_chosen(task_request_id, command_id),
        order_by=[_row.id.desc()],
        limit=count,
    )
    return newest[::-1]


def _chosen(task_request_id: str, command_id: str | None) -> list[ColumnElement[bool]]:
    of_task = _row.task_request_id == task_request_id
    return [of_task] if command_id is None else [of_task, _row.command_id == command_id]


def last_line(conn: Connection, task_request_id: str) -> str | None:
    """Return the newest line of the task's output or commands, without its line end; None when there is none yet."""
    newest = select(_row.log_content).where(_row.task_request_id == task_request_id).order_by(_row.id.desc()).limit(1)
    line = conn.execute(newest).scalar_one_or_none()
    return None if line is None else str(line).rstrip("\r\n")
