"""Take a unit's last migration back, on request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.custody import Custody
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.migration.steps.execution import take_back
from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.staging_migrations import StagingMigration, StagingStatus

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True)
class RolledBack:
    """What was taken back: the batches that were in force, the last first."""

    unit: str
    target_root: str
    batches: Sequence[str]


def roll_back_last(
    engine: "Engine",
    unit: str,
    *,
    custody: Custody,
    now: datetime,
    target_root: Path | None = None,
    three_way: bool = False,
) -> RolledBack:
    """Undo the last migration of a unit that is still in force, to the byte; called again, the one before.

    Raises:
        PermanentFault: there is none on record; or people changed its files since (`three_way` merges their work).
    """
    row = _last_in_force(engine, unit, target_root)
    batches = take_back(Path(row.target_root), row.batches or (), custody=custody, now=now, three_way=three_way)
    with write_transaction(engine) as conn:
        staging_migrations.note(conn, row.id, now=now, batches=[])
        staging_migrations.set_status(conn, row.id, StagingStatus.ROLLED_BACK, now=now, error="rolled back on request")
    return RolledBack(unit, row.target_root, batches)


def _last_in_force(engine: "Engine", unit: str, target_root: Path | None) -> StagingMigration:
    root = None if target_root is None else str(target_root.expanduser().resolve())
    with read_transaction(engine) as conn:
        rows = staging_migrations.listing(conn, unit=unit)
    of_root = [row for row in rows if root is None or row.target_root == root]
    in_force = [row for row in of_root if row.batches]
    if not in_force:
        known = f"its {len(of_root)} migrations are rolled back or wrote nothing" if of_root else "none is on record"
        raise PermanentFault(f"unit {unit}: there is no migration to roll back: {known}; see `migrate-staging status`")
    roots = {row.target_root for row in in_force}
    if len(roots) > 1:
        raise PermanentFault(f"unit {unit} was migrated into {', '.join(sorted(roots))}; choose one with --into")
    return in_force[0]
