"""The report as one HTML page that needs nothing else: styles, data and scripts inside, and no request is made.

Without scripts everything is in its tables; with them, charts are drawn and tables sort.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.contracts.reports import CheckReport, DeliveryReport, FileReport
from repo_agent_dagster.pages.rendering import page_environment
from repo_agent_dagster.pages.visible_text import visible
from repo_agent_dagster.reports import wording
from repo_agent_dagster.reports.charts.of_report import report_charts
from repo_agent_dagster.reports.charts.page import page_charts
from repo_agent_dagster.reports.headline import headline
from repo_agent_dagster.reports.links import web_link
from repo_agent_dagster.reports.long_tables import check_rows, file_entries, patch_rows

MAX_ROWS = 5_000
"""Patches and files listed on a page, of each; beyond it the page says how many there are."""

MAX_CHECKS = 2_000
"""Checks listed on a page, as `MAX_ROWS`; failed ones go first where there are more."""

FEW_ROWS = 200
"""Rows that are part of the page from the start; where scripts run, a longer table is made when it is opened."""

MAX_PAGE_DIFF_CHARS = 1_000_000
"""Characters of diffs on a page; files beyond it are listed without theirs."""


def render_html(report: DeliveryReport, *, version: int, cache: Path | None = None) -> str:
    """Return the page. Everything that came from patches is escaped; `cache` is the folder of reports.

    The script that draws charts is kept under `cache`; without it, it is put together anew in each process.
    """
    template = page_environment("repo_agent_dagster.reports").get_template("delivery.html.j2")
    page: str = template.render(
        report=report,
        version=version,
        headline=headline(report),
        charts=page_charts(report_charts(report), cache=cache),
        files=_shown_files(report.files),
        patches=_Listed(report.patches),
        failed_checks=sum(check.outcome == "failed" for check in report.checks),
        checks=_Listed(_failed_first(report.checks), MAX_CHECKS),
        with_workspace=len({patch.workspace for patch in report.patches}) > 1,
        validations=[task for task in report.task_runs if task.validation is not None],
        lines=_lines(report.files),
        explained={source.id for source in report.sources},
        wording=wording,
        web_link=web_link,
        patch_rows=patch_rows,
        check_rows=check_rows,
        file_entries=file_entries,
        few=FEW_ROWS,
    )
    return visible(page)


@dataclass(frozen=True)
class _Lines:
    """Lines added and removed in the files whose counts are known, and in how many files they are not."""

    added: int
    removed: int
    unknown: int


class _Listed:
    """The rows of a long table that are shown, and how many are not."""

    def __init__(self, rows: Sequence[object], most: int = MAX_ROWS) -> None:
        self.rows = rows[:most]
        self.left_out = len(rows) - len(self.rows)


def _failed_first(checks: Sequence[CheckReport]) -> Sequence[CheckReport]:
    if len(checks) <= MAX_CHECKS:
        return checks
    return sorted(checks, key=lambda check: check.outcome != "failed")


def _shown_files(files: Sequence[FileReport]) -> _Listed:
    shown, room = [], MAX_PAGE_DIFF_CHARS
    for file in files[:MAX_ROWS]:
        diff, note = file.final_diff, file.diff_note
        if diff is not None and len(diff) > room:
            diff, note = None, "The page has no room for its diff; it is in the report's JSON."
        room -= len(diff or "")
        shown.append((file, diff, note))
    listed = _Listed(shown)
    listed.left_out = len(files) - len(shown)
    return listed


def _lines(files: Sequence[FileReport]) -> _Lines:
    known = [(file.added, file.removed) for file in files if file.added is not None and file.removed is not None]
    return _Lines(sum(a for a, _ in known), sum(r for _, r in known), len(files) - len(known))
