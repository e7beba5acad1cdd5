"""One night's work as the terminal and Dagster both do it: ingest, mine, scan, publish, on one set of options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from repo_agent_dagster.ai import Provider, into_store
from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.contracts.tasks import OpsScope
from repo_agent_dagster.ops.builds.green_logs import keep_green_logs
from repo_agent_dagster.ops.ingestion.ingest import ingest_day
from repo_agent_dagster.ops.ingestion.result import IngestionResult
from repo_agent_dagster.ops.issues.files import write_files
from repo_agent_dagster.ops.issues.handling import server_of
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.ops.issues.publishing import Published, publish
from repo_agent_dagster.ops.options import OpsOptions
from repo_agent_dagster.ops.scanning.mining import MinedPattern, mine
from repo_agent_dagster.ops.scanning.scan import KINDS, ScanMeans, ScanResult, scan_day
from repo_agent_dagster.ops.severity.contract import severity_rules
from repo_agent_dagster.ops.sources.config import load_sources
from repo_agent_dagster.ops.sources.protocol import LogSource, Window
from repo_agent_dagster.redaction import installation_key, use_key
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_scans import add_totals

if TYPE_CHECKING:
    from sqlalchemy import Engine

Say = Callable[[str], None]


def _silent(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class OpsEnvironment:
    """The store, the options and the time that ops work goes by. `now` gives UTC.

    Making one sets the key of this process's redactions.
    """

    options: OpsOptions
    engine: "Engine"
    now: Callable[[], datetime]
    task_id: str | None = None

    def __post_init__(self) -> None:
        given = self.options.redaction_key.get_secret_value()
        use_key(installation_key(given, self.options.redaction_key_file))

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Where the last passing logs are kept."""
        return ArtifactStore(self.options.artifacts)

    @property
    def policy(self) -> IssuePolicy:
        """Which problems become issues on GitHub, and where."""
        return IssuePolicy(
            threshold=self.options.issue_threshold,
            repository=self.options.issue_repository,
            worker_repositories=self.options.worker_repositories,
            opened_per_day=self.options.max_github_issues,
            quiet_after=self.options.quiet_after_scans,
            close_when_quiet=self.options.close_when_quiet,
        )

    @property
    def server(self) -> str:
        """Where GitHub's pages are."""
        return server_of(self.options.github_api_url)

    @property
    def has_github(self) -> bool:
        """Whether there is a token to tell GitHub by."""
        return bool(self.options.github_token.get_secret_value())

    def sources(self) -> Sequence[LogSource]:
        """Return the configured log sources, or the two folders.

        Raises:
            PermanentFault: the file of sources is broken.
        """
        return load_sources(self.options, now=self.now)

    def ingest(self, kind: LogKind, day: date, *, say: Say = _silent) -> list[IngestionResult]:
        """Ingest a day of every source of a kind, and keep the last passing log of each job."""
        results = []
        for source in self.sources():
            if source.kind == kind:
                say(f"reading {source.name}")
                results.append(self._ingest(source, day, say))
        if kind == "build":
            keep_green_logs(self.engine, self.artifacts, Window.of_day(day))
        return results

    def _ingest(self, source: LogSource, day: date, say: Say) -> IngestionResult:
        result = ingest_day(
            self.engine,
            source,
            day,
            now=self.now(),
            quarantine_dir=self.options.quarantine,
            lateness=self.options.lateness,
            future=self.options.future,
            progress=lambda name, lines: say(f"{source.name}: {name}, {lines} lines"),
        )
        told = f"; {result.problem}" if result.problem else ""
        say(f"{source.name}: {result.status}, {result.objects} object(s), {result.rows} rows{told}")
        return result

    def mine(self, day: date, scope: OpsScope = "full") -> tuple[MinedPattern, ...]:
        """Mine the patterns of a day's failing lines."""
        return mine(self.engine, Window.of_day(day), KINDS[scope], now=self.now())

    def scan(self, day: date, scope: OpsScope, *, say: Say = _silent) -> ScanResult:
        """Scan a day's stored lines."""
        means = ScanMeans(
            artifacts=self.artifacts,
            rules=severity_rules(self.options.severity_rules),
            policy=self.policy,
            max_issues=self.options.max_issues,
            to_github=self.has_github,
            provider=self._provider(),
            server=self.server,
        )
        return scan_day(self.engine, day, scope=scope, now=self.now(), means=means, say=say)

    def publish(self, scan_id: str | None = None, *, say: Say = _silent) -> Published | None:
        """Write the issues' files, and tell GitHub what it does not know yet; None where there is no token.

        What GitHub was told is added to the totals of the scan, if one is named.
        """
        now = self.now()
        write_files(self.engine, self.options.issue_files, server=self.server, now=now)
        if not self.has_github:
            return None
        from repo_agent_dagster.github.issues import GitHubIssues

        github = GitHubIssues(self.options.github_token.get_secret_value(), base_url=self.options.github_api_url)
        try:
            published = publish(
                self.engine,
                github,
                self.policy,
                key=installation_key(self.options.marker_key.get_secret_value(), self.options.marker_key_file),
                now=now,
                server=self.server,
                say=say,
            )
        finally:
            github.close()
        if scan_id is not None:
            with write_transaction(self.engine) as connection:
                add_totals(connection, scan_id, {"opened": published.opened, "told": published.updated})
        return published

    def _provider(self) -> Callable[[], Provider] | None:
        spec = self.options.provider
        if spec is None:
            return None
        return lambda: Provider(spec, clock=self.now, record=into_store(self.engine), task_request_id=self.task_id)
