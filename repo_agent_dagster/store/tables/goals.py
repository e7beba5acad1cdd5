"""A goal run's store: the run, its agents, tasks and attempts, events, artifacts, checkpoints and approvals."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from repo_agent_dagster.store.tables.metadata import created_at, metadata, sequence_key, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime


def _run_reference(*, nullable: bool = False) -> Column[str]:
    return Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=nullable, index=True)


runs = Table(
    "runs",
    metadata,
    uuid_key(),
    Column("goal", Text, nullable=False),
    Column("repo_path", Text, nullable=False),
    Column("status", String(32), nullable=False, index=True),
    Column("summary", Text, nullable=False, default=""),
    Column("cycle_count", Integer, nullable=False, default=0),
    Column("replan_count", Integer, nullable=False, default=0),
    Column("current_task_id", String(36)),
    created_at(),
    Column("updated_at", UtcDateTime, nullable=False),
)

agents = Table(
    "agents",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(64), primary_key=True),
    Column("session_id", String(200)),
    Column("turns", Integer, nullable=False, default=0),
    Column("rotation_count", Integer, nullable=False, default=0),
    Column("last_prompt_path", Text),
    Column("last_response_path", Text),
    Column("updated_at", UtcDateTime, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    uuid_key(),
    _run_reference(nullable=True),  # remediation tasks exist before a goal run picks them up
    Column("title", Text, nullable=False),
    Column("objective", Text, nullable=False),
    Column("acceptance_criteria", Json, nullable=False),
    Column("verification_steps", Json, nullable=False),
    Column("allowed_paths", Json, nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("attempt_count", Integer, nullable=False, default=0),
    Column("implementation_summary", Text),
    Column("blocker_signature", Text),
    created_at(),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("status IN ('pending', 'in_progress', 'completed', 'blocked', 'abandoned')", name="status"),
)

task_attempts = Table(
    "task_attempts",
    metadata,
    uuid_key(),
    _run_reference(),
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("attempt_number", Integer, nullable=False),
    Column("status", String(32), nullable=False),
    Column("summary", Text, nullable=False, default=""),
    Column("blocker_signature", Text),
    Column("result", Json),
    created_at(),
    UniqueConstraint("task_id", "attempt_number"),
)

events = Table(
    "events",
    metadata,
    sequence_key(),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("ts", UtcDateTime, nullable=False),
    Column("source", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("message", Text, nullable=False, default=""),
    Column("payload", Json),
    Index("ix_events_run_id_id", "run_id", "id"),
)

artifacts = Table(
    "artifacts",
    metadata,
    uuid_key(),
    _run_reference(),
    Column("role", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("path", Text, nullable=False),
    created_at(),
    Column("metadata", Json),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    uuid_key(),
    _run_reference(),
    Column("status", String(32), nullable=False),
    Column("payload", Json, nullable=False),
    created_at(),
)

approvals = Table(
    "approvals",
    metadata,
    uuid_key(),
    _run_reference(nullable=True),  # a migration's approval gate has no goal run
    Column("subject", String(300), comment="what a pending approval is about; asked for once"),
    Column("source", String(64), nullable=False, comment="what asked or decided: a pathway, a role, cli, api"),
    Column("verdict", String(32), nullable=False, index=True),
    Column("rationale", Text, nullable=False, default=""),
    Column("payload", Json),
    created_at(),
    Column("decided_by", String(200)),
    Column("decided_at", UtcDateTime),
    CheckConstraint("verdict IN ('pending', 'approved', 'rejected')", name="verdict"),
    UniqueConstraint("subject"),
)
