"""What processes and runs that are gone left behind: open tasks, and sandboxes that serve nobody any more."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.tasks import TaskStatus
from repo_agent_dagster.pathways.local_run import is_alive, is_local
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.sandbox import LiveSandbox, Reaping

UNKNOWN_TASK_GRACE = timedelta(seconds=60)
_LISTED_TASKS = 1000


def close_vanished(engine: "Engine", *, now: datetime) -> list[str]:
    """Close as failed the tasks whose own process (`repo-agent task run`) is gone; return their ids.

    A process closes its task itself, however it ends; one that was killed cannot.
    """
    with read_transaction(engine) as conn:
        running = task_requests.listing(conn, status=TaskStatus.RUNNING, limit=_LISTED_TASKS)
    closed = []
    for task in running:
        run_id = task.dagster_run_id
        if run_id is None or not is_local(run_id) or is_alive(run_id):
            continue
        why = "its process vanished: killed, out of memory, or the machine was restarted; run the task again"
        with write_transaction(engine) as conn:
            if task_requests.finish(conn, task.id, TaskStatus.FAILED, now=now, error=why, dagster_run_id=run_id):
                closed.append(task.id)
    return closed


def serves_nobody(engine: "Engine", *, now: datetime) -> "Callable[[LiveSandbox], bool]":
    """Return what tells of a sandbox of this store's installation whether its task or its run is over.

    A task that is unknown makes its sandbox one of nobody only after a minute: a caller may make the two together.
    """

    def is_over(live: "LiveSandbox") -> bool:
        if process_vanished(live):
            return True
        with read_transaction(engine) as conn:
            task = task_requests.get(conn, live.task_id)
        if task is None:
            # A check or a migration from the terminal has a process, and no task.
            of_process = live.run_id is not None and is_local(live.run_id)
            return not of_process and live.created_at + UNKNOWN_TASK_GRACE <= now
        # A retry of a crashed run has a sandbox of its own; the crashed run's serves nobody any more.
        return not task.is_open or task.dagster_run_id != live.run_id

    return is_over


def process_vanished(live: "LiveSandbox") -> bool:
    """Whether a sandbox was made by a process of this machine that is gone: all one can tell without its store."""
    return live.run_id is not None and is_local(live.run_id) and not is_alive(live.run_id)


def clear(engine: "Engine", home: Path, *, now: datetime) -> "Reaping":
    """Close what vanished processes left open, and remove the sandboxes of this home that serve nobody.

    Raises:
        SandboxUnavailable: no Docker engine answers.
    """
    # Loaded here and not above, so that the pure parts of this package do without docker.
    from repo_agent_dagster.sandbox import reap

    close_vanished(engine, now=now)
    return reap(is_over=serves_nobody(engine, now=now), now=now, owner=str(home))
