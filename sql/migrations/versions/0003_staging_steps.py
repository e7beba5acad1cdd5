"""Steps, batches, conflicts and approvals of STAGING migrations"""

import sqlalchemy as sa
from alembic import op

from repo_agent_dagster.store.types import Json, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATUS = "ck_staging_migrations_status"
_BEFORE = "'seen', 'planned', 'applied', 'validated', 'failed', 'rolled_back'"
_AFTER = "'seen', 'planned', 'waiting', 'conflict', 'applied', 'validated', 'failed', 'rolled_back'"


def upgrade() -> None:
    with op.batch_alter_table("approvals") as table:
        table.add_column(sa.Column("subject", sa.String(length=300), nullable=True, comment=_SUBJECT))
        table.alter_column("source", existing_type=sa.String(length=64), existing_nullable=False, comment=_SOURCE)
        table.add_column(sa.Column("decided_by", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("decided_at", UtcDateTime(), nullable=True))
        table.create_check_constraint(op.f("ck_approvals_verdict"), "verdict IN ('pending', 'approved', 'rejected')")
        table.create_unique_constraint(op.f("uq_approvals_subject"), ["subject"])
        table.create_index(op.f("ix_approvals_verdict"), ["verdict"], unique=False)
    with op.batch_alter_table("staging_migrations") as table:
        table.add_column(sa.Column("steps", Json, nullable=True, comment=_STEPS))
        table.add_column(sa.Column("summary", Json, nullable=True, comment=_SUMMARY))
        table.add_column(sa.Column("batches", Json, nullable=True, comment=_BATCHES))
        table.add_column(sa.Column("conflicts", sa.Integer(), nullable=True, comment=_CONFLICTS))
        table.add_column(sa.Column("standards_score", sa.Float(), nullable=True, comment="0 to 100"))
        table.add_column(sa.Column("approval_id", sa.String(length=36), nullable=True))
        table.add_column(sa.Column("remediation_task_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(
            op.f("fk_staging_migrations_approval_id"), "approvals", ["approval_id"], ["id"], ondelete="SET NULL"
        )
        table.create_foreign_key(
            op.f("fk_staging_migrations_remediation_task_id"),
            "tasks",
            ["remediation_task_id"],
            ["id"],
            ondelete="SET NULL",
        )
        table.drop_constraint(op.f(_STATUS), type_="check")
        table.create_check_constraint(op.f(_STATUS), f"status IN ({_AFTER})")


def downgrade() -> None:
    op.execute("UPDATE staging_migrations SET status = 'planned' WHERE status IN ('waiting', 'conflict')")
    with op.batch_alter_table("staging_migrations") as table:
        table.drop_constraint(op.f(_STATUS), type_="check")
        table.create_check_constraint(op.f(_STATUS), f"status IN ({_BEFORE})")
        table.drop_constraint(op.f("fk_staging_migrations_remediation_task_id"), type_="foreignkey")
        table.drop_constraint(op.f("fk_staging_migrations_approval_id"), type_="foreignkey")
        for column in _COLUMNS:
            table.drop_column(column)
    op.execute("DELETE FROM approvals WHERE verdict = 'pending'")
    with op.batch_alter_table("approvals") as table:
        table.drop_index(op.f("ix_approvals_verdict"))
        table.drop_constraint(op.f("uq_approvals_subject"), type_="unique")
        table.drop_constraint(op.f("ck_approvals_verdict"), type_="check")
        for column in ("decided_at", "decided_by", "subject"):
            table.drop_column(column)
        table.alter_column("source", existing_type=sa.String(length=64), existing_nullable=False, comment=None)


_COLUMNS = ("remediation_task_id", "approval_id", "standards_score", "conflicts", "batches", "summary", "steps")
_SUBJECT = "what a pending approval is about; asked for once"
_SOURCE = "what asked or decided: a pathway, a role, cli, api"
_STEPS = "one entry for each step that began: step, status, at, seconds, detail"
_SUMMARY = "what lists show of plan and report: destination, counts, numbers, the check"
_BATCHES = "ids of the patch batches that wrote it, in order; empty once rolled back"
_CONFLICTS = "files that both sides changed and nothing could merge"
