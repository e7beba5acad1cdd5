"""Put the report's Markdown together from its sections."""

from collections.abc import Iterator

from repo_agent_dagster.contracts.reports import DeliveryReport
from repo_agent_dagster.pages.markdown_text import code as code_span
from repo_agent_dagster.pages.markdown_text import fenced, inline, quote
from repo_agent_dagster.pages.visible_text import visible
from repo_agent_dagster.reports.charts.of_report import report_charts
from repo_agent_dagster.reports.headline import headline
from repo_agent_dagster.reports.links import markdown_address
from repo_agent_dagster.reports.markdown.blocks import MAX_TEXT, Block, Section, folded, joined, shortened
from repo_agent_dagster.reports.markdown.evidence import errors, files, patches, proof
from repo_agent_dagster.reports.markdown.story import happened
from repo_agent_dagster.reports.wording import instant, plural, rate

MAX_COMMENT_CHARACTERS = 60_000
"""What fits into a comment on GitHub (65,536), with room for a mark and a link."""


def render_markdown(report: DeliveryReport, *, charts_at: str | None = None, max_characters: int | None = None) -> str:
    """Return the report as GitHub-flavoured Markdown; everything that came from patches is escaped.

    `charts_at` is where its pictures lie, e.g. ``charts`` or an address: ``charts/timeline.svg`` and so on, by the
    names of `report_charts`. Of a text of at most `max_characters` what matters least is left out, and said so.
    """
    sections = (
        Section(f"# Delivery report: order {inline(shortened(report.order_id))}", list(_opening(report))),
        Section("## What was asked", list(_asked(report))),
        Section("## Charts", list(_pictures(report, charts_at)) if charts_at else []),
        Section("## What happened", list(happened(report))),
        Section("## Proof", list(proof(report))),
        Section("## Errors", list(errors(report))),
        Section("## Files", list(files(report))),
        Section("## Patches", list(patches(report))),
        Section("## Why these numbers", list(_sources(report))),
    )
    return visible(joined(sections, max_characters=max_characters))


def _opening(report: DeliveryReport) -> Iterator[Block]:
    totals = report.totals
    counts = (
        f"**{plural(totals.total, 'patch', 'patches')}** on {plural(len(report.files), 'file')}: "
        f"{totals.ok:,} ok, {totals.failed:,} failed, {totals.unchecked:,} unchecked, {totals.reverted:,} reverted. "
        f"Success rate: {rate(totals)}."
    )
    if totals.refused:
        counts += f" Of the unchecked, {totals.refused:,} failed before any check ran."
    times = f"From {instant(report.first_at)} to {instant(report.last_at)}. Made {instant(report.generated_at)}."
    yield Block("the summary", f"**{headline(report).text}**\n\n{counts}\n\n{times}")


def _asked(report: DeliveryReport) -> Iterator[Block]:
    request = report.request
    items = [f"- Requested by: {_codes(request.requesters)}"]
    if request.branches:
        items.append(f"- Branch: {_codes(request.branches)}")
    yield Block("requesters", "\n".join(items))
    for text in request.reasons:
        yield Block("reasons", quote(shortened(text, MAX_TEXT)))
    for text in request.prompts:
        yield Block("prompts", quote(shortened(text, MAX_TEXT)))


def _codes(names: list[str]) -> str:
    return ", ".join(code_span(shortened(name)) for name in names) or "–"


def _pictures(report: DeliveryReport, charts_at: str) -> Iterator[Block]:
    place = markdown_address(charts_at)
    links = [f"![{inline(chart.title)}]({place}/{name}.svg)" for name, chart in report_charts(report).items()]
    if links:
        yield Block("charts", "\n\n".join(links))


def _sources(report: DeliveryReport) -> Iterator[Block]:
    if not report.sources:
        return
    rules = "\n".join(f"- **{inline(source.number)}**: {inline(source.rule)}" for source in report.sources)
    yield Block("the numbers' rules", folded("The rule of each number", rules), is_detail=True)
    numbers_of: dict[str, list[str]] = {}
    for source in report.sources:
        if source.query:
            numbers_of.setdefault(source.query, []).append(inline(source.number))
    queries = [f"{', '.join(numbers)}:\n\n{fenced(query, 'sql')}" for query, numbers in numbers_of.items()]
    if queries:
        yield Block("the numbers' queries", folded("The query of each number", "\n\n".join(queries)), is_detail=True)
