"""The report as one HTML page that needs nothing else: styles, data and scripts inside, and no request is made.

Without scripts everything is in its tables; with them, charts are drawn and tables sort.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.contracts.reports import DeliveryReport, FileReport
from repo_agent_dagster.pages.rendering import page_environment
from repo_agent_dagster.pages.visible_text import visible
from repo_agent_dagster.reports import wording
from repo_agent_dagster.reports.charts.of_report import report_charts
from repo_agent_dagster.reports.charts.page import page_charts
from repo_agent_dagster.reports.headline import headline
from repo_agent_dagster.reports.links import web_link

MAX_ROWS = 10_000
"""Patches, files and checks listed on a page, of each; beyond it the page says how many there are."""

MAX_PAGE_DIFF_CHARS = 2_000_000
"""Characters of diffs on a page; files beyond it are listed without theirs."""

_MAX_NAME = 400
_MAX_NOTE = 300


@dataclass(frozen=True)
class DiffBlock:
    """Lines of a diff that stand together and are alike: added, removed, hunk or context."""

    kind: str
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
        checks=_Listed(report.checks),
        workspaces=sorted({patch.workspace for patch in report.patches}),
        validations=[task for task in report.task_runs if task.validation is not None],
        lines=_lines(report.files),
        explained={source.id for source in report.sources},
        wording=wording,
        web_link=web_link,
        name=_name,
        note=_note,
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

    def __init__(self, rows: Sequence[object]) -> None:
        self.rows = rows[:MAX_ROWS]
        self.left_out = len(rows) - len(self.rows)


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
    kind, lines = "", list[str]()
    in_hunk = False
    for line in diff.split("\n"):
        in_hunk = in_hunk or line.startswith("@@")
        now = _kind(line) if in_hunk else "header"
        if now != kind and lines:
            yield DiffBlock(kind, "\n".join(lines))
            lines = []
        kind = now
        lines.append(line)
    if any(lines):
        yield DiffBlock(kind, "\n".join(lines))


def _kind(line: str) -> str:
    return {"+": "added", "-": "removed", "@": "hunk"}.get(line[:1], "context")


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
