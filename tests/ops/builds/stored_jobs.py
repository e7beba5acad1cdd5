"""Jobs and their logs, put into the store as an ingestion does."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.ops.sources.protocol import Window
from repo_agent_dagster.store import build_jobs
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.tables import build_logs, log_ingestions

DAY = date(2026, 3, 3)
DAY_WINDOW = Window.of_day(DAY)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def build_job(run_id: str, *, finished_at: datetime = NOON, **fields: Any) -> BuildJob:
    """A job of acme/shop that passed on main."""
    job = BuildJob(
        source="gh",
        repo="acme/shop",
        run_id=run_id,
        attempt=1,
        job_id=f"{run_id}-test",
        workflow="CI",
        job="test",
        branch="main",
        is_default_branch=True,
        sha="c" * 40,
        event="push",
        conclusion="success",
        url=None,
        started_at=finished_at - timedelta(minutes=5),
        finished_at=finished_at,
        object_name=f"{run_id}/test",
    )
    return replace(job, **fields)


def store_job(
    engine: Engine,
    job: BuildJob,
    messages: Sequence[str],
    *,
    day: date = DAY,
    metas: Sequence[Mapping[str, Any]] | None = None,
    object_name: str | None = None,
) -> None:
    """Store a job and the lines of its log on a day."""
    entry = new_id()
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    with write_transaction(engine) as connection:
        build_jobs.record_job(connection, job, now=NOON)
        connection.execute(
            log_ingestions.insert().values(
                id=entry,
                kind="build",
                source=job.source,
                object_name=object_name or job.object_name,
                object_digest="",
                day=day,
                rows=len(messages),
                quarantined=0,
                created_at=NOON,
            )
        )
        for number, message in enumerate(messages):
            connection.execute(
                build_logs.insert().values(
                    ingestion_id=entry,
                    source=job.source,
                    repo=job.repo,
                    run_id=job.run_id,
                    level="info",
                    message=message,
                    meta=dict(metas[number]) if metas else None,
                    ts=noon,
                )
            )
