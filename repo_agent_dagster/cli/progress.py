"""A live table of steps on a terminal, and plain lines where output is piped."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text


class StepState(StrEnum):
    """Where a step stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_SIGNS = {
    StepState.WAITING: Text("·", style="dim"),
    StepState.DONE: Text("✓", style="bold green"),
    StepState.FAILED: Text("✗", style="bold red"),
}


@dataclass
class Step:
    """One line of the display."""

    title: str
    state: StepState = StepState.WAITING
    detail: str = ""
    started: float | None = None
    ended: float | None = None

    @property
    def seconds(self) -> float | None:
        """How long the step has run, or ran; None before it starts."""
        if self.started is None:
            return None
        return (self.ended or time.monotonic()) - self.started


@dataclass
class StepBoard:
    """The steps of one command, shown while they happen."""

    console: Console
    titles: list[str]
    steps: list[Step] = field(init=False)
    _live: Live | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.steps = [Step(title) for title in self.titles]
        self._spinner = Spinner("dots", style="cyan")

    @contextmanager
    def shown(self) -> Iterator["StepBoard"]:
        """Show the board while the block runs; its last state stays on the screen."""
        if not self.console.is_terminal:
            yield self
            return
        with Live(get_renderable=self.render, console=self.console, refresh_per_second=8) as self._live:
            yield self
        self._live = None

    @contextmanager
    def step(self, title: str, *, narrated: bool = False) -> Iterator[Callable[[str], None]]:
        """Run one step: yields a function that sets its detail; an exception marks it failed and goes on up.

        The details of a narrated step are also printed where output is piped: each of them may take minutes.
        """
        step = next(step for step in self.steps if step.title == title)
        step.state, step.started = StepState.RUNNING, time.monotonic()
        if self._live is None:
            self.console.print(f"… {title}", highlight=False, markup=False)

        def tell(detail: str) -> None:
            if narrated and self._live is None and detail != step.detail:
                self.console.print(f"    {detail}", highlight=False, markup=False, soft_wrap=True)
            step.detail = detail

        try:
            yield tell
        except BaseException:
            step.state = StepState.FAILED
            raise
        else:
            step.state = StepState.DONE
        finally:
            step.ended = time.monotonic()
            if self._live is None:
                sign = "✓" if step.state is StepState.DONE else "✗"
                self.console.print(
                    f"{sign} {title} ({step.seconds:.1f} s) {step.detail}".rstrip(),
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )

    def render(self) -> Table:
        """Return the board as it stands."""
        # Only the detail gives way on a narrow terminal; signs, titles and times are always whole.
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(min_width=1, no_wrap=True)
        table.add_column(min_width=max(len(step.title) for step in self.steps), no_wrap=True)
        table.add_column(justify="right", min_width=7, no_wrap=True)
        table.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
        for step in self.steps:
            sign = self._spinner if step.state is StepState.RUNNING else _SIGNS[step.state]
            seconds = "" if step.seconds is None else f"{step.seconds:.1f} s"
            style = "dim" if step.state is StepState.WAITING else ""
            table.add_row(sign, Text(step.title, style=style), Text(seconds, style="dim"), escape(step.detail))
        return table
