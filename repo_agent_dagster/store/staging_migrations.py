"""The state of each unit's migration: one row for a unit's content and a target root, moved on by guarded updates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, select, update

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add_if_absent, fetch_all, fetch_one, storable
from repo_agent_dagster.store.tables import staging_migrations

_row = staging_migrations.c
_LARGE = ("plan", "report")


class StagingStatus(StrEnum):
    """How far a unit's migration came; `waiting` for a person's approval, `conflict` for a person's merge."""

    SEEN = "seen"
    PLANNED = "planned"
    WAITING = "waiting"
    CONFLICT = "conflict"
    APPLIED = "applied"
    VALIDATED = "validated"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


_FROM: Mapping[StagingStatus, tuple[StagingStatus, ...]] = {
    # A plan may be made again from anywhere: a retry, or the same content once more.
    StagingStatus.PLANNED: tuple(StagingStatus),
    StagingStatus.WAITING: (StagingStatus.SEEN, StagingStatus.PLANNED, StagingStatus.WAITING),
    # A later run of the same content may meet what an earlier one did not: from wherever that one left it.
    StagingStatus.CONFLICT: tuple(StagingStatus),
    # From itself, too: the report of a unit that has nothing to check comes after it was applied.
    StagingStatus.APPLIED: (StagingStatus.PLANNED, StagingStatus.WAITING, StagingStatus.APPLIED),
    # From `planned`, too: there was nothing to do.
    StagingStatus.VALIDATED: (StagingStatus.PLANNED, StagingStatus.APPLIED),
    StagingStatus.FAILED: (
        StagingStatus.SEEN,
        StagingStatus.PLANNED,
        StagingStatus.WAITING,
        StagingStatus.CONFLICT,
        StagingStatus.APPLIED,
        StagingStatus.FAILED,
    ),
    StagingStatus.ROLLED_BACK: (
        StagingStatus.CONFLICT,
        StagingStatus.APPLIED,
        StagingStatus.VALIDATED,
        StagingStatus.FAILED,
    ),
}


class Given(TypedDict, total=False):
    """What may be stored with a step of a migration."""

    task_request_id: str
    order_id: str
    plan: dict[str, Any]
    report: dict[str, Any]
    steps: list[dict[str, Any]]
    summary: dict[str, Any]
    batches: list[str]
    conflicts: int
    standards_score: float
    approval_id: str
    remediation_task_id: str


class StagingStateError(PermanentFault):
    """A migration cannot be put into the status that was asked for."""


@dataclass(frozen=True)
class StagingMigration:
    """One unit's content on its way into one target root. Times are UTC; `plan` and `report` are JSON."""

    id: str
    unit: str
    source_digest: str
    target_root: str
    status: StagingStatus
    task_request_id: str | None
    order_id: str | None
    plan: dict[str, Any] | None
    report: dict[str, Any] | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    steps: list[dict[str, Any]] | None = None
    summary: dict[str, Any] | None = None
    batches: list[str] | None = None
    conflicts: int | None = None
    standards_score: float | None = None
    approval_id: str | None = None
    remediation_task_id: str | None = None

    def __post_init__(self) -> None:
        # The column is text; a value that the enum does not know is a corrupt row and fails here, by name.
        object.__setattr__(self, "status", StagingStatus(self.status))


def upsert_seen(conn: Connection, unit: str, digest: str, target_root: str, *, now: datetime) -> StagingMigration:
    """Return the row for a unit's content and a target root; it is made, as `seen`, where there is none yet."""
    add_if_absent(
        conn,
        staging_migrations,
        {
            "id": new_id(),
            "unit": unit,
            "source_digest": digest,
            "target_root": target_root,
            "status": StagingStatus.SEEN.value,
            "created_at": now,
            "updated_at": now,
        },
    )
    found = fetch_one(
        conn,
        staging_migrations,
        StagingMigration,
        _row.unit == unit,
        _row.source_digest == digest,
        _row.target_root == target_root,
    )
    if found is None:
        raise StagingStateError(f"the row of unit {unit} vanished while it was written; scan again")
    return found


def set_status(
    conn: Connection,
    migration_id: str,
    status: StagingStatus,
    *,
    now: datetime,
    error: str | None = None,
    **given: Unpack[Given],
) -> bool:
    """Move a migration on; False, with nothing changed, if its status does not allow it or there is no such row.

    What is given is stored with it; what is not stays, but for `error`, which always becomes the one given.

    Raises:
        StagingStateError: nothing is ever put back to `seen`.
    """
    allowed = _FROM.get(status)
    if allowed is None:
        raise StagingStateError(f"a migration is not put back to {status}; plan it again instead")
    guarded = update(staging_migrations).where(_row.id == migration_id, _row.status.in_(allowed))
    changes = {**given, "status": status.value, "error": error, "updated_at": now}
    return conn.execute(guarded.values(storable(staging_migrations, changes))).rowcount == 1


def note(conn: Connection, migration_id: str, *, now: datetime, **given: Unpack[Given]) -> bool:
    """Store what is given of a migration, whatever its status; False if there is no such row."""
    values = storable(staging_migrations, {**given, "updated_at": now})
    return conn.execute(update(staging_migrations).where(_row.id == migration_id).values(values)).rowcount == 1


def latest(conn: Connection, unit: str, *, target_root: str | None = None) -> StagingMigration | None:
    """Return the migration of a unit that changed last, into one target root or any, or None."""
    where = [_row.unit == unit] + ([] if target_root is None else [_row.target_root == target_root])
    newest_first = [_row.updated_at.desc(), _row.id.desc()]
    found = fetch_all(conn, staging_migrations, StagingMigration, *where, order_by=newest_first, limit=1)
    return found[0] if found else None


def get(conn: Connection, migration_id: str) -> StagingMigration | None:
    """Return the migration, or None when there is none with this id."""
    return fetch_one(conn, staging_migrations, StagingMigration, _row.id == migration_id)


def listing(
    conn: Connection, *, unit: str | None = None, status: StagingStatus | None = None, limit: int = 200
) -> list[StagingMigration]:
    """Return at most `limit` migrations that match every filter given, the last changed first.

    Their plans and reports, which may be large, are left out (`get` has them); `summary` has their numbers.
    """
    filters = {"unit": unit, "status": status}
    conditions = [_row[name] == value for name, value in filters.items() if value is not None]
    columns = [_row[name] for name in StagingMigration.__dataclass_fields__ if name not in _LARGE]
    found = conn.execute(
        select(*columns).where(*conditions).order_by(_row.updated_at.desc(), _row.id.desc()).limit(limit)
    )
    return [StagingMigration(plan=None, report=None, **row._mapping) for row in found]
