"""Who is told of patch events, how far each has come, what was parked, and which offline spools were taken in."""

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table, Text, text

from repo_agent_dagster.store.tables.metadata import SequenceId, created_at, metadata, uuid_key
from repo_agent_dagster.store.types import UtcDateTime

_ACTIVE_BATCH = text("ended_at IS NULL AND batch_id IS NOT NULL")
_ACTIVE_ALL = text("ended_at IS NULL AND batch_id IS NULL")

notification_targets = Table(
    "notification_targets",
    metadata,
    uuid_key(),
    Column("url", Text, nullable=False),
    Column("batch_id", String(36), comment="null: the events of all batches"),
    Column(
        "secret_env",
        String(200),
        comment="the environment variable that holds the secret; the secret itself is never stored",
    ),
    Column("cursor", SequenceId, nullable=False, comment="the last event that is done with: delivered or parked"),
    Column("attempts", Integer, nullable=False, default=0, comment="failed attempts at the event after the cursor"),
    Column("next_attempt_at", UtcDateTime, comment="null: at once"),
    Column("last_error", Text),
    Column("last_delivered_at", UtcDateTime),
    Column("claimed_by", String(36)),
    Column("claimed_until", UtcDateTime),
    created_at(),
    Column("ended_at", UtcDateTime),
    # Two indexes: NULLs are distinct in a unique one.
    Index(
        "uq_notification_targets_url_batch_id",
        "url",
        "batch_id",
        unique=True,
        sqlite_where=_ACTIVE_BATCH,
        postgresql_where=_ACTIVE_BATCH,
    ),
    Index("uq_notification_targets_url", "url", unique=True, sqlite_where=_ACTIVE_ALL, postgresql_where=_ACTIVE_ALL),
)

parked_notifications = Table(
    "parked_notifications",
    metadata,
    Column("target_id", ForeignKey("notification_targets.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", SequenceId, nullable=False, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("parked_at", UtcDateTime, nullable=False),
    Column("retry_at", UtcDateTime, comment="when it is tried again; null: on request only"),
    PrimaryKeyConstraint("target_id", "event_id"),
)

shipped_spools = Table(
    "shipped_spools",
    metadata,
    Column("id", String(36), primary_key=True, comment="the segment's own id, in its file's name"),
    Column("workspace", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    created_at(),
)
