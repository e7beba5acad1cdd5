"""The template miners' states, one for each source: what makes a cluster's id last from scan to scan."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from repo_agent_dagster.store.rows import put
from repo_agent_dagster.store.tables import ops_templates


def load(connection: Connection, source: str) -> dict[str, Any] | None:
    """Return the state that was kept for a source last, or None."""
    found = connection.execute(select(ops_templates.c.state).where(ops_templates.c.source == source))
    state: dict[str, Any] | None = found.scalar_one_or_none()
    return state


def save(connection: Connection, source: str, state: Mapping[str, Any], *, now: datetime) -> bool:
    """Keep a source's state in place of an earlier one; return whether it differs from that.

    Do so in the transaction that loaded it and writes what was made of it, after `lock_for_scan`: then a scan that was
    killed has learnt nothing, and no two scans give the same id to different clusters.
    """
    values = {"source": source, "state": dict(state), "updated_at": now}
    return put(connection, ops_templates, values, key=["source"], stamped=["updated_at"])
