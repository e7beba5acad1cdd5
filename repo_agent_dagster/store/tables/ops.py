"""Scans, the issues they found, how those are recognised, and what GitHub is to be told of them."""

from sqlalchemy import (
    BigInteger,
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
    false,
)

from repo_agent_dagster.store.tables.metadata import created_at, metadata, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime

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
    Column("place", Text, nullable=False, server_default="", comment="worker, or repository workflow/job/step"),
    Column("cause", String(32), comment="likely cause, by a rule"),
    Column("template", Text, comment="the message with what varies masked; for show, not for identity"),
    Column("details", Json, comment="anchors, command, how to reproduce, runs, commit range, flaky, who worded it"),
    Column("assignee", String(200)),
    Column("missed_scans", Integer, nullable=False, server_default="0", comment="scans in a row that did not see it"),
    Column("gh_repo", String(200)),
    Column("gh_state", String(16), comment="open, closed, deleted, transferred, locked, disabled"),
    Column("gh_comment_id", BigInteger, comment="the one comment that is edited with the tally"),
    Column("gh_problem", Text),
    Column("gh_synced_at", UtcDateTime),
    Column("order_id", String(200), comment="the order that resolved it; null once it is open again"),
    CheckConstraint("severity BETWEEN 1 AND 5", name="severity"),
    CheckConstraint("status IN ('open', 'triaged', 'in_progress', 'resolved', 'closed')", name="status"),
    Index("ix_ops_issues_run_id", "run_id", "status", "severity", "gh_issue_number"),
    Index("ix_ops_issues_order_id", "order_id", "status", "resolved_at", "severity", "gh_issue_number"),
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
    Column("runs", Integer, nullable=False, server_default="0", comment="builds it was seen in"),
    Column("flaky", Boolean, nullable=False, server_default=false(), comment="a later attempt of its jobs passed"),
)
"""How often an issue was seen on a day. A scan replaces its own days, so that scanning twice counts once."""

ops_fingerprints = Table(
    "ops_fingerprints",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("issue_id", ForeignKey("ops_issues.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("version", String(8), nullable=False, comment="version of the rules that it was made by"),
    Column("is_alias", Boolean, nullable=False),
    created_at(),
)
"""By which fingerprints an issue is known: `ops_issues.fingerprint`, its aliases, and those of earlier rules."""

ops_templates = Table(
    "ops_templates",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("state", Json, nullable=False, comment="the miner's clusters, so that their ids stay from scan to scan"),
    Column("updated_at", UtcDateTime, nullable=False),
)

ops_wordings = Table(
    "ops_wordings",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("input_digest", String(64), nullable=False, comment="of what the model was shown; equal: it is not asked"),
    Column("model", String(200), nullable=False),
    Column("wording", Json, nullable=False),
    Column("tokens", Integer, nullable=False),
    created_at(),
)
"""What a model said of an incident, so that an unchanged one costs nothing."""

ops_outbox = Table(
    "ops_outbox",
    metadata,
    uuid_key(),
    Column("issue_id", ForeignKey("ops_issues.id", ondelete="CASCADE"), nullable=False),
    Column("action", String(16), nullable=False),
    Column("step_key", String(100), nullable=False, comment="the same intent has the same key: it is noted once"),
    Column("payload", Json, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime),
    Column("error", Text),
    created_at(),
    Column("done_at", UtcDateTime),
    CheckConstraint("status IN ('pending', 'done', 'refused')", name="status"),
    UniqueConstraint("issue_id", "step_key"),
)
"""What GitHub is to be told: noted in the transaction that made it true, done by whoever holds the publisher's lock."""
