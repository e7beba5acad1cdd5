"""How `migrate-staging` shows plans and results in a terminal: tables, a coloured diff, or JSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from repo_agent_dagster.migration import Outcome, Plan
    from repo_agent_dagster.store.staging_migrations import StagingMigration

console = Console()
_ROWS = 100


def show_diff(diff: str) -> None:
    """Print a diff in colours."""
    for line in diff.splitlines():
        style = {"+": "green", "-": "red", "@": "cyan", "d": "bold"}.get(line[:1], "")
        console.print(Text(line, "bold" if line.startswith(("+++", "---")) else style), soft_wrap=True)


def show_plan(planned: "Plan") -> None:
    """Print what a plan changes, what it leaves open, and its counts."""
    if planned.rewrites:
        rows = [
            (
                f"{one.file}:{one.line}",
                one.form,
                one.old,
                one.new,
                "moved" if one.rule is None else f"imports[{one.rule}]",
            )
            for one in planned.rewrites
        ]
        console.print(_table("Specifiers rewritten", ("place", "form", "was", "is", "by"), rows))
    if planned.unresolved:
        rows_left = [(f"{one.file}:{one.line}", one.specifier, one.reason) for one in planned.unresolved]
        console.print(_table("Unresolved, left as they are", ("place", "specifier", "why"), rows_left))
    if planned.residual:
        rows_old = [(f"{one.file}:{one.line}", one.text, one.was) for one in planned.residual[:_ROWS]]
        console.print(_table("Old paths that survive", ("place", "text", "was"), rows_old))
    _show_refactoring(planned)
    for note in planned.notes:
        console.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    told = [(one.action, one.path, one.reason) for one in planned.changes if one.reason]
    if told:
        console.print(_table("To know", ("action", "file", "why"), told))
    for rule in planned.dead_rules:
        console.print(f"[yellow]rule without effect[/] {escape(rule)}", soft_wrap=True)
    counts = ", ".join(f"{count} {action}" for action, count in planned.counts().items() if count)
    verdict = "nothing to do" if planned.is_empty else counts
    console.print(f"[bold]{escape(planned.unit)} → {escape(planned.destination)}[/]: {verdict}", soft_wrap=True)


def _show_refactoring(planned: "Plan") -> None:
    refactoring = planned.refactoring
    if refactoring is None:
        return
    if refactoring.methods:
        rows = [(method.signature, len(method.sites)) for method in refactoring.methods]
        console.print(_table("Entrypoint methods", ("method", "calls"), rows))
    if refactoring.manual:
        left = [(str(work.site), work.code, work.reason) for work in refactoring.manual]
        console.print(_table("Manual work", ("place", "code", "why"), left))
    for change in refactoring.public_changes:
        told = f"{change.site}: {change.name}: {change.before} is now {change.after}"
        console.print(f"[yellow]public signature[/] {escape(told)}", soft_wrap=True)


def show_outcome(outcome: "Outcome") -> None:
    """Print what became of a plan, and what the check and the standards found."""
    if outcome.status != "nothing_to_do":
        show_plan(outcome.plan)
    if outcome.check is not None:
        colour = "green" if outcome.check.ok else "red"
        console.print(f"[{colour}]check[/] {escape(outcome.check.message)}", soft_wrap=True)
    if outcome.standards is not None and outcome.standards.findings:
        told = f"score {outcome.standards.score:g}, {len(outcome.standards.findings)} findings"
        console.print(f"[yellow]standards[/] {told}; `migrate-staging standards` shows them", soft_wrap=True)
    console.print(escape(outcome.message), style="bold", soft_wrap=True)


def show_error(unit: str, error: str) -> None:
    """Print what a unit's migration stopped at."""
    console.print(f"[red]{escape(unit)}[/]: {escape(error)}", soft_wrap=True, highlight=False)


def show_migration(row: "StagingMigration") -> None:
    """Print the steps of one migration, its batches, and the task that it left."""
    steps = [
        (step["step"], step["status"], "" if step["seconds"] is None else f"{step['seconds']:.1f} s", step["detail"])
        for step in row.steps or ()
    ]
    if steps:
        console.print(_table(f"{row.unit}, the last migration", ("step", "status", "took", "what"), steps))
    _show_open_conflicts(row)
    for batch in row.batches or ():
        console.print(f"batch {batch}: `patchctl log` shows its patches", soft_wrap=True, highlight=False)
    if row.remediation_task_id is not None:
        console.print(f"remediation task {row.remediation_task_id}", soft_wrap=True, highlight=False)


def _show_open_conflicts(row: "StagingMigration") -> None:
    from repo_agent_dagster.migration.merging.conflicts import list_conflicts

    root = Path(row.target_root)
    if not root.is_dir():
        return
    for one in list_conflicts(root, row.unit):
        todo = "[green]settled[/]: run again" if one.is_resolved else "edit it until no marker is left"
        console.print(f"[red]conflict[/] {escape(one.side_path)}: {todo}", soft_wrap=True, highlight=False)


def show_rows(rows: list[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    """Print rows as a table, or as JSON; `empty` is said where there are none."""
    if as_json:
        print_json(rows)
    elif rows:
        console.print(_table(None, tuple(rows[0]), [tuple(map(str, row.values())) for row in rows]))
    else:
        console.print(empty, soft_wrap=True)


def _table(title: str | None, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    return table


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
