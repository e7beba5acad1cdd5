"""What the publishing tests share: stored reports, a GitHub and a webhook's receiver on loopback, and a publisher."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.github.issues import GitHubIssues
from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.reports.files import page_path
from repo_agent_dagster.reports.publishing.means import Means
from repo_agent_dagster.reports.publishing.outcomes import PublishingResult
from repo_agent_dagster.reports.publishing.publisher import publish_asked, publish_due
from repo_agent_dagster.reports.publishing.targets import parsed_target
from repo_agent_dagster.store import report_publications, report_targets
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.report_publications import Publication
from repo_agent_dagster.store.report_targets import ALL_DOCUMENTS, ReportTarget
from repo_agent_dagster.store.tables import delivery_reports, weekly_digests
from repo_agent_dagster.store.tables import report_targets as target_table
from tests.loopback.issues import FakeGitHub, FakeRepository
from tests.loopback.server import serving
from tests.notify.receiver import Receiver, listening
from tests.reports.sample_report import sample_report

KEY = b"a key that only tests use"
START = datetime.fromisoformat("2026-03-04T09:30:00+00:00")


NO_CHARTS: dict[str, Any] = {"phases": [], "timeline": [], "days": [], "operations": [], "factories": []}
"""Drawing takes long, and only some tests are about it."""


def store_report(engine: Engine, order: str = "42", version: int = 1, *, now: datetime = START, **fields: Any) -> None:
    """Make a version of an order's report the current one."""
    report = sample_report(order_id=order, **(NO_CHARTS | fields.pop("told", {})))
    row = {
        "id": new_id(),
        "order_id": order,
        "version": version,
        "current": True,
        "content_digest": f"{version:064}",
        "report_md": f"# Delivery report: order {order}\n\nThis is version {version}.\n",
        "report_json": report.model_dump(mode="json", by_alias=True),
        "html_path": None,
        "success_rate": report.totals.success_rate,
        "total_patches": report.totals.total,
        "created_at": now,
    } | fields
    of_order = delivery_reports.c.order_id == order
    with write_transaction(engine) as connection:
        connection.execute(update(delivery_reports).where(of_order).values(current=False))
        connection.execute(insert(delivery_reports), row)


def store_digest(engine: Engine, week: str, told: Mapping[str, Any], *, now: datetime = START) -> None:
    """Store a week's digest."""
    row = {
        "id": new_id(),
        "week": week,
        "version": 1,
        "current": True,
        "content_digest": "d" * 64,
        "report_md": f"# Week {week}\n",
        "report_json": dict(told),
        "html_path": None,
        "created_at": now,
    }
    with write_transaction(engine) as connection:
        connection.execute(insert(weekly_digests), row)


def client(url: str) -> GitHubIssues:
    """PyGithub, told to speak to the loopback server without pauses."""
    return GitHubIssues("a-token", base_url=url, first_delay_seconds=0.01, is_paced=False, timeout_seconds=10)


def means(reports_dir: Path, github_url: str | None, *targets: str, secrets: Mapping[str, str] | None = None) -> Means:
    """What publishing works with, on this machine alone."""
    return Means(
        reports_dir=reports_dir,
        artifacts=lambda: ArtifactStore(reports_dir.parent / "artifacts"),
        github=None if github_url is None else lambda: client(github_url),
        mark_key=lambda: KEY,
        targets=tuple(parsed_target(text) for text in targets),
        secrets=secrets or {},
    )


@dataclass
class Publishing:
    """A store, what publishing works with, and the time; each call's time is some minutes after the last one's."""

    engine: Engine
    means: Means
    now: datetime = START
    targets: list[ReportTarget] = field(default_factory=list)

    def follow(self, text: str, order: str | None = "42", secret_env: str | None = None) -> ReportTarget:
        """Publish an order's versions at a target from now on; None: those of all."""
        target, document = parsed_target(text), ALL_DOCUMENTS if order is None else f"order {order}"
        with write_transaction(self.engine) as connection:
            return report_targets.add(
                connection, document, target.kind, target.address, secret_env=secret_env, now=self.now
            )

    def has_page(self, order: str = "42", version: int = 1) -> None:
        """As if the page of a version had been made, which takes long."""
        write_whole(self.means.reports_dir / page_path(order, version), "<!doctype html>")

    def __call__(self, **changes: Any) -> PublishingResult:
        self.now = changes.pop("now", self.now + timedelta(minutes=5))
        return publish_due(self.engine, self.means, now=self.now, **changes)

    def ask(self, *documents: str, **changes: Any) -> PublishingResult:
        return publish_asked(self.engine, self.means, documents, now=self.now, **changes)

    def state(self, document: str = "order 42") -> Publication:
        """How far a document has come at the only target."""
        with read_transaction(self.engine) as connection:
            target_id = connection.execute(target_table.select()).one().id
            found = report_publications.publication(connection, target_id, document)
        assert found is not None
        return found


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    """GitHub, with the repository acme/shop, and in it the issue 12."""
    with serving() as server:
        fake = FakeGitHub(server)
        fake.repository().add_issue(12)
        yield fake


@pytest.fixture
def shop(github: FakeGitHub) -> FakeRepository:
    """The repository acme/shop."""
    return github.repository()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where a webhook leads."""
    with listening() as one:
        yield one


@pytest.fixture
def publishing(store: Engine, github: FakeGitHub, tmp_path: Path) -> Publishing:
    """A publisher, on both databases."""
    return Publishing(store, means(tmp_path / "reports", github.server.url))


@pytest.fixture
def local(sqlite_store: Engine, github: FakeGitHub, tmp_path: Path) -> Publishing:
    """A publisher where the database makes no difference."""
    return Publishing(sqlite_store, means(tmp_path / "reports", github.server.url))
