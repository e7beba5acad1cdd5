"""Build jobs, ingestion by source and day, and how ops issues are recognised, worded and told to GitHub"""

import sqlalchemy as sa
from alembic import op

from repo_agent_dagster.store.types import Json, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ADDED = {
    "log_ingestions": ["version", "status", "problem", "redacted", "duplicates", "days"],
    "ops_issue_sightings": ["runs", "flaky"],
    "ops_issues": [
        "place",
        "cause",
        "template",
        "details",
        "assignee",
        "missed_scans",
        "gh_repo",
        "gh_state",
        "gh_comment_id",
        "gh_problem",
        "gh_synced_at",
    ],
}

_RECORD_ID = "the provider's id of the record, where it gives one"


def upgrade() -> None:
    op.create_table(
        "build_jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("repo", sa.String(length=200), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(length=64), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("is_default_branch", sa.Boolean(), nullable=True),
        sa.Column("sha", sa.String(length=64), nullable=True),
        sa.Column("event", sa.String(length=64), nullable=True),
        sa.Column("conclusion", sa.String(length=32), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column(
            "object_name", sa.Text(), nullable=False, comment="the object of log_ingestions that holds its lines"
        ),
        sa.Column("log_status", sa.String(length=16), nullable=False),
        sa.Column(
            "green_log",
            sa.Text(),
            nullable=True,
            comment="artifact key of its log, kept while it is the last passing one of its job",
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "log_status IN ('stored', 'partial', 'expired', 'missing')", name=op.f("ck_build_jobs_log_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_build_jobs")),
        sa.UniqueConstraint(
            "source",
            "repo",
            "run_id",
            "attempt",
            "job_id",
            name=op.f("uq_build_jobs_source_repo_run_id_attempt_job_id"),
        ),
    )
    op.create_index("ix_build_jobs_finished_at", "build_jobs", ["finished_at"])
    op.create_index("ix_build_jobs_repo_workflow_job", "build_jobs", ["repo", "workflow", "job"])

    op.create_table(
        "log_source_days",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True, comment="why it is not complete"),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("redacted", sa.Integer(), nullable=False, comment="secrets that were taken out"),
        sa.Column("expired", sa.Integer(), nullable=False, comment="objects whose lines the provider no longer has"),
        sa.Column("fetched_at", UtcDateTime(), nullable=False),
        sa.Column("state", Json, nullable=True, comment="what the source wants to know next time, e.g. an ETag"),
        sa.CheckConstraint("kind IN ('worker', 'build')", name=op.f("ck_log_source_days_kind")),
        sa.CheckConstraint(
            "status IN ('complete', 'partial', 'failed', 'no_data')", name=op.f("ck_log_source_days_status")
        ),
        sa.PrimaryKeyConstraint("source", "kind", "day", name=op.f("pk_log_source_days")),
    )
    op.create_table(
        "ops_templates",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column(
            "state", Json, nullable=False, comment="the miner's clusters, so that their ids stay from scan to scan"
        ),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_ops_templates")),
    )
    op.create_table(
        "ops_wordings",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column(
            "input_digest",
            sa.String(length=64),
            nullable=False,
            comment="of what the model was shown; equal: it is not asked",
        ),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("wording", Json, nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_ops_wordings")),
    )
    op.create_table(
        "ops_fingerprints",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("issue_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.String(length=8), nullable=False, comment="version of the rules that it was made by"),
        sa.Column("is_alias", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["ops_issues.id"], name=op.f("fk_ops_fingerprints_issue_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_ops_fingerprints")),
    )
    op.create_index(op.f("ix_ops_fingerprints_issue_id"), "ops_fingerprints", ["issue_id"])

    op.create_table(
        "ops_outbox",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("issue_id", sa.String(length=36), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column(
            "step_key",
            sa.String(length=100),
            nullable=False,
            comment="the same intent has the same key: it is noted once",
        ),
        sa.Column("payload", Json, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("status IN ('pending', 'done', 'refused')", name=op.f("ck_ops_outbox_status")),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["ops_issues.id"], name=op.f("fk_ops_outbox_issue_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ops_outbox")),
        sa.UniqueConstraint("issue_id", "step_key", name=op.f("uq_ops_outbox_issue_id_step_key")),
    )
    op.create_index(op.f("ix_ops_outbox_status"), "ops_outbox", ["status"])

    with op.batch_alter_table("log_ingestions") as table:
        table.add_column(
            sa.Column(
                "version",
                sa.String(length=300),
                nullable=True,
                comment="the provider's word for the object's state; equal: it is not read again",
            )
        )
        table.add_column(
            sa.Column(
                "status",
                sa.String(length=16),
                server_default="complete",
                nullable=False,
                comment="complete, partial, expired, duplicate",
            )
        )
        table.add_column(sa.Column("problem", sa.Text(), nullable=True, comment="why it is not complete"))
        table.add_column(
            sa.Column(
                "redacted", sa.Integer(), server_default="0", nullable=False, comment="secrets that were taken out"
            )
        )
        table.add_column(
            sa.Column(
                "duplicates",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="lines left out because another with the same provider id is there",
            )
        )
        table.add_column(
            sa.Column(
                "days", Json, nullable=True, comment="the UTC days of all its lines, of this version; null: not known"
            )
        )

    for name in ("worker_logs", "build_logs"):
        op.add_column(name, sa.Column("record_id", sa.String(length=200), nullable=True, comment=_RECORD_ID))
        op.create_index(
            f"ix_{name}_record_id",
            name,
            ["record_id"],
            sqlite_where=sa.text("record_id IS NOT NULL"),
            postgresql_where=sa.text("record_id IS NOT NULL"),
        )

    with op.batch_alter_table("ops_issue_sightings") as table:
        table.add_column(
            sa.Column("runs", sa.Integer(), server_default="0", nullable=False, comment="builds it was seen in")
        )
        table.add_column(
            sa.Column(
                "flaky",
                sa.Boolean(),
                server_default=sa.false(),
                nullable=False,
                comment="a later attempt of its jobs passed",
            )
        )

    with op.batch_alter_table("ops_issues") as table:
        table.add_column(
            sa.Column(
                "place", sa.Text(), server_default="", nullable=False, comment="worker, or repository workflow/job/step"
            )
        )
        table.add_column(sa.Column("cause", sa.String(length=32), nullable=True, comment="likely cause, by a rule"))
        table.add_column(
            sa.Column(
                "template",
                sa.Text(),
                nullable=True,
                comment="the message with what varies masked; for show, not for identity",
            )
        )
        table.add_column(
            sa.Column(
                "details",
                Json,
                nullable=True,
                comment="anchors, command, how to reproduce, runs, commit range, flaky, who worded it",
            )
        )
        table.add_column(sa.Column("assignee", sa.String(length=200), nullable=True))
        table.add_column(
            sa.Column(
                "missed_scans",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="scans in a row that did not see it",
            )
        )
        table.add_column(sa.Column("gh_repo", sa.String(length=200), nullable=True))
        table.add_column(
            sa.Column(
                "gh_state",
                sa.String(length=16),
                nullable=True,
                comment="open, closed, deleted, transferred, locked, disabled",
            )
        )
        table.add_column(
            sa.Column(
                "gh_comment_id", sa.BigInteger(), nullable=True, comment="the one comment that is edited with the tally"
            )
        )
        table.add_column(sa.Column("gh_problem", sa.Text(), nullable=True))
        table.add_column(sa.Column("gh_synced_at", UtcDateTime(), nullable=True))

    # A known problem keeps the fingerprint it has; the first scan by newer rules adds theirs as it meets it.
    op.execute(
        "INSERT INTO ops_fingerprints (fingerprint, issue_id, version, is_alias, created_at) "
        "SELECT fingerprint, id, '1', false, created_at FROM ops_issues"
    )
    op.execute("UPDATE ops_issues SET place = COALESCE(worker, repo, '')")


def downgrade() -> None:
    for name in ("worker_logs", "build_logs"):
        op.drop_index(f"ix_{name}_record_id", name)
        op.drop_column(name, "record_id")
    for table_name, columns in reversed(_ADDED.items()):
        for column in columns:
            op.drop_column(table_name, column)
    for table_name in (
        "ops_outbox",
        "ops_fingerprints",
        "ops_wordings",
        "ops_templates",
        "log_source_days",
        "build_jobs",
    ):
        op.drop_table(table_name)
