"""A scan: read a day's failing lines, join them into incidents, and open or update one ops issue for each.

Scanning a day again, two scans at once, or a crash in the middle open and count nothing twice: all findings are
written in one transaction, in which the day's earlier sightings are replaced.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.logs import LogKind, LogRecord
from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.contracts.tasks import OpsScope
from repo_agent_dagster.ops.analysis.incidents import Incident, join_incidents
from repo_agent_dagster.ops.severity.rules import severity
from repo_agent_dagster.ops.wording.deterministic import analysis, remediation_prompt, sample_text, title
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.log_records import count_lines, failures
from repo_agent_dagster.store.ops_scans import fail_scan, finish_scan, start_scan
from repo_agent_dagster.store.ops_sightings import Change, Sighting, lock_for_scan, record_sightings
from repo_agent_dagster.store.ops_tallies import forget_other_sightings

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

KINDS: dict[OpsScope, tuple[LogKind, ...]] = {
    "cloudflare": ("worker",),
    "cicd": ("build",),
    "full": ("worker", "build"),
}
"""Which logs each scope reads."""


@dataclass(frozen=True, slots=True)
class ScannedIssue:
    """An issue that the scan saw, and what it did to it. `occurrences` are those of the scanned day."""

    id: str
    fingerprint: str
    severity: int
    title: str
    status: IssueStatus
    occurrences: int
    change: Change


@dataclass(frozen=True, slots=True)
class ScanResult:
    """One scan's outcome; `issues` has the gravest first.

    `totals` counts `lines`, `warn_error_lines`, `incidents`, the issues `new`, `reopened`, `updated` and `unchanged`,
    and those `forgotten`: seen by an earlier scan of the day, and no longer by this one.
    """

    scan_id: str
    day: date
    scope: OpsScope
    totals: dict[str, int]
    issues: tuple[ScannedIssue, ...]
    duration_seconds: float


def scan_day(engine: "Engine", day: date, *, scope: OpsScope, now: datetime) -> ScanResult:
    """Scan the stored lines of one UTC day and bring `ops_issues` up to them.

    The scan has a row in `ops_scans` from its start; when it fails, the row says so and the error goes on.
    """
    started = time.monotonic()
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + timedelta(days=1)
    with write_transaction(engine) as connection:
        scan_id = start_scan(connection, scope, start, end, now=now)
    with _failure_recorded(engine, scan_id, now, started):
        kinds = KINDS[scope]
        with read_transaction(engine) as connection:
            lines = sum(count_lines(connection, kind, start, end) for kind in kinds)
            incidents = join_incidents(_failures(connection, kinds, start, end))
        sightings = [_sighting(incident, day) for incident in incidents]
        with write_transaction(engine) as connection:
            lock_for_scan(connection)
            changes = record_sightings(connection, sightings, now=now)
            forgotten = forget_other_sightings(connection, day, kinds, {seen.issue_id for seen in changes})
            totals = {
                "lines": lines,
                "warn_error_lines": sum(incident.count for incident in incidents),
                "incidents": len(incidents),
                **{change.value: sum(1 for seen in changes if seen.change is change) for change in Change},
                "forgotten": forgotten,
            }
            finish_scan(connection, scan_id, totals, now=_later(now, started))
    issues = [
        ScannedIssue(
            made.issue_id, seen.fingerprint, seen.severity, seen.title, made.status, seen.occurrences, made.change
        )
        for made, seen in zip(changes, sightings, strict=True)
    ]
    issues.sort(key=lambda issue: (issue.severity, -issue.occurrences, issue.fingerprint))
    return ScanResult(scan_id, day, scope, totals, tuple(issues), time.monotonic() - started)


@contextmanager
def _failure_recorded(engine: "Engine", scan_id: str, now: datetime, started: float) -> Iterator[None]:
    try:
        yield
    except BaseException as error:  # a cancelled run interrupts with a BaseException; its scan failed as well
        with write_transaction(engine) as connection:
            reason = redact(f"{type(error).__name__}: {error}")
            fail_scan(connection, scan_id, reason, now=_later(now, started))
        raise


def _later(now: datetime, started: float) -> datetime:
    return now + timedelta(seconds=time.monotonic() - started)


def _failures(
    connection: "Connection", kinds: tuple[LogKind, ...], start: datetime, end: datetime
) -> Iterator[LogRecord]:
    for kind in kinds:
        yield from failures(connection, kind, start, end)


def _sighting(incident: Incident, day: date) -> Sighting:
    rating = severity(incident)
    return Sighting(
        fingerprint=incident.fingerprint,
        kind=incident.kind,
        day=day,
        occurrences=incident.count,
        first_seen=incident.first_seen,
        last_seen=incident.last_seen,
        severity=rating.value,
        severity_reasons=rating.reasons,
        title=title(incident),
        analysis=analysis(incident, rating, day),
        prompt=remediation_prompt(incident, day),
        sample=[
            {"ts": record.ts.isoformat(), "level": record.level.value, "message": sample_text(record)}
            for record in incident.samples
        ],
        worker=incident.place if incident.kind == "worker" else None,
        repo=incident.place if incident.kind == "build" else None,
        run_id=incident.run_ids[-1] if incident.run_ids else None,
    )
