"""The STAGING sensor: a settled unit becomes a task request, once for each content."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

import dagster as dg
from sqlalchemy import Connection

from assets.staging import can_be_partition, staging_partitions, unit_materialization
from jobs.tasks import TASK_TAG
from repo_agent_dagster.contracts.tasks import Pathway, StagingMigrationPayload, TaskStatus
from repo_agent_dagster.migration import StagingUnit, order_id, scan_staging
from repo_agent_dagster.migration.units import watch_memory
from repo_agent_dagster.migration.units.arrived import has_arrived
from repo_agent_dagster.migration.units.known_hashes import KnownHashes
from repo_agent_dagster.migration.units.scan import Look
from repo_agent_dagster.migration.units.watching import Ready, Round, Watch, Watched
from repo_agent_dagster.resources import ClockResource, FoldersResource, StoreResource
from repo_agent_dagster.store import staging_migrations, task_requests
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.staging_migrations import StagingMigration, StagingStatus
from repo_agent_dagster.store.task_requests import TaskRequest

READING_SECONDS = 20.0
"""A tick reads new content for so long, well below Dagster's time-out for sensors; the next one goes on."""

SHOWN_AT_ONCE = 200
NAMED_IN_A_TICK = 10
_WAITING_AT_MOST = 1000
_READABLE_LENGTH = 80
_SUPERSEDED = "superseded"
_QUEUED = [dg.DagsterRunStatus.QUEUED]


@dataclass(frozen=True)
class _Memory:
    """What the cursor holds: the units as the last tick saw them, and the last change that the UI was told."""

    watched: Mapping[str, Watched]
    shown: str

    @classmethod
    def read(cls, cursor: str | None) -> "_Memory":
        try:
            content = json.loads(cursor) if cursor else {}
            return cls(watch_memory.from_json(content.get("units", {})), str(content.get("shown", "")))
        except (ValueError, TypeError, AttributeError):
            return cls({}, "")  # an unreadable cursor restarts the watch instead of stopping it

    def write(self) -> str:
        content = {"units": watch_memory.to_json(self.watched), "shown": self.shown}
        return json.dumps(content, separators=(",", ":"))


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Watches the STAGING folder; a unit that stopped changing becomes a staging_migration task request.",
)
def staging_sensor(
    context: dg.SensorEvaluationContext, store: StoreResource, folders: FoldersResource, clock: ClockResource
) -> dg.SensorResult | dg.SkipReason:
    """Submit a task request for each settled unit whose content was not submitted before.

    The cursor remembers each unit's digest and since when it stands; a lost cursor costs the settling time and nothing
    else, because the request's dedupe key (unit, digest, target) makes a repeated tick harmless.
    """
    staging = Path(folders.staging)
    if not staging.is_dir():
        return dg.SkipReason(f"there is no folder {staging}")
    memory, now = _Memory.read(context.cursor), clock.now()
    until = time.monotonic() + READING_SECONDS
    known = KnownHashes(Path(folders.staging_cache), staging)
    units = scan_staging(staging, Look(known, out_of_time=lambda: time.monotonic() > until))
    engine, submitted, superseded = store.engine(), [], []
    with read_transaction(engine) as conn:
        arrived = partial(has_arrived, conn, target_root=_root(folders))
        watch = Watch(staging, folders.settle_seconds, arrived)
        found = watch.look(units, memory.watched, now=now)
        outdated = _outdated_requests(conn, folders, units)
    if outdated or found.ready or found.troubles or found.newly_waiting:
        with write_transaction(engine) as conn:
            superseded = [task for task in outdated if _supersede(conn, task, now=now)]
            submitted = [one.unit.name for one in found.ready if _submit(conn, folders, one, now=now)]
            for trouble in found.troubles:
                row = _seen(conn, folders, trouble.unit, _name(trouble.unit, found), now=now)
                staging_migrations.set_status(conn, row.id, StagingStatus.FAILED, now=now, error=trouble.reason)
            for waiting in found.newly_waiting:
                row = _seen(conn, folders, waiting.unit, _name(waiting.unit, found), now=now)
                staging_migrations.note(conn, row.id, now=now)
    _cancel_queued_runs(context.instance, superseded)
    with read_transaction(engine) as conn:
        shown, events = _events(conn, memory.shown, found)
    for trouble in found.troubles:
        context.log.warning(f"{trouble.unit.name}: {trouble.reason}")
    return dg.SensorResult(
        skip_reason=_summary(found, submitted, superseded),
        cursor=_Memory(found.watched, shown).write(),
        dynamic_partitions_requests=_partitions(context.instance, {_name(unit, found) for unit in units}),
        asset_events=events,
    )


