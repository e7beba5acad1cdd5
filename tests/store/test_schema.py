"""The migrations and the table definitions describe the same database."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from repo_agent_dagster.store.migrate import current_revision, head_revision, upgrade
from repo_agent_dagster.store.tables import metadata


def test_an_upgraded_database_has_exactly_the_declared_tables(store: Engine) -> None:
    with store.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_upgrading_twice_changes_nothing(store: Engine) -> None:
    upgrade(store)
    assert current_revision(store) == head_revision()
