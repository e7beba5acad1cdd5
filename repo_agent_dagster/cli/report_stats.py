"""`repo-agent reports stats`, `trends` and `export`: patches counted over a range of time, and as a file."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repo_agent_dagster.cli.report_options import AsJson, ReportRequestError, print_document, report_store

if TYPE_CHECKING:
    from repo_agent_dagster.contracts.periods import UtcRange
    from repo_agent_dagster.store.patch_rollups import PatchFilter

From = Annotated[
    str | None,
    typer.Option("--from", metavar="DAY|INSTANT", help="First day, or an instant with its zone.", show_default=False),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="DAY|INSTANT",
        help="Last day (all of it), or an instant (left out). Default: today.",
        show_default=False,
    ),
]
Why = Annotated[bool, typer.Option("--why", help="Also print the rule and the query of each number.")]


def stats(
    since: From = None,
    until: To = None,
    top: Annotated[int, typer.Option(min=0, max=100, help="How many of the most frequent errors.")] = 10,
    as_json: AsJson = False,
    why: Why = False,
) -> None:
    """Count the patches of a range: days, factories, operations, top errors, latencies. Default: the last 7 days.

    Days are UTC. A patch belongs to the day of its first event. What no check judged is "unchecked": neither ok nor
    failed, and in no success rate.

    Examples:

    `repo-agent reports stats`

    `repo-agent reports stats --from 2026-03-01 --to 2026-03-31`

    `repo-agent reports stats --from 2026-03-04T08:00:00+01:00 --to 2026-03-04T18:00:00+01:00`

    `repo-agent reports stats --why`, and each number's rule and query follows

    `repo-agent reports stats --json | jq .totals.successRate`
    """
    from repo_agent_dagster.reports.periods import STATS_DAYS

    period = _period(since, until, STATS_DAYS)
    from repo_agent_dagster.cli.report_stats_view import show_stats
    from repo_agent_dagster.reports.stats import stats as count

    found = count(report_store(), period, top=top)
    if as_json:
        print_document(found)
    else:
        show_stats(found, why=why)


def trends(
    group: Annotated[
        str,
        typer.Option(
            "--group", "-g", help="day, week (ISO 8601), phase, order, factory, operation, workspace or file."
        ),
    ] = "day",
    since: From = None,
    until: To = None,
    limit: Annotated[int, typer.Option(min=1, help="How many names at most, the fullest first.")] = 50,
    factory: Annotated[str | None, typer.Option(help="Only patches of this factory (requester).")] = None,
    order: Annotated[str | None, typer.Option(help="Only patches of this order; `unattributed`: without one.")] = None,
    phase: Annotated[str | None, typer.Option(help="Only patches of this phase.")] = None,
    operation: Annotated[str | None, typer.Option(help="Only patches of this operation.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="One line for each group, with a header.")] = False,
    why: Why = False,
) -> None:
    """Count the patches of a range by group. Default: by day, the last 30 days.

    Days and weeks come in their order, names by how many patches they have. A rate states what it is a rate of.

    Examples:

    `repo-agent reports trends`

    `repo-agent reports trends --group week --from 2026-01-01`

    `repo-agent reports trends --group order --limit 20`, with first patch, last patch and duration

    `repo-agent reports trends --group day --factory agent-a`

    `repo-agent reports trends --group file --csv > files.csv`
    """
    if as_json and as_csv:
        raise ReportRequestError("give one of --json and --csv")
    from repo_agent_dagster.reports.periods import TREND_DAYS, group_of

    by = group_of(group)
    period = _period(since, until, TREND_DAYS)
    from repo_agent_dagster.cli.report_stats_view import show_trends, trends_csv
    from repo_agent_dagster.reports.stats import trends as count

    where, filtered = _filter(factory, order, phase, operation)
    found = count(report_store(), by, period, limit=limit, where=where)
    if as_json:
        print_document(found)
    elif as_csv:
        # click would take colours out of names; on a terminal nothing may steer it.
        typer.echo(trends_csv(found, safe=sys.stdout.isatty()), nl=False, color=True)
    else:
        show_trends(found, filtered=filtered, why=why)


def export(
    file: Annotated[
        Path, typer.Argument(help="FILE.csv or FILE.jsonl; with .zst after it, packed.", dir_okay=False, metavar="FILE")
    ],
    since: From = None,
    until: To = None,
) -> None:
    """Write the patches of a range to a file, one typed row for each, for DuckDB, a notebook or a spreadsheet.

    Default: the last 30 days. An existing file is replaced when all is written.

    Examples:

    `repo-agent reports export patches.csv --from 2026-01-01`

    `repo-agent reports export patches.jsonl.zst --from 2025-01-01 --to 2025-12-31`
    """
    from repo_agent_dagster.reports.periods import TREND_DAYS

    period = _period(since, until, TREND_DAYS)
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from repo_agent_dagster.reports.export import export_patches

    console = Console(stderr=True)
    shown = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days, {task.fields[rows]:,} patches"),
        TimeRemainingColumn(),
    )
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("exporting", total=len(period.days()), rows=0)
        done = export_patches(
            report_store(), period, file, say=lambda _, rows: progress.update(task, advance=1, rows=rows)
        )
    typer.echo(f"{done.patches:,} patches, {done.size:,} bytes: {done.path}")


def _period(since: str | None, until: str | None, default_days: int) -> "UtcRange":
    from repo_agent_dagster.reports.periods import OPTIONS, range_of

    return range_of(since, until, now=datetime.now(UTC), default_days=default_days, names=OPTIONS)


def _filter(
    factory: str | None, order: str | None, phase: str | None, operation: str | None
) -> tuple["PatchFilter | None", str]:
    """Return the filter, None if nothing was asked for, and what to say of it."""
    from repo_agent_dagster.contracts.reports import UNATTRIBUTED
    from repo_agent_dagster.store.patch_rollups import PatchFilter

    asked = {"factory": factory, "order": order, "phase": phase, "operation": operation}
    said = "".join(f", {name} {value!r}" for name, value in asked.items() if value is not None)
    if not said:
        return None, ""
    order = "" if order == UNATTRIBUTED else order
    return PatchFilter(factory=factory, order=order, phase=phase, op=operation), said
