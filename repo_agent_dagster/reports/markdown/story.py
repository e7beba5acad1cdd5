"""What happened, in Markdown: phases, days, operations, factories, and what ran beside the patches."""

from collections.abc import Iterator, Sequence

from repo_agent_dagster.contracts.reports import DeliveryReport, OpsIssueReport
from repo_agent_dagster.pages.markdown_text import code, inline
from repo_agent_dagster.reports.links import markdown_link
from repo_agent_dagster.reports.markdown.blocks import (
    MAX_ROWS,
    Block,
    bounded_table,
    count_cells,
    counted_table,
    folded,
    named,
    shortened,
)
from repo_agent_dagster.reports.wording import cost, duration, instant, latency, plural, step, verdict

_MAX_FAILURES = 50


def happened(report: DeliveryReport) -> Iterator[Block]:
    """Return the blocks of the section, most telling first."""
    yield from _patches(report)
    yield from _timeline(report)
    yield from _task_runs(report)
    yield from _migrations(report)
    yield from _approvals(report)
    yield from _ops_issues("### Ops issues found in its runs", report.ops_issues.opened)
    yield from _ops_issues("### Ops issues that it resolved", report.ops_issues.closed)
    yield from _models(report)


def _patches(report: DeliveryReport) -> Iterator[Block]:
    if report.phases:
        rows = [
            [named(p.phase), instant(p.first_at), duration(p.first_at, p.last_at), *count_cells(p.counts)]
            for p in report.phases
        ]
        yield Block("phases", "### Phases\n\n" + counted_table(["phase", "from", "took"], rows))
    if report.factories:
        rows = [[code(shortened(f.factory)), *count_cells(f.counts)] for f in report.factories]
        yield Block("factories", "### Factories\n\n" + counted_table(["factory"], rows))
    if report.operations:
        total = sum(entry.patches for entry in report.operations)
        shares = [f"{code(shortened(o.op))} × {o.patches:,} ({o.patches / total:.1%})" for o in report.operations[:20]]
        yield Block("operations", f"Operations: {', '.join(shares)}.")
    if report.latency:
        rows = [
            [step(e.step), f"{e.patches:,}", latency(e.mean_seconds), latency(e.p95_seconds)] for e in report.latency
        ]
        headers = ["step", "patches", "mean", "95 % within"]
        yield Block("latency", "### How long patches took\n\n" + bounded_table(headers, rows, numbers=(1, 2, 3)))
    if report.days:
        rows = [[day.day.isoformat(), *count_cells(day.counts)] for day in report.days]
        yield Block("days", folded("Patches a day", counted_table(["day"], rows)), is_detail=True)


def _timeline(report: DeliveryReport) -> Iterator[Block]:
    if report.timeline:
        rows = [
            [instant(entry.at), verdict(entry.kind), inline(shortened(entry.text))]
            for entry in report.timeline[:MAX_ROWS]
        ]
        table = bounded_table(["at", "of", "what"], rows, of=len(report.timeline))
        summary = f"Timeline: {plural(len(report.timeline), 'moment')}"
        yield Block("timeline", folded(summary, table), is_detail=True)


def _task_runs(report: DeliveryReport) -> Iterator[Block]:
    if not report.task_runs:
        return
    rows = [
        [
            code(task.task_id),
            inline(task.pathway),
            task.status,
            duration(task.started_at, task.ended_at),
            markdown_link(code(task.dagster_run_id), task.dagster_run_url) if task.dagster_run_id else "–",
        ]
        for task in report.task_runs
    ]
    text = "### Task runs\n\n" + bounded_table(["task", "pathway", "status", "took", "Dagster run"], rows)
    yield Block("task runs", text + _failures([(task.task_id, task.error) for task in report.task_runs]))


def _migrations(report: DeliveryReport) -> Iterator[Block]:
    if not report.migrations:
        return
    rows = [
        [
            code(shortened(m.unit)),
            inline(verdict(m.status)),
            "?" if m.files is None else str(m.files),
            m.check,
            code(shortened(m.target_root)),
        ]
        for m in report.migrations
    ]
    text = "### Migrations\n\n" + bounded_table(["unit", "status", "files", "check", "into"], rows, numbers=(2,))
    failures = [
        f"- {code(shortened(m.unit))}: {inline(shortened(m.error, 1000))}" for m in report.migrations if m.error
    ]
    yield Block("migrations", "\n\n".join([text, *(["\n".join(failures[:50])] if failures else [])]))


def _failures(errors: Sequence[tuple[str, str | None]]) -> str:
    """Return a list of the errors under a table; a cell would be too small for them."""
    items = [f"- {code(shortened(name))}: {inline(shortened(error, 1000))}" for name, error in errors if error]
    return "\n\n" + "\n".join(items[:_MAX_FAILURES]) if items else ""


def _approvals(report: DeliveryReport) -> Iterator[Block]:
    if report.approvals:
        rows = [
            [
                code(shortened(a.subject or a.source)),
                inline(verdict(a.verdict)),
                inline(shortened(a.rationale)),
                inline(shortened(a.decided_by or "–")),
                instant(a.decided_at),
            ]
            for a in report.approvals
        ]
        headers = ["of", "verdict", "why", "decided by", "at"]
        yield Block("approvals", "### Approvals\n\n" + bounded_table(headers, rows))


def _ops_issues(title: str, issues: Sequence[OpsIssueReport]) -> Iterator[Block]:
    if issues:
        rows = [
            [markdown_link(inline(shortened(i.title)), i.url), str(i.severity), inline(i.status), instant(i.at)]
            for i in issues
        ]
        table = bounded_table(["issue", "severity", "status", "at"], rows, numbers=(1,))
        yield Block("ops issues", f"{title}\n\n{table}")


def _models(report: DeliveryReport) -> Iterator[Block]:
    if report.ai:
        rows = [
            [
                code(shortened(m.model)),
                f"{m.calls:,}",
                f"{m.tokens:,}",
                cost(m).replace("$", "\\$"),
                str(m.calls_without_cost),
                latency(m.seconds),
            ]
            for m in report.ai
        ]
        headers = ["model", "calls", "tokens", "cost", "without a known cost", "time"]
        yield Block("calls of models", "### Calls of models\n\n" + bounded_table(headers, rows, numbers=range(1, 6)))
