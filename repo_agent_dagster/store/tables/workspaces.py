"""The checkouts that are registered here, with what they are checked by and whether they are trusted."""

from sqlalchemy import Boolean, Column, String, Table, Text, UniqueConstraint

from repo_agent_dagster.store.tables.metadata import created_at, metadata, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime

workspaces = Table(
    "workspaces",
    metadata,
    uuid_key(),
    Column("name", String(200), nullable=False),
    Column("root", Text, nullable=False, comment="resolved path"),
    Column("check_spec", Json, comment="null: batches are not checked unless they ask for it"),
    Column("trusted", Boolean, nullable=False, comment="its own check may run on the host"),
    created_at(),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("name"),
    UniqueConstraint("root"),
)
