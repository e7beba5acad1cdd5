"""`repo-agent ops`: scan a day's logs now, and look after the issues that scans found."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.contracts.tasks import OpsScope
from repo_agent_dagster.settings import Settings

app = typer.Typer(help="Find last night's failures in the logs, each as one issue.", no_args_is_help=True)
console = Console()

_SEVERITY_STYLES = {1: "bold red", 2: "red", 3: "yellow", 4: "cyan", 5: "dim"}
_SHORT_ID = 8

AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]
IssueId = Annotated[str, typer.Argument(help="The issue's id, or enough of its end to be unique.")]


def _engine() -> Any:
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)


@app.command()
def scan(
    day: Annotated[str | None, typer.Option(help="UTC day, YYYY-MM-DD; yesterday when absent.")] = None,
    scope: Annotated[OpsScope, typer.Option(help="Worker logs (cloudflare), build logs (cicd), or both.")] = "full",
    as_json: AsJson = False,
) -> None:
    """Ingest a day's logs and scan them now, in this process. Safe to repeat: nothing is counted twice."""
    from repo_agent_dagster.ops.ingestion.ingest import ingest_day
    from repo_agent_dagster.ops.scanning.scan import KINDS, scan_day
    from repo_agent_dagster.ops.sources.directory import embedded_sources

    settings, now = Settings(), datetime.now(UTC)
    chosen = _day(day) if day else now.date() - timedelta(days=1)
    engine = _engine()
    sources = [s for s in embedded_sources(settings.worker_logs, settings.build_logs) if s.kind in KINDS[scope]]
    ingested = [ingest_day(engine, s, chosen, now=now, quarantine_dir=settings.log_quarantine) for s in sources]
    result = scan_day(engine, chosen, scope=scope, now=now)
    if as_json:
        _print_json({"ingested": [asdict(i) for i in ingested], "scan": asdict(result)})
        return
    for source, ingestion in zip(sources, ingested, strict=True):
        console.print(
            f"{ingestion.objects} file(s) in {escape(str(source.folder))}: {ingestion.rows} rows on {chosen}, "
            f"{ingestion.written} of them new; {ingestion.quarantined} broken",
            highlight=False,
            soft_wrap=True,
        )
        for path in ingestion.quarantine_paths:
            console.print(f"  broken lines: {escape(str(path))}", style="yellow", highlight=False, soft_wrap=True)
    table = Table("sev", "change", "seen", "status", "what", "id", box=None, header_style="bold")
    for issue in result.issues:
        table.add_row(
            _severity(issue.severity),
            issue.change.value,
            str(issue.occurrences),
            issue.status.value,
            escape(issue.title),
            issue.id[-_SHORT_ID:],
        )
    totals = result.totals
    console.print(
        f"{totals['incidents']} incident(s) in {totals['warn_error_lines']} failing of {totals['lines']} lines: "
        f"{totals['new']} new, {totals['reopened']} reopened, {totals['updated']} updated",
        highlight=False,
    )
    if result.issues:
        console.print(table)


@app.command()
def issues(
    status: Annotated[IssueStatus | None, typer.Option(help="Only these.")] = None,
    severity: Annotated[int | None, typer.Option(min=1, max=5, help="Only this severe or more; 1 is highest.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, gravest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the issues, the gravest and latest first."""
    from repo_agent_dagster.store import ops_issues
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        found = ops_issues.listing(conn, status=status, severity_at_most=severity, limit=limit)
    if as_json:
        _print_json([asdict(issue) for issue in found])
        return
    if not found:
        console.print("no ops issues")
        return
    table = Table("sev", "status", "seen", "last seen", "what", "id", box=None, header_style="bold")
    for issue in found:
        table.add_row(
            _severity(issue.severity),
            issue.status.value,
            str(issue.occurrences),
            issue.last_seen.isoformat(sep=" ", timespec="minutes"),
            escape(issue.title),
            issue.id[-_SHORT_ID:],
        )
    console.print(table)


@app.command()
def show(issue_id: IssueId, as_json: AsJson = False) -> None:
    """Show one issue: what is known of it, its samples, and the prompt that asks for a remedy."""
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        issue = _find(conn, issue_id)
    if as_json:
        _print_json(asdict(issue))
        return
    console.print(f"[bold]{escape(issue.title)}[/]  {issue.id}", highlight=False, soft_wrap=True)
    first, last = (f"{instant:%Y-%m-%d %H:%M}" for instant in (issue.first_seen, issue.last_seen))
    facts = {
        "severity": str(issue.severity),
        "status": issue.status.value + (f", reopened {issue.regressions} time(s)" if issue.regressions else ""),
        "seen": f"{issue.occurrences} time(s), {first} to {last} UTC",
        "fingerprint": issue.fingerprint,
    }
    for name, value in facts.items():
        console.print(f"[dim]{name:>11}[/]  {value}", highlight=False, soft_wrap=True)
    for heading, text in (("Analysis", issue.analysis), ("Prompt", issue.prompt)):
        console.print(f"\n[bold]{heading}[/]")
        console.print(text, markup=False, highlight=False, soft_wrap=True)


@app.command()
def resolve(issue_id: IssueId) -> None:
    """Mark an issue as resolved. If it is seen on a later day, the next scan reopens it as a regression."""
    from repo_agent_dagster.store import ops_issues
    from repo_agent_dagster.store.engine import write_transaction

    with write_transaction(_engine()) as conn:
        issue = _find(conn, issue_id)
        ops_issues.set_status(conn, issue.id, IssueStatus.RESOLVED, now=datetime.now(UTC))
    console.print(f"resolved: {escape(issue.title)}", highlight=False, soft_wrap=True)


@app.command()
def summary(as_json: AsJson = False) -> None:
    """Count the issues by status and severity, and tell when the last scan was."""
    from repo_agent_dagster.store import ops_scans, ops_summary
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        counts = ops_summary.summary(conn, today=datetime.now(UTC).date())
        scans = ops_scans.latest_scans(conn, limit=1)
    if as_json:
        _print_json({**asdict(counts), "last_scan": asdict(scans[0]) if scans else None})
        return
    table = Table("status", "issues", box=None, header_style="bold")
    for status, count in counts.by_status.items():
        table.add_row(status, str(count))
    console.print(table)
    if counts.unsettled:
        by_severity = ", ".join(f"{count} of severity {s}" for s, count in counts.by_severity.items() if count)
        console.print(f"not settled: {by_severity}; mean {counts.mean_severity:.1f}", highlight=False)
    if scans:
        last = scans[0]
        reason = f": {last.error}" if last.error else ""
        console.print(
            f"last scan: {last.scope} of {last.window_start:%Y-%m-%d}, {last.status}{escape(reason)}", highlight=False
        )
    else:
        console.print("no scan yet; `repo-agent ops scan` makes one")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PermanentFault(f"{text!r} is no day; write it as YYYY-MM-DD") from None


def _find(conn: Any, issue_id: str) -> Any:
    from repo_agent_dagster.store import ops_issues

    near = [issue for issue in ops_issues.listing(conn, limit=10_000) if issue.id.endswith(issue_id.strip().lower())]
    if len(near) > 1:
        raise PermanentFault(f"{issue_id} fits {len(near)} issues; give more of the id")
    return near[0] if near else ops_issues.get(conn, issue_id)


def _severity(value: int) -> str:
    return f"[{_SEVERITY_STYLES[value]}]{value}[/]"


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
