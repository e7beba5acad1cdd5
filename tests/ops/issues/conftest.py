"""What the issue tests share: a GitHub on loopback, and a publisher that speaks to it through PyGithub."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.issue_details import IssueDetails
from repo_agent_dagster.github.issues import GitHubIssues
from repo_agent_dagster.ops.issues.intents import note_scan
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.ops.issues.publishing import Published, publish
from repo_agent_dagster.store import ops_issues, tables
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue
from repo_agent_dagster.store.ops_scans import finish_scan, start_scan
from repo_agent_dagster.store.ops_sightings import Recorded, Sighting, lock_for_scan, record_sightings
from repo_agent_dagster.store.ops_tallies import forget_other_sightings
from tests.loopback.issues import FakeGitHub, FakeRepository
from tests.loopback.server import said, serving

DAY = date(2026, 3, 3)
NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
KEY = b"a key that only tests use"
SERVER = "https://github.test"


def problem(name: str, day: date = DAY, **changes: Any) -> Sighting:
    """A build's problem as a scan saw it; the same name is the same problem."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    values: dict[str, Any] = {
        "fingerprint": f"{name:x<64}",
        "kind": "build",
        "day": day,
        "occurrences": 2,
        "first_seen": noon,
        "last_seen": noon + timedelta(hours=1),
        "severity": 2,
        "severity_reasons": ("level error: 3", "on the default branch: -1"),
        "title": f"acme/shop CI/test: {name}",
        "analysis": f"The job fails: {name}.",
        "prompt": "Find the cause.",
        "sample": [{"message": name}],
        "worker": None,
        "repo": "acme/shop",
        "run_id": "7",
        "place": "acme/shop CI/test",
        "details": IssueDetails(headline=name, trend="new"),
    }
    return Sighting(**(values | changes))


def tomorrow(sighting: Sighting, days: int = 1) -> Sighting:
    """The same problem, some days later."""
    return problem(
        sighting.title.rpartition(": ")[2],
        sighting.day + timedelta(days=days),
        severity=sighting.severity,
    )


def scan(
    engine: Engine,
    *seen: Sighting,
    day: date = DAY,
    policy: IssuePolicy | None = None,
    to_github: bool = True,
) -> list[Recorded]:
    """What a scan writes, in its one transaction."""
    now = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(days=1)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    with write_transaction(engine) as connection:
        lock_for_scan(connection)
        scan_id = start_scan(connection, "full", start, start + timedelta(days=1), now=now)
        recorded = record_sightings(connection, seen, now=now)
        forget_other_sightings(connection, day, ("worker", "build"), [one.issue_id for one in recorded])
        note_scan(
            connection,
            recorded,
            day=day,
            kinds=("worker", "build"),
            policy=policy or IssuePolicy(),
            to_github=to_github,
            now=now,
        )
        finish_scan(connection, scan_id, {}, now=now)
    return recorded


def forget_what_was_opened(engine: Engine, until: datetime | None = None) -> None:
    """As if the publisher had been killed after it opened the issues and before it could record them.

    `until` is when they may be tried again; at once by default.
    """
    with write_transaction(engine) as connection:
        connection.execute(
            tables.ops_issues.update().values(gh_issue_number=None, gh_issue_url=None, gh_repo=None, gh_state=None)
        )
        connection.execute(
            tables.ops_outbox.update().values(status="pending", attempts=1, done_at=None, next_attempt_at=until)
        )


def rename(github: FakeGitHub, old: str, new: str) -> None:
    """Rename a repository: GitHub answers to its old name by leading to the new one."""
    repo = github.repositories[new] = github.repositories.pop(old)
    repo.name = new
    github.server.on("GET", f"/repos/{old}", lambda _: said({}, 301, Location=f"{github.server.url}/repos/{new}"))


def stored(engine: Engine) -> list[OpsIssue]:
    """All issues of the store, oldest first."""
    with read_transaction(engine) as connection:
        return sorted(ops_issues.listing(connection, limit=1000), key=lambda issue: issue.id)


def client(github: FakeGitHub) -> GitHubIssues:
    """PyGithub, told to speak to the loopback server without pauses."""
    return GitHubIssues(
        "a-token", base_url=github.server.url, first_delay_seconds=0.01, is_paced=False, timeout_seconds=10
    )


@dataclass
class Publisher:
    """Publishes to the loopback GitHub; each call's time is some minutes after the last one's."""

    engine: Engine
    github: FakeGitHub
    policy: IssuePolicy = field(default_factory=IssuePolicy)
    now: datetime = NOW

    def __call__(self, **changes: Any) -> Published:
        self.now += timedelta(minutes=5)
        speaks = client(self.github)
        try:
            return publish(
                self.engine,
                speaks,
                self.policy,
                key=KEY,
                now=changes.pop("now", self.now),
                server=SERVER,
                wait_seconds=changes.pop("wait_seconds", 20),
            )
        finally:
            speaks.close()


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """GitHub, with the repository acme/shop."""
    with serving() as server:
        fake = FakeGitHub(server)
        fake.repository()
        yield fake


@pytest.fixture
def shop(github: FakeGitHub) -> FakeRepository:
    """The repository acme/shop."""
    return github.repository()


@pytest.fixture
def publisher(store: Engine, github: FakeGitHub) -> Publisher:
    """A publisher, on both databases."""
    return Publisher(store, github)


@pytest.fixture
def sqlite_publisher(sqlite_store: Engine, github: FakeGitHub) -> Publisher:
    """A publisher where the database makes no difference."""
    return Publisher(sqlite_store, github)
