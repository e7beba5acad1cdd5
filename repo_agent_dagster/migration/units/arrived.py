"""Whether a unit's content arrived at a target root for good, by what is on record."""

from typing import TYPE_CHECKING

from repo_agent_dagster.store import staging_migrations, task_requests
from repo_agent_dagster.store.staging_migrations import StagingStatus

if TYPE_CHECKING:
    from sqlalchemy import Connection


def has_arrived(conn: "Connection", unit: str, digest: str | None, *, target_root: str) -> bool:
    """Return whether the unit's content of this digest, or any of it for None, arrived and nothing goes on with it."""
    for row in staging_migrations.listing(conn, unit=unit):
        if row.target_root != target_root or (digest is not None and row.source_digest != digest):
            continue
        if row.status is StagingStatus.VALIDATED:
            return True
        if row.status is StagingStatus.APPLIED:  # for good only if no run is about to check it
            task = task_requests.get(conn, row.task_request_id) if row.task_request_id else None
            if task is None or not task.is_open:
                return True
    return False
