"""The report as one HTML page that needs nothing else: no script, no font, no request, styles and charts inside."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from repo_agent_dagster.contracts.reports import DeliveryReport, FileReport, PatchReport
from repo_agent_dagster.pages.rendering import Headline, page_environment
from repo_agent_dagster.reports import wording
from repo_agent_dagster.reports.chart_geometry import day_chart, outcome_ring, phase_timeline
from repo_agent_dagster.reports.diffs import Diff, read_diff

MAX_PAGE_DIFF_BYTES = 1536 * 1024
"""Diff text shown on one page; patches beyond it are listed with the place of their diff."""

MAX_PATCH_DIFF_BYTES = 64 * 1024
"""Diff text shown of one patch; a longer one is cut, and says so."""


@dataclass(frozen=True)
class ShownPatch:
    """A patch with its diff, as far as there is one and the page has room."""

    patch: PatchReport
    diff: Diff | None


@dataclass(frozen=True)
class ShownFile:
    """A file with its patches, oldest first."""

    file: FileReport
    patches: tuple[ShownPatch, ...]


def render_html(report: DeliveryReport, *, version: int, diffs: Mapping[str, Diff] | None = None) -> str:
    """Return the page; `diffs` by patch id, see `load_diffs`. Everything that came from patches is escaped."""
    template = page_environment("repo_agent_dagster.reports").get_template("delivery.html.j2")
    return template.render(
        report=report,
        version=version,
        headline=headline(report),
        ring=outcome_ring(report.totals),
        days=day_chart(report.days),
        timeline=phase_timeline(report.phases),
        files=_shown_files(report, diffs or {}),
        validations=[task for task in report.task_runs if task.validation is not None],
        added=_sum(file.added for file in report.files),
        removed=_sum(file.removed for file in report.files),
        wording=wording,
    )


def load_diffs(patches: Iterable[PatchReport], *, budget: int = MAX_PAGE_DIFF_BYTES) -> dict[str, Diff]:
    """Read the diffs of the patches in order until `budget` bytes of text are taken."""
    diffs: dict[str, Diff] = {}
    for patch in patches:
        if budget <= 0:
            break
        diff = read_diff(patch.workspace, patch.diff_path, max_bytes=min(MAX_PATCH_DIFF_BYTES, budget))
        if diff is not None:
            diffs[patch.patch_id] = diff
            budget -= sum(len(line.text.encode()) + 1 for line in diff.lines)
    return diffs


def headline(report: DeliveryReport) -> Headline:
    """Say in one sentence how the order ended, worst news first."""
    totals = report.totals
    broken = [chain for chain in report.custody if not chain.intact]
    if broken:
        return Headline("failed", f"The custody chain is broken in {wording.plural(len(broken), 'workspace')}.")
    if totals.failed:
        return Headline(
            "failed", f"{totals.failed} of {wording.plural(totals.checked, 'checked patch', 'checked patches')} failed."
        )
    if totals.refused:
        return Headline("failed", f"{wording.plural(totals.refused, 'patch', 'patches')} failed before any check ran.")
    if totals.unchecked:
        checked = f"all {totals.ok} that were checked passed" if totals.checked else "nothing was checked"
        return Headline("unchecked", f"{wording.plural(totals.unchecked, 'patch', 'patches')} unchecked; {checked}.")
    if totals.total:
        return Headline("ok", "Every patch was checked and passed.")
    return Headline("unchecked", "No patches.")


def _shown_files(report: DeliveryReport, diffs: Mapping[str, Diff]) -> list[ShownFile]:
    by_file: dict[tuple[str, str], list[ShownPatch]] = {}
    for patch in report.patches:
        by_file.setdefault((patch.workspace, patch.path), []).append(ShownPatch(patch, diffs.get(patch.patch_id)))
    return [ShownFile(file, tuple(by_file.get((file.workspace, file.path), ()))) for file in report.files]


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)
