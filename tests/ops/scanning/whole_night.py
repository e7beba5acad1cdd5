"""A process that does a whole night (ingest, scan, publish), and may be killed just before any commit of it."""

import os
import signal
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Engine, event

from repo_agent_dagster.github.issues import GitHubIssues
from repo_agent_dagster.ops.environment import OpsEnvironment
from repo_agent_dagster.ops.issues.publishing import publish
from repo_agent_dagster.ops.options import OpsOptions, options_of
from repo_agent_dagster.redaction import installation_key
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store.engine import open_store


@dataclass(frozen=True)
class Night:
    """What a night works on: its folder (logs in `logs/builds` and `logs/workers`), its store, and GitHub's address."""

    home: Path
    store: str
    api: str

    @property
    def options(self) -> OpsOptions:
        settings = Settings(
            home=self.home,
            database_url=self.store,
            github_token=SecretStr("a-token"),
            github_api_url=self.api,
            ops_max_github_issues=1000,
        )
        return options_of(settings)


def pass_night(night: Night, day: date, now: datetime, killed_before_commit: int = 0) -> None:
    """Ingest, scan and publish a day as the terminal and Dagster do it, but without pauses between requests."""
    engine = open_store(night.store)
    if killed_before_commit:
        _kill_before(engine, killed_before_commit)
    environment = OpsEnvironment(night.options, engine, lambda: now)
    environment.ingest("worker", day)
    environment.ingest("build", day)
    environment.scan(day, "full")
    github = GitHubIssues("a-token", base_url=night.api, first_delay_seconds=0.01, is_paced=False)
    options = environment.options
    key = installation_key(options.marker_key.get_secret_value(), options.marker_key_file)
    publish(engine, github, environment.policy, key=key, now=now, server=environment.server)


def _kill_before(engine: Engine, number: int) -> None:
    commits = 0

    @event.listens_for(engine, "commit")
    def _on_commit(_: object) -> None:
        nonlocal commits
        commits += 1
        if commits == number:
            os.kill(os.getpid(), signal.SIGKILL)
