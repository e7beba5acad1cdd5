"""Bring stored reports up to date with their orders' facts: a new version only when they changed."""

import gc
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.reports import UNATTRIBUTED, DeliveryReport
from repo_agent_dagster.reports.build import build_report, document_of
from repo_agent_dagster.reports.facts import gather
from repo_agent_dagster.reports.files import page_path
from repo_agent_dagster.reports.final_diffs import final_diffs, known_diffs
from repo_agent_dagster.reports.generated import (
    BusyOrderError,
    GeneratedReport,
    GeneratedReports,
    PageUnwritableError,
    ReportVersion,
    UnknownOrderError,
)
from repo_agent_dagster.reports.markdown import render_markdown
from repo_agent_dagster.reports.page_files import ensure_page, mend_pages, unwritten, write_page
from repo_agent_dagster.reports.stored import stored_report
from repo_agent_dagster.store import custody_verdicts, delivery_reports, order_facts, order_marks
from repo_agent_dagster.store.delivery_reports import NewReport, StoredReport, next_version
from repo_agent_dagster.store.engine import read_transaction, write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = [
    "BusyOrderError",
    "GeneratedReport",
    "GeneratedReports",
    "PageUnwritableError",
    "ReportVersion",
    "UnknownOrderError",
    "generate",
    "generate_changed",
]

MAX_LOST_RACES = 20
ORDERS_AT_ONCE = 20
"""So many reports share their transactions; more would be held in memory."""


@dataclass(frozen=True)
class _Press:
    """What reports are made with."""

    engine: "Engine"
    reports_dir: Path
    now: datetime
    dagster_url: str

    def page(self, order_id: str, version: int) -> Path:
        return self.reports_dir.absolute() / page_path(order_id, version)


@dataclass(frozen=True)
class _Draft:
    """A report as the facts tell it now, and the current version that it may replace."""

    report: DeliveryReport
    document: str
    digest: str
    mark: str | None
    replaces: StoredReport | None

    @property
    def is_new(self) -> bool:
        return self.replaces is None or self.replaces.content_digest != self.digest


def generate(
    engine: "Engine", order_id: str, *, reports_dir: Path, now: datetime, dagster_url: str = ""
) -> GeneratedReport:
    """Make the order's report current, and its HTML page present under `reports_dir`.

    Reads all of the order's facts, and walks the whole custody chain of every workspace that it touched. Idempotent,
    and safe with other writers: of two that see the same change one makes the version.

    Raises:
        UnknownOrderError: the order has neither patch events, task requests nor migrations.
        PageUnwritableError: the version was made, and its page cannot be written.
        BusyOrderError: other writers kept overtaking this one; try again.
    """
    name = order_id or UNATTRIBUTED
    press = _Press(engine, reports_dir, now, dagster_url)
    with read_transaction(engine) as conn:
        marks = order_marks.order_marks(conn)
        workspaces = order_facts.order_workspaces(conn, name)
    for workspace in workspaces:
        custody_verdicts.verify_whole(engine, workspace, now=now)
    [(version, draft)] = _brought_up_to_date(press, [name], marks, refuse_unknown=True)
    if version.problem is not None:
        raise PageUnwritableError(version.problem)
    report = draft.report if version.is_new or draft.replaces is None else stored_report(draft.replaces.report_json)
    return GeneratedReport(version.order_id, version.version, version.html_path, version.is_new, None, report)


def generate_changed(
    engine: "Engine",
    *,
    reports_dir: Path,
    now: datetime,
    dagster_url: str = "",
    say: Callable[[str], None] | None = None,
    everything: bool = False,
) -> GeneratedReports:
    """Make the report of every order current whose facts changed since its report was made.

    The order's mark tells (`store.order_marks`): where it is the report's, nothing is read. Of the custody chains what
    was appended is verified first. A page that is missing is written again. `everything`: read every order whatever
    its mark, and walk whole chains. `say` is told how far it came.

    An order whose report cannot be made does not stop the others: it is one of the `problems`.
    """
    began = time.monotonic()
    press = _Press(engine, reports_dir, now, dagster_url)
    _verify_custody(engine, now, whole=everything)
    with read_transaction(engine) as conn:
        # Not newer than the facts, which are read after it: what comes between is read again next time.
        marks = order_marks.order_marks(conn)
        known = order_marks.reported_marks(conn)
    due = [order_id for order_id, mark in marks.items() if everything or known.get(order_id) != mark]
    made: list[ReportVersion] = []
    problems: list[str] = []
    for start in range(0, len(due), ORDERS_AT_ONCE):
        part = due[start : start + ORDERS_AT_ONCE]
        with _rarely_collecting():
            versions, failed = _each_that_can_be_made(press, part, marks)
        made += [version for version in versions if version.is_new]
        problems += [*failed, *(version.problem for version in versions if version.problem)]
        if say is not None:
            say(f"{start + len(part)} of {len(due)} orders read, {len(made)} new versions")
    mended, failed = mend_pages(engine, reports_dir=reports_dir)
    told = dict.fromkeys((*problems, *failed))
    return GeneratedReports(len(marks), tuple(made), len(due), mended, tuple(told), time.monotonic() - began)


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    """Look for garbage in cycles a hundred times less often: facts have none, and the look is a fifth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] * 100, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _verify_custody(engine: "Engine", now: datetime, *, whole: bool) -> None:
    if whole:
        custody_verdicts.verify_all(engine, now=now)
    else:
        custody_verdicts.verify_all_appended(engine, now=now)


def _brought_up_to_date(
    press: _Press, orders: Collection[str], marks: Mapping[str, str], *, refuse_unknown: bool = False
) -> list[tuple[ReportVersion, _Draft]]:
    """Make the orders' reports current, in one transaction for all unless other writers come between."""
    done: list[tuple[ReportVersion, _Draft]] = []
    waiting = list(orders)
    for _ in range(MAX_LOST_RACES):
        drafts = _drafts(press, waiting, marks, refuse_unknown=refuse_unknown)
        published = _published(press, drafts)
        waiting = []
        for draft in drafts:
            if draft.report.order_id in published:
                done.append((_finished(press, draft), draft))
            else:
                waiting.append(draft.report.order_id)
        if not waiting:
            return done
    raise BusyOrderError(
        f"order {waiting[0]!r}: another writer published its report {MAX_LOST_RACES} times while this one tried; "
        "generate it again when they are done"
    )


