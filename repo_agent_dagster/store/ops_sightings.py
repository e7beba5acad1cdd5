"""Sightings: what a scan saw of each problem on a day, and the opening and reopening of the issues they belong to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, tuple_

from repo_agent_dagster.contracts.issue_details import IssueDetails
from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.contracts.ops import SETTLED_STATUSES, IssueStatus
from repo_agent_dagster.store import ops_fingerprints
from repo_agent_dagster.store.ops_fingerprints import Known
from repo_agent_dagster.store.ops_owners import owners_of
from repo_agent_dagster.store.ops_tallies import in_parts, recount
from repo_agent_dagster.store.rows import insert_statement, storable
from repo_agent_dagster.store.tables import ops_issue_sightings, ops_issues

_SCAN_LOCK = 0x6F70735F7363  # any constant will do; this one spells "ops_sc"
_COUNTED = ("occurrences", "first_seen", "last_seen", "runs", "flaky")


class Change(StrEnum):
    """What a sighting did to its issue."""

    NEW = "new"
    REOPENED = "reopened"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A problem as one day's scan saw it; all texts are already redacted. Times are UTC.

    `aliases` are the other fingerprints by which its issue may be known, `earlier_fingerprints` those by earlier rules,
    which find an issue that no sighting by the present rules has claimed, and join nothing. `runs` counts the builds it
    was seen in, and it is `flaky` when a later attempt of all their jobs passed: that reopens nothing.
    """

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
    place: str = ""
    aliases: tuple[str, ...] = ()
    earlier_fingerprints: tuple[str, ...] = ()
    fingerprint_version: str = "1"
    cause: str | None = None
    template: str | None = None
    runs: int = 0
    flaky: bool = False
    details: IssueDetails = field(default_factory=IssueDetails)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The issue that a sighting belongs to, its status now, and what the sighting did to it."""

    issue_id: str
    status: IssueStatus
    change: Change


@dataclass(slots=True)
class _Found:
    """An issue that was there before: what a sighting must know of it, locked until the transaction ends."""

    status: IssueStatus
    resolved_at: datetime | None
    latest_day: date | None
    kept: dict[str, Any]


def lock_for_scan(connection: Connection) -> None:
    """Let one scan at a time write its findings: the next waits here until this transaction ends.

    On SQLite a `write_transaction` is that lock already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_SCAN_LOCK)))


def record_sightings(connection: Connection, sightings: Sequence[Sighting], *, now: datetime) -> list[Recorded]:
    """Open, reopen or update the issues of what was seen; return what became of each sighting, in their order.

    An issue is found by any fingerprint that a sighting has; sightings that share one are of one issue, and on the same
    day and of the same kind they are counted together. A day's earlier sighting is replaced, so that recording it again
    counts nothing twice. A settled issue that is seen on a later day than it was settled becomes open again, as a
    regression, unless the failure was flaky. What an issue says (severity, title, texts) follows its latest day.

    Call `lock_for_scan` first in the transaction.
    """
    owners, new = owners_of(connection, sightings)
    by_issue: dict[str, list[Sighting]] = {}
    for sighting, issue_id in zip(sightings, owners, strict=True):
        by_issue.setdefault(issue_id, []).append(sighting)
    found = _lock_issues(connection, [issue_id for issue_id in by_issue if issue_id not in new])
    _insert_issues(connection, {issue_id: by_issue[issue_id] for issue_id in new}, now)
    changed = _replace_sightings(connection, by_issue)
    outcomes: dict[str, Recorded] = {
        issue_id: Recorded(issue_id, IssueStatus.OPEN, Change.NEW) for issue_id in by_issue if issue_id in new
    }
    updates: list[dict[str, Any]] = []
    for issue_id, before in found.items():
        outcomes[issue_id], values = _follow(issue_id, before, by_issue[issue_id], issue_id in changed)
        if values is not None:
            updates.append(values)
    _update_issues(connection, updates)
    for version in sorted({sighting.fingerprint_version for sighting in sightings}):
        known = [
            Known(fingerprint, issue_id, is_alias=position > 0)
            for sighting, issue_id in zip(sightings, owners, strict=True)
            if sighting.fingerprint_version == version
            for position, fingerprint in enumerate((sighting.fingerprint, *sighting.aliases))
        ]
        ops_fingerprints.remember(connection, known, version=version, now=now)
    recount(connection, [*changed, *new])
    return [outcomes[issue_id] for issue_id in owners]


def _lock_issues(connection: Connection, issue_ids: Collection[str]) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for part in in_parts(issue_ids):
        rows = connection.execute(
            select(ops_issues.c.id, ops_issues.c.status, ops_issues.c.resolved_at, ops_issues.c.details)
            .where(ops_issues.c.id.in_(part))
            .order_by(ops_issues.c.id)
            .with_for_update()  # a person may be settling one just now
        )
        for row in rows:
            # What is not of a sighting: a person's note, and since when it is back.
            kept = {name: row.details[name] for name in ("resolution", "reopened_on") if name in (row.details or {})}
            found[row.id] = _Found(IssueStatus(row.status), row.resolved_at, None, kept)
        latest = connection.execute(
            select(ops_issue_sightings.c.issue_id, func.max(ops_issue_sightings.c.day))
            .where(ops_issue_sightings.c.issue_id.in_(part))
            .group_by(ops_issue_sightings.c.issue_id)
        )
        for issue_id, day in latest:
            found[issue_id].latest_day = day
    return found


