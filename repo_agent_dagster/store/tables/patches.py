"""Patch events, the custody chain, and the delivery reports made of them."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from repo_agent_dagster.store.tables.metadata import created_at, metadata, sequence_key, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime

PATCH_EVENT_NAMES = (
    "patch_requested",
    "patch_applied",
    "patch_validated",
    "patch_failed",
    "patch_reverted",
    "patch_exported",
)
_NAMES_SQL = ", ".join(f"'{name}'" for name in PATCH_EVENT_NAMES)

patch_events = Table(
    "patch_events",
    metadata,
    sequence_key(),
    Column("patch_id", String(36), nullable=False),
    Column("batch_id", String(36)),
    Column("task_id", String(200), index=True),
    Column("order_id", String(200)),
    Column("phase", String(200)),
    Column("requester", String(200), nullable=False),
    Column("workspace", Text, nullable=False),
    Column("file_path", Text, nullable=False),
    Column("op", String(32), nullable=False),
    Column("event", String(32), nullable=False),
    Column("ts_check_ok", Boolean, comment="null: no check ran; never counted as ok or as failed"),
    Column("diff_path", Text),
    Column("error", Text),
    Column("meta", Json),
    created_at(),
    CheckConstraint(f"event IN ({_NAMES_SQL})", name="event"),
    Index("ix_patch_events_batch_id_id", "batch_id", "id"),
    Index("ix_patch_events_order_id_id", "order_id", "id"),
    Index("ix_patch_events_patch_id_id", "patch_id", "id"),
    Index("ix_patch_events_workspace_id", "workspace", "id"),
    Index("ix_patch_events_created_at", "created_at"),
)

patch_custody = Table(
    "patch_custody",
    metadata,
    sequence_key(),
    Column("workspace", Text, nullable=False, comment="one hash chain per workspace"),
    Column("seq", Integer, nullable=False, comment="position in the workspace's chain, from 1, without gaps"),
    Column("patch_id", String(36), nullable=False, index=True),
    Column("factory", String(200), nullable=False),
    Column("event_type", String(32), nullable=False),
    Column("message", Text, nullable=False),
    Column("ts", UtcDateTime, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("workspace", "seq"),
)

delivery_reports = Table(
    "delivery_reports",
    metadata,
    uuid_key(),
    Column("order_id", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("content_digest", String(64), nullable=False, comment="of the facts, not of the prose or the time"),
    Column("report_md", Text, nullable=False),
    Column("report_json", Json, nullable=False),
    Column("html_path", Text),
    Column("success_rate", Float, comment="ok / checked, 0–1; null when nothing was checked"),
    Column("total_patches", Integer, nullable=False),
    created_at(),
    UniqueConstraint("order_id", "version"),
    Index(
        "uq_delivery_reports_current",
        "order_id",
        unique=True,
        sqlite_where=text("current = 1"),
        postgresql_where=text("current"),
    ),
)
