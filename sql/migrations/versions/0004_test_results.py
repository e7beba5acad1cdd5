"""Outcomes of single tests of a task"""

import sqlalchemy as sa
from alembic import op

from repo_agent_dagster.store.tables.metadata import SequenceId

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "test_results",
        sa.Column("id", SequenceId, autoincrement=True, nullable=False),
        sa.Column("task_request_id", sa.String(length=36), nullable=False),
        sa.Column("run", sa.String(length=64), nullable=False, comment=_RUN),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("case", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("duration_seconds", sa.Float(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.CheckConstraint("outcome IN ('passed', 'failed', 'error', 'skipped')", name=op.f("ck_test_results_outcome")),
        sa.ForeignKeyConstraint(
            ["task_request_id"],
            ["task_requests.id"],
            name=op.f("fk_test_results_task_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_results")),
    )
    op.create_index("ix_test_results_task_request_id_run", "test_results", ["task_request_id", "run"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_test_results_task_request_id_run", table_name="test_results")
    op.drop_table("test_results")


_RUN = "which run of the task: before, after, unit 1, …"
