"""`repo-agent ops issues|show|claim|triage|resolve|work-on|summary`: the issues, in people's hands."""

import getpass
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from repo_agent_dagster.cli import ops_view
from repo_agent_dagster.cli.ops_view import console
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.ops import CauseName, IssueStatus
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.ops.environment import OpsEnvironment
    from repo_agent_dagster.store.ops_issues import OpsIssue

SHOWN_DAYS = timedelta(days=7)

AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]
IssueId = Annotated[str, typer.Argument(help="The issue's id, or enough of its end to be unique.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to `repo-agent ops`."""
    for command in (issues, show, claim, triage, resolve, summary):
        app.command()(command)
    app.command("work-on")(work_on)


def issues(
    status: Annotated[IssueStatus | None, typer.Option(help="Only these.")] = None,
    severity: Annotated[int | None, typer.Option(min=1, max=5, help="Only this severe or more; 1 is highest.")] = None,
    cause: Annotated[CauseName | None, typer.Option(help="Only of this likely cause.")] = None,
    place: Annotated[str, typer.Option(help="Only where this is part of the place: a worker, repository, job.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, gravest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the issues, the gravest and latest first."""
    from repo_agent_dagster.store import ops_issues
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(_engine()) as conn:
        found = ops_issues.listing(
            conn,
            status=status,
            severity_at_most=severity,
            cause=None if cause is None else cause.value,
            place=place,
            limit=limit,
        )
    if as_json:
        ops_view.print_json([asdict(issue) for issue in found])
    elif found:
        ops_view.show_issues(found)
    else:
        console.print("no ops issues")


def show(issue_id: IssueId, as_json: AsJson = False) -> None:
    """Show one issue: what is known of it, how to see it again, and the prompt that asks for a remedy."""
    from repo_agent_dagster.store import ops_tallies
    from repo_agent_dagster.store.engine import read_transaction

    engine = _engine()
    issue = _find(engine, issue_id)
    with read_transaction(engine) as conn:
        daily = ops_tallies.daily_counts(conn, issue.id, since=(issue.last_seen - SHOWN_DAYS).date())
    if as_json:
        ops_view.print_json({**asdict(issue), "days": [{"day": day, "occurrences": count} for day, count in daily]})
    else:
        ops_view.show_issue(issue, daily)


def claim(
    issue_id: IssueId,
    person: Annotated[
        str | None, typer.Option("--as", help="Who; a login on GitHub is assigned there. Default: you.")
    ] = None,
) -> None:
    """Take an issue on: nobody else can, until it is resolved. Refused if another holds it."""
    from repo_agent_dagster.ops.issues import handling

    environment = _environment()
    issue = _find(environment.engine, issue_id)
    issue = handling.claim(environment.engine, issue.id, person or getpass.getuser(), now=_now())
    _done(f"in progress, held by {issue.assignee}", issue, environment)


def triage(issue_id: IssueId) -> None:
    """Mark an issue as looked at: it is real, and waits for somebody."""
    from repo_agent_dagster.ops.issues import handling

    environment = _environment()
    issue = _find(environment.engine, issue_id)
    _done("triaged", handling.triage(environment.engine, issue.id, now=_now()), environment)


def resolve(
    issue_id: IssueId,
    note: Annotated[str, typer.Option(help="What was done; it stands on GitHub, too.")] = "",
    close: Annotated[bool, typer.Option("--close", help="Close it: there is nothing to be done.")] = False,
    order: Annotated[
        str | None, typer.Option(help="The order that did it; default: that of the task that worked on it.")
    ] = None,
) -> None:
    """Mark an issue as resolved. If it is seen on a later day, the next scan reopens it as a regression."""
    from repo_agent_dagster.ops.issues import handling

    environment = _environment()
    status = IssueStatus.CLOSED if close else IssueStatus.RESOLVED
    issue = _find(environment.engine, issue_id)
    issue = handling.resolve(environment.engine, issue.id, now=_now(), note=note, status=status, order_id=order)
    _done(status.value, issue, environment)


def work_on(
    issue_id: IssueId,
    order: Annotated[str | None, typer.Option(help="The order that the work is for.")] = None,
    as_json: AsJson = False,
) -> None:
    """Submit a task that makes the issue's error happen in a sandbox, as a failing test; one at a time."""
    from repo_agent_dagster.ops.issues import handling

    environment = _environment()
    issue = _find(environment.engine, issue_id)
    task = handling.work_on(
        environment.engine,
        issue.id,
        policy=environment.policy,
        server=environment.server,
        now=_now(),
        order_id=order,
    )
    if as_json:
        ops_view.print_json(asdict(task))
        return
    was = "submitted" if task.is_new else "there already, and not ended yet"
    console.print(
        f"task {task.task_id} ({was}); `repo-agent task status {task.task_id}` tells how it goes", soft_wrap=True
    )


def summary(as_json: AsJson = False) -> None:
    """Count the issues by status, severity, kind and place, and tell how the last scan went."""
    from repo_agent_dagster.ops.issues import handling
    from repo_agent_dagster.store import ops_scans
    from repo_agent_dagster.store.engine import read_transaction

    engine = _engine()
    counts = handling.summary(engine, now=_now())
    with read_transaction(engine) as conn:
        scans = ops_scans.latest_scans(conn, limit=1)
    if as_json:
        ops_view.print_json({**asdict(counts), "last_scan": asdict(scans[0]) if scans else None})
        return
    ops_view.show_summary(counts)
    if not scans:
        console.print("no scan yet; `repo-agent ops scan` makes one")
        return
    last = scans[0]
    reason = f": {last.error}" if last.error else ""
    console.print(
        f"last scan: {last.scope} of {last.window_start:%Y-%m-%d}, {last.status}{escape(reason)}", highlight=False
    )


def _engine() -> "Engine":
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)


def _environment() -> "OpsEnvironment":
    from repo_agent_dagster.ops.environment import OpsEnvironment
    from repo_agent_dagster.ops.options import options_of

    return OpsEnvironment(options_of(Settings()), _engine(), _now)


def _now() -> datetime:
    return datetime.now(UTC)


def _find(engine: "Engine", issue_id: str) -> "OpsIssue":
    from repo_agent_dagster.store import ops_issues
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(engine) as conn:
        near = ops_issues.listing(conn, id_end=issue_id.strip().lower())
        if len(near) > 1:
            raise PermanentFault(f"{issue_id} fits {len(near)} issues; give more of the id")
        return near[0] if near else ops_issues.get(conn, issue_id)


def _done(what: str, issue: "OpsIssue", environment: "OpsEnvironment") -> None:
    """Say what was done, and tell GitHub and the issues' files at once; what cannot be told now waits for the night."""
    console.print(f"{escape(what)}: {escape(issue.title)}", highlight=False, soft_wrap=True)
    with console.status("telling GitHub" if environment.has_github else "writing the issue's file"):
        published = environment.publish()
    if published is not None:
        ops_view.show_published(published, folder=str(environment.options.issue_files))
