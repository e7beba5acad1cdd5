"""Alembic's entry point; always run in-process by `repo_agent_dagster.store.migrate` with an open engine."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from repo_agent_dagster.store.tables import metadata
from repo_agent_dagster.store.types import UtcDateTime


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own column type by its short name, so that new revisions read like the first one."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from repo_agent_dagster.store.types import UtcDateTime")
        return "UtcDateTime()"
    return False


engine = context.config.attributes["engine"]
# SQLite: the whole upgrade is one transaction that holds the write lock from its first read, so that two processes
# that start on one fresh file do not both create it. PostgreSQL: `migrate.upgrade` holds an advisory lock.
with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render_item,
        render_as_batch=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
