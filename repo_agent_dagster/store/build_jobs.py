"""Builds' jobs: how each attempt of each job ended, the lines of its log, and where its last passing log is kept."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select

from repo_agent_dagster.contracts.builds import GREEN_CONCLUSIONS, RED_CONCLUSIONS, BuildJob
from repo_agent_dagster.contracts.logs import LogLevel, LogRecord
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import fetch_all, insert_statement, put, storable
from repo_agent_dagster.store.tables import build_jobs, build_logs, log_ingestions

_row = build_jobs.c
_KEY = ("source", "repo", "run_id", "attempt", "job_id")


def record_job(connection: Connection, job: BuildJob, *, now: datetime) -> bool:
    """Store what a build service tells of a job; what it told before is replaced. Return whether anything changed."""
    return put(connection, build_jobs, {"id": new_id(), **asdict(job), "created_at": now}, key=_KEY)


def widen_job(connection: Connection, job: BuildJob, *, now: datetime) -> None:
    """Store a job that is known from some of its lines only: its time becomes the span of all that were seen."""
    values = storable(build_jobs, {"id": new_id(), **asdict(job), "created_at": now})
    statement = insert_statement(connection, build_jobs).values(values)
    new: dict[str, Any] = {name: statement.excluded[name] for name in values if name not in {*_KEY, "id", "created_at"}}
    # SQLite's min and max of two values are what PostgreSQL calls least and greatest.
    is_postgresql = connection.dialect.name == "postgresql"
    least, greatest = (func.least, func.greatest) if is_postgresql else (func.min, func.max)
    new["started_at"] = least(_row.started_at, new["started_at"])
    new["finished_at"] = greatest(_row.finished_at, new["finished_at"])
    connection.execute(statement.on_conflict_do_update(index_elements=list(_KEY), set_=new))


def job_of(connection: Connection, source: str, repo: str, run_id: str, attempt: int, job_id: str) -> BuildJob | None:
    """Return a job by what identifies it, or None."""
    found = _jobs(
        connection,
        _row.source == source,
        _row.repo == repo,
        _row.run_id == run_id,
        _row.attempt == attempt,
        _row.job_id == job_id,
    )
    return found[0] if found else None


def failed_jobs(connection: Connection, start: datetime, end: datetime) -> list[BuildJob]:
    """Return every attempt of a job that failed with start ≤ its end < end, in the order of their ends."""
    return _jobs(connection, _row.conclusion.in_(RED_CONCLUSIONS), _finished_within(start, end))


def passed_jobs(connection: Connection, start: datetime, end: datetime) -> list[BuildJob]:
    """Return every job that passed with start ≤ its end < end and whose log is stored, in the order of their ends."""
    return _jobs(
        connection,
        _row.conclusion.in_(GREEN_CONCLUSIONS),
        _row.log_status == "stored",
        _finished_within(start, end),
    )


def known_jobs(connection: Connection, start: datetime, end: datetime) -> frozenset[tuple[str, str, str | None]]:
    """Return (source, repo, run id) of the builds with jobs whose lines may have a time with start ≤ time < end."""
    overlapping = select(_row.source, _row.repo, _row.run_id).where(
        or_(_row.started_at.is_(None), _row.started_at < end),
        or_(_row.finished_at.is_(None), _row.finished_at >= start),
    )
    return frozenset((source, repo, run_id) for source, repo, run_id in connection.execute(overlapping.distinct()))


def run_counts(connection: Connection, start: datetime, end: datetime) -> dict[tuple[str, str, str], int]:
    """Return how many runs each job had with start ≤ its end < end, by repository, workflow and job."""
    rows = connection.execute(
        select(_row.repo, _row.workflow, _row.job, func.count(_row.run_id.distinct()))
        .where(_finished_within(start, end))
        .group_by(_row.repo, _row.workflow, _row.job)
    )
    return {(repo, workflow, job): count for repo, workflow, job, count in rows}


def later_attempt_passed(connection: Connection, job: BuildJob) -> bool:
    """Whether the same job passed when its run was made again: then the failure came and went without a change."""
    return (
        connection.execute(
            select(_row.id)
            .where(
                _row.source == job.source,
                _row.repo == job.repo,
                _row.run_id == job.run_id,
                _same_job(job.repo, job.workflow, job.job),
                _row.attempt > job.attempt,
                _row.conclusion.in_(GREEN_CONCLUSIONS),
            )
            .limit(1)
        ).first()
        is not None
    )


def last_green_sha(
    connection: Connection, repo: str, workflow: str, job: str, before: datetime, branch: str | None
) -> str | None:
    """Return the commit of the job's last passing build before a time: on the branch, else on the default branch."""
    newest = (
        select(_row.sha)
        .where(
            _same_job(repo, workflow, job),
            _row.conclusion.in_(GREEN_CONCLUSIONS),
            _row.finished_at < before,
            _row.sha.is_not(None),
        )
        .order_by(_row.finished_at.desc(), _row.id.desc())
        .limit(1)
    )
    if branch is not None and (sha := connection.execute(newest.where(_row.branch == branch)).scalar()) is not None:
        return str(sha)
    return connection.execute(newest.where(_row.is_default_branch.is_(True))).scalar()


