"""How `repo-agent reports stats` and `trends` look in a terminal: tables, small bars, rates with denominators.

In a pipe the tables keep every line whole. All names and errors come from patches: they are shown as text, on one line.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable
from datetime import timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from repo_agent_dagster.contracts.patch_stats import PatchStats, PatchTrends, TrendGroup, TrendRow
from repo_agent_dagster.contracts.reports import NumberSource, PatchCounts, StepLatency
from repo_agent_dagster.pages.wording import duration, latency

_BAR_WIDTH = 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_PIPE_WIDTH = 400
_WIDE, _ORDERS, _NARROW = 132, 108, 84
"""Columns that a terminal needs for all of a table, for the times of orders, and for bars."""
_NAME_LENGTH = 60
_ERROR_LENGTH = 200
_SHOWN_FACTORIES = 15
_COUNTS = ("ok", "failed", "unchecked", "reverted")
_STYLES = {"ok": "green", "failed": "red", "unchecked": "yellow", "reverted": "magenta", "refused": "dim"}
_TIME_GROUPS = frozenset({TrendGroup.DAY, TrendGroup.WEEK})


def show_stats(stats: PatchStats, *, filtered: str = "", why: bool = False) -> None:
    """Show a range's totals, days, factories, operations, errors and latencies."""
    console = _console()
    totals = stats.totals
    console.print(f"[bold]Patches from {_span(stats)}[/]{escape(filtered)}", highlight=False)
    if not totals.total:
        console.print("no patches")
    else:
        parts = [f"[bold]{totals.total:,}[/] patches"] + [
            f"[{style}]{getattr(totals, name):,} {name}[/]" for name, style in _STYLES.items() if getattr(totals, name)
        ]
        console.print(" · ".join(parts), highlight=False)
        console.print(f"success rate {_rate(totals, long=True)}\n", highlight=False)
        _show_counts(console, "day", [(f"{day.day:%Y-%m-%d %a}", day.counts) for day in stats.daily])
        _show_factories(console, stats)
        _show_operations(console, stats)
        _show_errors(console, stats)
        _show_latency(console, stats.latency)
    if why:
        show_sources(stats.sources, console)


def show_trends(trends: PatchTrends, *, filtered: str = "", why: bool = False) -> None:
    """Show one row for each group; bars and rates side by side, so that columns can be compared."""
    console = _console()
    console.print(f"[bold]Patches by {trends.group}, {_span(trends)}[/]{escape(filtered)}", highlight=False)
    if not trends.rows:
        console.print("no patches")
    else:
        _show_counts(
            console, trends.group.value, [(_key(row), row.counts) for row in trends.rows], _times(trends, console)
        )
        if trends.left_out:
            console.print(f"{trends.left_out:,} more with fewer patches; --limit shows more", style="dim")
    if why:
        show_sources(trends.sources, console)


