"""Which job does which pathway, and the run request that a task request becomes."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from jobs.apply_patches import apply_patches
from jobs.error_recreation import error_recreation_job
from jobs.nightly import ops_scan_job
from jobs.solution_validation import solution_validation_job
from jobs.staging_migration import staging_migration_job
from jobs.tasks import task_tags
from jobs.testing import testing_job
from repo_agent_dagster.contracts.tasks import OpsScanPayload, Pathway
from repo_agent_dagster.store.task_requests import TaskRequest

PATHWAY_JOBS: dict[Pathway, dg.JobDefinition | UnresolvedAssetJobDefinition] = {
    Pathway.SOLUTION_VALIDATION: solution_validation_job,
    Pathway.ERROR_RECREATION: error_recreation_job,
    Pathway.TESTING: testing_job,
    Pathway.STAGING_MIGRATION: staging_migration_job,
    Pathway.OPS_SCAN: ops_scan_job,
    Pathway.APPLY_PATCHES: apply_patches,
}


def run_request(task: TaskRequest) -> dg.RunRequest:
    """Return the run request of a task: keyed by task and attempt, since Dagster dedupes against failed runs too."""
    if task.pathway is Pathway.OPS_SCAN:
        payload = task.payload_as(OpsScanPayload)
        return dg.RunRequest(
            run_key=f"{task.id}:{task.attempt}",
            job_name=PATHWAY_JOBS[task.pathway].name,
            partition_key=payload.day.isoformat(),
            tags=task_tags(task),
            run_config={"ops": {"ops_scan": {"config": {"scope": payload.scope}}}},
        )
    return dg.RunRequest(
        run_key=f"{task.id}:{task.attempt}",
        job_name=PATHWAY_JOBS[task.pathway].name,
        partition_key=task.id,
        tags=task_tags(task),
    )
