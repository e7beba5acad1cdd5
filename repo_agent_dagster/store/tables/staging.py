"""STAGING units and the state of each one's migration."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Table, Text, UniqueConstraint

from repo_agent_dagster.store.tables.metadata import created_at, metadata, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime

staging_migrations = Table(
    "staging_migrations",
    metadata,
    uuid_key(),
    Column("unit", String(200), nullable=False),
    Column("source_digest", String(64), nullable=False),
    Column("target_root", Text, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("task_request_id", ForeignKey("task_requests.id", ondelete="SET NULL")),
    Column("order_id", String(200), index=True),
    Column("plan", Json),
    Column("report", Json),
    Column("error", Text),
    created_at(),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint(
        "status IN ('seen', 'planned', 'applied', 'validated', 'failed', 'rolled_back')",
        name="status",
    ),
    UniqueConstraint("unit", "source_digest", "target_root"),
)
