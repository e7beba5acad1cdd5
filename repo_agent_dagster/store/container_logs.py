"""Output of the commands that ran in sandboxes: appended in bulk, read by cursor."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert, select

from repo_agent_dagster.store.rows import fetch_all, storable
from repo_agent_dagster.store.tables import container_operation_logs

Stream = Literal["stdin", "stdout", "stderr"]

_row = container_operation_logs.c


@dataclass(frozen=True)
class ContainerLogRow:
    """One line of one command. The command itself is its `stdin` row with `seq` 0; `exit_code` is on its last row."""

    task_request_id: str
    timestamp: datetime
    command_id: str
    seq: int
    stream: Stream
    log_content: str
    exit_code: int | None = None


@dataclass(frozen=True)
class StoredContainerLog(ContainerLogRow):
    """A stored line with its id, which ascends in the order of appending: the cursor of `listing`."""

    id: int = 0


def append(conn: Connection, rows: Sequence[ContainerLogRow]) -> None:
    """Append the rows in their order; NUL, which PostgreSQL cannot keep, is stored as U+FFFD."""
    if rows:
        table = container_operation_logs
        conn.execute(insert(table), [storable(table, asdict(row)) for row in rows])


def listing(
    conn: Connection, task_request_id: str, *, after_id: int = 0, limit: int = 1000
) -> list[StoredContainerLog]:
    """Return at most `limit` of the task's lines after the one with id `after_id`, in the order of appending."""
    return fetch_all(
        conn,
        container_operation_logs,
        StoredContainerLog,
        _row.task_request_id == task_request_id,
        _row.id > after_id,
        order_by=[_row.id],
        limit=limit,
    )


def last_line(conn: Connection, task_request_id: str) -> str | None:
    """Return the newest line of the task's output or commands, without its line end; None when there is none yet."""
    newest = select(_row.log_content).where(_row.task_request_id == task_request_id).order_by(_row.id.desc()).limit(1)
    line = conn.execute(newest).scalar_one_or_none()
    return None if line is None else str(line).rstrip("\r\n")