def _name(unit: StagingUnit, found: Round) -> str:
    """Return the unit's name: the one in its manifest, or while there is none to read, its folder's."""
    return found.watched[unit.name].unit or unit.name


def _root(folders: FoldersResource) -> str:
    return str(Path(folders.target_root).resolve())  # as migrations put it on record


def _outdated_requests(conn: Connection, folders: FoldersResource, units: Iterable[StagingUnit]) -> list[TaskRequest]:
    """Return this sensor's requests that wait for a content which their unit no longer has."""
    present = {str(unit.path): unit.digest for unit in units}
    waiting = task_requests.listing(
        conn, status=TaskStatus.PENDING, pathway=Pathway.STAGING_MIGRATION, limit=_WAITING_AT_MOST
    )
    outdated = []
    for task in waiting:
        payload = task.payload_as(StagingMigrationPayload)
        ours = (task.dedupe_key or "").startswith(_dedupe_key(payload.unit, payload.source_digest, folders))
        if ours and present.get(payload.unit_path, payload.source_digest) != payload.source_digest:
            outdated.append(task)
    return outdated


def _supersede(conn: Connection, task: TaskRequest, *, now: datetime) -> bool:
    """Cancel a request that waits; False if it runs by now: what runs is left to end."""
    reason = f"{_SUPERSEDED}: the unit changed before its migration began; it is submitted again when it settles"
    return task_requests.withdraw(conn, task.id, now=now, error=reason)


def _cancel_queued_runs(instance: dg.DagsterInstance, tasks: Iterable[TaskRequest]) -> None:
    for task in tasks:
        for run in instance.get_runs(dg.RunsFilter(tags={TASK_TAG: task.id}, statuses=_QUEUED)):
            instance.run_coordinator.cancel_run(run.run_id)


def _dedupe_key(unit: str, digest: str, folders: FoldersResource) -> str:
    # A part of the name for people, the whole as a hash: the column has an end, and paths of target roots have none.
    whole = sha256("\0".join((unit, digest, folders.target_root)).encode()).hexdigest()
    return f"staging:{unit[:_READABLE_LENGTH]}:{whole}"


def _submit(conn: Connection, folders: FoldersResource, ready: Ready, *, now: datetime) -> bool:
    """Submit a unit, unless this content was submitted and nothing else came after it."""
    unit, name, root = ready.unit, ready.manifest.unit, folders.target_root
    payload = StagingMigrationPayload(unit=name, unit_path=str(unit.path), source_digest=unit.digest, target_root=root)
    own_id, order = new_id(), order_id(ready.manifest)
    key = first_key = _dedupe_key(name, unit.digest, folders)
    while True:
        task = task_requests.submit(
            conn,
            Pathway.STAGING_MIGRATION,
            payload,
            now=now,
            initial_prompt=f"Migrate STAGING/{unit.name} into {root}",
            order_id=order,
            dedupe_key=key,
            task_id=own_id,
        )
        if task.id == own_id:
            break
        latest = staging_migrations.latest(conn, name, target_root=_root(folders))
        if not _is_outdated(task, payload, latest):
            if latest is not None and latest.source_digest != unit.digest:  # by a content that could not be submitted
                staging_migrations.note(conn, _seen(conn, folders, unit, name, now=now).id, now=now)
            return False
        key = f"{first_key}:after:{task.id}"
    row = _seen(conn, folders, unit, name, now=now)
    staging_migrations.note(conn, row.id, now=now, task_request_id=task.id, order_id=order)
    return True


