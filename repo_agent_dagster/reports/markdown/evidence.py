"""The proof in Markdown: checks, validations and custody; errors, files with their final diffs, and patches."""

from collections.abc import Iterator

from repo_agent_dagster.contracts.reports import DeliveryReport, ValidationReport
from repo_agent_dagster.contracts.tasks import Pathway
from repo_agent_dagster.pages.markdown_text import code, fenced, inline
from repo_agent_dagster.reports.markdown.blocks import (
    MAX_ROWS,
    Block,
    bounded_table,
    failed_first,
    folded,
    named,
    shortened,
)
from repo_agent_dagster.reports.wording import lines, plural, rate, verdict
from repo_agent_dagster.reports.wording import proof as proof_name

MAX_DIFF_CHARACTERS = 200_000
"""Characters of final diffs in one text; the page and the JSON have more."""

_MAX_NAMED = 100
_MAX_FINDINGS = 5


def proof(report: DeliveryReport) -> Iterator[Block]:
    """Return what was proved, and how."""
    items = [f"- Checks of patches: {rate(report.totals)}"]
    items += [
        _validation(task.task_id, task.pathway, task.validation)
        for task in report.task_runs[:_MAX_NAMED]
        if task.validation is not None
    ]
    items += [
        f"- Check of {code(shortened(m.unit))}: {m.check}"
        + (f", {inline(shortened(m.check_message))}" if m.check_message else "")
        for m in report.migrations[:_MAX_NAMED]
    ]
    for chain in report.custody[:_MAX_NAMED]:
        problem = inline(shortened(chain.problem or "no reason given", 1000))
        state = "chain intact" if chain.intact else f"**chain broken**: {problem}"
        items.append(f"- Custody of {code(shortened(chain.workspace))}: {state}")
    yield Block("proof", "\n".join(items))
    if report.checks:
        rows = [
            [
                code(shortened(check.check)),
                check.outcome,
                _known(check.before),
                _known(check.after),
                _known(check.added),
                str(check.patches),
                named(check.phase) if check.phase is not None else "–",
            ]
            for check in failed_first(report.checks, is_failed=lambda check: check.outcome == "failed")
        ]
        headers = ["check", "outcome", "before", "after", "new", "patches", "phase"]
        yield Block(
            "checks", "### Checks\n\n" + bounded_table(headers, rows, numbers=range(2, 6), of=len(report.checks))
        )
        found = [
            f"- {code(shortened(check.check))}: {inline(shortened(finding))}"
            for check in [check for check in report.checks if check.findings][:MAX_ROWS]
            for finding in check.findings[:_MAX_FINDINGS]
        ]
        if found:
            yield Block("findings", folded("New findings", "\n".join(found)), is_detail=True)


def errors(report: DeliveryReport) -> Iterator[Block]:
    """Return the most frequent errors."""
    if report.errors:
        rows = [[inline(shortened(e.error, 1000)), f"{e.patches:,}"] for e in report.errors]
        yield Block("errors", bounded_table(["error", "patches"], rows, numbers=(1,)))


def files(report: DeliveryReport) -> Iterator[Block]:
    """Return the files, and what became of each as a diff."""
    if not report.files:
        return
    rows = [
        [
            code(shortened(f.path)),
            lines(f.added, f.removed),
            str(f.patches),
            f.last_event.removeprefix("patch_"),
        ]
        for f in report.files[:MAX_ROWS]
    ]
    headers = ["file", "lines", "patches", "last event"]
    yield Block("files", bounded_table(headers, rows, numbers=(1, 2), of=len(report.files)))
    diffs, room = [], MAX_DIFF_CHARACTERS
    for file in report.files:
        if file.final_diff is None or len(file.final_diff) > room:
            continue
        room -= len(file.final_diff)
        note = f"\n\n{inline(file.diff_note)}" if file.diff_note else ""
        diffs.append(f"{code(shortened(file.path))}{note}\n\n{fenced(file.final_diff.rstrip(chr(10)), 'diff')}")
    if diffs:
        yield Block("final diffs", folded(f"Final diffs of {plural(len(diffs), 'file')}", "\n\n".join(diffs)), True)


def patches(report: DeliveryReport) -> Iterator[Block]:
    """Return the list of patches."""
    if not report.patches:
        return
    rows = [
        [
            f"{p.first_at:%Y-%m-%d %H:%M:%S}",
            code(shortened(p.path)),
            code(shortened(p.op)),
            named(p.phase),
            inline(shortened(p.requester)),
            f"{p.outcome}{', reverted' if p.reverted else ''}",
            lines(p.added, p.removed),
            code(shortened(p.patch_id)),
        ]
        for p in failed_first(report.patches, is_failed=lambda patch: patch.outcome == "failed")
    ]
    headers = ["first event", "file", "operation", "phase", "factory", "outcome", "lines", "patch"]
    text = bounded_table(headers, rows, numbers=(6,), of=len(report.patches))
    yield Block("patches", folded(plural(len(report.patches), "patch", "patches"), text), is_detail=True)


def _validation(task_id: str, pathway: str, found: ValidationReport) -> str:
    two_sides = pathway == Pathway.SOLUTION_VALIDATION
    sides = [
        f"{name}{_known(side.passed)} of {_known(side.total)} passed"
        for name, side in (("before ", found.before), ("after " if two_sides else "", found.after))
        if side is not None
    ]
    text = f"- {inline(proof_name(pathway))} {code(task_id)}: **{inline(verdict(found.verdict))}**"
    text += f" (tests: {', '.join(sides)})" if sides else ""
    return text + (f". {inline(shortened(found.explanation, 2000))}" if found.explanation else "")


def _known(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"
