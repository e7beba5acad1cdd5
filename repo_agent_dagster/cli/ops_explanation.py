"""How `repo-agent ops explain` shows what it found."""

from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from repo_agent_dagster.cli.ops_view import console, severity
from repo_agent_dagster.contracts.explanations import ExplainedIncident, LogExplanation


def show_explanation(explanation: LogExplanation, *, most_lines: int, with_prompt: bool) -> None:
    """Show a log's incidents, the gravest first, with their lines by number."""
    compared = "compared with the last passing log" if explanation.compared_with_green else "without a passing log"
    found = len(explanation.incidents)
    console.print(
        f"{escape(explanation.place)}: {found or 'no'} problem{'' if found == 1 else 's'} in {explanation.lines} "
        f"lines, {compared}" + (f"; {explanation.redacted} secret(s) taken out" if explanation.redacted else ""),
        highlight=False,
        soft_wrap=True,
    )
    for incident in explanation.incidents:
        console.print()
        _show(incident, most_lines)
        if with_prompt:
            console.print("\n[bold]Prompt[/]")
            console.print(incident.prompt, markup=False, highlight=False, soft_wrap=True)


def _show(incident: ExplainedIncident, most_lines: int) -> None:
    console.print(f"{severity(incident.severity)}  [bold]{escape(incident.title)}[/]", highlight=False, soft_wrap=True)
    facts = {
        "cause": f"{incident.cause.value.replace('_', ' ')}: {incident.cause_reason}",
        "severity": "; ".join(incident.severity_reasons),
        "seen": f"{incident.count} times" if incident.count > 1 else "",
        "test": incident.test or "",
        "at": ", ".join(incident.anchors[:6]),
        "command": incident.command or "",
        "exit code": "" if incident.exit_code is None else str(incident.exit_code),
    }
    for name, value in facts.items():
        if value:
            console.print(f"[dim]{name:>10}[/]  {escape(value)}", highlight=False, soft_wrap=True)
    shown = incident.lines[:most_lines]
    width = len(str(shown[-1].number)) if shown else 1
    text = Text("\n".join(f"{line.number:>{width}}  {line.text}" for line in shown))
    if (left := len(incident.lines) - len(shown)) > 0:
        text.append(f"\n… and {left} more lines (--lines 0 shows all)", style="dim")
    console.print(
        Panel(text, title=f"picked: {', '.join(incident.picked_for)}", title_align="left", border_style="dim")
    )
    if incident.reproduce:
        console.print("[dim]to see it again[/]")
        for command in incident.reproduce:
            console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)
