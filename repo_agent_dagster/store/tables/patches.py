"""Patch events, the custody chain, and how far it was verified."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from repo_agent_dagster.store.tables.metadata import SequenceId, created_at, metadata, sequence_key
from repo_agent_dagster.store.types import IsoWeek, Json, UtcDateTime, UtcDay

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
    Column("day", Date, Computed(UtcDay("created_at")), comment="the UTC day of created_at"),
    Column("iso_week", String(8), Computed(IsoWeek("created_at")), comment="the ISO 8601 week of that day, 2026-W10"),
    CheckConstraint(f"event IN ({_NAMES_SQL})", name="event"),
    Index("ix_patch_events_batch_id_id", "batch_id", "id"),
    Index("ix_patch_events_order_id_id", "order_id", "id"),
    # Covers what a patch's life is summed up from: reading the wide rows instead takes twice as long.
    Index("ix_patch_events_life", "patch_id", "id", "event", "ts_check_ok", "created_at"),
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

custody_verdicts = Table(
    "custody_verdicts",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("seq", Integer, nullable=False, comment="the chain was walked to this link; 0: nothing was intact"),
    Column("hash", String(64), nullable=False, comment="of that link, so that a chain cut off and grown again shows"),
    Column("event_id", SequenceId, nullable=False, comment="the event that this link tells of"),
    Column("problem", Text, comment="the first link that does not fit; null: intact so far"),
    Column("walked_at", UtcDateTime, nullable=False, comment="when the chain was last walked from its start"),
)
"""How far each workspace's chain was verified, so that what is appended can be verified without what is before it."""