def _each_that_can_be_made(
    press: _Press, orders: Collection[str], marks: Mapping[str, str]
) -> tuple[list[ReportVersion], list[str]]:
    """Make the orders' reports current; where one cannot be made, the others are, and what was wrong is returned.

    Raises:
        Exception: none of several could be made, so it is not the orders that are wrong.
    """
    try:
        return [version for version, _ in _brought_up_to_date(press, orders, marks)], []
    except Exception as error:
        if len(orders) == 1:
            return [], [_problem(next(iter(orders)), error)]
        versions: list[ReportVersion] = []
        problems: list[str] = []
        for order_id in orders:
            made, failed = _each_that_can_be_made(press, [order_id], marks)
            versions += made
            problems += failed
        if not versions:
            raise
        return versions, problems


def _problem(order_id: str, error: Exception) -> str:
    return f"order {order_id!r}: {error or type(error).__name__}"


def _drafts(press: _Press, orders: Collection[str], marks: Mapping[str, str], *, refuse_unknown: bool) -> list[_Draft]:
    with read_transaction(press.engine) as conn:
        # In one snapshot, so that the facts are not older than what the current version tells of (see `publish`).
        return [_draft(press, conn, order_id, marks, refuse_unknown=refuse_unknown) for order_id in orders]


def _draft(
    press: _Press, conn: "Connection", order_id: str, marks: Mapping[str, str], *, refuse_unknown: bool
) -> _Draft:
    replaces = delivery_reports.current(conn, order_id)
    facts = gather(conn, order_id)
    if refuse_unknown and not facts.is_known:
        raise UnknownOrderError(
            f"order {order_id!r} has no patch events, task requests or migrations; "
            "`repo-agent reports list` shows the orders that have a report"
        )
    known = known_diffs(replaces.report_json) if replaces is not None else {}
    report = build_report(
        facts, press.now, read_diffs=lambda changes: final_diffs(changes, known), dagster_url=press.dagster_url
    )
    return _Draft(report, *document_of(report), marks.get(order_id), replaces)


def _published(press: _Press, drafts: Collection[_Draft]) -> set[str]:
    """Publish the drafts that say something new; return the orders that are current now."""
    new = [(draft, _new_report(press, draft)) for draft in drafts if draft.is_new]
    current: set[str] = set()
    with write_transaction(press.engine) as conn:
        for draft, report in new:
            if delivery_reports.publish(conn, report, replaces=draft.replaces, now=press.now):
                current.add(report.order_id)
        for draft in drafts:
            if not draft.is_new and draft.replaces is not None:
                if draft.mark is not None and draft.mark != draft.replaces.facts_mark:
                    delivery_reports.remark(conn, draft.replaces.id, draft.mark)
                current.add(draft.report.order_id)
    return current


def _new_report(press: _Press, draft: _Draft) -> NewReport:
    report = draft.report
    return NewReport(
        order_id=report.order_id,
        content_digest=draft.digest,
        report_md=render_markdown(report),
        report_json=draft.document,
        html_path=str(press.page(report.order_id, next_version(draft.replaces))),
        success_rate=report.totals.success_rate,
        total_patches=report.totals.total,
        facts_mark=draft.mark,
    )


def _finished(press: _Press, draft: _Draft) -> ReportVersion:
    """Write the page, after the commit: a version number is ours only then. A crash here is mended by the next call."""
    order_id = draft.report.order_id
    is_new = draft.is_new or draft.replaces is None
    version = next_version(draft.replaces) if is_new or draft.replaces is None else draft.replaces.version
    page, problem = press.page(order_id, version), None
    try:
        if is_new or draft.replaces is None:
            write_page(page, draft.report, version, press.reports_dir)
        else:
            ensure_page(press.engine, draft.replaces, reports_dir=press.reports_dir)
    except OSError as error:
        problem = unwritten(order_id, page, error)
    return ReportVersion(order_id, version, page, is_new, problem)
