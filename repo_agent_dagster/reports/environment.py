"""Reports as the terminal and Dagster both make them: one set of options, one store, one clock."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from repo_agent_dagster.redaction import installation_key, use_key
from repo_agent_dagster.reports.digest.generate import GeneratedDigest, generate_digest
from repo_agent_dagster.reports.generate import GeneratedReports, generate_changed
from repo_agent_dagster.reports.options import ReportOptions
from repo_agent_dagster.reports.publishing.means import Means, means_of
from repo_agent_dagster.reports.publishing.outcomes import PublishingResult
from repo_agent_dagster.reports.publishing.publisher import is_due, publish_due

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

Say = Callable[[str], None]


def _silent(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class ReportsEnvironment:
    """The store, the options and the time that reports are made by. `now` gives UTC.

    Making one sets the key of this process's redactions.
    """

    options: ReportOptions
    engine: "Engine"
    now: Callable[[], datetime]

    def __post_init__(self) -> None:
        given = self.options.redaction_key.get_secret_value()
        use_key(installation_key(given, self.options.redaction_key_file))

    @cached_property
    def means(self) -> Means:
        """What reports are published with."""
        return means_of(self.options, os.environ)

    def generate_changed(self, *, say: Say = _silent) -> GeneratedReports:
        """Make the report of every order current whose facts changed."""
        return generate_changed(
            self.engine,
            reports_dir=self.options.folder,
            now=self.now(),
            dagster_url=self.options.dagster_address,
            say=say,
        )

    def digest(self, week: str) -> GeneratedDigest:
        """Make the digest of an ISO week, e.g. ``2026-W10``, current."""
        return generate_digest(self.engine, week, reports_dir=self.options.folder, now=self.now())

    def is_publishing_due(self, conn: "Connection") -> bool:
        """Whether there is a version to publish where it is followed; cheap."""
        return is_due(conn, self.means, now=self.now())

    def publish_due(self, *, say: Say = _silent) -> PublishingResult:
        """Publish every current version where it is followed and is not yet."""
        return publish_due(self.engine, self.means, now=self.now(), say=say)
