"""A migration told in Markdown: what was done, what was rewritten, what is left for people, what the check said."""

from collections.abc import Iterable, Sequence
from itertools import islice

from repo_agent_dagster.migration.checks.typecheck import CheckReport
from repo_agent_dagster.migration.planning.plan import Plan
from repo_agent_dagster.migration.steps.execution import MigrationResult

_ROWS = 200


def render_report(result: MigrationResult, check: CheckReport | None = None) -> str:
    """Return the report of one migration as Markdown; without a check it says that none ran."""
    plan = result.plan
    parts = [
        f"# Migration of {plan.unit}",
        result.message + ".",
        _facts(result, check),
        _changes(plan),
        _rewrites(plan),
        _unresolved(plan),
        _list("Left out", [f"`{_code(left.path)}`: {left.reason}" for left in plan.left_out]),
        _list("Rules that match nothing", plan.dead_rules),
        "" if check is None else _check(check),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(result: MigrationResult, check: CheckReport | None) -> str:
    plan = result.plan
    facts = {
        "order": plan.manifest.order_id,
        "phase": plan.manifest.order.phase,
        "destination": plan.destination,
        "batch": result.batch.batch_id if result.batch else "none",
        "source digest": plan.source_digest,
        "manifest digest": plan.manifest_digest,
        "check": "none ran" if check is None or not check.ran else check.message,
    }
    return _table(("", ""), ((name, value) for name, value in facts.items()))


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


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    iterator = iter(rows)
    lines = [_row(header), _row(["---"] * len(header)), *(_row(row) for row in islice(iterator, _ROWS))]
    rest = sum(1 for _ in iterator)
    return "\n".join(lines) + (f"\n\n… and {rest} more" if rest else "")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    """Keep a value from ending its cell, its row or its paragraph."""
    one_line = " ".join(text.split())
    for character in "\\|`*_<[":
        one_line = one_line.replace(character, "\\" + character)
    return one_line


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
