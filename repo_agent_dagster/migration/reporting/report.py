"""A migration told in Markdown: what was done, what was rewritten, what is left for people, what the check said."""

from collections.abc import Iterable, Sequence
from itertools import islice

from repo_agent_dagster.migration.checks.report import CheckReport
from repo_agent_dagster.migration.planning.model import Plan
from repo_agent_dagster.migration.steps.outcome import Outcome
from repo_agent_dagster.pages.markdown_text import code, inline, table

_ROWS = 200


def render_report(outcome: Outcome) -> str:
    """Return the report of one migration as Markdown; where no check ran it says so."""
    plan = outcome.plan
    parts = [
        f"# Migration of {plan.unit}",
        outcome.message + ".",
        _facts(outcome),
        _steps(outcome),
        _changes(plan),
        _rewrites(plan),
        _unresolved(plan),
        _residual(plan),
        _refactoring(plan),
        _standards(outcome),
        _list("Left out", [f"{code(left.path)}: {left.reason}" for left in plan.left_out]),
        _list("Rules that match nothing", plan.dead_rules),
        _list("To know", plan.notes),
        "" if outcome.check is None else _check(outcome.check),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(outcome: Outcome) -> str:
    plan, check = outcome.plan, outcome.check
    facts = {
        "order": plan.manifest.order_id,
        "phase": plan.manifest.order.phase,
        "destination": plan.destination,
        "batches": ", ".join(outcome.batches) or "none",
        "source digest": plan.source_digest,
        "manifest digest": plan.manifest_digest,
        "plan digest": plan.digest,
        "standards": "not looked at" if outcome.standards is None else f"score {outcome.standards.score:g} of 100",
        "check": "none ran" if check is None or not check.ran else check.message,
    }
    return _table(("", ""), ((name, value) for name, value in facts.items()))


def _steps(outcome: Outcome) -> str:
    if not outcome.steps:
        return ""
    rows = (
        (step["step"], step["status"], "" if step["seconds"] is None else f"{step['seconds']:.1f} s", step["detail"])
        for step in outcome.steps
    )
    return "## Steps\n\n" + _table(("step", "status", "took", "what"), rows)


def _changes(plan: Plan) -> str:
    told = [change for change in plan.changes if change.action != "unchanged" or change.reason]
    counts = ", ".join(f"{count} {action}" for action, count in plan.counts().items() if count)
    rows = ((change.action, change.path, change.reason or "") for change in told)
    return f"## Files\n\n{counts}" + (f"\n\n{_table(('action', 'file', 'why'), rows)}" if told else "")


def _rewrites(plan: Plan) -> str:
    if not plan.rewrites:
        return ""
    rows = (
        (
            f"{rewrite.file}:{rewrite.line}",
            rewrite.form,
            rewrite.old,
            rewrite.new,
            "moved" if rewrite.rule is None else f"imports[{rewrite.rule}]",
        )
        for rewrite in plan.rewrites
    )
    return f"## Specifiers rewritten: {len(plan.rewrites)}\n\n" + _table(("place", "form", "was", "is", "by"), rows)


def _unresolved(plan: Plan) -> str:
    if not plan.unresolved:
        return "## Unresolved\n\nNothing: every relative import has its file."
    rows = ((f"{one.file}:{one.line}", one.form, one.specifier, one.reason) for one in plan.unresolved)
    return f"## Unresolved: {len(plan.unresolved)}\n\n" + _table(("place", "form", "specifier", "why"), rows)


def _residual(plan: Plan) -> str:
    if not plan.residual:
        return ""
    rows = ((f"{one.file}:{one.line}", one.text, one.was) for one in plan.residual)
    return f"## Old paths that survive: {len(plan.residual)}\n\n" + _table(("place", "text", "what it was"), rows)


def _refactoring(plan: Plan) -> str:
    refactoring = plan.refactoring
    if refactoring is None:
        return ""
    parts = [f"## Database moved to the orchestrator: {len(refactoring.methods)} methods"]
    if refactoring.methods:
        methods = ((one.signature, str(len(one.sites)), "; ".join(one.sql)) for one in refactoring.methods)
        parts.append(_table(("method", "calls", "SQL"), methods))
    if refactoring.manual:
        manual = ((str(one.site), one.code, one.reason) for one in refactoring.manual)
        parts.append("Left as manual work:\n\n" + _table(("place", "code", "why"), manual))
    if refactoring.public_changes:
        public = ((str(one.site), one.name, one.before, one.after) for one in refactoring.public_changes)
        parts.append("Public signatures that change:\n\n" + _table(("place", "name", "was", "is"), public))
    parts += [f"- {one.site}: {one.text}" for one in refactoring.notes]
    return "\n\n".join(parts)


def _standards(outcome: Outcome) -> str:
    report = outcome.standards
    if report is None:
        return ""
    rows = ((f"{one.file}:{one.line}", one.rule, one.level, one.message) for one in report.findings)
    parts = [
        f"## Standards: {len(report.findings)} findings\n\n" + _table(("place", "rule", "level", "what"), rows)
        if report.findings
        else "",
        _list(
            "Not checked by the standards", [f"{code(f'{one.file}:{one.line}')}: {one.reason}" for one in report.unsure]
        ),
    ]
    return "\n\n".join(part for part in parts if part)


def _check(check: CheckReport) -> str:
    head = f"## Check\n\n{check.message} ({check.duration_seconds:.1f} s)."
    if check.findings:
        rows = ((f"{one.file}:{one.line}", one.code, one.message) for one in check.findings)
        return f"{head}\n\n{_table(('place', 'code', 'message'), rows)}"
    if check.ok or not check.output.strip():
        return head
    fence = "`" * max(3, 1 + max((len(run) for run in _backtick_runs(check.output)), default=0))
    return f"{head}\n\n{fence}\n{check.output.strip()[-4000:]}\n{fence}"


def _backtick_runs(text: str) -> Iterable[str]:
    return ("`" * len(run) for run in "".join(c if c == "`" else " " for c in text).split())


def _list(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines) if lines else ""


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    iterator = iter(rows)
    shown = [[inline(cell) for cell in row] for row in islice(iterator, _ROWS)]
    rest = sum(1 for _ in iterator)
    return table(list(headers), shown) + (f"\n\n… and {rest} more" if rest else "")
