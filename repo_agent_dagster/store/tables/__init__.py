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
from repo_agent_dagster.store.tables.patches import delivery_reports, patch_custody, patch_events
from repo_agent_dagster.store.tables.queue import (
    ai_operation_logs,
    container_operation_logs,
    repeatable_tasks,
    task_requests,
    test_results,
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
    "patch_events",
    "repeatable_tasks",
    "repository_analysis",
    "runs",
    "shipped_spools",
    "staging_migrations",
    "task_attempts",
    "task_requests",
    "tasks",
    "test_results",
    "transactions",
    "worker_logs",
    "workspaces",
]
