"""Every call of a model, whole: what was asked, what came back, and what it cost."""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, func, select

from repo_agent_dagster.store.rows import add_returning_id, fetch_all
from repo_agent_dagster.store.tables import ai_operation_logs

_row = ai_operation_logs.c


@dataclass(frozen=True)
class AiCall:
    """One call of a model. `tokens` counts both ways, `cost` is in US dollars, `latency` in seconds; None: unknown."""

    timestamp: datetime
    agent_name: str
    ai_provider: str
    model: str | None = None
    thought: str | None = None
    prompt: str | None = None
    response: str | None = None
    tokens: int | None = None
    cost: Decimal | None = None
    latency: float | None = None
    task_request_id: str | None = None


@dataclass(frozen=True)
class StoredAiCall(AiCall):
    """A stored call with its id, which ascends in the order of appending: the cursor of `listing`."""

    id: int = 0


@dataclass(frozen=True)
class AiTotals:
    """What a task's calls came to; calls of unknown cost or tokens count as 0 in the sums."""

    calls: int
    tokens: int
    cost: Decimal
    latency: float


def append(conn: Connection, call: AiCall) -> int:
    """Store one call and return its id."""
    return add_returning_id(conn, ai_operation_logs, asdict(call))


def listing(conn: Connection, task_request_id: str, *, after_id: int = 0, limit: int = 100) -> list[StoredAiCall]:
    """Return at most `limit` of the task's calls after the one with id `after_id`, in the order of appending."""
    return fetch_all(
        conn,
        ai_operation_logs,
        StoredAiCall,
        _row.task_request_id == task_request_id,
        _row.id > after_id,
        order_by=[_row.id],
        limit=limit,
    )


def totals(conn: Connection, task_request_id: str) -> AiTotals:
    """Return what the task's calls came to; all zero when there were none."""
    sums = select(
        func.count().label("calls"),
        func.coalesce(func.sum(_row.tokens), 0).label("tokens"),
        func.coalesce(func.sum(_row.cost), 0).label("cost"),
        func.coalesce(func.sum(_row.latency), 0.0).label("latency"),
    ).where(_row.task_request_id == task_request_id)
    found = conn.execute(sums).one()
    # The column keeps 6 decimals; SQLite adds up binary floats, so the sum is brought back to as many.
    return AiTotals(found.calls, int(found.tokens), Decimal(found.cost).quantize(Decimal("0.000001")), found.latency)
