"""Group `logs`: each UTC day's worker and build logs, ingested exactly once, and what their failing lines share."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.metadata import markdown_table
from assets.partitions import days, partition_day
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.environment import OpsEnvironment
from repo_agent_dagster.ops.ingestion.result import IngestionResult
from repo_agent_dagster.ops.options import OpsOptions
from repo_agent_dagster.resources import ClockResource, StoreResource

QUARANTINE_RATE_LIMIT = 0.01
OWNERS = ["team:platform"]
_SHOWN_PATTERNS = 30


def _checks(asset: str) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            "ingestion_complete", asset=asset, description="Every source answered, to the end, and had something."
        ),
        dg.AssetCheckSpec("quarantine_rate", asset=asset, description="Fewer than 1 % broken lines."),
    ]


def _ingest(
    context: dg.AssetExecutionContext, kind: LogKind, options: OpsOptions, store: StoreResource, clock: ClockResource
) -> dg.MaterializeResult:
    environment = OpsEnvironment(options, store.engine(), clock.now)
    results = environment.ingest(kind, partition_day(context), say=context.log.info)
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(result.rows for result in results),
        "objects": sum(result.objects for result in results),
        "unchanged_objects": sum(result.skipped_objects for result in results),
        "quarantined": sum(result.quarantined for result in results),
        "redacted": sum(result.redacted for result in results),
        "expired": sum(result.expired for result in results),
        "seconds": round(sum(result.duration_seconds for result in results), 3),
        "sources": markdown_table(
            [
                {
                    "source": result.source,
                    "status": result.status,
                    "objects": result.objects,
                    "rows": result.rows,
                    "written now": result.written,
                    "broken": result.quarantined,
                    "problem": "; ".join(result.problems) or None,
                }
                for result in results
            ]
        ),
    }
    paths = [path for result in results for path in result.quarantine_paths]
    if paths:
        metadata["quarantine"] = markdown_table([{"file": str(path)} for path in paths])
    return dg.MaterializeResult(metadata=metadata, check_results=[_completeness(results), _quarantine_rate(results)])


def _completeness(results: Sequence[IngestionResult]) -> dg.AssetCheckResult:
    short = [result for result in results if result.status in ("partial", "failed")]
    empty = [result for result in results if result.status == "no_data"]
    lost = [result for result in results if result.expired]
    told = [f"{result.source}: {result.status}, {'; '.join(result.problems)}" for result in short]
    told += [f"{result.source}: no data, which is not the same as healthy" for result in empty]
    told += [f"{result.source}: {result.expired} log(s) have expired at the provider" for result in lost]
    return dg.AssetCheckResult(
        check_name="ingestion_complete",
        passed=bool(results) and not told,
        severity=dg.AssetCheckSeverity.ERROR if short else dg.AssetCheckSeverity.WARN,
        description="\n".join(told) or ("every source answered, to the end" if results else "no source is configured"),
        metadata={
            "incomplete": len(short),
            "without_data": len(empty),
            "with_expired": len(lost),
            "sources": len(results),
        },
    )


def _quarantine_rate(results: Sequence[IngestionResult]) -> dg.AssetCheckResult:
    quarantined = sum(result.quarantined for result in results)
    lines = sum(result.rows for result in results) + quarantined
    rate = quarantined / lines if lines else 0.0
    return dg.AssetCheckResult(
        check_name="quarantine_rate",
        passed=rate < QUARANTINE_RATE_LIMIT,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{quarantined} of {lines} lines unreadable; the limit is {QUARANTINE_RATE_LIMIT:.0%}",
        metadata={"rate": rate, "quarantined": quarantined, "lines": lines},
    )


@dg.asset(
    group_name="logs",
    partitions_def=days,
    kinds={"python", "sqlalchemy"},
    owners=OWNERS,
    check_specs=_checks("worker_logs"),
    description="Rows of `worker_logs` whose event time is on the day. Re-running replaces what changed, nothing else.",
)
def worker_logs(
    context: dg.AssetExecutionContext,
    ops_options: dg.ResourceParam[OpsOptions],
    store: StoreResource,
    clock: ClockResource,
) -> dg.MaterializeResult:
    """Ingest the workers' logs of the day, from every source of them."""
    return _ingest(context, "worker", ops_options, store, clock)


@dg.asset(
    group_name="logs",
    partitions_def=days,
    kinds={"python", "sqlalchemy"},
    owners=OWNERS,
    check_specs=_checks("build_logs"),
    description="Rows of `build_logs` whose event time is on the day, and the last passing log of each job.",
)
def build_logs(
    context: dg.AssetExecutionContext,
    ops_options: dg.ResourceParam[OpsOptions],
    store: StoreResource,
    clock: ClockResource,
) -> dg.MaterializeResult:
    """Ingest the builds' logs of the day, from every source of them."""
    return _ingest(context, "build", ops_options, store, clock)


@dg.asset(
    group_name="logs",
    partitions_def=days,
    deps=[worker_logs, build_logs],
    kinds={"python"},
    owners=OWNERS,
    description="What the day's failing lines have in common: patterns, kept from night to night, the new ones marked.",
)
def log_patterns(
    context: dg.AssetExecutionContext,
    ops_options: dg.ResourceParam[OpsOptions],
    store: StoreResource,
    clock: ClockResource,
) -> dg.MaterializeResult:
    """Mine the day's failing lines."""
    patterns = OpsEnvironment(ops_options, store.engine(), clock.now).mine(partition_day(context))
    return dg.MaterializeResult(
        metadata={
            "patterns": len(patterns),
            "new_patterns": sum(pattern.is_new for pattern in patterns),
            "failing_lines": sum(pattern.count for pattern in patterns),
            "top_patterns": markdown_table(
                [
                    {
                        "seen": pattern.count,
                        "new": "new" if pattern.is_new else None,
                        "source": pattern.source,
                        "pattern": pattern.template,
                    }
                    for pattern in patterns[:_SHOWN_PATTERNS]
                ],
                limit=_SHOWN_PATTERNS,
            ),
        }
    )


default_assets = [worker_logs, build_logs, log_patterns]
