"""Write what a scan recognised: each incident as a sighting of its issue, in words by rule; too many as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.contracts.issue_details import LISTED_RUNS, IssueDetails, IssueRun
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.analysis.fingerprint import VERSION
from repo_agent_dagster.ops.analysis.model import Failure, Incident, Line
from repo_agent_dagster.ops.issues.capping import cap, overflow_listing, overflow_sightings
from repo_agent_dagster.ops.scanning.recognising import Recognised
from repo_agent_dagster.ops.wording.by_rule import Wording, word
from repo_agent_dagster.pages.safety import one_line
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.store import ops_tallies
from repo_agent_dagster.store.ops_owners import owners_of
from repo_agent_dagster.store.ops_sightings import Recorded, Sighting, record_sightings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from repo_agent_dagster.artifacts import ArtifactStore

MAX_SAMPLES = 3
MAX_SAMPLE_LINES = 60
MAX_SAMPLE_CHARACTERS = 8_000
MAX_ANCHORS = 10
_MAX_WORD = 300


@dataclass(frozen=True, slots=True)
class Written:
    """An incident that is an issue now: what was recognised, how it is worded, and what the record says."""

    recognised: Recognised
    wording: Wording
    sighting: Sighting
    recorded: Recorded


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """All that a scan wrote: the incidents of their own, and what became of the overflow issue, if there is any."""

    written: tuple[Written, ...]
    overflow: tuple[Recorded, ...]
    overflowing: int

    @property
    def recorded(self) -> list[Recorded]:
        """What became of every issue."""
        return [*(one.recorded for one in self.written), *self.overflow]


def record(
    connection: "Connection",
    found: Sequence[Recognised],
    *,
    day: date,
    kinds: Sequence[LogKind],
    max_issues: int,
    artifacts: "ArtifactStore",
    now: datetime,
) -> ScanRecord:
    """Record the incidents as sightings of their issues; call `lock_for_scan` first.

    Known problems are always recorded. Of new ones the gravest `max_issues` of the day become issues, the others one
    overflow issue, whose list is kept as an artifact.
    """
    by_value = {one.incident.fingerprint.value: one for one in found}
    severities = {value: one.severity.value for value, one in by_value.items()}
    owners, new = owners_of(connection, [_named(one.incident) for one in found])
    known = {one.incident.fingerprint.value for one, owner in zip(found, owners, strict=True) if owner not in new}
    capped = cap(
        [one.incident for one in found],
        severities,
        known,
        max_new=max_issues,
        opened_already=ops_tallies.opened_on(connection, day, kinds),
    )
    listing = None
    if capped.overflow:
        listing = f"ops/overflow/{day}.tsv"
        artifacts.put(listing, overflow_listing(capped.overflow, severities).encode())
    kept = [by_value[incident.fingerprint.value] for incident in capped.kept]
    wordings = [word(one.incident, one.severity, one.cause, one.history) for one in kept]
    sightings = [sighting_of(one, wording, day, now) for one, wording in zip(kept, wordings, strict=True)]
    overflow = overflow_sightings(capped.overflow, severities, day, listing_key=listing)
    recorded = record_sightings(connection, [*sightings, *overflow], now=now)
    written = tuple(map(Written, kept, wordings, sightings, recorded))
    return ScanRecord(written, tuple(recorded[len(sightings) :]), len(capped.overflow))


def sighting_of(one: Recognised, wording: Wording, day: date, now: datetime) -> Sighting:
    """Return an incident as its issue's sighting of the day; every text in it is redacted."""
    incident, first = one.incident, one.incident.first
    is_worker = incident.place.kind == "worker"
    fingerprint = incident.fingerprint
    return Sighting(
        fingerprint=fingerprint.value,
        aliases=fingerprint.aliases,
        earlier_fingerprints=fingerprint.earlier,
        fingerprint_version=VERSION,
        kind=incident.place.kind,
        day=day,
        occurrences=incident.count,
        first_seen=incident.first_seen or now,
        last_seen=incident.last_seen or now,
        severity=one.severity.value,
        severity_reasons=one.severity.reasons,
        title=wording.title,
        analysis=wording.analysis,
        prompt=wording.prompt,
        sample=[_sample(failure) for failure in incident.failures[:MAX_SAMPLES]],
        worker=incident.place.name if is_worker else None,
        repo=None if is_worker else incident.place.name,
        run_id=incident.runs[-1].run_id if incident.runs else first.run_id,
        place=redact(str(incident.place)),
        cause=one.cause.name.value,
        template=redact(incident.template),
        runs=incident.run_count,
        flaky=incident.passed_on_retry,
        details=_details(one, wording),
    )


def _details(one: Recognised, wording: Wording) -> IssueDetails:
    incident, first = one.incident, one.incident.first
    good, bad = incident.commits or (None, None)
    return IssueDetails(
        headline=redact(first.headline),
        exception=first.exception,
        tool=first.tool,
        test=_word(first.test),
        command=_word(first.command),
        anchors=tuple(dict.fromkeys(redact(str(anchor)) for anchor in first.anchors[:MAX_ANCHORS])),
        reproduce=wording.reproduce,
        cause_reason=one.cause.reason,
        runs=tuple(
            IssueRun(run_id=run.run_id, attempt=run.attempt, url=run.url, branch=run.branch, sha=run.sha)
            for run in incident.runs[-LISTED_RUNS:]
        ),
        run_count=incident.run_count,
        good_sha=good,
        bad_sha=bad,
        flaky=incident.passed_on_retry,
        trend=one.severity.trend.value,
        rules_severity=one.severity.value,
    )


def _sample(failure: Failure) -> dict[str, Any]:
    return {
        "ts": failure.ts.isoformat() if failure.ts else None,
        "level": failure.level.value,
        "message": _text(failure.lines),
        "before": _text(failure.before),
        "after": _text(failure.after),
        "run_id": failure.run_id,
        "lines": [line.number for line in failure.lines[:MAX_SAMPLE_LINES]],
    }


def _text(lines: Sequence[Line]) -> str:
    return redact("\n".join(line.text for line in lines[:MAX_SAMPLE_LINES]))[:MAX_SAMPLE_CHARACTERS]


def _word(text: str | None) -> str | None:
    return None if text is None else one_line(redact(text), _MAX_WORD)


@dataclass(frozen=True, slots=True)
class _Named:
    """What an incident is known by, before it is worded."""

    fingerprint: str
    aliases: tuple[str, ...]
    earlier_fingerprints: tuple[str, ...]
    fingerprint_version: str = VERSION


def _named(incident: Incident) -> _Named:
    fingerprint = incident.fingerprint
    return _Named(fingerprint.value, fingerprint.aliases, fingerprint.earlier)
