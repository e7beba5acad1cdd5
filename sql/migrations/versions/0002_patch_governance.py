"""Patch governance: exported patches, notifications, shipped spools"""

import sqlalchemy as sa
from alembic import op

from repo_agent_dagster.store.types import Json, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_EVENTS = "'patch_requested', 'patch_applied', 'patch_validated', 'patch_failed', 'patch_reverted'"

# One row for each patch. What its first event says of it stands; of the rest, the last that says something.
_V_PATCH_ACTIVITY = """
CREATE VIEW v_patch_activity AS
SELECT
    p.patch_id, r.batch_id, r.task_id, r.order_id, r.phase, r.requester, r.workspace, l.file_path, r.op,
    p.requested_at, p.applied_at, p.validated_at, p.failed_at, p.reverted_at,{exported}
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
        MAX(CASE WHEN event = 'patch_exported' THEN created_at END) AS exported_at,
        MAX(diff_path) AS diff_path
    FROM patch_events
    GROUP BY patch_id
) AS p
JOIN patch_events AS r ON r.id = p.first_id
JOIN patch_events AS l ON l.id = p.last_id
LEFT JOIN patch_events AS c ON c.id = p.checked_id
LEFT JOIN patch_events AS e ON e.id = p.error_id
"""

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.execute("DROP VIEW v_patch_activity")
    _change_patch_events(f"{_EVENTS}, 'patch_exported'")
    op.create_index("ix_patch_events_workspace_id", "patch_events", ["workspace", "id"])
    op.drop_index("ix_patch_events_batch_id", "patch_events")
    op.create_index("ix_patch_events_batch_id_id", "patch_events", ["batch_id", "id"])
    op.execute(_V_PATCH_ACTIVITY.format(exported=" p.exported_at,"))
    _create_notifications()
    _create_shipped_spools()
    _create_workspaces()


def downgrade() -> None:
    op.drop_table("workspaces")
    op.drop_table("shipped_spools")
    op.drop_table("parked_notifications")
    op.drop_table("notification_targets")
    op.execute("DROP VIEW v_patch_activity")
    op.drop_index("ix_patch_events_batch_id_id", "patch_events")
    op.create_index("ix_patch_events_batch_id", "patch_events", ["batch_id"])
    op.drop_index("ix_patch_events_workspace_id", "patch_events")
    _change_patch_events(_EVENTS)  # fails while there are exported patches: the older version cannot keep them
    op.execute(_V_PATCH_ACTIVITY.format(exported=""))


def _change_patch_events(names: str) -> None:
    with op.batch_alter_table("patch_events") as table:
        table.drop_constraint(op.f("ck_patch_events_event"), type_="check")
        table.create_check_constraint(op.f("ck_patch_events_event"), f"event IN ({names})")


def _create_notifications() -> None:
    op.create_table(
        "notification_targets",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=True, comment="null: the events of all batches"),
        sa.Column(
            "secret_env",
            sa.String(length=200),
            nullable=True,
            comment="the environment variable that holds the secret; the secret itself is never stored",
        ),
        sa.Column("cursor", _SEQUENCE, nullable=False, comment="the last event that is done with: delivered or parked"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="failed attempts at the event after the cursor"),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True, comment="null: at once"),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_delivered_at", UtcDateTime(), nullable=True),
        sa.Column("claimed_by", sa.String(length=36), nullable=True),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_targets")),
    )
    op.create_index(
        "uq_notification_targets_url_batch_id",
        "notification_targets",
        ["url", "batch_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND batch_id IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND batch_id IS NOT NULL"),
    )
    op.create_index(
        "uq_notification_targets_url",
        "notification_targets",
        ["url"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND batch_id IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL AND batch_id IS NULL"),
    )
    op.create_table(
        "parked_notifications",
        sa.Column("target_id", sa.String(length=36), nullable=False),
        sa.Column("event_id", _SEQUENCE, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("parked_at", UtcDateTime(), nullable=False),
        sa.Column("retry_at", UtcDateTime(), nullable=True, comment="when it is tried again; null: on request only"),
        sa.ForeignKeyConstraint(
            ["target_id"],
            ["notification_targets.id"],
            name=op.f("fk_parked_notifications_target_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("target_id", "event_id", name=op.f("pk_parked_notifications")),
    )


def _create_shipped_spools() -> None:
    op.create_table(
        "shipped_spools",
        sa.Column("id", sa.String(length=36), nullable=False, comment="the segment's own id, in its file's name"),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipped_spools")),
    )


def _create_workspaces() -> None:
    op.create_table(
        "workspaces",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("root", sa.Text(), nullable=False, comment="resolved path"),
        sa.Column("check_spec", Json, nullable=True, comment="null: batches are not checked unless they ask for it"),
        sa.Column("trusted", sa.Boolean(), nullable=False, comment="its own check may run on the host"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
        sa.UniqueConstraint("name", name=op.f("uq_workspaces_name")),
        sa.UniqueConstraint("root", name=op.f("uq_workspaces_root")),
    )
