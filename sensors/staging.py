"""The STAGING sensor: a settled unit becomes a task request, once for each content."""

import json
from pathlib import Path

import dagster as dg

from repo_agent_dagster.contracts.tasks import Pathway, StagingMigrationPayload
from repo_agent_dagster.migration import ManifestError, StagingUnit, is_settled, load_manifest, order_id, scan_staging
from repo_agent_dagster.resources import ClockResource, FoldersResource, StoreResource
from repo_agent_dagster.store import staging_migrations, task_requests
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ids import new_id


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Watches the STAGING folder; a unit that stopped changing becomes a staging_migration task request.",
)
def staging_sensor(
    context: dg.SensorEvaluationContext, store: StoreResource, folders: FoldersResource, clock: ClockResource
) -> dg.SensorResult | dg.SkipReason:
    """Submit a task request for each settled unit whose content was not submitted before.

    The cursor holds the digest of each unit as the last tick saw it: a unit counts as settled only if its digest
    stood still between two ticks, whatever the clocks of the machine that copies it say. The request's dedupe key
    (unit, digest, target) makes a repeated tick harmless, so a lost cursor costs one tick and nothing else.
    """
    staging = Path(folders.staging)
    if not staging.is_dir():
        return dg.SkipReason(f"there is no folder {staging}")
    seen_before: dict[str, str] = _read_cursor(context.cursor)
    units = scan_staging(staging)
    now = clock.now()
    settled = [
        unit
        for unit in units
        if seen_before.get(unit.name) == unit.digest
        and is_settled(unit, now=now, settle_seconds=folders.settle_seconds)
    ]
    submitted = [unit.name for unit in settled if _submit(store, folders, clock, unit)]
    cursor = json.dumps({unit.name: unit.digest for unit in units}, sort_keys=True)
    if submitted:
        context.log.info(f"submitted: {', '.join(submitted)}")
        return dg.SensorResult(cursor=cursor)
    waiting = sorted({unit.name for unit in units} - {unit.name for unit in settled})
    reason = f"still changing: {', '.join(waiting)}" if waiting else f"nothing new among {len(units)} unit(s)"
    return dg.SensorResult(skip_reason=reason, cursor=cursor)


def _read_cursor(cursor: str | None) -> dict[str, str]:
    try:
        return dict(json.loads(cursor)) if cursor else {}
    except (ValueError, TypeError):
        return {}  # an unreadable cursor restarts the watch instead of stopping it


def _submit(store: StoreResource, folders: FoldersResource, clock: ClockResource, unit: StagingUnit) -> bool:
    payload = StagingMigrationPayload(
        unit=unit.name, unit_path=str(unit.path), source_digest=unit.digest, target_root=folders.target_root
    )
    own_id = new_id()
    with write_transaction(store.engine()) as conn:
        task = task_requests.submit(
            conn,
            Pathway.STAGING_MIGRATION,
            payload,
            now=clock.now(),
            initial_prompt=f"Migrate STAGING/{unit.name} into {folders.target_root}",
            order_id=_order_of(unit),
            dedupe_key=f"staging:{unit.name}:{unit.digest}:{folders.target_root}",
            task_id=own_id,
        )
        if task.id != own_id:
            return False
        staging_migrations.upsert_seen(conn, unit.name, unit.digest, folders.target_root, now=clock.now())
    return True


def _order_of(unit: StagingUnit) -> str | None:
    try:
        return order_id(load_manifest(unit))
    except ManifestError:
        return None  # the job will say what is wrong with it, where somebody looks


default_sensors = [staging_sensor]
