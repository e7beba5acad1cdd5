"""Open a store that is surely at this version's schema, without loading the migration tool when it is so already.

Loading Alembic costs more than a whole small command; `migrate` does the upgrading when it is due.
"""

import re
from functools import cache

from sqlalchemy import Column, Engine, MetaData, String, Table, select
from sqlalchemy.exc import DatabaseError

from repo_agent_dagster.packaged import packaged_path
from repo_agent_dagster.store.engine import open_store, read_transaction

_alembic_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
_REVISION = re.compile(r"^(revision|down_revision)(?:: [^=]+)? = [\"']([^\"']+)[\"']", re.MULTILINE)


def open_upgraded(url: str) -> Engine:
    """Return an engine for the store at `url`, upgraded if it was not.

    Raises:
        StoreUrlError: the URL is malformed or names another database.
        StoreUnreachableError: the database does not answer.
        StoreUnusableError: what answers is no store of ours, or a newer one.
    """
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


def _revision_of(engine: Engine) -> str | None:
    try:
        with read_transaction(engine) as conn:
            return conn.execute(select(_alembic_version.c.version_num)).scalar_one_or_none()
    except DatabaseError:
        return None  # no such table, or no such database: `upgrade` makes the one and tells of the other
