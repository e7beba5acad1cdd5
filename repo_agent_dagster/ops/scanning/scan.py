"""A scan: read a day's failures, join them into incidents, and open or update one ops issue for each.

Scanning a day again, two scans at once, or a crash in the middle open and count nothing twice: all findings, the
templates that they are recognised by, and what GitHub is to be told are written in one transaction, in which the day's
earlier sightings are replaced. A model's words come after it and are written by a second one; until then, and without
a model, the rules' words stand.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.contracts.ops import CauseName, IssueStatus
from repo_agent_dagster.contracts.tasks import OpsScope
from repo_agent_dagster.github.names import is_repository_name
from repo_agent_dagster.ops.issues.intents import note_scan
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.ops.scanning.reading import DayReading, read_failures
from repo_agent_dagster.ops.scanning.recognising import Recognised, recognise
from repo_agent_dagster.ops.scanning.recording import ScanRecord, record
from repo_agent_dagster.ops.scanning.rewording import reword
from repo_agent_dagster.ops.sources.protocol import Window
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store import log_source_days, ops_issues
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue
from repo_agent_dagster.store.ops_scans import end_vanished_scans, fail_scan, finish_scan, start_scan
from repo_agent_dagster.store.ops_sightings import Change, lock_for_scan
from repo_agent_dagster.store.ops_tallies import forget_other_sightings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.ai import Provider
    from repo_agent_dagster.artifacts import ArtifactStore
    from repo_agent_dagster.ops.severity.contract import SeverityRules

KINDS: dict[OpsScope, tuple[LogKind, ...]] = {
    "cloudflare": ("worker",),
    "cicd": ("build",),
    "full": ("worker", "build"),
}
"""Which logs each scope reads."""

VANISHED_AFTER = timedelta(hours=6)
"""A scan that has run for longer has lost its process: it is recorded as failed by the next one."""


@dataclass(frozen=True)
class ScanMeans:
    """What a scan works with besides the store. `provider` makes the model; None: no model is asked.

    `server` is where the pages of repositories are: a model's links may lead to those of the scan's own."""

    artifacts: "ArtifactStore"
    rules: "SeverityRules"
    policy: IssuePolicy
    max_issues: int = 100
    to_github: bool = False
    provider: "Callable[[], Provider] | None" = None
    server: str = "https://github.com"


@dataclass(frozen=True, slots=True)
class ScannedIssue:
    """An issue that the scan saw, and what it did to it. `occurrences` are those of the scanned day."""

    id: str
    fingerprint: str
    severity: int
    cause: str
    title: str
    status: IssueStatus
    occurrences: int
    change: Change


@dataclass(frozen=True, slots=True)
class ScanResult:
    """One scan's outcome; `issues` has the gravest first, `notes` what a person should know of it.

    `totals` counts the lines `ingested`, of them `warn_error_lines`, `failed_jobs` and `jobs_without_log`, secrets
    `redacted`, `incidents`, the issues `new`, `regressed`, `updated` and `unchanged`, those `forgotten` (seen by an
    earlier scan of the day, and no longer by this one) and `closed` as quiet, incidents in the `overflow`, what the
    model was `asked`, what was `cached`, and its `cost` in tokens; `duration` is in seconds.
    """

    scan_id: str
    day: date
    scope: OpsScope
    totals: dict[str, Any]
    issues: tuple[ScannedIssue, ...]
    notes: tuple[str, ...]
    duration_seconds: float


def scan_day(
    engine: "Engine",
    day: date,
    *,
    scope: OpsScope,
    now: datetime,
    means: ScanMeans,
    say: Callable[[str], None] = lambda _line: None,
) -> ScanResult:
    """Scan the stored lines of one UTC day and bring `ops_issues` up to them.

    The scan has a row in `ops_scans` from its start; when it fails, the row says so, with the totals so far, and the
    error goes on.
    """
    started = time.monotonic()
    window, kinds = Window.of_day(day), KINDS[scope]
    totals: dict[str, Any] = {}
    with write_transaction(engine) as connection:
        end_vanished_scans(connection, started_before=now - VANISHED_AFTER, now=now)
        scan_id = start_scan(connection, scope, window.start, window.end, now=now)
    with _recorded(engine, scan_id, totals, now, started):
        reading = read_failures(engine, means.artifacts, window, kinds, say=say)
        totals.update(_read_totals(engine, reading, day, kinds))
        say(f"recognising {len(reading.failures)} failure(s)")
        with write_transaction(engine) as connection:
            lock_for_scan(connection)
            found = recognise(connection, reading.failures, day, rules=means.rules, now=now)
            kept = record(
                connection,
                found,
                day=day,
                kinds=kinds,
                max_issues=means.max_issues,
                artifacts=means.artifacts,
                now=now,
            )
            forgotten = forget_other_sightings(connection, day, kinds, {seen.issue_id for seen in kept.recorded})
            closed = note_scan(
                connection,
                kept.recorded,
                day=day,
                kinds=kinds,
                policy=means.policy,
                to_github=means.to_github,
                now=now,
            )
            totals.update(_issue_totals(found, kept, forgotten, closed))
        outcome = reword(
            engine,
            kept.written,
            means.provider,
            day=day,
            now=now,
            threshold=means.policy.threshold,
            allowed=_own_pages(kept, means),
            say=say,
        )
        totals.update(asked=outcome.asked, cached=outcome.cached, cost=outcome.tokens)
        with write_transaction(engine) as connection:
            totals["duration"] = round(time.monotonic() - started, 3)
            finish_scan(connection, scan_id, totals, now=_later(now, started))
    with read_transaction(engine) as connection:
        issues = ops_issues.get_many(connection, {seen.issue_id for seen in kept.recorded})
    return ScanResult(
        scan_id=scan_id,
        day=day,
        scope=scope,
        totals=totals,
        issues=_scanned(kept, issues),
        notes=_notes(totals, outcome.problem),
        duration_seconds=time.monotonic() - started,
    )


@contextmanager
def _recorded(engine: "Engine", scan_id: str, totals: dict[str, Any], now: datetime, started: float) -> Iterator[None]:
    try:
        yield
    except BaseException as error:  # a cancelled run interrupts with a BaseException; its scan failed as well
        with write_transaction(engine) as connection:
            reason = redact(f"{type(error).__name__}: {error}")
            totals["duration"] = round(time.monotonic() - started, 3)
            fail_scan(connection, scan_id, reason, totals, now=_later(now, started))
        raise


def _later(now: datetime, started: float) -> datetime:
    return now + timedelta(seconds=time.monotonic() - started)


def _own_pages(kept: ScanRecord, means: ScanMeans) -> tuple[str, ...]:
    """Return host and path of the repositories that the scan is about: a link to another would make a mark there."""
    host = means.server.partition("://")[2].rstrip("/")
    names = {means.policy.repository_of(one.sighting.worker, one.sighting.repo) for one in kept.written}
    names |= {one.sighting.repo for one in kept.written}
    return tuple(sorted(f"{host}/{name}" for name in names if name and is_repository_name(name)))


def _read_totals(engine: "Engine", reading: DayReading, day: date, kinds: tuple[LogKind, ...]) -> dict[str, Any]:
    with read_transaction(engine) as connection:
        days = [one for one in log_source_days.source_days(connection, day, day) if one.kind in kinds]
    return {
        "ingested": reading.lines,
        "warn_error_lines": reading.failing_lines,
        "failed_jobs": reading.failed_jobs,
        "jobs_without_log": reading.jobs_without_log,
        "with_green_log": reading.with_green_log,
        "incomplete_sources": sum(one.status in ("partial", "failed") for one in days),
        "redacted": sum(one.redacted for one in days),
    }


def _issue_totals(found: list[Recognised], kept: ScanRecord, forgotten: int, closed: int) -> dict[str, int]:
    changes = Counter(seen.change for seen in {seen.issue_id: seen for seen in kept.recorded}.values())
    return {
        "incidents": len(found),
        "new": changes[Change.NEW],
        "regressed": changes[Change.REOPENED],
        "updated": changes[Change.UPDATED],
        "unchanged": changes[Change.UNCHANGED],
        "forgotten": forgotten,
        "closed": closed,
        "overflow": kept.overflowing,
    }


def _scanned(kept: ScanRecord, issues: dict[str, OpsIssue]) -> tuple[ScannedIssue, ...]:
    counts: Counter[str] = Counter()
    changes: dict[str, Change] = {}
    for one in kept.written:
        counts[one.recorded.issue_id] += one.sighting.occurrences
    for seen in kept.recorded:
        changes[seen.issue_id] = seen.change
    scanned = [
        ScannedIssue(
            id=issue.id,
            fingerprint=issue.fingerprint,
            severity=issue.severity,
            cause=issue.cause or CauseName.UNKNOWN.value,
            title=issue.title,
            status=issue.status,
            occurrences=counts[issue.id] or issue.occurrences,
            change=changes[issue.id],
        )
        for issue in issues.values()
    ]
    return tuple(sorted(scanned, key=lambda issue: (issue.severity, -issue.occurrences, issue.fingerprint)))


def _notes(totals: dict[str, Any], problem: str | None) -> tuple[str, ...]:
    notes = []
    if not totals["ingested"] and not totals["failed_jobs"]:
        notes.append("no log line of this day is stored: that is no data, not health")
    if totals["incomplete_sources"]:
        notes.append(f"{totals['incomplete_sources']} source(s) could not be read to the end: the day is not complete")
    if totals["jobs_without_log"]:
        notes.append(
            f"{totals['jobs_without_log']} failed job(s) have no log any more: what failed in them is not known"
        )
    if totals["overflow"]:
        notes.append(f"{totals['overflow']} new problem(s) beyond the cap are in one overflow issue")
    if problem:
        notes.append(f"some words are the rules' own, not the model's: {problem}")
    return tuple(notes)
