"""Log records and incidents for the tests of what is made of them."""

from datetime import UTC, datetime
from typing import Any

from repo_agent_dagster.contracts.logs import LogKind, LogLevel, LogRecord
from repo_agent_dagster.ops.analysis.incidents import Incident, join_incidents


def record(message: str, level: str = "error", kind: LogKind = "worker", **fields: Any) -> LogRecord:
    """One stored line."""
    return LogRecord(
        id=1,
        kind=kind,
        source="test",
        place=fields.get("place", "shop" if kind == "worker" else "org/web"),
        run_id=fields.get("run_id"),
        level=LogLevel(level),
        message=message,
        meta=fields.get("meta"),
        ts=fields.get("ts", datetime(2026, 3, 3, 12, tzinfo=UTC)),
    )


def incident(*records: LogRecord) -> Incident:
    """The one incident of the records."""
    [joined] = join_incidents(records)
    return joined
