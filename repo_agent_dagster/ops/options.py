"""What ops work is told by the settings, as plain values."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from repo_agent_dagster.ai import ProviderSpec, spec_of

if TYPE_CHECKING:
    from repo_agent_dagster.settings import Settings


@dataclass(frozen=True, slots=True)
class OpsOptions:
    """Folders, limits and accounts of ops work. Paths are absolute; each field's meaning is its setting's."""

    sources_file: Path | None
    worker_logs: Path
    build_logs: Path
    quarantine: Path
    landing: Path
    artifacts: str
    issue_files: Path
    lateness: timedelta
    future: timedelta
    severity_rules: Path | None
    issue_threshold: int
    issue_repository: str
    worker_repositories: dict[str, str]
    marker_key: SecretStr
    marker_key_file: Path
    max_issues: int
    max_github_issues: int
    quiet_after_scans: int
    close_when_quiet: bool
    redaction_key: SecretStr
    redaction_key_file: Path
    github_token: SecretStr
    github_api_url: str
    provider: ProviderSpec | None


def options_of(settings: "Settings") -> OpsOptions:
    """Return the options that the settings name; a scan's model has the scan's own budget."""
    provider, budget = spec_of(settings), settings.ops_ai_budget_tokens
    return OpsOptions(
        sources_file=settings.log_sources_file,
        worker_logs=settings.worker_logs,
        build_logs=settings.build_logs,
        quarantine=settings.log_quarantine,
        landing=settings.log_landing,
        artifacts=settings.artifact_store,
        issue_files=settings.issue_files,
        lateness=timedelta(hours=settings.log_lateness_hours),
        future=timedelta(minutes=settings.log_future_minutes),
        severity_rules=settings.severity_rules,
        issue_threshold=settings.ops_issue_threshold,
        issue_repository=settings.ops_issue_repository.strip(),
        worker_repositories=settings.worker_repositories,
        marker_key=settings.ops_marker_key,
        marker_key_file=settings.marker_key_file,
        max_issues=settings.ops_max_issues,
        max_github_issues=settings.ops_max_github_issues,
        quiet_after_scans=settings.ops_quiet_after_scans,
        close_when_quiet=settings.ops_close_when_quiet,
        redaction_key=settings.redaction_key,
        redaction_key_file=settings.redaction_key_file,
        github_token=settings.github_token,
        github_api_url=settings.github_api_url,
        provider=replace(provider, budget_tokens=budget) if provider and budget else None,
    )
