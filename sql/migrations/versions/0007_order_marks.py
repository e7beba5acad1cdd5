"""Which order resolved an ops issue, and indexes that tell whether an order's report is out of date"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Each holds all columns that a mark is made of: on SQLite the rows themselves have large JSON before these columns.
_MARKS = {
    "ix_task_requests_mark": (
        "task_requests",
        ["order_id", "id", "status", "attempt", "dagster_run_id", "started_at", "ended_at"],
    ),
    "ix_staging_migrations_mark": (
        "staging_migrations",
        ["order_id", "task_request_id", "status", "updated_at", "approval_id"],
    ),
    "ix_ops_issues_run_id": ("ops_issues", ["run_id", "status", "severity", "gh_issue_number"]),
    "ix_ops_issues_order_id": ("ops_issues", ["order_id", "status", "resolved_at", "severity", "gh_issue_number"]),
}
_REPLACED = {"ix_task_requests_order_id": "task_requests", "ix_staging_migrations_order_id": "staging_migrations"}
_OF_LISTS = [
    "order_id",
    "version",
    "facts_mark",
    "success_rate",
    "total_patches",
    "created_at",
]


def upgrade() -> None:
    op.add_column(
        "ops_issues",
        sa.Column("order_id", sa.String(length=200), comment="the order that resolved it; null once it is open again"),
    )
    for name, (table, columns) in _MARKS.items():
        op.create_index(name, table, columns)
    for name, table in _REPLACED.items():
        op.drop_index(name, table)
    op.create_index(
        "ix_delivery_reports_lists",
        "delivery_reports",
        _OF_LISTS,
        sqlite_where=sa.text("current = 1"),
        postgresql_where=sa.text("current"),
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_reports_lists", "delivery_reports")
    for name, table in _REPLACED.items():
        op.create_index(name, table, ["order_id"])
    for name, (table, _) in _MARKS.items():
        op.drop_index(name, table)
    op.drop_column("ops_issues", "order_id")
