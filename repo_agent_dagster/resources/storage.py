"""The store, the folders, and the time."""

from datetime import UTC, datetime
from functools import cache

import dagster as dg
from sqlalchemy import Engine

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import current_revision, head_revision
from repo_agent_dagster.store.patch_events import StoreCustody


@cache
def _open_current_store(url: str) -> Engine:
    # Dagster makes a resource anew for every run and sensor tick; the connection pool is worth keeping.
    engine = open_store(url)
    found, expected = current_revision(engine), head_revision()
    if found != expected:
        engine.dispose()
        raise PermanentFault(
            f"the store's schema is at revision {found or 'none'}, this code expects {expected}; "
            "run `repo-agent db upgrade`"
        )
    return engine


class StoreResource(dg.ConfigurableResource):
    """The project's database."""

    database_url: str

    def engine(self) -> Engine:
        """Return the open store, one engine per process and URL.

        Raises:
            PermanentFault: the database's schema is not the one this version of the code expects.
        """
        return _open_current_store(self.database_url)

    def custody(self) -> StoreCustody:
        """Return the custody log that patches are recorded in."""
        return StoreCustody(self.engine())


class FoldersResource(dg.ConfigurableResource):
    """The folders that the system reads from and writes to, as absolute paths."""

    staging: str
    staging_cache: str
    target_root: str
    settle_seconds: float
    reports: str
    artifacts: str


class ClockResource(dg.ConfigurableResource):
    """The time, as a resource, so that tests can stop it."""

    fixed: str | None = None

    def now(self) -> datetime:
        """Return the present instant (UTC), or the fixed one."""
        return datetime.fromisoformat(self.fixed) if self.fixed else datetime.now(UTC)
