"""Bring a database to the schema that this version of the code expects (Alembic, revisions in `sql/migrations`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, select

from repo_agent_dagster.packaged import packaged_path

_UPGRADE_LOCK = 0x7265706F61676E74  # "repoagnt": any number that no other program on the server locks
_one_at_a_time = Lock()  # alembic keeps the upgrade under way in module globals


def alembic_config(engine: Engine) -> Config:
    """Return what Alembic's commands need to work on this database with our revisions, e.g. to draft a new one."""
    config = Config()
    config.set_main_option("script_location", str(packaged_path("sql", "migrations")).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the missing revisions; does nothing when there are none. Concurrent callers wait for each other.

    One transaction per revision on PostgreSQL, one for all of them on SQLite: a failure leaves no half of a revision.
    """
    if revision == "head" and current_revision(engine) == head_revision():
        return
    with _one_at_a_time, _alone(engine):
        command.upgrade(alembic_config(engine), revision)


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Keep other upgrades of a PostgreSQL database out; on SQLite the upgrade's own write lock does."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect() as connection, connection.begin():
        # Ends with the transaction, and so with this process, however that ends.
        connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        yield


def current_revision(engine: Engine) -> str | None:
    """Return the database's revision, or None for one that was never upgraded."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """Return the newest revision that this version of the code knows."""
    head = ScriptDirectory(str(packaged_path("sql", "migrations"))).get_current_head()
    if head is None:
        raise FileNotFoundError("sql/migrations holds no revision; install repo-agent-dagster again")
    return head
