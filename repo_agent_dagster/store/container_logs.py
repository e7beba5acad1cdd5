"""Output of the commands that ran in sandboxes: appended in bulk, read by cursor or from its end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Dialect, insert, select

from repo_agent_dagster.store.rows import fetch_all
from repo_agent_dagster.store.storable import refuse_longer, storable_text
from repo_agent_dagster.store.tables import container_operation_logs
from repo_agent_dagster.store.types import UtcDateTime

Stream = Literal["stdin", "stdout", "stderr"]

_row = container_operation_logs.c
_time = UtcDateTime()
_COMMAND_ID_LENGTH = 36


class ContainerLogRow(NamedTuple):
    """One line of one command. The command itself is its `stdin` row with `seq` 0; `exit_code` is on its last row.

    A plain tuple, because a million of them are made.
    """

    task_request_id: str
    timestamp: datetime
    command_id: str
    seq: int
    stream: Stream
    log_content: str
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


def append(conn: Connection, rows: Iterable[ContainerLogRow]) -> None:
    """Append the rows in their order, as fast as each database takes them; NUL, which PostgreSQL lacks, becomes U+FFFD.

    Whoever follows a task reads past the ids that it has seen: let one transaction at a time append to a task.
    """
    values = _values(rows, conn.dialect)
    cursor: Any = conn.connection.cursor()
    if conn.dialect.name == "postgresql":
        columns = ", ".join(ContainerLogRow._fields)
        copying = f"COPY {container_operation_logs.name} ({columns}) FROM STDIN"
        with cursor, cursor.copy(copying) as copy:
            for one in values:
                copy.write_row(one)
        return
    # SQLAlchemy's own executemany processes every parameter in Python: 3-4 times slower.
    try:
        cursor.executemany(_insert_statement(), values)
    finally:
        cursor.close()


@cache
def _insert_statement() -> str:
    from sqlalchemy.dialects import sqlite

    return str(insert(container_operation_logs).compile(dialect=sqlite.dialect(), column_keys=ContainerLogRow._fields))


def _values(rows: Iterable[ContainerLogRow], dialect: Dialect) -> Iterator[tuple[Any, ...]]:
    """Yield the rows as the drivers take them; many in a row share a time and a command."""
    last_at = last_command = written = None
    for task, at, command, seq, stream, content, exit_code in rows:
        if at is not last_at:
            last_at, written = at, _time.process_bind_param(at, dialect).isoformat(" ", "microseconds")
        if command is not last_command:
            last_command = command
            refuse_longer("container_operation_logs.command_id", command, _COMMAND_ID_LENGTH)
        yield task, written, command, seq, stream, storable_text(content), exit_code


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
