"""What making and publishing reports is told by the settings, as plain values."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from repo_agent_dagster.settings import Settings


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Folders, targets and accounts of reports. Paths are absolute; each field's meaning is its setting's."""

    folder: Path
    dagster_address: str
    artifacts: str
    targets: tuple[str, ...]
    webhook_secret: SecretStr
    github_token: SecretStr
    github_api_url: str
    marker_key: SecretStr
    marker_key_file: Path
    redaction_key: SecretStr
    redaction_key_file: Path
    success_rate_minimum: float


def options_of(settings: "Settings") -> ReportOptions:
    """Return the options that the settings name."""
    return ReportOptions(
        folder=settings.reports,
        dagster_address=settings.dagster_address,
        artifacts=settings.artifact_store,
        targets=tuple(part.strip() for part in settings.report_targets.split(",") if part.strip()),
        webhook_secret=settings.report_webhook_secret,
        github_token=settings.github_token,
        github_api_url=settings.github_api_url,
        marker_key=settings.ops_marker_key,
        marker_key_file=settings.marker_key_file,
        redaction_key=settings.redaction_key,
        redaction_key_file=settings.redaction_key_file,
        success_rate_minimum=settings.success_rate_minimum,
    )
