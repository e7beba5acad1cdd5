"""Baseline"""

import sqlalchemy as sa
from alembic import op

from repo_agent_dagster.store.types import Json, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# One row for each patch. What its first event says of it stands; of the rest, the last that says something.
V_PATCH_ACTIVITY = """
CREATE VIEW v_patch_activity AS
SELECT
    p.patch_id, r.batch_id, r.task_id, r.order_id, r.phase, r.requester, r.workspace, l.file_path, r.op,
    p.requested_at, p.applied_at, p.validated_at, p.failed_at, p.reverted_at,
    l.event AS last_event, c.ts_check_ok, e.error, p.diff_path
FROM (
    SELECT
        patch_id,
        MIN(id) AS first_id,
        MAX(id) AS last_id,
        MAX(CASE WHEN ts_check_ok IS NOT NULL THEN id END) AS checked_id,
        MAX(CASE WHEN error IS NOT NULL THEN id END) AS error_id,
        MIN(CASE WHEN event = 'patch_requested' THEN created_at END) AS requested_at,
        MIN(CASE WHEN event = 'patch_applied' THEN created_at END) AS applied_at,
        MAX(CASE WHEN event = 'patch_validated' THEN created_at END) AS validated_at,
        MAX(CASE WHEN event = 'patch_failed' THEN created_at END) AS failed_at,
        MAX(CASE WHEN event = 'patch_reverted' THEN created_at END) AS reverted_at,
        MAX(diff_path) AS diff_path
    FROM patch_events
    GROUP BY patch_id
) AS p
JOIN patch_events AS r ON r.id = p.first_id
JOIN patch_events AS l ON l.id = p.last_id
LEFT JOIN patch_events AS c ON c.id = p.checked_id
LEFT JOIN patch_events AS e ON e.id = p.error_id
"""