def trends_csv(trends: PatchTrends, *, safe: bool = False) -> str:
    """Return the rows as CSV with a header: texts as they are, instants in ISO 8601, no rate or name: an empty field.

    `safe`, for a terminal: texts without what would steer it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    counts = ("total", "ok", "failed", "unchecked", "checked", "reverted", "refused", "success_rate")
    is_file = trends.group is TrendGroup.FILE
    key = ("workspace", "file") if is_file else (trends.group.value,)
    writer.writerow([*key, *counts, "first_patch", "last_patch", "duration_seconds"])
    for row in trends.rows:
        names = [row.workspace, row.key] if is_file else [row.key]
        writer.writerow(
            [
                *(one_line(name, len(name)) if safe and name else name for name in names),
                *(getattr(row.counts, count) for count in counts),
                row.first_patch.isoformat(),
                row.last_patch.isoformat(),
                row.duration_seconds,
            ]
        )
    return text.getvalue()


def show_sources(sources: Iterable[NumberSource], console: Console | None = None) -> None:
    """Show why each number is what it is: its rule, and the query that counts the same from the events."""
    console = console or _console()
    queries: dict[str, list[str]] = {}
    console.print("\n[bold]Why these numbers[/]")
    for source in sources:
        console.print(f"[cyan]{escape(source.number)}[/]  {escape(source.rule)}", highlight=False, soft_wrap=True)
        if source.query:
            queries.setdefault(source.query, []).append(source.number)
    for query, numbers in queries.items():
        console.print(f"\n[bold]-- {escape(', '.join(numbers))}[/]", highlight=False, soft_wrap=True)
        console.print(query.strip(), markup=False, highlight=False, soft_wrap=True)


def one_line(text: str, length: int = _NAME_LENGTH) -> str:
    """Return a text from a patch for a terminal: on one line, cut, and without what would steer the terminal."""
    plain = "".join(" " if char.isspace() else "�" if _steers(char) else char for char in text[: length + 1])
    return plain if len(text) <= length else f"{plain[: length - 1]}…"


def _console() -> Console:
    console = Console()
    # Where nobody looks, lines are for programs: none is wrapped or cut at some width.
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


def _steers(char: str) -> bool:
    # Controls, and format characters such as those that turn the direction of text.
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _span(ranged: PatchStats | PatchTrends) -> str:
    start, end = ranged.from_at, ranged.to_at
    if start.time() == end.time() == start.min.time() and start < end:
        last = end - timedelta(days=1)
        days = (end - start).days
        return f"{start:%Y-%m-%d}" if days == 1 else f"{start:%Y-%m-%d} to {last:%Y-%m-%d} ({days:,} days, UTC)"
    return f"{start:%Y-%m-%d %H:%M:%S} up to {end:%Y-%m-%d %H:%M:%S} UTC"


def _show_counts(
    console: Console, name: str, rows: list[tuple[str, PatchCounts]], times: list[tuple[str, ...]] | None = None
) -> None:
    has_bars = console.width >= (_WIDE if times else _NARROW)
    # Where there is too little room it is taken from the names: numbers stay whole.
    table = Table(Column(name, overflow="ellipsis"), box=None, header_style="bold", pad_edge=False)
    for column in ("patches", *([""] if has_bars else []), *_COUNTS, "success rate"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for column in ("first patch", "last patch", "duration") if times else ():
        table.add_column(column, no_wrap=True)
    most = max(counts.total for _, counts in rows)
    for (key, counts), moments in zip(rows, times or [()] * len(rows), strict=True):
        bar = [f"[cyan]{_bar(counts.total / most if most else 0)}[/]"] if has_bars else []
        numbers = ((getattr(counts, count), _STYLES[count]) for count in _COUNTS)
        cells = [f"[{style}]{number:,}[/]" if number else "[dim]0[/]" for number, style in numbers]
        table.add_row(key, f"{counts.total:,}", *bar, *cells, _rate(counts), *moments)
    console.print(table)


def _show_factories(console: Console, stats: PatchStats) -> None:
    console.print()
    shown = stats.factories[:_SHOWN_FACTORIES]
    _show_counts(console, "factory", [(escape(one_line(row.factory)), row.counts) for row in shown])
    if len(stats.factories) > len(shown):
        rest = len(stats.factories) - len(shown)
        console.print(f"{rest:,} more; `reports trends --group factory` has them all", style="dim", highlight=False)


def _show_operations(console: Console, stats: PatchStats) -> None:
    table = Table("operation", box=None, header_style="bold", pad_edge=False)
    for column in ("patches", "", "of the range"):
        table.add_column(column, justify="left" if not column else "right", no_wrap=True)
    for row in stats.operations:
        bar = f"[cyan]{_bar(row.share)}[/]"
        table.add_row(escape(one_line(row.op)), f"{row.patches:,}", bar, f"{row.share:.1%}")
    console.print()
    console.print(table)


def _show_errors(console: Console, stats: PatchStats) -> None:
    if not stats.errors and not stats.other_errors:
        return
    console.print("\n[bold]top errors[/] [dim](each patch by its last error)[/]")
    for error in stats.errors:
        text = escape(one_line(error.error, _ERROR_LENGTH))
        console.print(f"[red]{error.patches:>7,} ×[/] {text}", highlight=False, soft_wrap=True)
    if stats.other_errors:
        console.print(f"[dim]{stats.other_errors:>7,} × other errors[/]", highlight=False)


def _show_latency(console: Console, steps: list[StepLatency]) -> None:
    if not any(step.patches for step in steps):
        return
    table = Table("latency", box=None, header_style="bold", pad_edge=False)
    for column in ("patches", "mean", "p95"):
        table.add_column(column, justify="right", no_wrap=True)
    for step in steps:
        name = step.step.replace("_", " → ")
        table.add_row(name, f"{step.patches:,}", latency(step.mean_seconds), latency(step.p95_seconds))
    console.print()
    console.print(table)


def _key(row: TrendRow) -> str:
    if row.key is None:
        return "[dim](none)[/]"
    place = f" [dim]{escape(one_line(row.workspace))}[/]" if row.workspace else ""
    return escape(one_line(row.key)) + place


def _times(trends: PatchTrends, console: Console) -> list[tuple[str, ...]] | None:
    """Return first patch, last patch and the time between, where they tell something and there is room for them."""
    if trends.group in _TIME_GROUPS or console.width < (_ORDERS if trends.group is TrendGroup.ORDER else _WIDE):
        return None
    return [
        (f"{row.first_patch:%Y-%m-%d}", f"{row.last_patch:%Y-%m-%d}", duration(row.first_patch, row.last_patch))
        for row in trends.rows
    ]


def _rate(counts: PatchCounts, *, long: bool = False) -> str:
    if counts.success_rate is None:
        return "– nothing was checked" if long else "[dim]–[/]"
    of = f"({counts.ok:,} of {counts.checked:,} checked; {counts.unchecked:,} unchecked are in neither)"
    return f"{counts.success_rate:.1%} {of if long else f'of {counts.checked:,}'}"


def _bar(share: float) -> str:
    """Return a bar of at most `_BAR_WIDTH` cells for a share of 0–1; anything above 0 is seen."""
    eighths = round(share * _BAR_WIDTH * 8)
    if share > 0:
        eighths = max(eighths, 1)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")
