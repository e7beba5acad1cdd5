"""The report as Markdown that GitHub shows cleanly, in a pull request, an issue or a file."""

from collections.abc import Iterator

from repo_agent_dagster.contracts.reports import DeliveryReport, PatchCounts, ValidationReport
from repo_agent_dagster.contracts.tasks import Pathway
from repo_agent_dagster.pages.markdown_text import code, inline, quote, table
from repo_agent_dagster.reports.wording import duration, instant, lines, plural, proof, rate, verdict

_COUNT_HEADERS = ["total", "ok", "failed", "unchecked", "reverted", "success rate"]


def render_markdown(report: DeliveryReport) -> str:
    """Return the report as GitHub-flavoured Markdown; everything that came from patches is escaped."""
    parts = [part for section in _SECTIONS for part in section(report)]
    return "\n\n".join(parts) + "\n"


def _heading(report: DeliveryReport) -> Iterator[str]:
    totals = report.totals
    yield f"# Delivery report: order {inline(report.order_id)}"
    yield (
        f"**{plural(totals.total, 'patch', 'patches')}** on {plural(len(report.files), 'file')}: "
        f"{totals.ok} ok, {totals.failed} failed, {totals.unchecked} unchecked, {totals.reverted} reverted. "
        f"Success rate: {rate(totals)}."
    )
    if totals.refused:
        yield f"Of the unchecked, {totals.refused} failed before any check ran."
    yield f"From {instant(report.first_at)} to {instant(report.last_at)}. Made {instant(report.generated_at)}."


def _request(report: DeliveryReport) -> Iterator[str]:
    request = report.request
    yield "## What was asked"
    items = [f"- Requested by: {', '.join(map(code, request.requesters)) or '–'}"]
    if request.branches:
        items.append(f"- Branch: {', '.join(map(code, request.branches))}")
    yield "\n".join(items)
    yield from (quote(text) for text in (*request.reasons, *request.prompts))


def _happened(report: DeliveryReport) -> Iterator[str]:
    yield "## What happened"
    if report.phases:
        yield table(
            ["phase", "from", "took", *_COUNT_HEADERS],
            [
                [
                    _named(phase.phase),
                    instant(phase.first_at),
                    duration(phase.first_at, phase.last_at),
                    *_count_cells(phase.counts),
                ]
                for phase in report.phases
            ],
            numbers=frozenset(range(3, 8)),
        )
    if report.operations:
        yield "Operations: " + ", ".join(f"{code(o.op)} × {o.patches}" for o in report.operations) + "."
    if report.task_runs:
        yield "### Task runs"
        yield table(
            ["task", "pathway", "status", "took", "Dagster run"],
            [
                [
                    code(task.task_id),
                    inline(task.pathway),
                    task.status,
                    duration(task.started_at, task.ended_at),
                    code(task.dagster_run_id) if task.dagster_run_id else "–",
                ]
                for task in report.task_runs
            ],
        )
        failures = [f"- {code(task.task_id)}: {inline(task.error)}" for task in report.task_runs if task.error]
        if failures:
            yield "\n".join(failures)
    if report.migrations:
        yield "### Migrations"
        yield table(
            ["unit", "status", "files", "check"],
            [
                [code(m.unit), inline(m.status.replace("_", " ")), "?" if m.files is None else str(m.files), m.check]
                for m in report.migrations
            ],
            numbers=frozenset({2}),
        )


def _proof(report: DeliveryReport) -> Iterator[str]:
    yield "## Proof"
    items = [f"- Checks of patches: {rate(report.totals)}"]
    items += [
        _validation(task.task_id, task.pathway, task.validation)
        for task in report.task_runs
        if task.validation is not None
    ]
    items += [
        f"- Check of {code(m.unit)}: {m.check}" + (f", {inline(m.check_message)}" if m.check_message else "")
        for m in report.migrations
    ]
    for chain in report.custody:
        state = "chain intact" if chain.intact else f"**chain broken**: {inline(chain.problem or 'no reason given')}"
        items.append(f"- Custody of {code(chain.workspace)}: {state}")
    if report.ops_issues.opened:
        items.append(f"- Ops issues of its runs: {len(report.ops_issues.opened)}")
    yield "\n".join(items)


def _validation(task_id: str, pathway: str, found: ValidationReport) -> str:
    two_sides = pathway == Pathway.SOLUTION_VALIDATION
    sides = [
        f"{name}{'?' if side.passed is None else side.passed} of {'?' if side.total is None else side.total} passed"
        for name, side in (("before ", found.before), ("after " if two_sides else "", found.after))
        if side is not None
    ]
    text = f"- {proof(pathway)} {code(task_id)}: **{inline(verdict(found.verdict))}**"
    text += f" (tests: {', '.join(sides)})" if sides else ""
    return text + (f". {inline(found.explanation)}" if found.explanation else "")


def _files(report: DeliveryReport) -> Iterator[str]:
    if report.files:
        yield "## Files"
        yield table(
            ["file", "lines", "patches", "last event"],
            [
                [code(f.path), lines(f.added, f.removed), str(f.patches), f.last_event.removeprefix("patch_")]
                for f in report.files
            ],
            numbers=frozenset({1, 2}),
        )


def _errors(report: DeliveryReport) -> Iterator[str]:
    if report.errors:
        yield "## Errors"
        yield table(
            ["error", "patches"], [[inline(e.error), str(e.patches)] for e in report.errors], numbers=frozenset({1})
        )


def _sources(report: DeliveryReport) -> Iterator[str]:
    yield "## Where each number comes from"
    yield table(["number", "source"], [[inline(s.number), inline(s.rule)] for s in report.sources])


_SECTIONS = (_heading, _request, _happened, _proof, _files, _errors, _sources)


def _named(phase: str | None) -> str:
    return "(no phase)" if phase is None else inline(phase)


def _count_cells(counts: PatchCounts) -> list[str]:
    numbers = (counts.total, counts.ok, counts.failed, counts.unchecked, counts.reverted)
    return [*(str(n) for n in numbers), rate(counts)]