def _is_outdated(task: TaskRequest, payload: StagingMigrationPayload, latest: StagingMigration | None) -> bool:
    """Return whether the content must be submitted again: its request was superseded, or another content came since."""
    if task.is_open:
        return False
    if task.status is TaskStatus.CANCELLED and (task.error or "").startswith(_SUPERSEDED):
        return True
    return latest is not None and latest.source_digest != payload.source_digest and latest.task_request_id is not None


def _seen(
    conn: Connection, folders: FoldersResource, unit: StagingUnit, name: str, *, now: datetime
) -> StagingMigration:
    # The column holds 200 characters, and a folder's name that is longer is no unit's name anyway.
    return staging_migrations.upsert_seen(conn, name[:200], unit.digest, _root(folders), now=now)


def _events(conn: Connection, shown: str, found: Round) -> tuple[str, list[dg.AssetMaterialization]]:
    """Return the newest change on record, and what the UI is to be told: units that changed since `shown`."""
    changed: dict[str, StagingMigration] = {}
    mark = shown
    for limit in (1, SHOWN_AT_ONCE):  # nearly always the first row says that nothing changed; rows hold whole plans
        rows = staging_migrations.listing(conn, limit=limit)
        mark = max(map(_mark, rows), default="")
        if mark == shown:
            break
        changed = {}
        for row in rows:
            if _mark(row) > shown:
                changed.setdefault(row.unit, row)
    waits = {one.unit or name: one.reason for name, one in found.watched.items() if one.state == "waiting"}
    events = []
    for row in changed.values():
        if can_be_partition(row.unit):
            task = task_requests.get(conn, row.task_request_id) if row.task_request_id else None
            events.append(unit_materialization(row, task, waits=waits.get(row.unit, "")))
    return mark, events


def _mark(row: StagingMigration) -> str:
    return f"{row.updated_at.isoformat(timespec='microseconds')} {row.id}"


def _partitions(
    instance: dg.DagsterInstance, units: Iterable[str]
) -> list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    """Return what brings the asset's partitions in step with the units."""
    wanted = {unit for unit in units if can_be_partition(unit)}
    present = set(instance.get_dynamic_partitions(str(staging_partitions.name)))
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if wanted - present:
        requests.append(staging_partitions.build_add_request(sorted(wanted - present)))
    if present - wanted:
        requests.append(staging_partitions.build_delete_request(sorted(present - wanted)))
    return requests


def _summary(found: Round, submitted: list[str], superseded: list[TaskRequest]) -> str:
    said = []
    if submitted:
        said.append(f"submitted: {_some(submitted, ', ')}")
    if superseded:
        said.append(f"superseded: {len(superseded)} task(s) of units that changed")
    if found.troubles:
        said.append(_some([f"{trouble.unit.name}: {trouble.reason}" for trouble in found.troubles], "; "))
    waits = [f"{name} {reason}" for name in found.names("waiting") if (reason := found.watched[name].reason)]
    if waits:
        said.append(_some(waits, "; "))
    changing = found.names("changing")
    if changing:
        said.append(f"still changing: {_some(changing, ', ')}")
    return "; ".join(said) or f"nothing new among {len(found.watched)} unit(s)"


def _some(told: list[str], between: str) -> str:
    """Return the first of many: every tick is kept for a day."""
    rest = len(told) - NAMED_IN_A_TICK
    return between.join(told[:NAMED_IN_A_TICK]) + (f"{between}and {rest} more" if rest > 0 else "")


default_sensors = [staging_sensor]
