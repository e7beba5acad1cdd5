"""Group `logs`: each UTC day's worker and build logs, ingested exactly once."""

from pathlib import Path

import dagster as dg

from assets.metadata import markdown_table
from assets.partitions import days, partition_day
from repo_agent_dagster.ops.ingestion.ingest import ingest_day
from repo_agent_dagster.ops.ingestion.result import IngestionResult
from repo_agent_dagster.ops.sources.directory import DirectorySource, embedded_sources
from repo_agent_dagster.resources import ClockResource, FoldersResource, StoreResource

QUARANTINE_RATE_LIMIT = 0.01
OWNERS = ["team:platform"]


def _ingest(
    context: dg.AssetExecutionContext,
    source: DirectorySource,
    store: StoreResource,
    folders: FoldersResource,
    clock: ClockResource,
) -> tuple[IngestionResult, dict[str, dg.MetadataValue | int | float | str]]:
    result = ingest_day(
        store.engine(),
        source,
        partition_day(context),
        now=clock.now(),
        quarantine_dir=Path(folders.quarantine),
    )
    context.log.info(
        f"{source.folder}: {result.objects} object(s), {result.skipped_objects} unchanged; "
        f"{result.rows} rows, {result.quarantined} quarantined"
    )
    metadata: dict[str, dg.MetadataValue | int | float | str] = {
        "dagster/row_count": result.rows,
        "folder": dg.MetadataValue.path(str(source.folder)),
        "objects": result.objects,
        "unchanged_objects": result.skipped_objects,
        "quarantined": result.quarantined,
        "seconds": round(result.duration_seconds, 3),
    }
    if result.quarantine_paths:
        metadata["quarantine"] = markdown_table([{"file": str(path)} for path in result.quarantine_paths])
    return result, metadata


def _quarantine_check(result: IngestionResult) -> dg.AssetCheckResult:
    lines = result.rows + result.quarantined
    rate = result.quarantined / lines if lines else 0.0
    return dg.AssetCheckResult(
        check_name="quarantine_rate",
        passed=rate < QUARANTINE_RATE_LIMIT,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{result.quarantined} of {lines} lines unreadable; the limit is {QUARANTINE_RATE_LIMIT:.0%}",
        metadata={"rate": rate, "quarantined": result.quarantined, "lines": lines},
    )


@dg.asset(
    group_name="logs",
    partitions_def=days,
    kinds={"python", "sqlalchemy"},
    owners=OWNERS,
    check_specs=[dg.AssetCheckSpec("quarantine_rate", asset="worker_logs", description="Fewer than 1 % broken lines.")],
    description="Rows of `worker_logs` whose event time is on the day. Re-running replaces what changed, nothing else.",
)
def worker_logs(
    context: dg.AssetExecutionContext, store: StoreResource, folders: FoldersResource, clock: ClockResource
) -> dg.MaterializeResult:
    """Ingest the workers' logs of the day."""
    workers, _ = embedded_sources(Path(folders.worker_logs), Path(folders.build_logs))
    result, metadata = _ingest(context, workers, store, folders, clock)
    return dg.MaterializeResult(metadata=metadata, check_results=[_quarantine_check(result)])


@dg.asset(
    group_name="logs",
    partitions_def=days,
    kinds={"python", "sqlalchemy"},
    owners=OWNERS,
    check_specs=[dg.AssetCheckSpec("quarantine_rate", asset="build_logs", description="Fewer than 1 % broken lines.")],
    description="Rows of `build_logs` whose event time is on the day. Re-running replaces what changed, nothing else.",
)
def build_logs(
    context: dg.AssetExecutionContext, store: StoreResource, folders: FoldersResource, clock: ClockResource
) -> dg.MaterializeResult:
    """Ingest the builds' logs of the day."""
    _, builds = embedded_sources(Path(folders.worker_logs), Path(folders.build_logs))
    result, metadata = _ingest(context, builds, store, folders, clock)
    return dg.MaterializeResult(metadata=metadata, check_results=[_quarantine_check(result)])


default_assets = [worker_logs, build_logs]
