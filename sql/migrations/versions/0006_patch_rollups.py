"""Patches counted ahead, what was verified of custody, weekly digests, and where reports are published"""

import sqlalchemy as sa
from alembic import op

from repo_agent_dagster.store.types import IsoWeek, Json, UtcDateTime, UtcDay

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SEQUENCE_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIFE = ["patch_id", "id", "event", "ts_check_ok", "created_at"]


def upgrade() -> None:
    # SQLite can only add such a column where it is computed when read, PostgreSQL before 18 only where it is stored.
    is_stored = True if op.get_bind().dialect.name == "postgresql" else None
    # Column by column, not as a batch: a batch would copy the table, and SQLite computes the new columns when read.
    op.add_column(
        "patch_events",
        sa.Column(
            "day",
            sa.Date(),
            sa.Computed(UtcDay("created_at"), persisted=is_stored),
            comment="the UTC day of created_at",
        ),
    )
    op.add_column(
        "patch_events",
        sa.Column(
            "iso_week",
            sa.String(length=8),
            sa.Computed(IsoWeek("created_at"), persisted=is_stored),
            comment="the ISO 8601 week of that day, 2026-W10",
        ),
    )
    op.create_index("ix_patch_events_life", "patch_events", _LIFE)
    op.drop_index("ix_patch_events_patch_id_id", "patch_events")
    op.add_column(
        "delivery_reports",
        sa.Column(
            "facts_mark",
            sa.String(length=64),
            comment="of the rows read; equal: nothing has changed, and nothing is read",
        ),
    )
    op.create_table(
        "custody_verdicts",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column(
            "seq", sa.Integer(), nullable=False, comment="the chain was walked to this link; 0: nothing was intact"
        ),
        sa.Column(
            "hash",
            sa.String(length=64),
            nullable=False,
            comment="of that link, so that a chain cut off and grown again shows",
        ),
        sa.Column("event_id", _SEQUENCE_ID, nullable=False, comment="the event that this link tells of"),
        sa.Column("problem", sa.Text(), nullable=True, comment="the first link that does not fit; null: intact so far"),
        sa.Column("walked_at", UtcDateTime(), nullable=False, comment="when the chain was last walked from its start"),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_custody_verdicts")),
    )
    op.create_table(
        "patch_daily",
        sa.Column("day", sa.Date(), nullable=False, comment="UTC day of the patch's first event"),
        sa.Column("iso_week", sa.String(length=8), nullable=False),
        sa.Column("factory", sa.String(length=200), nullable=False),
        sa.Column("op", sa.String(length=32), nullable=False),
        sa.Column("phase", sa.String(length=200), nullable=False, comment="empty: none"),
        sa.Column("order_id", sa.String(length=200), nullable=False, comment="empty: unattributed"),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("patches", sa.Integer(), nullable=False),
        sa.Column("reverted", sa.Integer(), nullable=False),
        sa.Column(
            "refused",
            sa.Integer(),
            nullable=False,
            comment="failed before any check; only where the outcome is unchecked",
        ),
        sa.Column("first_at", UtcDateTime(), nullable=False, comment="first event of the earliest of these patches"),
        sa.Column("last_at", UtcDateTime(), nullable=False, comment="first event of the latest of these patches"),
        sa.CheckConstraint("outcome IN ('ok', 'failed', 'unchecked')", name=op.f("ck_patch_daily_outcome")),
        sa.PrimaryKeyConstraint("day", "factory", "op", "phase", "order_id", "outcome", name=op.f("pk_patch_daily")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("patch_daily", schema=None) as batch_op:
        batch_op.create_index("ix_patch_daily_factory_day", ["factory", "day"], unique=False)
        batch_op.create_index("ix_patch_daily_order_id_day", ["order_id", "day"], unique=False)

    op.create_table(
        "patch_errors_daily",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the text; empty: all errors beyond the kept ones",
        ),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("patches", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "digest", name=op.f("pk_patch_errors_daily")),
    )
    op.create_table(
        "patch_latency",
        sa.Column("grain", sa.String(length=8), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column(
            "step",
            sa.String(length=32),
            nullable=False,
            comment="requested_applied, applied_validated, requested_validated",
        ),
        sa.Column("bucket", sa.Integer(), nullable=False, comment="of the logarithm of the seconds; see patch_rollups"),
        sa.Column("patches", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False, comment="their sum"),
        sa.CheckConstraint("grain IN ('day', 'week', 'month')", name=op.f("ck_patch_latency_grain")),
        sa.PrimaryKeyConstraint("grain", "start", "step", "bucket", name=op.f("pk_patch_latency")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "patch_rollup_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column(
            "event_id", _SEQUENCE_ID, nullable=False, comment="events up to this one have reopened their patches' days"
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_patch_rollup_cursor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patch_rollup_cursor")),
    )
    op.create_table(
        "patch_rollup_periods",
        sa.Column("grain", sa.String(length=8), nullable=False),
        sa.Column("start", sa.Date(), nullable=False, comment="a day, a Monday, or the first of a month (UTC)"),
        sa.Column(
            "touched_id", _SEQUENCE_ID, nullable=False, comment="newest event known to be of a patch of this period"
        ),
        sa.Column(
            "folded_id", _SEQUENCE_ID, nullable=False, comment="events up to here are in its rows; 0: no rows yet"
        ),
        sa.Column("patches", sa.Integer(), server_default="0", nullable=False),
        sa.Column("folded_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("grain IN ('day', 'week', 'month')", name=op.f("ck_patch_rollup_periods_grain")),
        sa.PrimaryKeyConstraint("grain", "start", name=op.f("pk_patch_rollup_periods")),
    )
    op.create_table(
        "patch_trends",
        sa.Column(
            "dimension",
            sa.String(length=16),
            nullable=False,
            comment="all, factory, op, phase, order, workspace or file",
        ),
        sa.Column("grain", sa.String(length=8), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column(
            "key",
            sa.Text(),
            nullable=False,
            comment="empty: none, or the dimension is all; a file's workspace and path",
        ),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("ok", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("unchecked", sa.Integer(), nullable=False),
        sa.Column("reverted", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("grain IN ('day', 'week', 'month')", name=op.f("ck_patch_trends_grain")),
        sa.PrimaryKeyConstraint("dimension", "grain", "start", "key", name=op.f("pk_patch_trends")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report_targets",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column(
            "document", sa.String(length=210), nullable=False, comment="order <id>, week <week>; empty: all of both"
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column(
            "address", sa.Text(), nullable=False, comment="a folder, a prefix, owner/name#12, owner/name, or a URL"
        ),
        sa.Column(
            "secret_env",
            sa.String(length=200),
            nullable=True,
            comment="the environment variable that holds the secret, never the secret",
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("kind IN ('file', 'artifact', 'github', 'webhook')", name=op.f("ck_report_targets_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_targets")),
        sa.UniqueConstraint("document", "kind", "address", name=op.f("uq_report_targets_document_kind_address")),
    )
    op.create_table(
        "weekly_digests",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False, comment="ISO 8601, 2026-W10"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("report_md", sa.Text(), nullable=False),
        sa.Column("report_json", Json, nullable=False),
        sa.Column("html_path", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weekly_digests")),
        sa.UniqueConstraint("week", "version", name=op.f("uq_weekly_digests_week_version")),
    )
    with op.batch_alter_table("weekly_digests", schema=None) as batch_op:
        batch_op.create_index(
            "uq_weekly_digests_current",
            ["week"],
            unique=True,
            sqlite_where=sa.text("current = 1"),
            postgresql_where=sa.text("current"),
        )

    op.create_table(
        "report_publications",
        sa.Column("target_id", sa.String(length=36), nullable=False),
        sa.Column("document", sa.String(length=210), nullable=False, comment="order <id>, week <week>"),
        sa.Column("version", sa.Integer(), nullable=False, comment="the newest version that got there; 0: none yet"),
        sa.Column(
            "refused_version",
            sa.Integer(),
            nullable=True,
            comment="a version that will not get there; the next one is tried",
        ),
        sa.Column("place", sa.Text(), nullable=True, comment="what it became there: a path, a URL"),
        sa.Column(
            "remote_id",
            sa.String(length=64),
            nullable=True,
            comment="GitHub's number of our issue or id of our comment, to be edited again",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="failed attempts since it last got there",
        ),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["target_id"], ["report_targets.id"], name=op.f("fk_report_publications_target_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("target_id", "document", name=op.f("pk_report_publications")),
    )


def downgrade() -> None:
    op.drop_table("report_publications")
    with op.batch_alter_table("weekly_digests", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_weekly_digests_current", sqlite_where=sa.text("current = 1"), postgresql_where=sa.text("current")
        )

    op.drop_table("weekly_digests")
    op.drop_table("report_targets")
    op.drop_table("patch_trends")
    op.drop_table("patch_rollup_periods")
    op.drop_table("patch_rollup_cursor")
    op.drop_table("patch_latency")
    op.drop_table("patch_errors_daily")
    with op.batch_alter_table("patch_daily", schema=None) as batch_op:
        batch_op.drop_index("ix_patch_daily_order_id_day")
        batch_op.drop_index("ix_patch_daily_factory_day")

    op.drop_table("patch_daily")
    op.drop_table("custody_verdicts")
    op.drop_column("delivery_reports", "facts_mark")
    op.create_index("ix_patch_events_patch_id_id", "patch_events", ["patch_id", "id"])
    op.drop_index("ix_patch_events_life", "patch_events")
    op.drop_column("patch_events", "iso_week")
    op.drop_column("patch_events", "day")
