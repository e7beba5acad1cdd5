"""Ingested log lines, the ledger that makes ingestion exactly-once, and the builds whose logs they are."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.store.tables.metadata import created_at, metadata, sequence_key, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime


def _record_id() -> Column[str]:
    return Column("record_id", String(200), comment="the provider's id of the record, where it gives one")


def _record_id_index(table: str) -> Index:
    """Return an index that costs nothing where records have no ids, as nearly all have none."""
    given = text("record_id IS NOT NULL")
    return Index(f"ix_{table}_record_id", "record_id", sqlite_where=given, postgresql_where=given)


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
    Column("version", String(300), comment="the provider's word for the object's state; equal: it is not read again"),
    Column(
        "status", String(16), nullable=False, server_default="complete", comment="complete, partial, expired, duplicate"
    ),
    Column("problem", Text, comment="why it is not complete"),
    Column("redacted", Integer, nullable=False, server_default="0", comment="secrets that were taken out"),
    Column(
        "duplicates",
        Integer,
        nullable=False,
        server_default="0",
        comment="lines left out because another with the same provider id is there",
    ),
    Column("days", Json, comment="the UTC days of all its lines, of this version; null: not known"),
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
    _record_id(),
    Index("ix_worker_logs_ts", "ts"),
    _record_id_index("worker_logs"),
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
    _record_id(),
    Index("ix_build_logs_ts", "ts"),
    _record_id_index("build_logs"),
)

LOG_TABLES: dict[LogKind, Table] = {"worker": worker_logs, "build": build_logs}
"""The table of each kind's lines."""

log_source_days = Table(
    "log_source_days",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("problem", Text, comment="why it is not complete"),
    Column("objects", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("quarantined", Integer, nullable=False),
    Column("redacted", Integer, nullable=False, comment="secrets that were taken out"),
    Column("expired", Integer, nullable=False, comment="objects whose lines the provider no longer has"),
    Column("fetched_at", UtcDateTime, nullable=False),
    Column("state", Json, comment="what the source wants to know next time, e.g. an ETag"),
    CheckConstraint("kind IN ('worker', 'build')", name="kind"),
    CheckConstraint("status IN ('complete', 'partial', 'failed', 'no_data')", name="status"),
)
"""How the last ingestion of a source's day went: an empty day is `no_data`, a short one `partial`; both are told."""

build_jobs = Table(
    "build_jobs",
    metadata,
    uuid_key(),
    Column("source", String(200), nullable=False),
    Column("repo", String(200), nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("job_id", String(64), nullable=False),
    Column("workflow", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("branch", Text),
    Column("is_default_branch", Boolean),
    Column("sha", String(64)),
    Column("event", String(64)),
    Column("conclusion", String(32)),
    Column("url", Text),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("object_name", Text, nullable=False, comment="the object of log_ingestions that holds its lines"),
    Column("log_status", String(16), nullable=False),
    Column("green_log", Text, comment="artifact key of its log, kept while it is the last passing one of its job"),
    created_at(),
    CheckConstraint("log_status IN ('stored', 'partial', 'expired', 'missing')", name="log_status"),
    UniqueConstraint("source", "repo", "run_id", "attempt", "job_id"),
    Index("ix_build_jobs_finished_at", "finished_at"),
    Index("ix_build_jobs_repo_workflow_job", "repo", "workflow", "job"),
)
"""One attempt of one job of a build."""