def _follow(
    issue_id: str, before: _Found, seen: list[Sighting], is_changed: bool
) -> tuple[Recorded, dict[str, Any] | None]:
    """Return what became of an issue that was there before, and the values to write, if any."""
    told_by = _told_by(seen)
    status, change = before.status, Change.UPDATED if is_changed else Change.UNCHANGED
    is_later = before.resolved_at is None or told_by.day > before.resolved_at.date()
    reopened = status in SETTLED_STATUSES and is_later and not all(one.flaky for one in seen)
    if reopened:
        status, change = IssueStatus.OPEN, Change.REOPENED
    if not reopened and before.latest_day is not None and told_by.day < before.latest_day:
        return Recorded(issue_id, status, change), None
    values = _description(told_by) | {"b_id": issue_id, "reopened": reopened, "missed_scans": 0}
    values["details"] |= {"reopened_on": told_by.day.isoformat()} if reopened else before.kept
    return Recorded(issue_id, status, change), values


def _told_by(seen: Sequence[Sighting]) -> Sighting:
    return min(seen, key=lambda sighting: (-sighting.day.toordinal(), sighting.severity, -sighting.occurrences))


def _insert_issues(connection: Connection, new: dict[str, list[Sighting]], now: datetime) -> None:
    rows = []
    for issue_id, seen in new.items():
        told_by = _told_by(seen)
        rows.append(
            {
                "id": issue_id,
                "kind": told_by.kind,
                "status": IssueStatus.OPEN.value,
                "fingerprint": told_by.fingerprint,
                "occurrences": 0,  # counted from the sightings below
                "regressions": 0,
                "missed_scans": 0,
                "first_seen": min(sighting.first_seen for sighting in seen),
                "last_seen": max(sighting.last_seen for sighting in seen),
                "created_at": now,
                **_description(told_by),
            }
        )
    if rows:
        connection.execute(ops_issues.insert(), rows)


def _update_issues(connection: Connection, updates: Sequence[dict[str, Any]]) -> None:
    """Write what the latest day says; a reopened issue is also nobody's, and counts as a regression."""
    for reopened in (False, True):
        rows = [
            {name: value for name, value in values.items() if name != "reopened"}
            for values in updates
            if values["reopened"] is reopened
        ]
        if not rows:
            continue
        more: dict[str, Any] = {}
        if reopened:
            more = {
                "status": IssueStatus.OPEN.value,
                "resolved_at": None,
                "assignee": None,
                "regressions": ops_issues.c.regressions + 1,
            }
        described: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "b_id"}
        connection.execute(
            ops_issues.update().where(ops_issues.c.id == bindparam("b_id")).values(**described, **more), rows
        )


def _description(sighting: Sighting) -> dict[str, Any]:
    return storable(
        ops_issues,
        {
            "severity": sighting.severity,
            "severity_reasons": list(sighting.severity_reasons),
            "title": sighting.title,
            "place": sighting.place or sighting.worker or sighting.repo or "",
            "worker": sighting.worker,
            "repo": sighting.repo,
            "cause": sighting.cause,
            "template": sighting.template,
            "analysis": sighting.analysis,
            "prompt": sighting.prompt,
            "sample": sighting.sample,
            "run_id": sighting.run_id,
            "details": sighting.details.model_dump(mode="json"),
        },
    )


def _replace_sightings(connection: Connection, by_issue: dict[str, list[Sighting]]) -> set[str]:
    """Put the days' sightings in place of earlier ones; return the issues for which that changed anything."""
    table = ops_issue_sightings
    rows: dict[tuple[str, date, str], dict[str, Any]] = {}
    for issue_id, seen in by_issue.items():
        for sighting in seen:
            key = (issue_id, sighting.day, sighting.kind)
            counts = {name: getattr(sighting, name) for name in _COUNTED}
            rows[key] = _together(rows[key], counts) if key in rows else counts
    before: dict[tuple[str, date, str], dict[str, Any]] = {}
    for part in in_parts(sorted({key[0] for key in rows})):
        days = sorted({(key[1], key[2]) for key in rows})
        stored = connection.execute(
            select(table.c.issue_id, table.c.day, table.c.kind, *(table.c[name] for name in _COUNTED)).where(
                table.c.issue_id.in_(part), tuple_(table.c.day, table.c.kind).in_(days)
            )
        )
        for row in stored:
            before[(row.issue_id, row.day, row.kind)] = {name: getattr(row, name) for name in _COUNTED}
    different = {key: counts for key, counts in rows.items() if before.get(key) != counts}
    if different:
        statement = insert_statement(connection, table)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["issue_id", "day", "kind"],
                set_={name: statement.excluded[name] for name in _COUNTED},
            ),
            [
                {"issue_id": issue_id, "day": day, "kind": kind, **counts}
                for (issue_id, day, kind), counts in sorted(different.items())
            ],
        )
    return {issue_id for issue_id, _, _ in different}


def _together(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        "occurrences": one["occurrences"] + other["occurrences"],
        "first_seen": min(one["first_seen"], other["first_seen"]),
        "last_seen": max(one["last_seen"], other["last_seen"]),
        "runs": max(one["runs"], other["runs"]),  # the same builds, most likely
        "flaky": one["flaky"] and other["flaky"],
    }
