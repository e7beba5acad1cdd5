"""How `migrate-staging` shows plans and results in a terminal: tables, a coloured diff, or JSON."""

import json
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from repo_agent_dagster.migration import CheckReport, MigrationResult, Plan

console = Console()


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
    told = [(one.action, one.path, one.reason) for one in planned.changes if one.reason]
    if told:
        console.print(_table("To know", ("action", "file", "why"), told))
    for rule in planned.dead_rules:
        console.print(f"[yellow]rule without effect[/] {escape(rule)}", soft_wrap=True)
    counts = ", ".join(f"{count} {action}" for action, count in planned.counts().items() if count)
    verdict = "nothing to do" if planned.is_empty else counts
    console.print(f"[bold]{escape(planned.unit)} → {escape(planned.destination)}[/]: {verdict}", soft_wrap=True)


def show_result(result: "MigrationResult", report: "CheckReport | None") -> None:
    """Print what became of a plan, and what the check found."""
    if result.status != "nothing_to_do":
        show_plan(result.plan)
    if report is not None:
        colour = "green" if report.ok else "red"
        console.print(f"[{colour}]check[/] {escape(report.message)}", soft_wrap=True)
        for one in report.findings:
            console.print(f"  {escape(one.file)}:{one.line}: {one.code} {escape(one.message)}", soft_wrap=True)
        if not report.ok and not report.findings:
            console.print(Text(report.output), soft_wrap=True)
    console.print(escape(result.message), style="bold", soft_wrap=True)


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
