"""The one MetaData, with a naming convention so that Alembic can name every constraint on both databases."""

from sqlalchemy import BigInteger, Column, Integer, MetaData, String

from repo_agent_dagster.store.types import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives an autoincrementing rowid only to INTEGER; PostgreSQL event tables outgrow 32 bits.
SequenceId = BigInteger().with_variant(Integer(), "sqlite")


def uuid_key() -> Column[str]:
    """Primary key for rows whose id we make ourselves (UUIDv7 as 36 characters)."""
    return Column("id", String(36), primary_key=True)


def sequence_key() -> Column[int]:
    """Primary key for append-only rows: ascending in commit order of one writer, so it can serve as a cursor."""
    return Column("id", SequenceId, primary_key=True, autoincrement=True)


def created_at() -> Column[object]:
    """When the row was written (UTC)."""
    return Column("created_at", UtcDateTime, nullable=False)
