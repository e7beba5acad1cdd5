"""The steps of one migration as they happen: a live table on a terminal, plain lines where output is piped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_SIGNS = {
    "done": Text("✓", style="bold green"),
    "failed": Text("✗", style="bold red"),
    "skipped": Text("–", style="dim"),
}


class MigrationBoard:
    """Shows each step when it begins and when it ends. Goes to standard error: standard output is the result's."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._steps: dict[str, dict[str, Any]] = {}
        self._spinner = Spinner("dots", style="cyan")
        self._quiet = quiet
        self._live = (
            Live(get_renderable=self._table, console=self._console, refresh_per_second=8)
            if self._console.is_terminal and not quiet
            else None
        )
        if self._live is not None:
            self._live.start()

    def show(self, step: dict[str, Any]) -> None:
        """Take note of a step that began or ended."""
        self._steps[step["step"]] = step
        if self._live is None and not self._quiet and step["status"] != "running":
            self._console.print(f"{step['step']}: {step['status']} {step['detail']}".rstrip(), soft_wrap=True)

    def close(self) -> None:
        """Leave the table as it stands; safe to call twice."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False)
        for step in self._steps.values():
            seconds = "" if step["seconds"] is None else f"{step['seconds']:.1f} s"
            sign = _SIGNS.get(step["status"], self._spinner)
            table.add_row(sign, step["step"], Text(seconds, style="dim"), escape(step["detail"]))
        return table


@contextmanager
def step_board(*, quiet: bool) -> Iterator[MigrationBoard]:
    """Show the steps while the block runs; `quiet` shows none."""
    board = MigrationBoard(quiet=quiet)
    try:
        yield board
    finally:
        board.close()
