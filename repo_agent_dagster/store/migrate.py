"""Bring a database to the schema that this version of the code expects (Alembic, revisions in `sql/migrations`)."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from repo_agent_dagster.packaged import packaged_path


def _config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(packaged_path("sql", "migrations")).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply the missing revisions, in one transaction each; does nothing when there are none."""
    command.upgrade(_config(engine), revision)


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
