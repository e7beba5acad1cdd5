"""The log of scans: a row from the moment a scan starts, whatever becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.tables import ops_scans


@dataclass(frozen=True, slots=True)
class OpsScan:
    """One row: the window it looked at, when it ran, and what it came to."""

    id: str
    scope: str
    window_start: datetime
    window_end: datetime
    started_at: datetime
    finished_at: datetime | None
    status: str
    error: str | None
    totals: dict[str, Any] | None


def start_scan(
    connection: Connection, scope: str, window_start: datetime, window_end: datetime, *, now: datetime
) -> str:
    """Record that a scan has started and return its id."""
    scan_id = new_id()
    connection.execute(
        ops_scans.insert().values(
            id=scan_id,
            scope=scope,
            window_start=window_start,
            window_end=window_end,
            started_at=now,
            status="running",
        )
    )
    return scan_id


def finish_scan(connection: Connection, scan_id: str, totals: dict[str, Any], *, now: datetime) -> bool:
    """Record that a running scan ended well; return False if it no longer was running."""
    return _end(connection, scan_id, status="success", totals=totals, finished_at=now)


def fail_scan(
    connection: Connection, scan_id: str, error: str, totals: dict[str, Any] | None = None, *, now: datetime
) -> bool:
    """Record that a running scan failed, with the totals so far; return False if it no longer was running."""
    return _end(connection, scan_id, status="failed", error=error, totals=totals, finished_at=now)


def end_vanished_scans(connection: Connection, *, started_before: datetime, now: datetime) -> int:
    """Record that scans which began so long ago, and never said how they ended, failed; return how many."""
    ended = connection.execute(
        ops_scans.update()
        .where(ops_scans.c.status == "running", ops_scans.c.started_at < started_before)
        .values(status="failed", error="its process vanished before it ended", finished_at=now)
    )
    return ended.rowcount


def add_totals(connection: Connection, scan_id: str, totals: dict[str, Any]) -> None:
    """Add to what a scan that has ended came to, e.g. what GitHub was told of it later."""
    before = connection.execute(
        select(ops_scans.c.totals).where(ops_scans.c.id == scan_id).with_for_update()
    ).scalar_one_or_none()
    connection.execute(ops_scans.update().where(ops_scans.c.id == scan_id).values(totals={**(before or {}), **totals}))


def _end(connection: Connection, scan_id: str, **values: Any) -> bool:
    updated = connection.execute(
        ops_scans.update().where(ops_scans.c.id == scan_id, ops_scans.c.status == "running").values(**values)
    )
    return updated.rowcount == 1


def latest_success(connection: Connection) -> OpsScan | None:
    """Return the newest scan that succeeded, or None."""
    columns = [ops_scans.c[name] for name in OpsScan.__dataclass_fields__]
    row = connection.execute(
        select(*columns)
        .where(ops_scans.c.status == "success")
        .order_by(ops_scans.c.started_at.desc(), ops_scans.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else OpsScan(*row)


def latest_scans(connection: Connection, *, limit: int = 20) -> Sequence[OpsScan]:
    """Return the scans, newest first."""
    columns = [ops_scans.c[name] for name in OpsScan.__dataclass_fields__]
    rows = connection.execute(
        select(*columns).order_by(ops_scans.c.started_at.desc(), ops_scans.c.id.desc()).limit(limit)
    )
    return [OpsScan(*row) for row in rows]
