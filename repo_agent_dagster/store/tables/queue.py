"""The task queue and what its tasks left behind: requests, container output, model calls, test results."""

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, Numeric, String, Table, Text

from repo_agent_dagster.store.tables.metadata import created_at, metadata, sequence_key, uuid_key
from repo_agent_dagster.store.types import Json, UtcDateTime

repeatable_tasks = Table(
    "repeatable_tasks",
    metadata,
    uuid_key(),
    Column("pathway", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("prompt_template", Text, nullable=False, default=""),
    created_at(),
)

task_requests = Table(
    "task_requests",
    metadata,
    uuid_key(),
    Column("pathway", String(64), nullable=False, index=True),
    Column("status", String(16), nullable=False, index=True),
    Column("initial_prompt", Text, nullable=False, default=""),
    Column("payload", Json, nullable=False),
    Column("result", Json),
    Column("repo_url", Text),
    Column("order_id", String(200)),
    Column("dedupe_key", String(200), unique=True),
    Column("dagster_run_id", String(64), index=True),
    Column("attempt", Integer, nullable=False, default=1),
    Column("error", Text),
    created_at(),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    CheckConstraint("status IN ('pending', 'running', 'success', 'failed', 'cancelled')", name="status"),
    # What order_marks reads: the rows themselves have large JSON before these columns.
    Index("ix_task_requests_mark", "order_id", "id", "status", "attempt", "dagster_run_id", "started_at", "ended_at"),
)

ai_operation_logs = Table(
    "ai_operation_logs",
    metadata,
    sequence_key(),
    Column("task_request_id", ForeignKey("task_requests.id", ondelete="CASCADE"), index=True),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("agent_name", String(200), nullable=False),
    Column("ai_provider", String(64), nullable=False),
    Column("model", String(200)),
    Column("thought", Text),
    Column("prompt", Text),
    Column("response", Text),
    Column("tokens", Integer),
    Column("cost", Numeric(12, 6)),
    Column("latency", Float, comment="seconds"),
)

container_operation_logs = Table(
    "container_operation_logs",
    metadata,
    sequence_key(),
    Column("task_request_id", ForeignKey("task_requests.id", ondelete="CASCADE"), nullable=False),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("command_id", String(36), nullable=False, comment="one exec; its stdin row holds the command"),
    Column("seq", Integer, nullable=False, comment="order within the command, from 0"),
    Column("stream", String(8), nullable=False),
    Column("log_content", Text, nullable=False),
    Column("exit_code", Integer, comment="on the command's last row only"),
    CheckConstraint("stream IN ('stdin', 'stdout', 'stderr')", name="stream"),
    Index("ix_container_operation_logs_task_request_id_id", "task_request_id", "id"),
)

test_results = Table(
    "test_results",
    metadata,
    sequence_key(),
    Column("task_request_id", ForeignKey("task_requests.id", ondelete="CASCADE"), nullable=False),
    Column("run", String(64), nullable=False, comment="which run of the task: before, after, unit 1, …"),
    Column("suite", Text, nullable=False),
    Column("case", Text, nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("duration_seconds", Float),
    Column("message", Text, nullable=False),
    CheckConstraint("outcome IN ('passed', 'failed', 'error', 'skipped')", name="outcome"),
    Index("ix_test_results_task_request_id_run", "task_request_id", "run"),
)
