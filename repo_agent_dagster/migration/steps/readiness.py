"""Whether a unit's turn has come: the units that it comes after must have been migrated into the same root."""

from collections.abc import Sequence
from pathlib import Path

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.faults import ManifestError, UnitNotReady
from repo_agent_dagster.migration.manifest.order import refuse_cycle
from repo_agent_dagster.migration.manifest.reading import load_manifest
from repo_agent_dagster.migration.steps.environment import Environment
from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.staging_migrations import StagingStatus

_READY = (StagingStatus.APPLIED, StagingStatus.VALIDATED)


def refuse_unready(
    environment: Environment, manifest: Manifest, unit_path: Path, target_root: Path, staging_dir: Path | None
) -> None:
    """Refuse a unit whose predecessors have not been migrated.

    Raises:
        ManifestError: over others, the unit waits for itself.
        UnitNotReady: some of them are still to come.
    """
    if not manifest.after:
        return
    staging = staging_dir or unit_path.resolve().parent

    def after_of(name: str) -> Sequence[str]:
        if name == manifest.unit:
            return manifest.after
        try:
            return load_manifest(staging / name, staging).after
        except ManifestError:
            return ()  # a unit that is not here, or is broken, says nothing of its order

    refuse_cycle(manifest.unit, after_of)
    with read_transaction(environment.engine) as conn:
        latest = {
            name: staging_migrations.latest(conn, name, target_root=str(target_root.resolve()))
            for name in manifest.after
        }
    missing = [name for name, row in latest.items() if row is None or row.status not in _READY]
    if missing:
        raise UnitNotReady(
            f"unit {manifest.unit} comes after {', '.join(missing)}, not migrated into {target_root} yet; "
            "migrate them first, or take them out of its after:"
        )
