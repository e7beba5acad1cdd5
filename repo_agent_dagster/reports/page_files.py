"""The reports' HTML pages on disk: written whole, written again where they are missing."""

from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.reports import DeliveryReport
from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.reports.files import page_path
from repo_agent_dagster.reports.html import render_html
from repo_agent_dagster.reports.stored import stored_report
from repo_agent_dagster.store import delivery_reports
from repo_agent_dagster.store.delivery_reports import StoredReport
from repo_agent_dagster.store.engine import read_transaction, write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine


def write_page(page: Path, report: DeliveryReport, version: int, reports_dir: Path) -> None:
    """Write a report's page; what all pages share of the charts is kept under `reports_dir`.

    Raises:
        OSError: the file or its folder cannot be written.
    """
    write_whole(page, render_html(report, version=version, cache=reports_dir))


def ensure_page(engine: "Engine", stored: StoredReport, *, reports_dir: Path) -> Path:
    """Return the path of a stored report's HTML page under `reports_dir`, written again if it is missing.

    Raises:
        OSError: it cannot be written.
    """
    page = reports_dir.absolute() / page_path(stored.order_id, stored.version)
    if not page.exists():
        write_page(page, stored_report(stored.report_json), stored.version, reports_dir)
    if stored.html_path != str(page):
        with write_transaction(engine) as conn:
            delivery_reports.relocate(conn, stored.id, str(page))
    return page


def mend_pages(engine: "Engine", *, reports_dir: Path) -> tuple[int, list[str]]:
    """Write the pages of current reports that are missing; return how many, and what was wrong with the others."""
    with read_transaction(engine) as conn:
        versions = delivery_reports.current_versions(conn)
    pages = {order_id: reports_dir.absolute() / page_path(order_id, version) for order_id, version in versions.items()}
    mended = 0
    problems: list[str] = []
    for order_id in [order_id for order_id, page in pages.items() if not page.exists()]:
        with read_transaction(engine) as conn:
            stored = delivery_reports.current(conn, order_id)
        if stored is None:
            continue
        try:
            ensure_page(engine, stored, reports_dir=reports_dir)
            mended += 1
        except OSError as error:
            problems.append(unwritten(order_id, pages[order_id], error))
    return mended, problems


def unwritten(order_id: str, page: Path, error: OSError) -> str:
    """Say that an order's page cannot be written, and why."""
    return f"order {order_id!r}: its page {page} cannot be written: {error.strerror or error}"
