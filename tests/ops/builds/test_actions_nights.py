"""A night of builds: from GitHub's REST to stored jobs and logs, and the logs that failures are compared with."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.github.actions import GitHubActions
from repo_agent_dagster.ops.builds.green_logs import green_log, job_log, keep_green_logs
from repo_agent_dagster.ops.ingestion.ingest import ingest_day
from repo_agent_dagster.ops.ingestion.result import IngestionResult
from repo_agent_dagster.ops.sources.actions import ActionsSource
from repo_agent_dagster.ops.sources.http import HttpClient, HttpManners
from repo_agent_dagster.ops.sources.protocol import LogSource, Window
from repo_agent_dagster.ops.sources.proxy import BUILDS_PATH, ProxySource
from repo_agent_dagster.store import build_jobs
from repo_agent_dagster.store.engine import read_transaction
from tests.loopback import log_proxy
from tests.loopback.actions import NOON, TOKEN, ActionsServer, Job, Run, serving_actions
from tests.loopback.github_faults import bad_gateway
from tests.loopback.log_proxy import serving_logs
from tests.loopback.server import said

DAY = date(2026, 3, 3)
WINDOW = Window.of_day(DAY)
NIGHT = NOON + timedelta(hours=21)
QUICK = HttpManners(attempts=2, first_delay_seconds=0.001)
PASSING = [("Set up job", ["Prepare"]), ("Run tests", ["##[group]Run pytest", "2 passed in 0.1s"])]
FAILING = [("Set up job", ["Prepare"]), ("Run tests", ["##[group]Run pytest", "##[error]boom"])]


@pytest.fixture
def server() -> Iterator[ActionsServer]:
    with serving_actions() as actions:
        yield actions


def source_of(server: ActionsServer) -> ActionsSource:
    return ActionsSource(
        "gh",
        partial(GitHubActions, TOKEN, base_url=server.url, attempts=2, first_delay_seconds=0.001, is_paced=False),
        partial(HttpClient, server.url, SecretStr(TOKEN), QUICK, may_leave=True),
        ("acme/shop",),
        clock=lambda: NIGHT,
    )


def ingest(engine: Engine, source: LogSource, tmp_path: Path) -> IngestionResult:
    return ingest_day(engine, source, DAY, now=NIGHT, quarantine_dir=tmp_path / "quarantine")


def failed(engine: Engine) -> list[BuildJob]:
    with read_transaction(engine) as connection:
        return build_jobs.failed_jobs(connection, WINDOW.start, WINDOW.end)


def test_a_failed_job_is_read_whole_beside_the_last_log_that_passed(
    store: Engine, server: ActionsServer, tmp_path: Path
) -> None:
    artifacts = ArtifactStore(tmp_path / "artifacts")
    server.add(Run("acme/shop", 6, [Job("test", PASSING, "success")]))
    server.add(Run("acme/shop", 7, [Job("test", FAILING, started_at=NOON + timedelta(hours=1))]))
    assert ingest(store, source_of(server), tmp_path).status == "complete"
    assert keep_green_logs(store, artifacts, WINDOW) == 1
    (job,) = failed(store)
    green = green_log(store, artifacts, job)
    assert green is not None
    assert [line.text for line in job_log(store, job).lines] == ["Prepare", "##[group]Run pytest", "##[error]boom"]
    assert [line.text for line in green.lines] == ["Prepare", "##[group]Run pytest", "2 passed in 0.1s"]
    assert str(job_log(store, job).place) == "acme/shop CI/test"
    assert green.job is not None
    assert green.job.run_id == "6"


def test_a_night_that_is_read_again_fetches_and_writes_nothing(
    store: Engine, server: ActionsServer, tmp_path: Path
) -> None:
    server.add(Run("acme/shop", 7, [Job("test", FAILING), Job("lint", PASSING, "success")]))
    first, again = (ingest(store, source_of(server), tmp_path) for _ in range(2))
    assert (first.written, again.written, again.rows) == (6, 0, 6)
    assert server.blobs.times("") == 1
    assert len(failed(store)) == 1


def test_a_night_that_was_cut_short_is_partial_and_made_whole_by_the_next_run(
    store: Engine, server: ActionsServer, tmp_path: Path
) -> None:
    server.add(Run("acme/shop", 7, [Job("test", FAILING)]))
    server.add(Run("acme/shop", 6, [Job("test", FAILING)], created_at=NOON - timedelta(hours=1)))
    server.api.goes_wrong("/runs/6/jobs", bad_gateway(), bad_gateway())
    first = ingest(store, source_of(server), tmp_path)
    assert (first.status, first.rows) == ("partial", 3)
    assert ingest(store, source_of(server), tmp_path).status == "complete"
    assert len(failed(store)) == 2


def test_a_log_that_has_expired_leaves_its_job_known(store: Engine, server: ActionsServer, tmp_path: Path) -> None:
    server.add(Run("acme/shop", 7, [Job("test", FAILING)]))
    server.api.goes_wrong("/logs$", said({"message": "Gone"}, 410))
    result = ingest(store, source_of(server), tmp_path)
    assert result.expired == 1
    assert [(job.conclusion, job.log_status) for job in failed(store)] == [("failure", "expired")]
    ingest(store, source_of(server), tmp_path)
    assert server.api.times("/logs$") == 1


def test_a_run_that_passes_when_it_is_made_again_is_seen(store: Engine, server: ActionsServer, tmp_path: Path) -> None:
    later = Job("test", PASSING, "success", started_at=NOON + timedelta(hours=2), attempt=2)
    server.add(Run("acme/shop", 7, [Job("test", FAILING), later]))
    ingest(store, source_of(server), tmp_path)
    (job,) = failed(store)
    with read_transaction(store) as connection:
        assert build_jobs.later_attempt_passed(connection, job)


def test_lines_of_a_proxy_make_their_jobs_known(store: Engine, tmp_path: Path) -> None:
    meta = {"workflow": "CI", "job": "test", "conclusion": "failure", "branch": "main", "default_branch": True}
    with serving_logs(BUILDS_PATH) as proxy:
        for second, message in enumerate(["Run pytest", "boom"]):
            row = {"repo": "acme/shop", "run_id": 7, "level": "info", "message": message, "meta": meta}
            proxy.rows.append({**row, "ts": f"2026-03-03T12:00:0{second}Z"})
        connect = partial(HttpClient, proxy.server.url, SecretStr(log_proxy.TOKEN), QUICK)
        source = ProxySource("ci", "build", BUILDS_PATH, connect, tmp_path / "landing", clock=lambda: proxy.now)
        ingest(store, source, tmp_path)
    (job,) = failed(store)
    assert (job.repo, job.run_id, job.workflow, job.job, job.is_default_branch) == (
        "acme/shop",
        "7",
        "CI",
        "test",
        True,
    )
    assert [line.text for line in job_log(store, job).lines] == ["Run pytest", "boom"]
