"""Sightings: what a scan saw of each problem on a day, and the opening and reopening of the issues they belong to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.contracts.ops import SETTLED_STATUSES, IssueStatus
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.tables import ops_issue_sightings, ops_issues

_SCAN_LOCK = 0x6F70735F7363  # any constant will do; this one spells "ops_sc"


class Change(StrEnum):
    """What a sighting did to its issue."""

    NEW = "new"
    REOPENED = "reopened"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Sighting:
    """An issue as one day's scan saw it; the texts are already redacted. Times are UTC."""

    fingerprint: str
    kind: LogKind
    day: date
    occurrences: int
    first_seen: datetime
    last_seen: datetime
    severity: int
    severity_reasons: tuple[str, ...]
    title: str
    analysis: str
    prompt: str
    sample: list[dict[str, Any]]
    worker: str | None
    repo: str | None
    run_id: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The issue that a sighting belongs to, its status now, and what the sighting did to it."""

    issue_id: str
    status: IssueStatus
    change: Change


def lock_for_scan(connection: Connection) -> None:
    """Let one scan at a time write its findings: the next waits here until this transaction ends.

    On SQLite a `write_transaction` is that lock already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_SCAN_LOCK)))


def record_sighting(connection: Connection, sighting: Sighting, *, now: datetime) -> Recorded:
    """Open, reopen or update the issue of a fingerprint for one day; return its id, its status and what changed.

    The day's earlier sighting is replaced, so that recording it again counts nothing twice. A settled issue that is
    seen on a later day than it was settled becomes open again, as a regression. What the issue says (severity, title,
    texts) follows its latest day. Call `lock_for_scan` first in the transaction.
    """
    found = connection.execute(
        select(ops_issues.c.id, ops_issues.c.status, ops_issues.c.resolved_at)
        .where(ops_issues.c.fingerprint == sighting.fingerprint)
        .with_for_update()  # a person may be settling it just now
    ).one_or_none()
    if found is None:
        issue_id = _open(connection, sighting, now)
        _replace_sighting(connection, issue_id, sighting)
        return Recorded(issue_id, IssueStatus.OPEN, Change.NEW)
    status = IssueStatus(found.status)
    replaced = _replace_sighting(connection, found.id, sighting)
    change = Change.UPDATED if replaced else Change.UNCHANGED
    values: dict[str, Any] = {}
    if status in SETTLED_STATUSES and (found.resolved_at is None or sighting.day > found.resolved_at.date()):
        status, change = IssueStatus.OPEN, Change.REOPENED
        values |= {"status": status.value, "regressions": ops_issues.c.regressions + 1, "resolved_at": None}
    latest = connection.execute(
        select(func.max(ops_issue_sightings.c.day)).where(ops_issue_sightings.c.issue_id == found.id)
    ).scalar_one()
    if sighting.day >= latest:
        values |= _description(sighting)
    if values:
        connection.execute(ops_issues.update().where(ops_issues.c.id == found.id).values(**values))
    _recount(connection, found.id)
    return Recorded(found.id, status, change)


def _open(connection: Connection, sighting: Sighting, now: datetime) -> str:
    issue_id = new_id()
    connection.execute(
        ops_issues.insert().values(
            id=issue_id,
            kind=sighting.kind,
            status=IssueStatus.OPEN.value,
            worker=sighting.worker,
            repo=sighting.repo,
            fingerprint=sighting.fingerprint,
            occurrences=sighting.occurrences,
            regressions=0,
            first_seen=sighting.first_seen,
            last_seen=sighting.last_seen,
            created_at=now,
            **_description(sighting),
        )
    )
    return issue_id


def _description(sighting: Sighting) -> dict[str, Any]:
    return {
        "severity": sighting.severity,
        "severity_reasons": list(sighting.severity_reasons),
        "title": sighting.title,
        "analysis": sighting.analysis,
        "prompt": sighting.prompt,
        "sample": sighting.sample,
        "run_id": sighting.run_id,
    }


def _replace_sighting(connection: Connection, issue_id: str, sighting: Sighting) -> bool:
    """Put the day's sighting in place of an earlier one; return whether that changed anything."""
    table = ops_issue_sightings
    counts = {
        "occurrences": sighting.occurrences,
        "first_seen": sighting.first_seen,
        "last_seen": sighting.last_seen,
    }
    before = connection.execute(
        select(table.c.occurrences, table.c.first_seen, table.c.last_seen).where(
            table.c.issue_id == issue_id, table.c.day == sighting.day, table.c.kind == sighting.kind
        )
    ).one_or_none()
    if before is not None and dict(before._mapping) == counts:
        return False
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    connection.execute(
        insert(table)
        .values(issue_id=issue_id, day=sighting.day, kind=sighting.kind, **counts)
        .on_conflict_do_update(index_elements=["issue_id", "day", "kind"], set_=counts)
    )
    return True


def forget_other_sightings(connection: Connection, day: date, kinds: Collection[LogKind], seen: Collection[str]) -> int:
    """Delete a day's sightings of issues (by id) that its scan no longer finds, and recount those; return how many."""
    table = ops_issue_sightings
    sighted = connection.execute(
        select(table.c.issue_id).where(table.c.day == day, table.c.kind.in_(list(kinds)))
    ).scalars()
    gone = sorted(set(sighted) - set(seen))
    for issue_id in gone:
        connection.execute(
            table.delete().where(table.c.issue_id == issue_id, table.c.day == day, table.c.kind.in_(list(kinds)))
        )
        _recount(connection, issue_id)
    return len(gone)


def _recount(connection: Connection, issue_id: str) -> None:
    """Make the issue's tally the sum of its sightings; without any it keeps its times and counts nothing."""
    table = ops_issue_sightings
    occurrences, first_seen, last_seen = connection.execute(
        select(
            func.coalesce(func.sum(table.c.occurrences), 0), func.min(table.c.first_seen), func.max(table.c.last_seen)
        ).where(table.c.issue_id == issue_id)
    ).one()
    tally: dict[str, Any] = {"occurrences": occurrences}
    if first_seen is not None:
        tally |= {"first_seen": first_seen, "last_seen": last_seen}
    connection.execute(ops_issues.update().where(ops_issues.c.id == issue_id).values(**tally))
