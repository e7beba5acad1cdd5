"""The ledger of tool calls: who asked what of which tool, what came back, and how long it took."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from repo_agent_dagster.store.rows import add_returning_id, fetch_all
from repo_agent_dagster.store.tables import transactions

TransactionStatus = Literal["success", "failed"]

_row = transactions.c


@dataclass(frozen=True)
class Transaction:
    """One call of one tool. `latency_ms` is in milliseconds; `error` is None when it succeeded."""

    id: int
    tool: str
    request: dict[str, Any]
    response: dict[str, Any] | None
    status: TransactionStatus
    latency_ms: float
    error: str | None
    created_at: datetime


def record(
    conn: Connection,
    tool: str,
    request: dict[str, Any],
    *,
    status: TransactionStatus,
    latency_ms: float,
    now: datetime,
    response: dict[str, Any] | None = None,
    error: str | None = None,
) -> int:
    """Store one call and return its id. Secrets must have been redacted before."""
    values = {
        "tool": tool,
        "request": request,
        "response": response,
        "status": status,
        "latency_ms": latency_ms,
        "error": error,
        "created_at": now,
    }
    return add_returning_id(conn, transactions, values)


def listing(
    conn: Connection,
    *,
    tool: str | None = None,
    status: TransactionStatus | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Transaction]:
    """Return at most `limit` calls that match every filter, newest first; `before_id` continues a page."""
    filters = {"tool": tool, "status": status}
    conditions = [_row[name] == value for name, value in filters.items() if value is not None]
    if before_id is not None:
        conditions.append(_row.id < before_id)
    return fetch_all(conn, transactions, Transaction, *conditions, order_by=[_row.id.desc()], limit=limit)