def upgrade() -> None:
    op.create_table(
        "curated_knowledge",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("topic", sa.String(length=200), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("tags", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_curated_knowledge")),
        sa.UniqueConstraint("source", "content_digest", name=op.f("uq_curated_knowledge_source_content_digest")),
    )
    with op.batch_alter_table("curated_knowledge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_curated_knowledge_topic"), ["topic"], unique=False)

    op.create_table(
        "delivery_reports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("order_id", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column(
            "content_digest", sa.String(length=64), nullable=False, comment="of the facts, not of the prose or the time"
        ),
        sa.Column("report_md", sa.Text(), nullable=False),
        sa.Column("report_json", Json, nullable=False),
        sa.Column("html_path", sa.Text(), nullable=True),
        sa.Column(
            "success_rate", sa.Float(), nullable=True, comment="ok / checked, 0–1; null when nothing was checked"
        ),
        sa.Column("total_patches", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_reports")),
        sa.UniqueConstraint("order_id", "version", name=op.f("uq_delivery_reports_order_id_version")),
    )
    with op.batch_alter_table("delivery_reports", schema=None) as batch_op:
        batch_op.create_index(
            "uq_delivery_reports_current",
            ["order_id"],
            unique=True,
            sqlite_where=sa.text("current = 1"),
            postgresql_where=sa.text("current"),
        )

    op.create_table(
        "feasibility_jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("repo_url", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("result", Json, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'success', 'failed', 'cancelled')",
            name=op.f("ck_feasibility_jobs_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feasibility_jobs")),
    )
    with op.batch_alter_table("feasibility_jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feasibility_jobs_status"), ["status"], unique=False)

    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_feedback_rating")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feedback_subject"), ["subject"], unique=False)

    op.create_table(
        "log_ingestions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column(
            "object_name",
            sa.Text(),
            nullable=False,
            comment="the object within the source, e.g. a file's relative path",
        ),
        sa.Column("object_digest", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="the UTC day partition whose rows this entry owns"),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("quarantine_path", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('worker', 'build')", name=op.f("ck_log_ingestions_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_ingestions")),
        sa.UniqueConstraint(
            "kind", "source", "object_name", "day", name=op.f("uq_log_ingestions_kind_source_object_name_day")
        ),
    )
    op.create_table(
        "ops_issues",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("severity_reasons", Json, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("repo", sa.String(length=200), nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("analysis", sa.Text(), nullable=False),
        sa.Column("sample", Json, nullable=True),
        sa.Column("gh_issue_number", sa.Integer(), nullable=True),
        sa.Column("gh_issue_url", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("regressions", sa.Integer(), nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.Column(
            "resolved_at",
            UtcDateTime(),
            nullable=True,
            comment="when it was resolved or closed; seen on a later day, it is reopened",
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'triaged', 'in_progress', 'resolved', 'closed')", name=op.f("ck_ops_issues_status")
        ),
        sa.CheckConstraint("severity BETWEEN 1 AND 5", name=op.f("ck_ops_issues_severity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ops_issues")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_ops_issues_fingerprint")),
    )
    with op.batch_alter_table("ops_issues", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ops_issues_status"), ["status"], unique=False)

    op.create_table(
        "ops_scans",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("totals", Json, nullable=True),
        sa.CheckConstraint("scope IN ('cloudflare', 'cicd', 'full')", name=op.f("ck_ops_scans_scope")),
        sa.CheckConstraint("status IN ('running', 'success', 'failed')", name=op.f("ck_ops_scans_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ops_scans")),
    )
    with op.batch_alter_table("ops_scans", schema=None) as batch_op:
        batch_op.create_index("ix_ops_scans_started_at", ["started_at"], unique=False)

    op.create_table(
        "patch_custody",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False, comment="one hash chain per workspace"),
        sa.Column(
            "seq", sa.Integer(), nullable=False, comment="position in the workspace's chain, from 1, without gaps"
        ),
        sa.Column("patch_id", sa.String(length=36), nullable=False),
        sa.Column("factory", sa.String(length=200), nullable=False),
        sa.Column("event_type", sa.String(length=32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("ts", UtcDateTime(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patch_custody")),
        sa.UniqueConstraint("workspace", "seq", name=op.f("uq_patch_custody_workspace_seq")),
    )
    with op.batch_alter_table("patch_custody", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patch_custody_patch_id"), ["patch_id"], unique=False)

    op.create_table(
        "patch_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("patch_id", sa.String(length=36), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=True),
        sa.Column("task_id", sa.String(length=200), nullable=True),
        sa.Column("order_id", sa.String(length=200), nullable=True),
        sa.Column("phase", sa.String(length=200), nullable=True),
        sa.Column("requester", sa.String(length=200), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("file_path", sa.Text(), nullable=False),
        sa.Column("op", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column(
            "ts_check_ok", sa.Boolean(), nullable=True, comment="null: no check ran; never counted as ok or as failed"
        ),
        sa.Column("diff_path", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("meta", Json, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "event IN ('patch_requested', 'patch_applied', 'patch_validated', 'patch_failed', 'patch_reverted')",
            name=op.f("ck_patch_events_event"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patch_events")),
    )
    with op.batch_alter_table("patch_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patch_events_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index("ix_patch_events_created_at", ["created_at"], unique=False)
        batch_op.create_index("ix_patch_events_order_id_id", ["order_id", "id"], unique=False)
        batch_op.create_index("ix_patch_events_patch_id_id", ["patch_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_patch_events_task_id"), ["task_id"], unique=False)

    op.create_table(
        "repeatable_tasks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("pathway", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("prompt_template", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repeatable_tasks")),
        sa.UniqueConstraint("pathway", name=op.f("uq_repeatable_tasks_pathway")),
    )
    op.create_table(
        "repository_analysis",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("repo", sa.Text(), nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("analyzer_version", sa.String(length=32), nullable=False),
        sa.Column("result", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repository_analysis")),
        sa.UniqueConstraint(
            "repo", "commit", "analyzer_version", name=op.f("uq_repository_analysis_repo_commit_analyzer_version")
        ),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("goal", sa.Text(), nullable=False),
        sa.Column("repo_path", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("cycle_count", sa.Integer(), nullable=False),
        sa.Column("replan_count", sa.Integer(), nullable=False),
        sa.Column("current_task_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_runs_status"), ["status"], unique=False)

    op.create_table(
        "task_requests",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("pathway", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("initial_prompt", sa.Text(), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("result", Json, nullable=True),
        sa.Column("repo_url", sa.Text(), nullable=True),
        sa.Column("order_id", sa.String(length=200), nullable=True),
        sa.Column("dedupe_key", sa.String(length=200), nullable=True),
        sa.Column("dagster_run_id", sa.String(length=64), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'success', 'failed', 'cancelled')", name=op.f("ck_task_requests_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_requests")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_task_requests_dedupe_key")),
    )
    with op.batch_alter_table("task_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_requests_dagster_run_id"), ["dagster_run_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_task_requests_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_task_requests_pathway"), ["pathway"], unique=False)
        batch_op.create_index(batch_op.f("ix_task_requests_status"), ["status"], unique=False)

    op.create_table(
        "transactions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tool", sa.String(length=200), nullable=False),
        sa.Column("request", Json, nullable=False),
        sa.Column("response", Json, nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("latency_ms", sa.Float(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
    )
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.create_index("ix_transactions_tool_id", ["tool", "id"], unique=False)

    op.create_table(
        "agents",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=200), nullable=True),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("rotation_count", sa.Integer(), nullable=False),
        sa.Column("last_prompt_path", sa.Text(), nullable=True),
        sa.Column("last_response_path", sa.Text(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_agents_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "role", name=op.f("pk_agents")),
    )
    op.create_table(
        "ai_operation_logs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("task_request_id", sa.String(length=36), nullable=True),
        sa.Column("timestamp", UtcDateTime(), nullable=False),
        sa.Column("agent_name", sa.String(length=200), nullable=False),
        sa.Column("ai_provider", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=True),
        sa.Column("thought", sa.Text(), nullable=True),
        sa.Column("prompt", sa.Text(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column("tokens", sa.Integer(), nullable=True),
        sa.Column("cost", sa.Numeric(precision=12, scale=6), nullable=True),
        sa.Column("latency", sa.Float(), nullable=True, comment="seconds"),
        sa.ForeignKeyConstraint(
            ["task_request_id"],
            ["task_requests.id"],
            name=op.f("fk_ai_operation_logs_task_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_operation_logs")),
    )
    with op.batch_alter_table("ai_operation_logs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ai_operation_logs_task_request_id"), ["task_request_id"], unique=False)

    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("rationale", sa.Text(), nullable=False),
        sa.Column("payload", Json, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_approvals_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_approvals_run_id"), ["run_id"], unique=False)

    op.create_table(
        "artifacts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("metadata", Json, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_artifacts_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
    )
    with op.batch_alter_table("artifacts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_artifacts_run_id"), ["run_id"], unique=False)

    op.create_table(
        "build_logs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("ingestion_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("repo", sa.String(length=200), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("meta", Json, nullable=True),
        sa.Column("ts", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ingestion_id"], ["log_ingestions.id"], name=op.f("fk_build_logs_ingestion_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_build_logs")),
    )
    with op.batch_alter_table("build_logs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_build_logs_ingestion_id"), ["ingestion_id"], unique=False)
        batch_op.create_index("ix_build_logs_ts", ["ts"], unique=False)

    op.create_table(
        "checkpoints",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_checkpoints_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoints")),
    )
    with op.batch_alter_table("checkpoints", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_checkpoints_run_id"), ["run_id"], unique=False)

    op.create_table(
        "container_operation_logs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("task_request_id", sa.String(length=36), nullable=False),
        sa.Column("timestamp", UtcDateTime(), nullable=False),
        sa.Column(
            "command_id", sa.String(length=36), nullable=False, comment="one exec; its stdin row holds the command"
        ),
        sa.Column("seq", sa.Integer(), nullable=False, comment="order within the command, from 0"),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("log_content", sa.Text(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True, comment="on the command's last row only"),
        sa.CheckConstraint("stream IN ('stdin', 'stdout', 'stderr')", name=op.f("ck_container_operation_logs_stream")),
        sa.ForeignKeyConstraint(
            ["task_request_id"],
            ["task_requests.id"],
            name=op.f("fk_container_operation_logs_task_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container_operation_logs")),
    )
    with op.batch_alter_table("container_operation_logs", schema=None) as batch_op:
        batch_op.create_index("ix_container_operation_logs_task_request_id_id", ["task_request_id", "id"], unique=False)

    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("ts", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("payload", Json, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_events_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("ix_events_run_id_id", ["run_id", "id"], unique=False)

    op.create_table(
        "ops_issue_sightings",
        sa.Column("issue_id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "kind", sa.String(length=16), nullable=False, comment="worker or build: the log table the lines came from"
        ),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["ops_issues.id"], name=op.f("fk_ops_issue_sightings_issue_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issue_id", "day", "kind", name=op.f("pk_ops_issue_sightings")),
    )
    op.create_table(
        "staging_migrations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("unit", sa.String(length=200), nullable=False),
        sa.Column("source_digest", sa.String(length=64), nullable=False),
        sa.Column("target_root", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("task_request_id", sa.String(length=36), nullable=True),
        sa.Column("order_id", sa.String(length=200), nullable=True),
        sa.Column("plan", Json, nullable=True),
        sa.Column("report", Json, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('seen', 'planned', 'applied', 'validated', 'failed', 'rolled_back')",
            name=op.f("ck_staging_migrations_status"),
        ),
        sa.ForeignKeyConstraint(
            ["task_request_id"],
            ["task_requests.id"],
            name=op.f("fk_staging_migrations_task_request_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staging_migrations")),
        sa.UniqueConstraint(
            "unit", "source_digest", "target_root", name=op.f("uq_staging_migrations_unit_source_digest_target_root")
        ),
    )
    with op.batch_alter_table("staging_migrations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staging_migrations_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_staging_migrations_status"), ["status"], unique=False)

    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("objective", sa.Text(), nullable=False),
        sa.Column("acceptance_criteria", Json, nullable=False),
        sa.Column("verification_steps", Json, nullable=False),
        sa.Column("allowed_paths", Json, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("implementation_summary", sa.Text(), nullable=True),
        sa.Column("blocker_signature", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'in_progress', 'completed', 'blocked', 'abandoned')", name=op.f("ck_tasks_status")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_tasks_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tasks_run_id"), ["run_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_tasks_status"), ["status"], unique=False)

    op.create_table(
        "worker_logs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("ingestion_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("meta", Json, nullable=True),
        sa.Column("ts", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ingestion_id"], ["log_ingestions.id"], name=op.f("fk_worker_logs_ingestion_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_logs")),
    )
    with op.batch_alter_table("worker_logs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_worker_logs_ingestion_id"), ["ingestion_id"], unique=False)
        batch_op.create_index("ix_worker_logs_ts", ["ts"], unique=False)

    op.create_table(
        "task_attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.Column("attempt_number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("blocker_signature", sa.Text(), nullable=True),
        sa.Column("result", Json, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_task_attempts_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_attempts_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_attempts")),
        sa.UniqueConstraint("task_id", "attempt_number", name=op.f("uq_task_attempts_task_id_attempt_number")),
    )
    with op.batch_alter_table("task_attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_attempts_run_id"), ["run_id"], unique=False)

    op.execute(V_PATCH_ACTIVITY)


def downgrade() -> None:
    op.execute("DROP VIEW v_patch_activity")
    with op.batch_alter_table("task_attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_task_attempts_run_id"))

    op.drop_table("task_attempts")
    with op.batch_alter_table("worker_logs", schema=None) as batch_op:
        batch_op.drop_index("ix_worker_logs_ts")
        batch_op.drop_index(batch_op.f("ix_worker_logs_ingestion_id"))

    op.drop_table("worker_logs")
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tasks_status"))
        batch_op.drop_index(batch_op.f("ix_tasks_run_id"))

    op.drop_table("tasks")
    with op.batch_alter_table("staging_migrations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staging_migrations_status"))
        batch_op.drop_index(batch_op.f("ix_staging_migrations_order_id"))

    op.drop_table("staging_migrations")
    op.drop_table("ops_issue_sightings")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_run_id_id")

    op.drop_table("events")
    with op.batch_alter_table("container_operation_logs", schema=None) as batch_op:
        batch_op.drop_index("ix_container_operation_logs_task_request_id_id")

    op.drop_table("container_operation_logs")
    with op.batch_alter_table("checkpoints", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_checkpoints_run_id"))

    op.drop_table("checkpoints")
    with op.batch_alter_table("build_logs", schema=None) as batch_op:
        batch_op.drop_index("ix_build_logs_ts")
        batch_op.drop_index(batch_op.f("ix_build_logs_ingestion_id"))

    op.drop_table("build_logs")
    with op.batch_alter_table("artifacts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_artifacts_run_id"))

    op.drop_table("artifacts")
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_approvals_run_id"))

    op.drop_table("approvals")
    with op.batch_alter_table("ai_operation_logs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ai_operation_logs_task_request_id"))

    op.drop_table("ai_operation_logs")
    op.drop_table("agents")
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.drop_index("ix_transactions_tool_id")

    op.drop_table("transactions")
    with op.batch_alter_table("task_requests", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_task_requests_status"))
        batch_op.drop_index(batch_op.f("ix_task_requests_pathway"))
        batch_op.drop_index(batch_op.f("ix_task_requests_order_id"))
        batch_op.drop_index(batch_op.f("ix_task_requests_dagster_run_id"))

    op.drop_table("task_requests")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_runs_status"))

    op.drop_table("runs")
    op.drop_table("repository_analysis")
    op.drop_table("repeatable_tasks")
    with op.batch_alter_table("patch_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patch_events_task_id"))
        batch_op.drop_index("ix_patch_events_patch_id_id")
        batch_op.drop_index("ix_patch_events_order_id_id")
        batch_op.drop_index("ix_patch_events_created_at")
        batch_op.drop_index(batch_op.f("ix_patch_events_batch_id"))

    op.drop_table("patch_events")
    with op.batch_alter_table("patch_custody", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patch_custody_patch_id"))

    op.drop_table("patch_custody")
    with op.batch_alter_table("ops_scans", schema=None) as batch_op:
        batch_op.drop_index("ix_ops_scans_started_at")

    op.drop_table("ops_scans")
    with op.batch_alter_table("ops_issues", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ops_issues_status"))

    op.drop_table("ops_issues")
    op.drop_table("log_ingestions")
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feedback_subject"))

    op.drop_table("feedback")
    with op.batch_alter_table("feasibility_jobs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feasibility_jobs_status"))

    op.drop_table("feasibility_jobs")
    with op.batch_alter_table("delivery_reports", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_delivery_reports_current", sqlite_where=sa.text("current = 1"), postgresql_where=sa.text("current")
        )

    op.drop_table("delivery_reports")
    with op.batch_alter_table("curated_knowledge", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_curated_knowledge_topic"))

    op.drop_table("curated_knowledge")
