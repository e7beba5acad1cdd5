"""`repo-agent ops`: scan a day's logs now, explain one log, and look after the issues that scans found."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from repo_agent_dagster.cli import ops_issues, ops_view
from repo_agent_dagster.cli.ops_view import console
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import OpsScope
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from repo_agent_dagster.ops.environment import OpsEnvironment

app = typer.Typer(help="Find last night's failures in the logs, each as one issue.", no_args_is_help=True)
sources_app = typer.Typer(help="Where log lines come from.", no_args_is_help=True)
app.add_typer(sources_app, name="sources")
ops_issues.add_to(app)

LOOKED_BACK = timedelta(days=366)
CHUNK_BYTES = 1024 * 1024

AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]


@app.command()
def scan(
    day: Annotated[str | None, typer.Option(help="UTC day, YYYY-MM-DD; yesterday when absent.")] = None,
    scope: Annotated[OpsScope, typer.Option(help="Worker logs (cloudflare), build logs (cicd), or both.")] = "full",
    publish: Annotated[bool, typer.Option(help="Tell GitHub, or write the issues' files.")] = True,
    as_json: AsJson = False,
) -> None:
    """Ingest a day's logs, scan them and publish the issues, in this process. Safe to repeat: nothing comes twice.

    Exit code 1: a source could not be read, or only in part. What was read is scanned all the same.
    """
    from repo_agent_dagster.ops.scanning.scan import KINDS

    environment = _environment()
    chosen = _day(day) if day else environment.now().date() - timedelta(days=1)
    with console.status("starting") as status:

        def say(line: str) -> None:
            status.update(escape(line))

        ingested = [result for kind in KINDS[scope] for result in environment.ingest(kind, chosen, say=say)]
        result = environment.scan(chosen, scope, say=say)
        published = environment.publish(result.scan_id, say=say) if publish else None
    if as_json:
        ops_view.print_json(
            {
                "ingested": [asdict(one) for one in ingested],
                "scan": asdict(result),
                "published": asdict(published) if published else None,
            }
        )
    else:
        ops_view.show_ingestion(ingested)
        ops_view.show_scan(result)
        if publish:
            ops_view.show_published(published, folder=str(environment.options.issue_files))
    if any(one.status in ("partial", "failed") for one in ingested):
        raise typer.Exit(1)


@app.command()
def explain(
    logfile: Annotated[str, typer.Argument(help="A log: of GitHub Actions, a terminal, or JSON lines; - for stdin.")],
    green: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The last passing log of the same job.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="It did fail: show its end where nothing in it looks like a failure.")
    ] = False,
    place: Annotated[str, typer.Option(help="Whose log it is, e.g. acme/shop; it stands in the texts.")] = "",
    lines: Annotated[int, typer.Option(min=0, help="Log lines shown for each failure; 0 shows all.")] = 12,
    prompt: Annotated[bool, typer.Option("--prompt", help="Also show the prompt that asks for a remedy.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what failed in one log, why, how grave that is, and how to see it again. Needs no database.

    Exit code 1: a failure was found. 0: none was.

    Examples: `repo-agent ops explain build.log --green last-green.log`, `gh run view --log-failed | repo-agent ops
    explain -`
    """
    from repo_agent_dagster.ops.explaining import explain_log

    content = _content(logfile)
    rules = Settings().severity_rules
    passing = None if green is None else _pieces(green.open("rb"))
    # On the other stream: what is piped on stays what it is.
    with Console(stderr=True).status(f"reading {escape(_named(logfile))}"):
        explanation = explain_log(content, passing, place=place or _named(logfile), has_failed=failed, rules_file=rules)
    if as_json:
        typer.echo(explanation.model_dump_json(indent=2))
    else:
        from repo_agent_dagster.cli.ops_explanation import show_explanation

        show_explanation(explanation, most_lines=lines or sys.maxsize, with_prompt=prompt)
    if explanation.incidents:
        raise typer.Exit(1)


@sources_app.command("list")
def list_sources(as_json: AsJson = False) -> None:
    """List the log sources, and how the last day that was read of each went."""
    from repo_agent_dagster.store import log_source_days
    from repo_agent_dagster.store.engine import read_transaction

    environment = _environment()
    sources, today = environment.sources(), environment.now().date()
    with read_transaction(environment.engine) as conn:
        days = log_source_days.source_days(conn, today - LOOKED_BACK, today)
    latest = {(one.source, one.kind): one for one in days}
    if as_json:
        ops_view.print_json(
            [
                {
                    "name": s.name,
                    "kind": s.kind,
                    "last": asdict(latest[s.name, s.kind]) if (s.name, s.kind) in latest else None,
                }
                for s in sources
            ]
        )
        return
    table = Table("source", "logs", "last day", "status", "rows", "problem", box=None, header_style="bold")
    for source in sources:
        last = latest.get((source.name, source.kind))
        table.add_row(
            escape(source.name),
            source.kind,
            str(last.day) if last else "never read",
            last.status.replace("_", " ") if last else "",
            str(last.rows) if last else "",
            escape(last.problem or "") if last else "",
        )
    console.print(table)


@sources_app.command()
def check(as_json: AsJson = False) -> None:
    """Ask each source once, cheaply, whether it answers. Exit code 1: one does not."""
    from repo_agent_dagster.ops.sources.checking import check as check_source

    checked = [(source, check_source(source)) for source in _environment().sources()]
    if as_json:
        ops_view.print_json([{"name": source.name, "kind": source.kind, **asdict(found)} for source, found in checked])
    else:
        for source, found in checked:
            mark = "[green]ok[/]" if found.ok else "[red]no[/]"
            console.print(f"{mark}  {escape(source.name)}: {escape(found.detail)}", highlight=False, soft_wrap=True)
    if not all(found.ok for _, found in checked):
        raise typer.Exit(1)


def _environment() -> "OpsEnvironment":
    from repo_agent_dagster.ops.environment import OpsEnvironment
    from repo_agent_dagster.ops.options import options_of
    from repo_agent_dagster.store.revision import open_upgraded

    settings = Settings()
    return OpsEnvironment(options_of(settings), open_upgraded(settings.store_url), lambda: datetime.now(UTC))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PermanentFault(f"{text!r} is no day; write it as YYYY-MM-DD") from None


def _content(logfile: str) -> Iterator[bytes]:
    if logfile == "-":
        return _pieces(sys.stdin.buffer)
    path = Path(logfile)
    if not path.exists() or path.is_dir():
        raise PermanentFault(f"there is no file {logfile}; give a log file, or - to read one from standard input")
    return _pieces(path.open("rb"))


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Yield a stream's bytes as they come: a log may be larger than memory, and standard input may be slow."""
    with stream:
        while piece := stream.read(CHUNK_BYTES):
            yield piece


def _named(logfile: str) -> str:
    return "stdin" if logfile == "-" else Path(logfile).name
