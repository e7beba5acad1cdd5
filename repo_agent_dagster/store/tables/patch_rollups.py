"""Patches counted ahead: by day, and by longer periods, so that a range is answered without reading its events."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from repo_agent_dagster.store.tables.metadata import SequenceId, metadata
from repo_agent_dagster.store.types import UtcDateTime

_GRAINS = "grain IN ('day', 'week', 'month')"

patch_rollup_cursor = Table(
    "patch_rollup_cursor",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("event_id", SequenceId, nullable=False, comment="events up to this one have reopened their patches' days"),
    CheckConstraint("id = 1", name="id"),
)

patch_rollup_periods = Table(
    "patch_rollup_periods",
    metadata,
    Column("grain", String(8), nullable=False),
    Column("start", Date, nullable=False, comment="a day, a Monday, or the first of a month (UTC)"),
    Column("touched_id", SequenceId, nullable=False, comment="newest event known to be of a patch of this period"),
    Column("folded_id", SequenceId, nullable=False, comment="events up to here are in its rows; 0: no rows yet"),
    Column("patches", Integer, nullable=False, server_default="0"),
    Column("folded_at", UtcDateTime),
    PrimaryKeyConstraint("grain", "start"),
    CheckConstraint(_GRAINS, name="grain"),
)
"""The ledger: the rows of a period hold if `folded_id` >= `touched_id`, and for a longer one if its days do, too."""

patch_daily = Table(
    "patch_daily",
    metadata,
    Column("day", Date, nullable=False, comment="UTC day of the patch's first event"),
    Column("iso_week", String(8), nullable=False),
    Column("factory", String(200), nullable=False),
    Column("op", String(32), nullable=False),
    Column("phase", String(200), nullable=False, comment="empty: none"),
    Column("order_id", String(200), nullable=False, comment="empty: unattributed"),
    Column("outcome", String(16), nullable=False),
    Column("patches", Integer, nullable=False),
    Column("reverted", Integer, nullable=False),
    Column("refused", Integer, nullable=False, comment="failed before any check; only where the outcome is unchecked"),
    Column("first_at", UtcDateTime, nullable=False, comment="first event of the earliest of these patches"),
    Column("last_at", UtcDateTime, nullable=False, comment="first event of the latest of these patches"),
    PrimaryKeyConstraint("day", "factory", "op", "phase", "order_id", "outcome"),
    CheckConstraint("outcome IN ('ok', 'failed', 'unchecked')", name="outcome"),
    Index("ix_patch_daily_order_id_day", "order_id", "day"),
    Index("ix_patch_daily_factory_day", "factory", "day"),
    sqlite_with_rowid=False,
)
"""The cells: patches alike in all that is counted, by day."""

patch_trends = Table(
    "patch_trends",
    metadata,
    Column("dimension", String(16), nullable=False, comment="all, factory, op, phase, order, workspace or file"),
    Column("grain", String(8), nullable=False),
    Column("start", Date, nullable=False),
    Column("key", Text, nullable=False, comment="empty: none, or the dimension is all; a file's workspace and path"),
    Column("total", Integer, nullable=False),
    Column("ok", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("unchecked", Integer, nullable=False),
    Column("reverted", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("dimension", "grain", "start", "key"),
    CheckConstraint(_GRAINS, name="grain"),
    sqlite_with_rowid=False,
)
"""The cells summed up by one dimension at a time: what trends read."""

patch_errors_daily = Table(
    "patch_errors_daily",
    metadata,
    Column("day", Date, nullable=False),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the text; empty: all errors beyond the kept ones"),
    Column("error", Text, nullable=False),
    Column("patches", Integer, nullable=False),
    PrimaryKeyConstraint("day", "digest"),
)
"""The most frequent errors of each day, apart from the cells, which they would make as many as the patches."""

patch_latency = Table(
    "patch_latency",
    metadata,
    Column("grain", String(8), nullable=False),
    Column("start", Date, nullable=False),
    Column("step", String(32), nullable=False, comment="requested_applied, applied_validated, requested_validated"),
    Column("bucket", Integer, nullable=False, comment="of the logarithm of the seconds; see patch_rollups"),
    Column("patches", Integer, nullable=False),
    Column("milliseconds", BigInteger, nullable=False, comment="their sum"),
    PrimaryKeyConstraint("grain", "start", "step", "bucket"),
    CheckConstraint(_GRAINS, name="grain"),
    sqlite_with_rowid=False,
)
"""How long patches took from step to step, as a histogram that adds up over days."""
