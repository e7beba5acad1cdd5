"""STAGING units and the state of each one's migration."""

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

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
    Column("order_id", String(200)),
    Column("plan", Json),
    Column("report", Json),
    Column("error", Text),
    Column("steps", Json, comment="one entry for each step that began: step, status, at, seconds, detail"),
    Column("summary", Json, comment="what lists show of plan and report: destination, counts, numbers, the check"),
    Column("batches", Json, comment="ids of the patch batches that wrote it, in order; empty once rolled back"),
    Column("conflicts", Integer, comment="files that both sides changed and nothing could merge"),
    Column("standards_score", Float, comment="0 to 100"),
    Column("approval_id", ForeignKey("approvals.id", ondelete="SET NULL")),
    Column("remediation_task_id", ForeignKey("tasks.id", ondelete="SET NULL")),
    created_at(),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint(
        "status IN ('seen', 'planned', 'waiting', 'conflict', 'applied', 'validated', 'failed', 'rolled_back')",
        name="status",
    ),
    UniqueConstraint("unit", "source_digest", "target_root"),
    # What order_marks reads: the rows themselves have large JSON before these columns.
    Index("ix_staging_migrations_mark", "order_id", "task_request_id", "status", "updated_at", "approval_id"),
)
