"""`repo-agent reports`: make delivery reports, read them, and ask for patch trends."""

import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from repo_agent_dagster.cli import report_digest, report_publishing, report_stats, report_targets
from repo_agent_dagster.cli.report_options import AsJson, ReportRequestError, camel, percent, report_store
from repo_agent_dagster.pages.wording import plural
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.store.delivery_reports import StoredReport

app = typer.Typer(
    help="Delivery reports: what an order brought. Patches counted over time, and a digest of each week.",
    no_args_is_help=True,
)
app.command()(report_stats.stats)
app.command()(report_stats.trends)
app.command()(report_stats.export)
app.command()(report_digest.digest)
app.command()(report_publishing.publish)
app.add_typer(report_targets.app, name="targets")
console = Console()

_OF_REPORT = ("version", "success_rate", "total_patches", "created_at")


@app.command()
def generate(
    orders: Annotated[
        list[str] | None, typer.Argument(help="Ids of orders; `unattributed` for events without one.")
    ] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Every order whose facts changed.")] = False,
    all_orders: Annotated[bool, typer.Option("--all", help="Every order, read anew whatever is known of it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring reports up to date: a new version for each order whose facts changed, nothing for the others.

    Named orders and --all are read anew, and their custody chains walked whole; --changed reads what changed alone.

    Example: `repo-agent reports generate 42`, or `repo-agent reports generate --changed`
    """
    if bool(orders) + changed + all_orders != 1:
        raise ReportRequestError("name orders, or give --changed or --all; `repo-agent reports list` shows the orders")
    from repo_agent_dagster.reports.generate import ReportVersion, generate_changed
    from repo_agent_dagster.reports.generate import generate as generate_one

    settings, now = Settings(), datetime.now(UTC)
    engine, folder, dagster_url = report_store(), settings.reports, settings.dagster_address
    summary, problems = "", tuple[str, ...]()
    if orders:
        made: list[ReportVersion] = [
            generate_one(engine, order, reports_dir=folder, now=now, dagster_url=dagster_url)
            for order in dict.fromkeys(orders)
        ]
    else:
        with console.status("reading marks") as status:
            done = generate_changed(
                engine, reports_dir=folder, now=now, dagster_url=dagster_url, say=status.update, everything=all_orders
            )
        made, problems = list(done.made), done.problems
        mended = f", {plural(done.mended, 'page')} written again" if done.mended else ""
        summary = (
            f"{plural(len(made), 'new version')}, {plural(done.unchanged, 'order')} unchanged{mended}, "
            f"{done.seconds:.1f} s"
        )
    if as_json:
        keys = ("order_id", "version", "is_new")
        rows = [{key: getattr(one, key) for key in keys} | {"html_path": str(one.html_path)} for one in made]
        typer.echo(json.dumps([camel(row) for row in rows], indent=2))
    else:
        for one in made:
            state = "[green]new[/]" if one.is_new else "[dim]unchanged[/]"
            console.print(
                f"{state} {escape(one.order_id)} v{one.version}  {escape(str(one.html_path))}",
                highlight=False,
                soft_wrap=True,
            )
        if summary:
            console.print(summary, highlight=False)
    if problems:
        raise ReportRequestError("\n".join((f"{plural(len(problems), 'report')} could not be made:", *problems)))


@app.command("list")
def listing(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List every order with its current report, newest first; those that have none yet come before them.

    Events without an order are the order `unattributed`. An order is closed when none of its tasks waits or runs and
    it had no event for an hour.
    """
    rows = _orders(limit)
    if as_json:
        shown = [{**row, "created_at": row["created_at"] and row["created_at"].isoformat()} for row in rows]
        typer.echo(json.dumps([camel(row) for row in shown], indent=2))
        return
    if not rows:
        console.print("no orders yet: no patch event, task or migration is on record")
        return
    table = Table("order", "state", "report", "patches", "success rate", "made", box=None, header_style="bold")
    for row in rows:
        made_at = row["created_at"]
        report = "none yet" if row["version"] is None else f"v{row['version']}"
        table.add_row(
            escape(row["order_id"]),
            row["state"],
            report if row["is_up_to_date"] or row["version"] is None else f"{report}, out of date",
            "–" if row["total_patches"] is None else str(row["total_patches"]),
            percent(row["success_rate"]),
            "–" if made_at is None else made_at.isoformat(sep=" ", timespec="seconds"),
        )
    console.print(table)
    if not all(row["is_up_to_date"] for row in rows):
        console.print("`repo-agent reports generate --changed` brings them up to date")


def _orders(limit: int) -> list[dict[str, Any]]:
    from repo_agent_dagster.store import delivery_reports, order_marks
    from repo_agent_dagster.store.engine import read_transaction

    with read_transaction(report_store()) as conn:
        reports = delivery_reports.listing(conn, limit=limit)
        reported = order_marks.reported_marks(conn)
        marks = order_marks.order_marks(conn)
        closed = set(order_marks.closed_orders(conn, datetime.now(UTC)))
    missing = [{"order_id": order_id, **dict.fromkeys(_OF_REPORT)} for order_id in marks if order_id not in reported]
    known = [
        {"order_id": report.order_id, **{name: getattr(report, name) for name in _OF_REPORT}} for report in reports
    ]
    return [
        {
            **row,
            "state": "closed" if row["order_id"] in closed else "open",
            "is_up_to_date": row["version"] is not None and reported.get(row["order_id"]) == marks.get(row["order_id"]),
        }
        for row in (*missing[:limit], *known)
    ]


@app.command()
def schema(
    digest: Annotated[
        bool, typer.Option("--digest", help="Of the weekly digest instead of the delivery report.")
    ] = False,
) -> None:
    """Print the JSON Schema of what `show --json` prints, for programs in other languages."""
    from repo_agent_dagster.contracts import digests, reports

    found = digests.weekly_digest_schema() if digest else reports.delivery_report_schema()
    typer.echo(json.dumps(found, indent=2))


@app.command()
def show(
    order: Annotated[str, typer.Argument(help="The order's id.")],
    version: Annotated[int | None, typer.Option(min=1, help="An older version; default the current one.")] = None,
    html: Annotated[bool, typer.Option("--html", help="Print the path of the HTML page.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON document.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print the Markdown text.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the HTML page in the browser.")] = False,
    charts: Annotated[
        Path | None,
        typer.Option("--charts", help="Draw the charts as SVG into this folder, and print Markdown of them."),
    ] = None,
) -> None:
    """Show an order's report; in a terminal it is rendered, in a pipe it is Markdown.

    Example: `repo-agent reports show 42 --open`, or `repo-agent reports show 42 --charts charts > report.md`
    """
    if html + as_json + open_page + (md or charts is not None) > 1:
        raise ReportRequestError("give one of --html, --json, --md (with or without --charts) and --open")
    engine = report_store()
    stored = _stored(engine, order, version)
    if charts is not None:
        typer.echo(_with_charts(stored, charts), nl=False)
    elif as_json:
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


def _with_charts(stored: "StoredReport", folder: Path) -> str:
    from pydantic import ValidationError

    from repo_agent_dagster.contracts.reports import DeliveryReport
    from repo_agent_dagster.pages.writing import write_whole
    from repo_agent_dagster.reports.charts import svg
    from repo_agent_dagster.reports.charts.of_report import report_charts
    from repo_agent_dagster.reports.markdown import render_markdown

    try:
        report = DeliveryReport.model_validate(stored.report_json)
    except ValidationError:
        raise ReportRequestError(
            f"version {stored.version} of order {stored.order_id!r} was made before reports had charts; "
            "`--md` prints it as it was"
        ) from None
    for name, chart in report_charts(report).items():
        write_whole(folder / f"{name}.svg", svg(chart))
    return render_markdown(report, charts_at=folder.as_posix())


def _page(engine: "Engine", stored: "StoredReport") -> Path:
    from repo_agent_dagster.reports.page_files import ensure_page

    return ensure_page(engine, stored, reports_dir=Settings().reports)
