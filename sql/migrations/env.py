"""Alembic's entry point; always run in-process by `repo_agent_dagster.store.migrate` with an open engine."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from repo_agent_dagster.store.tables import metadata
from repo_agent_dagster.store.types import UtcDateTime


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own column type by its short name, so that new revisions read like the first one."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from repo_agent_dagster.store.types import UtcDateTime")
        return "UtcDateTime()"
    return False


def migrate(connection: Connection) -> None:
    """Run the revisions; in the caller's transaction if one is open, else in one for each revision."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render_item,
        render_as_batch=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate_sqlite(connection: Connection) -> None:
    """Run the revisions in one transaction that holds the write lock from its first read.

    So two processes that start on one fresh file do not both create it. References are not enforced meanwhile: a batch
    revision drops and renames tables, which would cascade and delete the children's rows. They are checked at the end.
    """
    # The pragma does nothing inside a transaction, and SQLAlchemy would begin one: so on the driver's connection.
    driver = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        with connection.begin():
            migrate(connection)
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(5):
                raise CommandError(f"a revision leaves rows that refer to nothing (table, row, parent): {broken}")
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


engine = context.config.attributes["engine"]
if engine.dialect.name == "sqlite":
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection:
        migrate_sqlite(connection)
else:
    # `migrate.upgrade` keeps other upgrades out by an advisory lock.
    with engine.connect() as connection:
        migrate(connection)
        connection.commit()