def lines_of(connection: Connection, job: BuildJob) -> Iterator[LogRecord]:
    """Yield the stored lines of a job's log, of all days, in the order of the log, with bounded memory.

    Where an object holds the lines of several jobs, the run and, as far as the lines tell, the job's name, attempt and
    id decide.
    """
    found = connection.execute(
        select(
            build_logs.c.id, build_logs.c.run_id, build_logs.c.level, build_logs.c.message, build_logs.c.meta,
            build_logs.c.ts,
        )
        .join(log_ingestions, log_ingestions.c.id == build_logs.c.ingestion_id)
        .where(
            log_ingestions.c.kind == "build",
            log_ingestions.c.source == job.source,
            log_ingestions.c.object_name == job.object_name,
            build_logs.c.repo == job.repo,
            build_logs.c.run_id == job.run_id,
        )
        .order_by(log_ingestions.c.day, build_logs.c.id),
        execution_options={"yield_per": 1000},
    )  # fmt: skip
    for id_, run_id, level, message, meta, ts in found:
        if _is_of(meta, job):
            yield LogRecord(id_, "build", job.source, job.repo, run_id, LogLevel(level), message, meta, ts)


def _is_of(meta: dict[str, Any] | None, job: BuildJob) -> bool:
    if not meta:
        return True
    return (
        meta.get("job", job.job) == job.job
        and str(meta.get("attempt", job.attempt)) == str(job.attempt)
        and str(meta.get("job_id", job.job_id)) == job.job_id
    )


def green_holder(connection: Connection, repo: str, workflow: str, job: str) -> BuildJob | None:
    """Return the passing job whose log is kept for comparison, or None."""
    found = _jobs(connection, _same_job(repo, workflow, job), _row.green_log.is_not(None))
    return found[-1] if found else None


def green_log_key(connection: Connection, repo: str, workflow: str, job: str) -> str | None:
    """Return the artifact key of the job's last passing log, or None where none is kept."""
    return connection.execute(
        select(_row.green_log)
        .where(_same_job(repo, workflow, job), _row.green_log.is_not(None))
        .order_by(_row.finished_at.desc())
        .limit(1)
    ).scalar()


def set_green_log(connection: Connection, job: BuildJob, key: str) -> None:
    """Note that this job's log is the last passing one and lies under the key; no earlier one is, any more."""
    connection.execute(
        build_jobs.update()
        .where(_same_job(job.repo, job.workflow, job.job), _row.green_log.is_not(None))
        .values(green_log=None)
    )
    connection.execute(
        build_jobs.update()
        .where(*(_row[name] == getattr(job, name) for name in _KEY))
        .values(green_log=key)
    )  # fmt: skip


def _jobs(connection: Connection, *conditions: ColumnElement[bool]) -> list[BuildJob]:
    return fetch_all(connection, build_jobs, BuildJob, *conditions, order_by=[_row.finished_at, _row.id])


def _same_job(repo: str, workflow: str, job: str) -> ColumnElement[bool]:
    return (_row.repo == repo) & (_row.workflow == workflow) & (_row.job == job)


def _finished_within(start: datetime, end: datetime) -> ColumnElement[bool]:
    return (_row.finished_at >= start) & (_row.finished_at < end)
