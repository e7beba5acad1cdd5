"""What was learned and what was asked: tool transactions, curated knowledge, analyses, feasibility jobs, feedback."""

from sqlalchemy import CheckConstraint, Column, Float, Index, Integer, String, Table, Text, UniqueConstraint

from repo_agent_dagster.store.tables.metadata import created_at, metadata, sequence_key, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime

transactions = Table(
    "transactions",
    metadata,
    sequence_key(),
    Column("tool", String(200), nullable=False),
    Column("request", Json, nullable=False),
    Column("response", Json),
    Column("status", String(32), nullable=False),
    Column("latency_ms", Float, nullable=False),
    Column("error", Text),
    created_at(),
    Index("ix_transactions_tool_id", "tool", "id"),
)

curated_knowledge = Table(
    "curated_knowledge",
    metadata,
    uuid_key(),
    Column("topic", String(200), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("content_digest", String(64), nullable=False),
    Column("tags", Json, nullable=False),
    created_at(),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("source", "content_digest"),
)

repository_analysis = Table(
    "repository_analysis",
    metadata,
    uuid_key(),
    Column("repo", Text, nullable=False),
    Column("commit", String(64), nullable=False),
    Column("analyzer_version", String(32), nullable=False),
    Column("result", Json, nullable=False),
    created_at(),
    UniqueConstraint("repo", "commit", "analyzer_version"),
)

feasibility_jobs = Table(
    "feasibility_jobs",
    metadata,
    uuid_key(),
    Column("repo_url", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("result", Json),
    Column("error", Text),
    created_at(),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("status IN ('pending', 'running', 'success', 'failed', 'cancelled')", name="status"),
)

feedback = Table(
    "feedback",
    metadata,
    uuid_key(),
    Column("subject", Text, nullable=False, index=True),
    Column("rating", Integer, nullable=False),
    Column("notes", Text, nullable=False, default=""),
    created_at(),
    CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
)
