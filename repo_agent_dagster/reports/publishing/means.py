"""What publishing works with: folders, accounts and secrets, opened only when something is to go there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.reports.options import ReportOptions
from repo_agent_dagster.reports.publishing.targets import Target, parsed_target
from repo_agent_dagster.reports.publishing.webhooks import SECRET_ENV
from repo_agent_dagster.store.report_targets import TARGET_KINDS, TargetKind

if TYPE_CHECKING:
    from repo_agent_dagster.artifacts import ArtifactStore
    from repo_agent_dagster.github.issues import GitHubIssues

_LONGEST_WAIT = timedelta(minutes=1)


@dataclass(frozen=True)
class Means:
    """What is needed to publish. `github` is None where there is no token: then what goes there waits.

    `targets` get all documents; `secrets` maps environment variables' names to what webhooks are signed with.
    """

    reports_dir: Path
    artifacts: Callable[[], "ArtifactStore"]
    github: Callable[[], "GitHubIssues"] | None
    mark_key: Callable[[], bytes]
    targets: tuple[Target, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[TargetKind, ...]:
        """The kinds of targets that can be reached from here."""
        return tuple(kind for kind in TARGET_KINDS if kind != "github" or self.github is not None)

    @property
    def secret_env(self) -> str | None:
        """The variable that webhooks' secret is in, unless a target names another; None: there is none."""
        return SECRET_ENV if self.secrets.get(SECRET_ENV) else None


def means_of(options: ReportOptions, environment: Mapping[str, str]) -> Means:
    """Return the means that options name; `environment` has the secrets of targets that name another variable.

    Raises:
        InvalidReportTarget: one of the targets is none.
    """
    token = options.github_token.get_secret_value()

    def artifacts() -> "ArtifactStore":
        from repo_agent_dagster.artifacts import ArtifactStore

        return ArtifactStore(options.artifacts)

    def github() -> "GitHubIssues":
        from repo_agent_dagster.github.issues import GitHubIssues

        return GitHubIssues(token, base_url=options.github_api_url, longest_wait=_LONGEST_WAIT)

    def mark_key() -> bytes:
        from repo_agent_dagster.redaction import installation_key

        return installation_key(options.marker_key.get_secret_value(), options.marker_key_file)

    secret = options.webhook_secret.get_secret_value()
    return Means(
        reports_dir=options.folder,
        artifacts=artifacts,
        github=github if token else None,
        mark_key=mark_key,
        targets=tuple(parsed_target(text) for text in options.targets),
        secrets={**environment, **({SECRET_ENV: secret} if secret else {})},
    )
