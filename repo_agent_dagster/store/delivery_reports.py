"""Versions of delivery reports: published under a guard, so that an order has one current version at all times."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, cast, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import fetch_all, fetch_one, insert_statement, storable
from repo_agent_dagster.store.tables import delivery_reports

_row = delivery_reports.c


@dataclass(frozen=True)
class StoredReport:
    """One version of an order's report. `html_path` is the absolute path of its page."""

    id: str
    order_id: str
    version: int
    current: bool
    content_digest: str
    report_md: str
    report_json: dict[str, Any]
    html_path: str | None
    success_rate: float | None
    total_patches: int
    created_at: datetime
    facts_mark: str | None = None


@dataclass(frozen=True)
class ReportSummary:
    """A stored report without its text, for lists: an index answers it, without a look at the text."""

    order_id: str
    version: int
    success_rate: float | None
    total_patches: int
    created_at: datetime


@dataclass(frozen=True)
class NewReport:
    """A report that is to become its order's next version. `report_json` is JSON as text, `facts_mark` of its rows."""

    order_id: str
    content_digest: str
    report_md: str
    report_json: str
    html_path: str
    success_rate: float | None
    total_patches: int
    facts_mark: str | None = None


def next_version(replaces: StoredReport | None) -> int:
    """Return the number that a report gets which replaces the given one; versions count from 1."""
    return 1 if replaces is None else replaces.version + 1


def current(conn: Connection, order_id: str) -> StoredReport | None:
    """Return the order's current report, or None when none was made."""
    return fetch_one(conn, delivery_reports, StoredReport, _row.order_id == order_id, _row.current)


def version(conn: Connection, order_id: str, number: int) -> StoredReport | None:
    """Return one version of the order's report, or None when there is no such version."""
    return fetch_one(conn, delivery_reports, StoredReport, _row.order_id == order_id, _row.version == number)


def listing(conn: Connection, *, limit: int = 1000) -> list[ReportSummary]:
    """Return the current report of every order, newest first, at most `limit`."""
    newest_first = (_row.created_at.desc(), _row.order_id)
    return fetch_all(conn, delivery_reports, ReportSummary, _row.current, order_by=newest_first, limit=limit)


def current_versions(conn: Connection) -> dict[str, int]:
    """Return the version of every order's current report, by order id."""
    return {row.order_id: row.version for row in conn.execute(select(_row.order_id, _row.version).where(_row.current))}


def publish(conn: Connection, report: NewReport, *, replaces: StoredReport | None, now: datetime) -> bool:
    """Make the report its order's current version, if `replaces` still is the current one; keep the old versions.

    `replaces` must have been read in the same snapshot as the facts that the report tells of, or before them: then a
    writer that read older facts can never overtake one that read newer ones. Call it in a write transaction of its own.

    Returns False, with nothing changed, when another writer published since: read the facts again.
    """
    row = {
        "id": new_id(),
        "order_id": report.order_id,
        "version": next_version(replaces),
        "current": True,
        "content_digest": report.content_digest,
        "report_md": report.report_md,
        "html_path": report.html_path,
        "success_rate": report.success_rate,
        "total_patches": report.total_patches,
        "created_at": now,
        "facts_mark": report.facts_mark,
    }
    if replaces is not None:
        retire = update(delivery_reports).where(_row.id == replaces.id, _row.current).values(current=False)
        if conn.execute(retire).rowcount != 1:
            return False
    # The document is text already: reading it only to write it again would take longer than all the rest. It is made of
    # what was stored before, so both databases can keep it.
    document = literal(report.report_json, Text())
    as_json = cast(document, JSONB) if conn.dialect.name == "postgresql" else document
    values = {**storable(delivery_reports, row), "report_json": as_json}
    # Where there was no row to lock, the unique (order, version) lets one of two writers in.
    added = insert_statement(conn, delivery_reports).values(values).on_conflict_do_nothing()
    return conn.execute(added.execution_options(preserve_rowcount=True)).rowcount == 1


def relocate(conn: Connection, report_id: str, html_path: str) -> None:
    """Record that a report's page now lies elsewhere: the folder of reports was moved."""
    conn.execute(update(delivery_reports).where(_row.id == report_id).values(html_path=html_path))


def remark(conn: Connection, report_id: str, facts_mark: str) -> None:
    """Record that a current report still says all there is to say of facts with this mark."""
    is_other = _row.facts_mark.is_distinct_from(facts_mark)
    conn.execute(
        update(delivery_reports).where(_row.id == report_id, _row.current, is_other).values(facts_mark=facts_mark)
    )
