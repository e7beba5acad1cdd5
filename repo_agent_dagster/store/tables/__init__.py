"""Every table, one module per aggregate; import the tables from here."""

from repo_agent_dagster.store.tables.goals import (
    agents,
    approvals,
    artifacts,
    checkpoints,
    events,
    runs,
    task_attempts,
    tasks,
)
from repo_agent_dagster.store.tables.knowledge import (
    curated_knowledge,
    feasibility_jobs,
    feedback,
    repository_analysis,
    transactions,
)
from repo_agent_dagster.store.tables.logs import (
    build_jobs,
    build_logs,
    log_ingestions,
    log_source_days,
    worker_logs,
)
from repo_agent_dagster.store.tables.metadata import metadata
from repo_agent_dagster.store.tables.notifications import notification_targets, parked_notifications, shipped_spools
from repo_agent_dagster.store.tables.ops import (
    ops_fingerprints,
    ops_issue_sightings,
    ops_issues,
    ops_outbox,
    ops_scans,
    ops_templates,
    ops_wordings,
)
from repo_agent_dagster.store.tables.patch_rollups import (
    patch_daily,
    patch_errors_daily,
    patch_latency,
    patch_rollup_cursor,
    patch_rollup_periods,
    patch_trends,
)
from repo_agent_dagster.store.tables.patches import custody_verdicts, patch_custody, patch_events
from repo_agent_dagster.store.tables.queue import (
    ai_operation_logs,
    container_operation_logs,
    repeatable_tasks,
    task_requests,
    test_results,
)
from repo_agent_dagster.store.tables.reports import (
    delivery_reports,
    report_publications,
    report_targets,
    weekly_digests,
)
from repo_agent_dagster.store.tables.staging import staging_migrations
from repo_agent_dagster.store.tables.workspaces import workspaces

__all__ = [
    "agents",
    "ai_operation_logs",
    "approvals",
    "artifacts",
    "build_jobs",
    "build_logs",
    "checkpoints",
    "container_operation_logs",
    "curated_knowledge",
    "custody_verdicts",
    "delivery_reports",
    "events",
    "feasibility_jobs",
    "feedback",
    "log_ingestions",
    "log_source_days",
    "metadata",
    "notification_targets",
    "ops_fingerprints",
    "ops_issue_sightings",
    "ops_issues",
    "ops_outbox",
    "ops_scans",
    "ops_templates",
    "ops_wordings",
    "parked_notifications",
    "patch_custody",
    "patch_daily",
    "patch_errors_daily",
    "patch_events",
    "patch_latency",
    "patch_rollup_cursor",
    "patch_rollup_periods",
    "patch_trends",
    "repeatable_tasks",
    "report_publications",
    "report_targets",
    "repository_analysis",
    "runs",
    "shipped_spools",
    "staging_migrations",
    "task_attempts",
    "task_requests",
    "tasks",
    "test_results",
    "transactions",
    "weekly_digests",
    "worker_logs",
    "workspaces",
]
