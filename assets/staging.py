"""Group `staging`: the units of the STAGING folder, and how far the migration of each came."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg

from assets.logs import OWNERS
from assets.metadata import markdown_table
from repo_agent_dagster.migration import ManifestError, UnitChanging, UnitError, load_manifest, scan_unit
from repo_agent_dagster.migration.inventory import describe, inventory_metadata
from repo_agent_dagster.migration.reporting.dashboard import render_dashboard
from repo_agent_dagster.migration.reporting.unit_states import UnitState, unit_state, unit_states
from repo_agent_dagster.migration.units.contents import read_unit
from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.resources import ClockResource, FoldersResource, StoreResource
from repo_agent_dagster.store import staging_migrations, task_requests
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.staging_migrations import StagingMigration
from repo_agent_dagster.store.task_requests import TaskRequest

STAGING_PARTITIONS = "staging_units"
staging_partitions = dg.DynamicPartitionsDefinition(name=STAGING_PARTITIONS)
"""One key for each folder under STAGING; the sensor keeps them in step."""

UNITS_SHOWN = 2000
_NO_KEY = ("...", "\a", "\b", "\f", "\n", "\r", "\t", "\v", "\0")


def can_be_partition(name: str) -> bool:
    """Return whether Dagster takes a unit's name as a partition key."""
    return bool(name) and not any(part in name for part in _NO_KEY)


def unit_materialization(
    migration: StagingMigration, task: TaskRequest | None, *, waits: str = ""
) -> dg.AssetMaterialization:
    """Return the event that shows a unit's migration in the UI, as its partition of `staging_units`."""
    return dg.AssetMaterialization(
        asset_key=STAGING_PARTITIONS,
        partition=migration.unit,
        description=waits or migration.error or migration.status.value.replace("_", " "),
        metadata=unit_metadata(unit_state(migration), task, waits=waits),
        tags={"dagster/data_version": migration.source_digest},
    )


def unit_metadata(state: UnitState, task: TaskRequest | None = None, *, waits: str = "") -> dict[str, Any]:
    """Return what people look at in the UI about one unit; what is not known is left out."""
    run_id = task.dagster_run_id if task else None
    known = {
        "state": state.state,
        "waits": waits or None,
        "error": None if state.error is None else dg.MetadataValue.md(f"~~~~\n{state.error}\n~~~~"),
        "last_run": None if run_id is None else dg.MetadataValue.dagster_run(run_id),
        "task": state.task_id,
        "conflicts": state.conflicts,
        "standards_score": state.standards_score,
        "files": state.files,
        "unresolved": state.unresolved,
        "check": state.check,
        "steps": markdown_table([vars(step) for step in state.steps]) if state.steps else None,
        "order": state.order_id,
        "target_root": dg.MetadataValue.path(state.target_root),
        "content": state.digest[:12],
        "updated_at": dg.MetadataValue.timestamp(state.updated_at),
    }
    return {name: value for name, value in known.items() if value is not None}


@dg.asset(
    group_name="staging",
    partitions_def=staging_partitions,
    kinds={"filesystem"},
    owners=OWNERS,
    description="The folders under STAGING, a partition for each, by content: a unit that changes is a new version. "
    "The sensor tells of each change of a unit's migration; materialise one to look at it now.",
)
def staging_units(
    context: dg.AssetExecutionContext, store: StoreResource, folders: FoldersResource
) -> dg.MaterializeResult:
    """Take note of one unit as it stands; its digest is the data version."""
    staging, name = Path(folders.staging), context.partition_key
    folder = _folder_of(name, staging)
    unit = None if folder is None else scan_unit(folder, staging)
    if unit is None:
        raise dg.Failure(f"there is no unit {name} in {staging} any more", allow_retries=False)
    with read_transaction(store.engine()) as conn:
        migration = staging_migrations.latest(conn, name, target_root=str(Path(folders.target_root).resolve()))
        task_id = migration.task_request_id if migration else None
        task = task_requests.get(conn, task_id) if task_id else None
    metadata: dict[str, Any] = {
        "content": unit.digest[:12],
        "last_changed": dg.MetadataValue.timestamp(unit.last_changed),
        "unfinished": ", ".join(unit.unfinished) or "nothing",
    }
    if migration is not None:
        is_present = migration.source_digest == unit.digest
        metadata = {**unit_metadata(unit_state(migration), task), **metadata, "migrated_content": is_present}
    metadata |= _inventory(unit.path)
    return dg.MaterializeResult(data_version=dg.DataVersion(unit.digest), metadata=metadata)


def _inventory(folder: Path) -> dict[str, Any]:
    """Return what the unit holds; a unit that changes meanwhile has none."""
    with suppress(UnitChanging, UnitError):
        told = inventory_metadata(describe(read_unit(folder)))
        return {
            f"inventory_{name}": markdown_table(value, limit=200) if isinstance(value, list) else value
            for name, value in told.items()
        }
    return {}


def _folder_of(unit: str, staging: Path) -> Path | None:
    """Return the unit's folder: the one of its name, or else the one whose manifest gives it that name."""
    folders = {path.name: path for path in sorted(staging.iterdir())} if staging.is_dir() else {}
    if unit in folders:
        return folders[unit]
    for folder in folders.values():
        with suppress(ManifestError):
            if load_manifest(folder, staging).unit == unit:
                return folder
    return None


@dg.asset(
    group_name="staging",
    deps=[staging_units],
    kinds={"python"},
    owners=OWNERS,
    description="Every unit that was seen, and how far its migration came. The job staging_migration does the work.",
)
def migrated_units(store: StoreResource, folders: FoldersResource, clock: ClockResource) -> dg.MaterializeResult:
    """Show the state of every unit's migration, and write the dashboard page beside the delivery reports."""
    with read_transaction(store.engine()) as conn:
        states = unit_states(staging_migrations.listing(conn, limit=UNITS_SHOWN))
    page = Path(folders.reports) / "staging.html"
    write_whole(page, render_dashboard(states, generated_at=clock.now()))
    counts: dict[str, int] = {}
    for state in states:
        counts[state.state] = counts.get(state.state, 0) + 1
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(states),
            "states": markdown_table([dict(sorted(counts.items()))] if counts else []),
            "page": dg.MetadataValue.path(str(page)),
            "units": markdown_table([_overview(state) for state in states], limit=100),
        }
    )


def _overview(state: UnitState) -> dict[str, Any]:
    return {
        "unit": state.unit,
        "status": state.state,
        "conflicts": state.conflicts,
        "standards": state.standards_score,
        "content": state.digest[:12],
        "order": state.order_id,
        "updated": state.updated_at.isoformat(sep=" ", timespec="seconds"),
        "error": state.error,
    }


default_assets = [staging_units, migrated_units]
