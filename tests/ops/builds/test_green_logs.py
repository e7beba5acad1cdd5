"""Jobs in the store, and the last passing log of each."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.ops.builds.green_logs import bounded, green_log, job_log, keep_green_logs
from repo_agent_dagster.ops.sources.protocol import Window
from repo_agent_dagster.store import build_jobs
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from tests.ops.builds.stored_jobs import DAY, DAY_WINDOW, NOON, build_job, store_job

WIDE = Window(DAY_WINDOW.start - timedelta(days=30), DAY_WINDOW.end)


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def texts(engine: Engine, artifacts: ArtifactStore, job: BuildJob) -> Sequence[str] | None:
    log = green_log(engine, artifacts, job)
    return None if log is None else [line.text for line in log.lines]


def test_the_log_of_the_last_passing_build_is_kept(store: Engine, artifacts: ArtifactStore) -> None:
    store_job(store, build_job("1", finished_at=NOON), ["first"])
    store_job(store, build_job("2", finished_at=NOON + timedelta(hours=1)), ["second", "third"])
    assert keep_green_logs(store, artifacts, DAY_WINDOW) == 1
    assert texts(store, artifacts, build_job("3", conclusion="failure")) == ["second", "third"]


def test_a_build_of_the_default_branch_is_preferred_to_a_later_one(store: Engine, artifacts: ArtifactStore) -> None:
    store_job(store, build_job("1", finished_at=NOON), ["main"])
    later = build_job("2", branch="feature", is_default_branch=False, finished_at=NOON + timedelta(hours=1))
    store_job(store, later, ["feature"])
    keep_green_logs(store, artifacts, DAY_WINDOW)
    assert texts(store, artifacts, later) == ["main"]


def test_a_back_fill_replaces_nothing_that_is_newer(sqlite_store: Engine, artifacts: ArtifactStore) -> None:
    store_job(sqlite_store, build_job("2"), ["new"])
    keep_green_logs(sqlite_store, artifacts, DAY_WINDOW)
    store_job(sqlite_store, build_job("1", finished_at=NOON - timedelta(days=3)), ["old"])
    assert keep_green_logs(sqlite_store, artifacts, WIDE) == 0
    assert texts(sqlite_store, artifacts, build_job("3")) == ["new"]


def test_keeping_twice_writes_once(sqlite_store: Engine, artifacts: ArtifactStore) -> None:
    store_job(sqlite_store, build_job("1"), ["line"])
    assert [keep_green_logs(sqlite_store, artifacts, DAY_WINDOW) for _ in range(2)] == [1, 0]


def test_jobs_of_the_same_name_in_other_workflows_have_logs_of_their_own(
    sqlite_store: Engine, artifacts: ArtifactStore
) -> None:
    store_job(sqlite_store, build_job("1"), ["ci"])
    store_job(sqlite_store, build_job("2", workflow="Nightly"), ["nightly"])
    keep_green_logs(sqlite_store, artifacts, DAY_WINDOW)
    assert texts(sqlite_store, artifacts, build_job("9", workflow="Nightly")) == ["nightly"]
    assert texts(sqlite_store, artifacts, build_job("9", workflow="Release")) is None


def test_a_kept_log_that_was_cleared_or_damaged_is_no_log(sqlite_store: Engine, artifacts: ArtifactStore) -> None:
    store_job(sqlite_store, build_job("1"), ["line"])
    keep_green_logs(sqlite_store, artifacts, DAY_WINDOW)
    with read_transaction(sqlite_store) as connection:
        key = build_jobs.green_log_key(connection, "acme/shop", "CI", "test")
    assert key is not None
    artifacts.put(key, b"no zstd")
    assert green_log(sqlite_store, artifacts, build_job("1")) is None
    assert artifacts.folder is not None
    (artifacts.folder / key).unlink()
    assert green_log(sqlite_store, artifacts, build_job("1")) is None


def test_a_jobs_log_is_its_own_lines_of_all_days_in_order(store: Engine) -> None:
    job = build_job("1")
    store_job(store, job, ["second day"], day=DAY + timedelta(days=1))
    store_job(store, job, ["first day", "still first"])
    store_job(store, build_job("2", object_name=job.object_name), ["another run"], object_name="other")
    log = job_log(store, job)
    assert [(line.number, line.text) for line in log.lines] == [(1, "first day"), (2, "still first"), (3, "second day")]


def test_jobs_that_share_an_object_are_told_apart_by_their_lines(store: Engine) -> None:
    test, lint = build_job("1", object_name="web.jsonl"), build_job("1", job="lint", object_name="web.jsonl")
    store_job(store, test, ["it fails", "it lints"], metas=[{"job": "test"}, {"job": "lint"}])
    assert [line.text for line in job_log(store, test).lines] == ["it fails"]
    assert [line.text for line in job_log(store, lint).lines] == ["it lints"]


def test_marks_and_steps_of_lines_come_back(sqlite_store: Engine) -> None:
    store_job(sqlite_store, build_job("1"), ["\x1b[31mboom\x1b[0m"], metas=[{"mark": "error", "step": "Run tests"}])
    (line,) = job_log(sqlite_store, build_job("1")).lines
    assert (line.text, line.step) == ("##[error]boom", "Run tests")


def test_of_a_very_long_log_the_ends_are_kept_with_their_numbers(sqlite_store: Engine) -> None:
    store_job(sqlite_store, build_job("1"), [str(n) for n in range(1, 11)])
    lines = job_log(sqlite_store, build_job("1")).lines
    assert [line.number for line in bounded(lines, most=5)] == [1, 2, 8, 9, 10]


def test_a_job_that_passed_when_its_run_was_made_again_is_known(store: Engine) -> None:
    failed = build_job("1", conclusion="failure")
    store_job(store, failed, ["boom"])
    with read_transaction(store) as connection:
        assert not build_jobs.later_attempt_passed(connection, failed)
    store_job(store, replace(failed, attempt=2, job_id="j2", conclusion="success", object_name="2"), ["fine"])
    with read_transaction(store) as connection:
        assert build_jobs.later_attempt_passed(connection, failed)


def test_failed_jobs_are_those_that_ended_in_the_window(store: Engine) -> None:
    for number, (conclusion, finished) in enumerate(
        [
            ("failure", NOON),
            ("cancelled", NOON),
            ("success", NOON),
            ("timed_out", NOON - timedelta(hours=1)),
            ("failure", DAY_WINDOW.end),
        ]
    ):
        store_job(store, build_job(str(number), conclusion=conclusion, finished_at=finished), [])
    with read_transaction(store) as connection:
        assert [job.run_id for job in build_jobs.failed_jobs(connection, DAY_WINDOW.start, DAY_WINDOW.end)] == [
            "3",
            "0",
        ]


def test_the_builds_whose_lines_may_be_in_a_window_are_known(store: Engine) -> None:
    store_job(store, build_job("over midnight", finished_at=DAY_WINDOW.end + timedelta(minutes=1)), [])
    store_job(store, build_job("days ago", finished_at=NOON - timedelta(days=2)), [])
    store_job(store, replace(build_job("unknown"), started_at=None, finished_at=None), [])
    with read_transaction(store) as connection:
        runs = {run for _, _, run in build_jobs.known_jobs(connection, DAY_WINDOW.start, DAY_WINDOW.end)}
    assert runs == {"over midnight", "unknown"}


def test_the_commit_that_passed_last_is_of_the_branch_or_else_of_the_default_branch(store: Engine) -> None:
    store_job(store, build_job("1", sha="a" * 40), [])
    store_job(store, build_job("2", sha="b" * 40, branch="fix", is_default_branch=False), [])
    with read_transaction(store) as connection:

        def sha(branch: str | None, before: datetime = DAY_WINDOW.end) -> str | None:
            return build_jobs.last_green_sha(connection, "acme/shop", "CI", "test", before, branch)

        assert [sha("fix"), sha("other"), sha(None), sha("fix", NOON - timedelta(hours=9))] == [
            "b" * 40,
            "a" * 40,
            "a" * 40,
            None,
        ]


def test_a_job_known_by_its_lines_spans_all_that_were_seen(store: Engine) -> None:
    later = build_job("1", conclusion="failure")
    earlier = replace(later, started_at=NOON - timedelta(hours=5), finished_at=NOON - timedelta(hours=4))
    with write_transaction(store) as connection:
        build_jobs.widen_job(connection, later, now=datetime.now(UTC))
        build_jobs.widen_job(connection, earlier, now=datetime.now(UTC))
        found = build_jobs.job_of(connection, later.source, later.repo, "1", 1, later.job_id)
    assert found == replace(later, started_at=earlier.started_at)
