"""Delivery reports and weekly digests in their versions, and where they are published."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from repo_agent_dagster.store.tables.metadata import created_at, metadata, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime

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
    Column("facts_mark", String(64), comment="of the rows read; equal: nothing has changed, and nothing is read"),
    UniqueConstraint("order_id", "version"),
    Index(
        "uq_delivery_reports_current",
        "order_id",
        unique=True,
        sqlite_where=text("current = 1"),
        postgresql_where=text("current"),
    ),
    # What lists and marks read: on SQLite these columns lie behind the report's whole text.
    Index(
        "ix_delivery_reports_lists",
        "order_id",
        "version",
        "facts_mark",
        "success_rate",
        "total_patches",
        "created_at",
        sqlite_where=text("current = 1"),
        postgresql_where=text("current"),
    ),
)

weekly_digests = Table(
    "weekly_digests",
    metadata,
    uuid_key(),
    Column("week", String(8), nullable=False, comment="ISO 8601, 2026-W10"),
    Column("version", Integer, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("content_digest", String(64), nullable=False),
    Column("report_md", Text, nullable=False),
    Column("report_json", Json, nullable=False),
    Column("html_path", Text),
    created_at(),
    UniqueConstraint("week", "version"),
    Index(
        "uq_weekly_digests_current",
        "week",
        unique=True,
        sqlite_where=text("current = 1"),
        postgresql_where=text("current"),
    ),
)

report_targets = Table(
    "report_targets",
    metadata,
    uuid_key(),
    Column("document", String(210), nullable=False, comment="order <id>, week <week>; empty: all of both"),
    Column("kind", String(16), nullable=False),
    Column("address", Text, nullable=False, comment="a folder, a prefix, owner/name#12, owner/name, or a URL"),
    Column("secret_env", String(200), comment="the environment variable that holds the secret, never the secret"),
    created_at(),
    Column("ended_at", UtcDateTime),
    CheckConstraint("kind IN ('file', 'artifact', 'github', 'webhook')", name="kind"),
    UniqueConstraint("document", "kind", "address"),
)
"""Where an order's report, or a week's digest, is published whenever it has a new version."""

report_publications = Table(
    "report_publications",
    metadata,
    Column("target_id", ForeignKey("report_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("document", String(210), primary_key=True, comment="order <id>, week <week>"),
    Column("version", Integer, nullable=False, comment="the newest version that got there; 0: none yet"),
    Column("refused_version", Integer, comment="a version that will not get there; the next one is tried"),
    Column("place", Text, comment="what it became there: a path, a URL"),
    Column("remote_id", String(64), comment="GitHub's number of our issue or id of our comment, to be edited again"),
    Column("attempts", Integer, nullable=False, server_default="0", comment="failed attempts since it last got there"),
    Column("next_attempt_at", UtcDateTime),
    Column("problem", Text),
    Column("published_at", UtcDateTime),
)
"""What was published where: one row for a target and a document."""
