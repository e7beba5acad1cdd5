"""`repo-agent reports digest`: what all orders together brought in one week."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from repo_agent_dagster.cli.report_options import AsJson, ReportRequestError, print_document, report_store
from repo_agent_dagster.settings import Settings


def digest(
    week: Annotated[
        str | None, typer.Argument(help="ISO 8601 week, e.g. 2026-W10. Default: the last that is over.", metavar="WEEK")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Print the path of the HTML page.")] = False,
    as_json: AsJson = False,
    md: Annotated[bool, typer.Option("--md", help="Print the Markdown text.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the HTML page in the browser.")] = False,
) -> None:
    """Show the digest of a week, brought up to date: a new version if what it tells has changed, else nothing new.

    Totals against the week before, factories, phases, orders with their reports, top errors, latencies, ops issues.
    In a terminal it is rendered, in a pipe it is Markdown.

    Examples:

    `repo-agent reports digest`

    `repo-agent reports digest 2026-W10 --open`

    `repo-agent reports digest --json | jq .totals`
    """
    if html + as_json + md + open_page > 1:
        raise ReportRequestError("give one of --html, --json, --md and --open")
    from repo_agent_dagster.reports.periods import week_of

    now = datetime.now(UTC)
    wanted = week_of(week, now=now)
    from repo_agent_dagster.reports.digest.generate import generate_digest

    made = generate_digest(report_store(), wanted, reports_dir=Settings().reports, now=now)
    if as_json:
        print_document(made.digest)
    elif html or open_page:
        if open_page:
            typer.launch(made.html_path.as_uri())
        typer.echo(str(made.html_path))
    elif md or not sys.stdout.isatty():
        typer.echo(made.markdown, nl=False)
    else:
        from rich.markdown import Markdown

        Console().print(Markdown(made.markdown))
