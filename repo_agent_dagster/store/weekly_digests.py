"""Versions of weekly digests, published under a guard like delivery reports; and what a week has besides patches."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.contracts.reports import OpsIssueReport
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import add, add_if_absent, fetch_all, fetch_one
from repo_agent_dagster.store.tables import delivery_reports, ops_issues, weekly_digests

_row = weekly_digests.c


@dataclass(frozen=True)
class StoredDigest:
    """One version of a week's digest. `html_path` is the absolute path of its page."""

    id: str
    week: str
    version: int
    current: bool
    content_digest: str
    report_md: str
    report_json: dict[str, Any]
    html_path: str | None
    created_at: datetime


@dataclass(frozen=True)
class NewDigest:
    """A digest that is to become its week's next version."""

    week: str
    content_digest: str
    report_md: str
    report_json: dict[str, Any]
    html_path: str


@dataclass(frozen=True)
class DigestSummary:
    """A stored digest without its text, for lists."""

    week: str
    version: int
    html_path: str | None
    created_at: datetime


def current(conn: Connection, week: str) -> StoredDigest | None:
    """Return the week's current digest, or None when none was made."""
    return fetch_one(conn, weekly_digests, StoredDigest, _row.week == week, _row.current)


def version(conn: Connection, week: str, number: int) -> StoredDigest | None:
    """Return one version of the week's digest, or None when there is no such version."""
    return fetch_one(conn, weekly_digests, StoredDigest, _row.week == week, _row.version == number)


def listing(conn: Connection, *, limit: int = 60) -> list[DigestSummary]:
    """Return the current digest of every week, the newest week first, at most `limit`."""
    return fetch_all(conn, weekly_digests, DigestSummary, _row.current, order_by=(_row.week.desc(),), limit=limit)


def publish(conn: Connection, digest: NewDigest, *, replaces: StoredDigest | None, now: datetime) -> bool:
    """Make the digest its week's current version, if `replaces` still is the current one; keep the old versions.

    `replaces` must have been read in the snapshot that the digest's facts were read in. Call it in a write transaction
    of its own. Returns False, with nothing changed, when another writer published since: read the facts again.
    """
    row = {
        "id": new_id(),
        "week": digest.week,
        "version": 1 if replaces is None else replaces.version + 1,
        "current": True,
        "content_digest": digest.content_digest,
        "report_md": digest.report_md,
        "report_json": digest.report_json,
        "html_path": digest.html_path,
        "created_at": now,
    }
    if replaces is None:
        return add_if_absent(conn, weekly_digests, row)
    retire = update(weekly_digests).where(_row.id == replaces.id, _row.current).values(current=False)
    if conn.execute(retire).rowcount != 1:
        return False
    add(conn, weekly_digests, row)
    return True


def relocate(conn: Connection, digest_id: str, html_path: str) -> None:
    """Record that a digest's page now lies elsewhere: the folder of reports was moved."""
    conn.execute(update(weekly_digests).where(_row.id == digest_id).values(html_path=html_path))


def report_versions(conn: Connection, order_ids: Collection[str]) -> dict[str, int]:
    """Return the current version of the delivery reports of these orders; an order without a report is left out."""
    report = delivery_reports.c
    found = conn.execute(select(report.order_id, report.version).where(report.order_id.in_(order_ids), report.current))
    return {row.order_id: row.version for row in found}


@dataclass(frozen=True)
class IssuesOfPeriod:
    """Ops issues that something happened to in a period: the gravest of them, and how many there are in all."""

    issues: tuple[OpsIssueReport, ...]
    total: int


def issues_opened(conn: Connection, period: UtcRange, *, limit: int) -> IssuesOfPeriod:
    """Return the ops issues whose row was made in the period."""
    return _issues(conn, "created_at", period, limit)


def issues_resolved(conn: Connection, period: UtcRange, *, limit: int) -> IssuesOfPeriod:
    """Return the ops issues resolved or closed in the period that were not reopened since."""
    return _issues(conn, "resolved_at", period, limit)


def _issues(conn: Connection, moment: str, period: UtcRange, limit: int) -> IssuesOfPeriod:
    issue, at = ops_issues.c, ops_issues.c[moment]
    in_period = (at >= period.start, at < period.end)
    total = conn.execute(select(func.count()).select_from(ops_issues).where(*in_period)).scalar_one()
    rows = conn.execute(
        select(issue.id, issue.title, issue.severity, issue.status, at.label("at"), issue.gh_issue_url)
        .where(*in_period)
        .order_by(issue.severity, at, issue.id)
        .limit(limit)
    )
    return IssuesOfPeriod(tuple(_told(row) for row in rows), total)


def _told(row: Any) -> OpsIssueReport:
    return OpsIssueReport(
        id=row.id, title=row.title, severity=row.severity, status=row.status, at=row.at, url=row.gh_issue_url
    )
