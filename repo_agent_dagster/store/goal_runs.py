"""Goal runs and the agents that take part in them. Tasks are in `goal_tasks`, what they left in `goal_records`."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from repo_agent_dagster.contracts.goals import GoalRole, GoalRunStatus
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add, fetch_all, fetch_one, put, storable
from repo_agent_dagster.store.tables import agents, runs

OPEN = (GoalRunStatus.RUNNING, GoalRunStatus.WAITING)

_run = runs.c
_agent = agents.c


@dataclass(frozen=True)
class GoalRun:
    """A run of agents towards a goal on a workspace. A cycle is one task worked on; a replan is a new task list."""

    id: str
    goal: str
    repo_path: str
    status: GoalRunStatus
    summary: str
    cycle_count: int
    replan_count: int
    current_task_id: str | None
    created_at: datetime
    updated_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", GoalRunStatus(self.status))


@dataclass(frozen=True)
class GoalAgent:
    """The state of the agent that plays one role of a run: its model session, turns and last exchange."""

    run_id: str
    role: GoalRole
    updated_at: datetime
    session_id: str | None = None
    turns: int = 0
    rotation_count: int = 0
    last_prompt_path: str | None = None
    last_response_path: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", GoalRole(self.role))


def create(conn: Connection, goal: str, repo_path: str, *, now: datetime) -> GoalRun:
    """Store a new running goal run and return it."""
    run = GoalRun(new_id(), goal, repo_path, GoalRunStatus.RUNNING, "", 0, 0, None, now, now)
    add(conn, runs, asdict(run))
    return run


def get(conn: Connection, run_id: str) -> GoalRun | None:
    """Return the run, or None when there is none with this id."""
    return fetch_one(conn, runs, GoalRun, _run.id == run_id)


def listing(conn: Connection, *, status: GoalRunStatus | None = None, limit: int = 50) -> list[GoalRun]:
    """Return at most `limit` runs, of one status or of all, newest first."""
    conditions = [] if status is None else [_run.status == status]
    newest_first = [_run.created_at.desc(), _run.id.desc()]
    return fetch_all(conn, runs, GoalRun, *conditions, order_by=newest_first, limit=limit)


def change_status(
    conn: Connection, run_id: str, status: GoalRunStatus, *, now: datetime, summary: str | None = None
) -> bool:
    """Set an open run's status, and its summary if given; False, with nothing changed, if it has ended."""
    changes: dict[str, Any] = {"status": status.value}
    if summary is not None:
        changes["summary"] = summary
    return _change_open(conn, run_id, changes, now)


def begin_cycle(conn: Connection, run_id: str, task_id: str, *, now: datetime) -> bool:
    """Count a cycle and make the task the current one; False, with nothing changed, if the run has ended."""
    return _change_open(conn, run_id, {"cycle_count": _run.cycle_count + 1, "current_task_id": task_id}, now)


def count_replan(conn: Connection, run_id: str, *, now: datetime) -> bool:
    """Count a replan, after which no task is current; False, with nothing changed, if the run has ended."""
    return _change_open(conn, run_id, {"replan_count": _run.replan_count + 1, "current_task_id": None}, now)


def put_agent(conn: Connection, agent: GoalAgent) -> None:
    """Store the state of the agent that plays this role of the run, in place of the former state."""
    put(conn, agents, asdict(agent), key=["run_id", "role"])


def agents_of(conn: Connection, run_id: str) -> list[GoalAgent]:
    """Return the run's agents, by role."""
    return fetch_all(conn, agents, GoalAgent, _agent.run_id == run_id, order_by=[_agent.role])


def _change_open(conn: Connection, run_id: str, changes: dict[str, Any], now: datetime) -> bool:
    guarded = update(runs).where(_run.id == run_id, _run.status.in_(OPEN))
    return conn.execute(guarded.values(storable(runs, changes | {"updated_at": now}))).rowcount == 1
