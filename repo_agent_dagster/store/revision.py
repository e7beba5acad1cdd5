"""Open a store that is surely at this version's schema, without loading the migration tool when it is so already.

Loading Alembic, and SQLAlchemy for who needs the revision alone, costs more than a whole small command; `migrate` does
the upgrading when it is due.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from repo_agent_dagster.packaged import packaged_path

if TYPE_CHECKING:
    from sqlalchemy import Engine

CURRENT_REVISION = "SELECT version_num FROM alembic_version"
"""Asks a store for its revision; one that was never upgraded has no such table."""

_REVISION = re.compile(r"^(revision|down_revision)(?:: [^=]+)? = [\"']([^\"']+)[\"']", re.MULTILINE)


def open_upgraded(url: str) -> "Engine":
    """Return an engine for the store at `url`, upgraded if it was not.

    Raises:
        StoreUrlError: the URL is malformed or names another database.
        StoreUnreachableError: the database does not answer.
        StoreUnusableError: what answers is no store of ours, or a newer one.
    """
    from repo_agent_dagster.store.engine import open_store

    engine = open_store(url)
    if _revision_of(engine) != newest_revision():
        from repo_agent_dagster.store.errors import told_as_faults
        from repo_agent_dagster.store.migrate import upgrade

        with told_as_faults(engine):
            upgrade(engine)
    return engine


@cache
def newest_revision() -> str:
    """Return the revision that no other one builds on, read from the revision files' own declarations."""
    revisions, built_on = set(), set()
    for path in packaged_path("sql", "migrations", "versions").glob("*.py"):
        declared = dict(_REVISION.findall(path.read_text("utf-8")))
        revisions.add(declared.get("revision"))
        built_on.add(declared.get("down_revision"))
    (newest,) = revisions - built_on - {None}
    return str(newest)


def _revision_of(engine: "Engine") -> str | None:
    from sqlalchemy.exc import DatabaseError

    from repo_agent_dagster.store.engine import read_transaction

    try:
        with read_transaction(engine) as conn:
            return conn.exec_driver_sql(CURRENT_REVISION).scalar_one_or_none()
    except DatabaseError:
        return None  # no such table, or no such database: `upgrade` makes the one and tells of the other
