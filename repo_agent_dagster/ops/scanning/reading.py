"""Read a day's failures from what was stored: whole logs of jobs that failed, single lines where there is no job."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogKind, LogLevel, LogRecord
from repo_agent_dagster.ops.analysis.model import Failure, Line, Place
from repo_agent_dagster.ops.analysis.picking import failures_of, joined_failures
from repo_agent_dagster.ops.builds.green_logs import green_log, job_log
from repo_agent_dagster.ops.sources.protocol import Window
from repo_agent_dagster.store import build_jobs, log_records
from repo_agent_dagster.store.engine import read_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.artifacts import ArtifactStore


@dataclass(slots=True)
class DayReading:
    """What a scan reads of its window: the failures, and the counts that tell how much they stand for."""

    failures: list[Failure] = field(default_factory=list)
    lines: int = 0
    failing_lines: int = 0
    failed_jobs: int = 0
    jobs_without_log: int = 0
    with_green_log: int = 0


def read_failures(
    engine: "Engine",
    artifacts: "ArtifactStore",
    window: Window,
    kinds: tuple[LogKind, ...],
    *,
    say: Callable[[str], None] = lambda _line: None,
) -> DayReading:
    """Return the failures of the window's stored lines, of workers and builds.

    A build's job that failed is read whole and compared with the last passing log of the same job. Lines of jobs that
    passed are passed over: what they warn of is in every run. Memory is bounded by one job's log and by the failures.
    """
    reading = DayReading()
    with read_transaction(engine) as connection:
        reading.lines = sum(log_records.count_lines(connection, kind, window.start, window.end) for kind in kinds)
    if "build" in kinds:
        with read_transaction(engine) as connection:
            failed = build_jobs.failed_jobs(connection, window.start, window.end)
        for number, job in enumerate(failed, 1):
            say(f"reading the log of failed job {number} of {len(failed)}: {job.repo} {job.workflow}/{job.job}")
            _read_job(engine, artifacts, job, reading)
    for kind in kinds:
        with read_transaction(engine) as connection:
            jobs = build_jobs.known_jobs(connection, window.start, window.end) if kind == "build" else frozenset()
            records = log_records.failures(connection, kind, window.start, window.end)
            reading.failures.extend(joined_failures(_counted(_without_jobs(records, jobs), reading)))
    return reading


def _read_job(engine: "Engine", artifacts: "ArtifactStore", job: BuildJob, reading: DayReading) -> None:
    reading.failed_jobs += 1
    with read_transaction(engine) as connection:
        passed = build_jobs.later_attempt_passed(connection, job)
    found: tuple[Failure, ...] = ()
    if job.log_status in ("stored", "partial"):
        green = green_log(engine, artifacts, job)
        reading.with_green_log += green is not None
        found = failures_of(job_log(engine, job), green)
    if not found:
        reading.jobs_without_log += job.log_status not in ("stored", "partial")
        found = (_failure_without_lines(job),)
    for failure in found:
        reading.failing_lines += len(failure.lines)
        reading.failures.append(
            replace(failure, job=job, run_id=job.run_id, passed_on_retry=passed, ts=failure.ts or job.finished_at)
        )


def _failure_without_lines(job: BuildJob) -> Failure:
    """A job that failed is a failure also when nothing tells why: its log has expired, or says nothing."""
    why = {
        "expired": "its log has expired at the build service",
        "missing": "it has no log",
    }.get(job.log_status, "nothing in its log tells why")
    headline = f"The job ended as {job.conclusion or 'failed'}, and {why}"
    return Failure(
        place=Place("build", job.repo, job.workflow, job.job),
        source=job.source,
        level=LogLevel.ERROR,
        headline=headline,
        lines=(Line(1, headline, LogLevel.ERROR, job.finished_at),),
        signals=frozenset({"exit"}),
        ts=job.finished_at,
        run_id=job.run_id,
        job=job,
    )


def _without_jobs(records: Iterator[LogRecord], jobs: frozenset[tuple[str, str, str | None]]) -> Iterator[LogRecord]:
    """Pass over the lines of known jobs: those that failed were read whole, those that passed did not fail."""
    for record in records:
        if (record.source, record.place, record.run_id) not in jobs:
            yield record


def _counted(records: Iterator[LogRecord], reading: DayReading) -> Iterator[LogRecord]:
    for record in records:
        reading.failing_lines += 1
        yield record
