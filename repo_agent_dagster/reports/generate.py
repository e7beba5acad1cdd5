"""Bring an order's stored report up to date with its facts: a new version only when they changed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.contracts.reports import UNATTRIBUTED, DeliveryReport
from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.reports.build import build_report, content_digest
from repo_agent_dagster.reports.facts import OrderFacts, VerifyChain, chain_verifier, gather
from repo_agent_dagster.reports.files import page_path
from repo_agent_dagster.reports.html import load_diffs, render_html
from repo_agent_dagster.reports.markdown import render_markdown
from repo_agent_dagster.store import delivery_reports, order_facts
from repo_agent_dagster.store.delivery_reports import NewReport, StoredReport, next_version
from repo_agent_dagster.store.engine import read_transaction, write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

MAX_LOST_RACES = 20


class UnknownOrderError(PermanentFault):
    """There is nothing to report on."""


class BusyOrderError(TransientFault):
    """Other writers published this order's report again and again while this one tried."""


@dataclass(frozen=True)
class GeneratedReport:
    """An order's current report. `is_new`: this call made the version; otherwise nothing had changed."""

    order_id: str
    version: int
    html_path: Path
    is_new: bool
    report: DeliveryReport


def generate(engine: "Engine", order_id: str, *, reports_dir: Path, now: datetime) -> GeneratedReport:
    """Make the order's report current, and its HTML page present under `reports_dir`.

    Idempotent, and safe with other writers: of two that see the same change one makes the version.

    Raises:
        UnknownOrderError: the order has neither patch events, task requests nor migrations.
        BusyOrderError: other writers kept overtaking this one; try again.
    """
    return _generate(engine, order_id or UNATTRIBUTED, reports_dir, now, chain_verifier())


def generate_all(engine: "Engine", *, reports_dir: Path, now: datetime) -> list[GeneratedReport]:
    """Make the report of every order that has patch events current, by order id; each custody chain is walked once."""
    verify = chain_verifier()
    with read_transaction(engine) as conn:
        orders = order_facts.order_ids(conn)
    return [_generate(engine, order_id, reports_dir, now, verify) for order_id in orders]


def ensure_page(engine: "Engine", stored: StoredReport, *, reports_dir: Path) -> Path:
    """Return the path of a stored report's HTML page under `reports_dir`, written again if it is missing."""
    page = reports_dir.absolute() / page_path(stored.order_id, stored.version)
    if not page.exists():
        _write_page(page, _parsed(stored), stored.version)
    if stored.html_path != str(page):
        with write_transaction(engine) as conn:
            delivery_reports.relocate(conn, stored.id, str(page))
    return page


def _generate(
    engine: "Engine", order_id: str, reports_dir: Path, now: datetime, verify: VerifyChain
) -> GeneratedReport:
    for _ in range(MAX_LOST_RACES):
        with read_transaction(engine) as conn:
            # In one snapshot, so that the facts are not older than what the current version tells of (see `publish`).
            replaces = delivery_reports.current(conn, order_id)
            facts = gather(conn, order_id, verify=verify)
        _refuse_unknown(facts)
        report = build_report(facts, now)
        digest = content_digest(report)
        if replaces is not None and replaces.content_digest == digest:
            page = ensure_page(engine, replaces, reports_dir=reports_dir)
            return GeneratedReport(order_id, replaces.version, page, is_new=False, report=_parsed(replaces))
        version = next_version(replaces)
        page = reports_dir.absolute() / page_path(order_id, version)
        new = NewReport(
            order_id=order_id,
            content_digest=digest,
            report_md=render_markdown(report),
            report_json=report.model_dump(mode="json", by_alias=True),
            html_path=str(page),
            success_rate=report.totals.success_rate,
            total_patches=report.totals.total,
        )
        with write_transaction(engine) as conn:
            is_published = delivery_reports.publish(conn, new, replaces=replaces, now=now)
        if is_published:
            # After the commit: a version number is ours only then. A crash here is mended by the next call.
            _write_page(page, report, version)
            return GeneratedReport(order_id, version, page, is_new=True, report=report)
    raise BusyOrderError(
        f"order {order_id!r}: another writer published its report {MAX_LOST_RACES} times while this one tried; "
        "generate it again when they are done"
    )


def _refuse_unknown(facts: OrderFacts) -> None:
    if not (facts.events or facts.task_runs or facts.migrations):
        raise UnknownOrderError(
            f"order {facts.order_id!r} has no patch events, task requests or migrations; "
            "`repo-agent reports list` shows the orders that have a report"
        )


def _parsed(stored: StoredReport) -> DeliveryReport:
    return DeliveryReport.model_validate(stored.report_json)


def _write_page(page: Path, report: DeliveryReport, version: int) -> None:
    write_whole(page, render_html(report, version=version, diffs=load_diffs(report.patches)))
