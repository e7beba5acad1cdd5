"""Dagster resources: thin shells that hand plain engine objects to ops, assets and sensors.

Here belongs what has a life-cycle or a configuration; no rule of the business, and nothing that an engine test needs.
"""

from dataclasses import asdict

import dagster as dg

from repo_agent_dagster.notify import SECRET_ENV
from repo_agent_dagster.ops.options import OpsOptions, options_of
from repo_agent_dagster.pathways.in_process import sandbox_fields
from repo_agent_dagster.pathways.patch_checks.workspace_checks import check_limits
from repo_agent_dagster.reports.options import ReportOptions
from repo_agent_dagster.reports.options import options_of as report_options_of
from repo_agent_dagster.resources.changes import MigrationResource, NotificationsResource, WorkspacesResource
from repo_agent_dagster.resources.sandboxes import PathwaysResource, SandboxResource
from repo_agent_dagster.resources.storage import ClockResource, FoldersResource, StoreResource
from repo_agent_dagster.settings import Settings

__all__ = [
    "ClockResource",
    "FoldersResource",
    "MigrationResource",
    "NotificationsResource",
    "PathwaysResource",
    "SandboxResource",
    "StoreResource",
    "WorkspacesResource",
    "build_resources",
]


def build_resources(settings: Settings) -> dict[str, dg.ConfigurableResource | OpsOptions | ReportOptions]:
    """Return every resource under the name that ops, assets and sensors ask for it by.

    `ops_options` and `report_options` are plain values and no configurable resources, since they hold secrets, which
    Dagster would show.
    """
    return {
        "store": StoreResource(database_url=settings.store_url),
        "folders": FoldersResource(
            staging=str(settings.staging),
            staging_cache=str(settings.staging_cache),
            target_root=str(settings.target_root),
            settle_seconds=settings.staging_settle_seconds,
            reports=str(settings.reports),
            artifacts=str(settings.artifacts),
        ),
        "sandboxes": SandboxResource(
            **sandbox_fields(settings),
            log_cap_kb=settings.sandbox_log_cap_kb,
            artifacts=settings.artifact_store,
            mirrors=str(settings.mirrors),
            repo_protocols=sorted(settings.allowed_protocols),
            git_credential_helper=settings.git_credential_helper,
            mirror_budget_mb=settings.mirror_budget_mb,
            repository_max_mb=settings.repository_max_mb,
        ),
        "pathways": PathwaysResource(
            artifacts=settings.artifact_store,
            script_delivery=settings.script_delivery,
            setup_cache=str(settings.setup_cache),
            setup_cache_mb=settings.setup_cache_mb,
            allowed_images=list(settings.allowed_images),
        ),
        "workspaces": WorkspacesResource(
            marker_opening=settings.marker_opening,
            marker_closing=settings.marker_closing,
            **{f"check_{name}": value for name, value in asdict(check_limits(settings)).items()},
        ),
        "migrations": MigrationResource(
            bases=str(settings.migration_bases),
            needs_approval=settings.migration_approval,
            parser=settings.migration_parser,
        ),
        "notifications": NotificationsResource(
            url=settings.notify_url,
            secret_env=SECRET_ENV if settings.notify_secret.get_secret_value() else None,
        ),
        "ops_options": options_of(settings),
        "report_options": report_options_of(settings),
        "clock": ClockResource(),
    }
