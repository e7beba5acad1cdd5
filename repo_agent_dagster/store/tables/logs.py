"""Ingested log lines, the ledger that makes ingestion exactly-once, and what the scans found in them."""

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from repo_agent_dagster.store.tables.metadata import created_at, metadata, sequence_key, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime

log_ingestions = Table(
    "log_ingestions",
    metadata,
    uuid_key(),
    Column("kind", String(16), nullable=False),
    Column("source", String(200), nullable=False),
    Column("object_name", Text, nullable=False, comment="the object within the source, e.g. a file's relative path"),
    Column("object_digest", String(64), nullable=False),
    Column("day", Date, nullable=False, comment="the UTC day partition whose rows this entry owns"),
    Column("rows", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("quarantine_path", Text),
    created_at(),
    CheckConstraint("kind IN ('worker', 'build')", name="kind"),
    UniqueConstraint("kind", "source", "object_name", "day"),
)

worker_logs = Table(
    "worker_logs",
    metadata,
    sequence_key(),
    Column("ingestion_id", ForeignKey("log_ingestions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("source", String(200), nullable=False),
    Column("worker", String(200), nullable=False),
    Column("level", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("meta", Json),
    Column("ts", UtcDateTime, nullable=False),
    Index("ix_worker_logs_ts", "ts"),
)

build_logs = Table(
    "build_logs",
    metadata,
    sequence_key(),
    Column("ingestion_id", ForeignKey("log_ingestions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("source", String(200), nullable=False),
    Column("repo", String(200), nullable=False),
    Column("run_id", String(64)),
    Column("level", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("meta", Json),
    Column("ts", UtcDateTime, nullable=False),
    Index("ix_build_logs_ts", "ts"),
)

ops_scans = Table(
    "ops_scans",
    metadata,
    uuid_key(),
    Column("scope", String(16), nullable=False),
    Column("window_start", UtcDateTime, nullable=False),
    Column("window_end", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("status", String(16), nullable=False),
    Column("error", Text),
    Column("totals", Json),
    CheckConstraint("scope IN ('cloudflare', 'cicd', 'full')", name="scope"),
    CheckConstraint("status IN ('running', 'success', 'failed')", name="status"),
    Index("ix_ops_scans_started_at", "started_at"),
)

ops_issues = Table(
    "ops_issues",
    metadata,
    uuid_key(),
    Column("kind", String(32), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("severity_reasons", Json, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("worker", String(200)),
    Column("repo", String(200)),
    Column("run_id", String(64)),
    Column("prompt", Text, nullable=False, default=""),
    Column("analysis", Text, nullable=False, default=""),
    Column("sample", Json),
    Column("gh_issue_number", Integer),
    Column("gh_issue_url", Text),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("occurrences", Integer, nullable=False),
    Column("regressions", Integer, nullable=False, default=0),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime, comment="when it was resolved or closed; seen on a later day, it is reopened"),
    created_at(),
    CheckConstraint("severity BETWEEN 1 AND 5", name="severity"),
    CheckConstraint("status IN ('open', 'triaged', 'in_progress', 'resolved', 'closed')", name="status"),
)

ops_issue_sightings = Table(
    "ops_issue_sightings",
    metadata,
    Column("issue_id", ForeignKey("ops_issues.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("kind", String(16), primary_key=True, comment="worker or build: the log table the lines came from"),
    Column("occurrences", Integer, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
)
"""How often an issue was seen on a day. A scan replaces its own days, so that scanning twice counts once."""
