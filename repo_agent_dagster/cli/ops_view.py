"""How `repo-agent ops` shows scans and issues in a terminal."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from repo_agent_dagster.ops.ingestion.result import IngestionResult
    from repo_agent_dagster.ops.issues.publishing import Published
    from repo_agent_dagster.ops.scanning.scan import ScanResult
    from repo_agent_dagster.store.ops_issues import OpsIssue
    from repo_agent_dagster.store.ops_summary import IssueSummary

console = Console()

SHORT_ID = 8
_SEVERITY_STYLES = {1: "bold red", 2: "red", 3: "yellow", 4: "cyan", 5: "dim"}
_STATUS_STYLES = {"complete": "green", "no_data": "yellow", "partial": "red", "failed": "bold red"}
_BARS = "▁▂▃▄▅▆▇█"


def show_ingestion(results: "Iterable[IngestionResult]") -> None:
    """Show how each source's day went, and where what could not be read is."""
    for result in results:
        status = result.status.replace("_", " ")
        console.print(
            f"{escape(result.source)}: [{_STATUS_STYLES[result.status]}]{status}[/], {result.objects} object(s), "
            f"{result.rows} rows on {result.day}, {result.written} of them new; {result.quarantined} broken, "
            f"{result.redacted} secret(s) taken out" + (f", {result.expired} expired" if result.expired else ""),
            highlight=False,
            soft_wrap=True,
        )
        for problem in result.problems:
            console.print(f"  {escape(problem)}", style="yellow", highlight=False, soft_wrap=True)
        for path in result.quarantine_paths:
            console.print(f"  broken lines: {escape(str(path))}", style="yellow", highlight=False, soft_wrap=True)


def show_scan(result: "ScanResult") -> None:
    """Show what a scan found, the gravest first."""
    totals = result.totals
    console.print(
        f"{totals['incidents']} incident(s) in {totals['warn_error_lines']} failing of {totals['ingested']} lines: "
        f"{totals['new']} new, {totals['regressed']} regressed, {totals['updated']} updated",
        highlight=False,
    )
    for note in result.notes:
        console.print(escape(note), style="yellow", highlight=False, soft_wrap=True)
    if not result.issues:
        return
    table = Table("sev", "change", "seen", "cause", "what", "id", box=None, header_style="bold")
    for issue in result.issues:
        table.add_row(
            severity(issue.severity),
            issue.change.value,
            str(issue.occurrences),
            issue.cause.replace("_", " "),
            escape(issue.title),
            issue.id[-SHORT_ID:],
        )
    console.print(table)


def show_published(published: "Published | None", *, folder: str) -> None:
    """Show what was told to GitHub, or where the issues' files are."""
    if published is None:
        console.print(
            f"no GitHub token: the issues are in the store and in {escape(folder)}", highlight=False, soft_wrap=True
        )
        return
    done = {name.replace("_", " "): count for name, count in asdict(published).items() if type(count) is int and count}
    text = ", ".join(f"{count} {name}" for name, count in done.items()) or "nothing to tell"
    console.print(f"GitHub: {text}", highlight=False)
    for problem in published.problems:
        console.print(f"  {escape(problem)}", style="yellow", highlight=False, soft_wrap=True)


def show_issues(found: "Iterable[OpsIssue]") -> None:
    """List issues, one a line."""
    table = Table("sev", "status", "seen", "last seen", "cause", "what", "id", box=None, header_style="bold")
    for issue in found:
        held = f" ({escape(issue.assignee)})" if issue.assignee else ""
        table.add_row(
            severity(issue.severity),
            issue.status.value.replace("_", " ") + held,
            str(issue.occurrences),
            issue.last_seen.isoformat(sep=" ", timespec="minutes")[:16],
            (issue.cause or "").replace("_", " "),
            escape(issue.title),
            issue.id[-SHORT_ID:],
        )
    console.print(table)


def show_issue(issue: "OpsIssue", daily: list[tuple[date, int]]) -> None:
    """Show all that is known of one issue."""
    console.print(f"[bold]{escape(issue.title)}[/]  {issue.id}", highlight=False, soft_wrap=True)
    first, last = (f"{instant:%Y-%m-%d %H:%M}" for instant in (issue.first_seen, issue.last_seen))
    details = issue.details
    facts = {
        "severity": f"{issue.severity}: {'; '.join(issue.severity_reasons)}",
        "status": issue.status.value.replace("_", " ")
        + (f", held by {issue.assignee}" if issue.assignee else "")
        + (f", reopened {issue.regressions} time(s)" if issue.regressions else ""),
        "cause": (issue.cause or "unknown").replace("_", " ")
        + (f": {details.cause_reason}" if details.cause_reason else ""),
        "seen": f"{issue.occurrences} time(s), {first} to {last} UTC",
        "last days": " ".join(f"{day:%m-%d}:{count}" for day, count in daily[-7:]),
        "commits": " … ".join(sha[:12] if sha else "?" for sha in (details.good_sha, details.bad_sha))
        if details.bad_sha
        else "",
        "GitHub": issue.gh_issue_url or issue.gh_problem or "",
        "worded by": details.worded_by,
        "fingerprint": issue.fingerprint,
    }
    for name, value in facts.items():
        if value:
            console.print(f"[dim]{name:>11}[/]  {escape(value)}", highlight=False, soft_wrap=True)
    if details.reproduce:
        console.print("\n[bold]Reproduce[/]")
        for command in details.reproduce:
            console.print(f"  {command}", markup=False, highlight=False, soft_wrap=True)
    for heading, text in (("Analysis", issue.analysis), ("Prompt", issue.prompt)):
        console.print(f"\n[bold]{heading}[/]")
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def show_summary(counts: "IssueSummary") -> None:
    """Show how issues stand: by status, kind and place, and how the last days went."""
    table = Table("status", "issues", "mean severity", box=None, header_style="bold")
    rated = {tally.name: tally.mean_severity for tally in counts.statuses}
    for status, count in counts.by_status.items():
        table.add_row(status.replace("_", " "), str(count), f"{rated[status]:.1f}" if status in rated else "")
    console.print(table)
    if counts.unsettled:
        by_severity = ", ".join(f"{count} of severity {s}" for s, count in counts.by_severity.items() if count)
        console.print(f"not settled: {by_severity}; mean {counts.mean_severity:.1f}", highlight=False)
        places = Table("not settled in", "issues", "mean severity", box=None, header_style="bold")
        for tally in (*counts.kinds, *counts.places):
            places.add_row(escape(tally.name), str(tally.issues), f"{tally.mean_severity:.1f}")
        console.print(places)
    if counts.trend:
        console.print(
            f"seen a day, {counts.trend[0].day:%m-%d} to {counts.trend[-1].day:%m-%d}: "
            f"{sparkline([day.seen for day in counts.trend])}  "
            f"new: {sparkline([day.first_seen for day in counts.trend])}",
            highlight=False,
        )


def sparkline(values: list[int]) -> str:
    """Return one bar for each value, scaled to the largest."""
    top = max(values, default=0)
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] if top else _BARS[0] for value in values)


def severity(value: int) -> str:
    """Return a severity with its colour, as rich's markup."""
    return f"[{_SEVERITY_STYLES[value]}]{value}[/]"


def print_json(value: Any) -> None:
    """Print a value as JSON: times as ISO 8601."""
    typer.echo(json.dumps(value, indent=2, default=_plain))


def as_json(value: Any) -> Any:
    """Return a dataclass as what JSON can hold."""
    return asdict(value)


def _plain(value: object) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return value.isoformat() if isinstance(value, date) else str(value)
