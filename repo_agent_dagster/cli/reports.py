"""`repo-agent reports`: make delivery reports, read them, and ask for patch trends."""

import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from repo_agent_dagster.cli import report_stats
from repo_agent_dagster.cli.report_options import AsJson, ReportRequestError, camel, percent, report_store
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.store.delivery_reports import StoredReport

app = typer.Typer(help="Delivery reports: what an order brought. Patch trends over time.", no_args_is_help=True)
app.command()(report_stats.trends)
console = Console()


@app.command()
def generate(
    order: Annotated[str | None, typer.Argument(help="The order's id; `unattributed` for events without one.")] = None,
    all_orders: Annotated[bool, typer.Option("--all", help="Every order that has patch events.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring reports up to date: a new version for each order whose facts changed, nothing for the others.

    Example: `repo-agent reports generate 42`, or `repo-agent reports generate --all`
    """
    if (order is None) != all_orders:
        raise ReportRequestError("name one order, or give --all; `repo-agent reports list` shows the orders")
    from repo_agent_dagster.reports.generate import generate as generate_one
    from repo_agent_dagster.reports.generate import generate_all

    folder, now = Settings().reports, datetime.now(UTC)
    engine = report_store()
    if order is None:
        made = generate_all(engine, reports_dir=folder, now=now)
    else:
        made = [generate_one(engine, order, reports_dir=folder, now=now)]
    if as_json:
        keys = ("order_id", "version", "is_new")
        rows = [{key: getattr(one, key) for key in keys} | {"html_path": str(one.html_path)} for one in made]
        typer.echo(json.dumps([camel(row) for row in rows], indent=2))
        return
    if not made:
        console.print("no patch events yet, so no orders to report on")
    for one in made:
        state = "[green]new[/]" if one.is_new else "[dim]unchanged[/]"
        console.print(
            f"{state} {escape(one.order_id)} v{one.version}  {escape(str(one.html_path))}",
            highlight=False,
            soft_wrap=True,
        )


@app.command("list")
def listing(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the current report of every order, newest first."""
    from repo_agent_dagster.store import delivery_reports
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(report_store()) as conn:
        reports = delivery_reports.listing(conn, limit=limit)
    if as_json:
        rows = [
            {name: getattr(report, name) for name in report.__dataclass_fields__}
            | {"created_at": report.created_at.isoformat()}
            for report in reports
        ]
        typer.echo(json.dumps([camel(row) for row in rows], indent=2))
        return
    if not reports:
        console.print("no reports yet; `repo-agent reports generate --all` makes them")
        return
    table = Table("order", "version", "patches", "success rate", "made", box=None, header_style="bold")
    for report in reports:
        table.add_row(
            escape(report.order_id),
            str(report.version),
            str(report.total_patches),
            percent(report.success_rate),
            report.created_at.isoformat(sep=" ", timespec="seconds"),
        )
    console.print(table)


@app.command()
def show(
    order: Annotated[str, typer.Argument(help="The order's id.")],
    version: Annotated[int | None, typer.Option(min=1, help="An older version; default the current one.")] = None,
    html: Annotated[bool, typer.Option("--html", help="Print the path of the HTML page.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON document.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print the Markdown text.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the HTML page in the browser.")] = False,
) -> None:
    """Show an order's report; in a terminal it is rendered, in a pipe it is Markdown."""
    if html + as_json + md + open_page > 1:
        raise ReportRequestError("give one of --html, --json, --md and --open")
    engine = report_store()
    stored = _stored(engine, order, version)
    if as_json:
        typer.echo(json.dumps(stored.report_json, indent=2, ensure_ascii=False))
    elif html or open_page:
        page = _page(engine, stored)
        if open_page:
            typer.launch(page.as_uri())
        typer.echo(str(page))
    elif md or not sys.stdout.isatty():
        typer.echo(stored.report_md, nl=False)
    else:
        from rich.markdown import Markdown

        console.print(Markdown(stored.report_md))


def _stored(engine: "Engine", order: str, version: int | None) -> "StoredReport":
    from repo_agent_dagster.store import delivery_reports
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(engine) as conn:
        current = delivery_reports.current(conn, order)
        if current is None:
            raise ReportRequestError(
                f"order {order!r} has no report; `repo-agent reports generate {shlex.quote(order)}` makes one, "
                "`repo-agent reports list` shows those there are"
            )
        if version is None:
            return current
        stored = delivery_reports.version(conn, order, version)
    if stored is None:
        raise ReportRequestError(f"order {order!r} has no version {version}; versions run from 1 to {current.version}")
    return stored


def _page(engine: "Engine", stored: "StoredReport") -> Path:
    from repo_agent_dagster.reports.generate import ensure_page

    return ensure_page(engine, stored, reports_dir=Settings().reports)
