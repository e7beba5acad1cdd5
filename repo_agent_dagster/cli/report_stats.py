"""`repo-agent reports trends`: patches counted over a range of time."""

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from repo_agent_dagster.cli.report_options import AsJson, ReportRequestError, percent, report_store

console = Console()


def trends(
    group: Annotated[str, typer.Option(help="day, week, phase, order or factory.")] = "day",
    since: Annotated[
        str | None, typer.Option("--from", help="First day, or an instant with its zone. Default: 30 days before --to.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Last day (all of it), or an instant (left out). Default: now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count patches over a range of time, by the day (UTC) of their first event.

    Example: `repo-agent reports trends --group week --from 2026-03-01 --to 2026-03-31`
    """
    from repo_agent_dagster.store import patch_stats
    from repo_agent_dagster.store.engine import read_transaction

    key = patch_stats.trend_group(group)
    period = patch_stats.utc_range(
        _instant("--from", since, is_end=False), _instant("--to", until, is_end=True), now=datetime.now(UTC)
    )
    with read_transaction(report_store()) as conn:
        cells = patch_stats.patch_cells(conn, period)
        errors = patch_stats.patch_errors(conn, period)
    rows, mix = patch_stats.fold(cells, key), patch_stats.operation_mix(cells)
    if as_json:
        document = {
            "from": period.start.isoformat(),
            "to": period.end.isoformat(),
            "group": key.value,
            "rows": [{"key": row.key, **row.counts.model_dump(by_alias=True)} for row in rows],
            "operations": [{"op": o.op, "patches": o.patches, "share": o.share} for o in mix],
            "errors": [{"error": e.error, "patches": e.patches} for e in errors],
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    span = f"{period.start:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC"
    if not rows:
        console.print(f"no patches from {span}", highlight=False)
        return
    table = Table(key.value, title=f"Patches from {span}", title_justify="left", box=None, header_style="bold")
    for column in ("total", "ok", "failed", "unchecked", "reverted", "success rate"):
        table.add_column(column, justify="right")
    for row in rows:
        counts = row.counts
        numbers = (counts.total, counts.ok, counts.failed, counts.unchecked, counts.reverted)
        rate = f"{percent(counts.success_rate)} of {counts.checked}" if counts.checked else "–"
        table.add_row(escape(row.key) if row.key is not None else "[dim](none)[/]", *map(str, numbers), rate)
    console.print(table)
    console.print("[bold]operations[/]  " + ", ".join(f"{escape(o.op)} {o.share:.0%}" for o in mix), highlight=False)
    for error in errors:
        console.print(f"[red]{error.patches:>4} ×[/] {escape(error.error)}", highlight=False)


def _instant(option: str, text: str | None, *, is_end: bool) -> datetime | None:
    """Read a day or an instant; as an end, a day means all of it, so the range ends where the next day begins."""
    if text is None:
        return None
    try:
        if len(text) == len("2026-03-04"):
            day = date.fromisoformat(text) + timedelta(days=1 if is_end else 0)
            return datetime.combine(day, time(), tzinfo=UTC)
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ReportRequestError(
            f"{option} {text!r} is no date or instant; write 2026-03-04 or 2026-03-04T09:30:00+00:00"
        ) from None
