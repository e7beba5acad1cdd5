"""The report as one HTML page that needs nothing else: styles, data and scripts inside, and no request is made.

Without scripts everything is in its tables; with them, charts are drawn and tables sort.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from repo_agent_dagster.contracts.reports import CheckReport, DeliveryReport, FileReport
from repo_agent_dagster.pages.rendering import page_environment
from repo_agent_dagster.pages.visible_text import visible
from repo_agent_dagster.reports import wording
from repo_agent_dagster.reports.charts.of_report import report_charts
from repo_agent_dagster.reports.charts.page import page_charts
from repo_agent_dagster.reports.headline import headline
from repo_agent_dagster.reports.links import web_link

MAX_ROWS = 5_000
"""Patches and files listed on a page, of each; beyond it the page says how many there are."""

MAX_CHECKS = 2_000
"""Checks listed on a page, as `MAX_ROWS`; failed ones go first where there are more."""

FEW_ROWS = 200
"""Rows that are part of the page from the start; where scripts run, a longer table is made when it is opened."""

MAX_PAGE_DIFF_CHARS = 1_000_000
"""Characters of diffs on a page; files beyond it are listed without theirs."""

_TAGS = {"+": "ins", "-": "del", "@": "b"}
_HEADER = "i"
_MAX_NAME = 400
_MAX_NOTE = 300


@dataclass(frozen=True)
class DiffBlock:
    """Lines of a diff that stand together and are alike, and the tag that they are shown in; none for context."""

    tag: str
    text: str


@dataclass(frozen=True)
class ShownFile:
    """A file with its final diff, as far as there is one and the page has room."""

    file: FileReport
    diff: tuple[DiffBlock, ...]
    note: str | None


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
        checks=_Listed(_failed_first(report.checks), MAX_CHECKS),
        workspaces=sorted({patch.workspace for patch in report.patches}),
        validations=[task for task in report.task_runs if task.validation is not None],
        lines=_lines(report.files),
        explained={source.id for source in report.sources},
        wording=wording,
        web_link=web_link,
        name=_name,
        note=_note,
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
        shown.append(ShownFile(file, tuple(_blocks(diff or "")), note))
    listed = _Listed(shown)
    listed.left_out = len(files) - len(shown)
    return listed


def _blocks(diff: str) -> Iterable[DiffBlock]:
    """Put alike lines together: a page of many diffs has a tenth of the elements."""
    lines = diff.removesuffix("\n").split("\n") if diff else []
    first_hunk = next((number for number, line in enumerate(lines) if line.startswith("@@")), len(lines))
    tagged = ((_HEADER if number < first_hunk else _TAGS.get(line[:1], ""), line) for number, line in enumerate(lines))
    for tag, alike in groupby(tagged, key=itemgetter(0)):
        yield DiffBlock(tag, "\n".join(line for _, line in alike))


def _name(text: str | None) -> str:
    """Return a name short enough for a page; what is cut is the middle, as ends of paths tell most."""
    if text is None:
        return "–"
    return text if len(text) <= _MAX_NAME else f"{text[: _MAX_NAME // 2]}…{text[-_MAX_NAME // 2 :]}"


def _note(text: str) -> str:
    return text if len(text) <= _MAX_NOTE else text[: _MAX_NOTE - 1] + "…"


def _lines(files: Sequence[FileReport]) -> _Lines:
    known = [(file.added, file.removed) for file in files if file.added is not None and file.removed is not None]
    return _Lines(sum(a for a, _ in known), sum(r for _, r in known), len(files) - len(known))
