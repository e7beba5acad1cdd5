"""Recognise a scan's failures as incidents: what is known of each from before, its likely cause, and its severity."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from repo_agent_dagster.ops.analysis.causes import Cause, cause_of
from repo_agent_dagster.ops.analysis.grouping import group
from repo_agent_dagster.ops.analysis.model import Failure, History, Incident
from repo_agent_dagster.ops.issues.history import history_of
from repo_agent_dagster.ops.scanning.mining import kept_miners
from repo_agent_dagster.ops.severity.contract import SeverityRules
from repo_agent_dagster.ops.severity.rating import Severity, rate
from repo_agent_dagster.ops.severity.spread import note_spread
from repo_agent_dagster.ops.sources.protocol import Window
from repo_agent_dagster.store import build_jobs

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Recognised:
    """An incident, and what is made of it before any word is written."""

    incident: Incident
    history: History
    cause: Cause
    severity: Severity


def recognise(
    connection: "Connection", failures: Sequence[Failure], day: date, *, rules: SeverityRules, now: datetime
) -> list[Recognised]:
    """Return the incidents of the failures, rated by the rules; what the miners learn is kept in the transaction.

    Call `lock_for_scan` first.
    """
    with kept_miners(connection, now=now) as miner_of:
        incidents = group(failures, miner_of)
    note_spread(incidents)
    _note_builds(connection, incidents, Window.of_day(day))
    histories = history_of(connection, incidents, day, days=rules.trend.trailing_days)
    found = []
    for incident in incidents:
        history, cause = histories[incident.fingerprint.value], cause_of(incident.first)
        found.append(Recognised(incident, history, cause, rate(incident, history, cause, rules)))
    return found


def _note_builds(connection: "Connection", incidents: Sequence[Incident], window: Window) -> None:
    """Set each build incident's commit range, and how many runs its job had in the window at all."""
    runs = build_jobs.run_counts(connection, window.start, window.end)
    greens: dict[tuple[str, str, str, str | None, datetime], str | None] = {}
    for incident in incidents:
        job = incident.first.job
        if job is None:
            continue
        incident.job_runs = runs.get((job.repo, job.workflow, job.job), 0)
        before = job.started_at or job.finished_at
        if before is None:
            continue
        key = (job.repo, job.workflow, job.job, job.branch, before)
        if key not in greens:
            greens[key] = build_jobs.last_green_sha(connection, job.repo, job.workflow, job.job, before, job.branch)
        incident.commits = (greens[key], job.sha)
