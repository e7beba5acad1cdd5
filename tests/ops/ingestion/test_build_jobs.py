"""What an object tells of a build's job is stored together with the job's lines."""

from typing import Any

import pytest

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.ops.sources.protocol import DamagedLogObject, LogExpired
from repo_agent_dagster.store.build_jobs import job_of
from repo_agent_dagster.store.engine import read_transaction
from tests.ops.conftest import INGESTED_AT, LogFolder, build_line
from tests.ops.ingestion.memory_source import MemoryObject, MemorySource


def job(**changes: Any) -> BuildJob:
    facts: dict[str, Any] = {
        "source": "test-worker", "repo": "org/web", "run_id": "7", "attempt": 1, "job_id": "1", "workflow": "CI",
        "job": "test", "branch": "main", "is_default_branch": True, "sha": "a" * 40, "event": "push",
        "conclusion": "failure", "url": None, "started_at": INGESTED_AT, "finished_at": INGESTED_AT,
        "object_name": "jobs/1", **changes,
    }  # fmt: skip
    return BuildJob(**facts)


def job_line(message: str) -> str:
    return build_line(message)


def stored(builds: LogFolder, source: str = "test-worker", job_id: str = "1") -> BuildJob | None:
    with read_transaction(builds.engine) as connection:
        return job_of(connection, source, "org/web", "7", 1, job_id)


@pytest.mark.parametrize(
    ("fault", "log_status"),
    [(None, "stored"), (DamagedLogObject("cut short"), "partial"), (LogExpired("410"), "expired")],
)
def test_a_job_is_stored_with_what_there_is_of_its_log(
    builds: LogFolder, fault: Exception | None, log_status: str
) -> None:
    told = MemoryObject("jobs/1", [job_line("boom")], version="1", job=job(), fault=fault)

    builds.ingest(source=MemorySource([told], kind="build"))

    assert stored(builds) == job(log_status=log_status)


def test_a_job_without_a_log_is_stored_as_such(builds: LogFolder) -> None:
    builds.ingest(source=MemorySource([MemoryObject("jobs/1", version="1", job=job())], kind="build"))

    assert stored(builds) == job(log_status="missing")


def test_a_job_is_not_stored_when_its_lines_are_not(builds: LogFolder) -> None:
    lost = MemoryObject("jobs/1", [job_line("boom")], job=job(), fault=OSError("connection lost"))

    builds.ingest(source=MemorySource([lost], kind="build"))

    assert (stored(builds), builds.messages()) == (None, [])


def test_lines_that_tell_of_a_job_and_its_end_make_one(builds: LogFolder) -> None:
    meta = {"job": "test", "workflow": "CI", "branch": "main", "default_branch": "main", "conclusion": "failure"}
    builds.write("ci.jsonl", [build_line("boom", meta=meta), build_line("done", "12:05:00", meta=meta)])

    builds.ingest()

    found = stored(builds, "test-build", "test")
    assert found is not None
    assert (found.workflow, found.conclusion, found.is_default_branch, found.object_name) == (
        "CI", "failure", True, "ci.jsonl",
    )  # fmt: skip
