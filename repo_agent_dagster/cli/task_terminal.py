"""What a person sees of a task that runs in his terminal: steps, decisions, commands and their output, on stderr."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from repo_agent_dagster.sandbox.commands.output import OutputLine, OutputSink, shown

_STYLES = {"stdout": "", "stderr": "yellow"}
_QUIET_COMMANDS = 200
"""Characters of a command that are shown; ours are scripts of many lines."""


class TerminalSink:
    """Shows what it is told and passes it on to the sink that keeps it."""

    def __init__(self, console: Console, keeping: OutputSink) -> None:
        self._console = console
        self._keeping = keeping

    def start(self, command_id: str, command: Sequence[str], at: datetime) -> None:
        """Show the command."""
        first, *rest = shown(command).strip().splitlines() or [""]
        cut = " …" if rest or len(first) > _QUIET_COMMANDS else ""
        self._console.print(Text(f"$ {first[:_QUIET_COMMANDS]}{cut}", style="dim"), soft_wrap=True)
        self._keeping.start(command_id, command, at)

    def write(self, command_id: str, lines: Sequence[OutputLine]) -> None:
        """Show the lines."""
        for line in lines:
            # As text of its own: what a program prints is no markup, and its control characters stay out.
            printable = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line.text)
            self._console.print(Text(f"  {printable}", style=_STYLES[line.stream]), soft_wrap=True)
        self._keeping.write(command_id, lines)

    def finish(self, command_id: str, exit_code: int | None, at: datetime, *, timed_out: bool) -> str | None:
        """Tell of a command that did not end well."""
        if timed_out:
            self._console.print(Text("  timed out; its processes were killed", style="red"))
        elif exit_code:
            self._console.print(Text(f"  exit code {exit_code}", style="dim"))
        return self._keeping.finish(command_id, exit_code, at, timed_out=timed_out)


class Progress:
    """Shows the name of a step as a heading and a decision as a line."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, line: str) -> None:
        """Show one line."""
        is_step = line.isidentifier()
        text = Text(f"▸ {line.replace('_', ' ')}", style="bold cyan") if is_step else Text(f"  {line}", style="cyan")
        self._console.print(text, soft_wrap=True)
