"""What a person sees of a task that runs in his terminal: steps, decisions, commands and their output, on stderr."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from rich.console import Console
from rich.text import Text

from repo_agent_dagster.sandbox.commands.output import OutputLine, OutputSink, shown

_SHOWN_CHARACTERS = 200
"""Characters of a command or a line that are shown."""
_SHOWN_LINES = 5000
"""Lines of one command that are shown; all of them are on record."""
_PRINTABLE = dict.fromkeys((*range(9), *range(10, 32), 127), "�")


class TerminalSink:
    """Shows what it is told and passes it on to the sink that keeps it."""

    def __init__(self, console: Console, keeping: OutputSink) -> None:
        self._console = console
        self._keeping = keeping
        self._left = _SHOWN_LINES

    def start(self, command_id: str, command: Sequence[str], at: datetime) -> None:
        """Show the command."""
        self._left = _SHOWN_LINES
        self._console.print(Text(f"$ {_title(command)}", style="dim"), soft_wrap=True)
        self._keeping.start(command_id, command, at)

    def write(self, command_id: str, lines: Sequence[OutputLine]) -> None:
        """Show the lines."""
        shown_now = lines[: self._left]
        if shown_now and not self._console.quiet:
            # Written in one go and as they are: a table of styles for each line would be slower than the sandbox.
            text = "".join(f"  {line.text.translate(_PRINTABLE)}\n" for line in shown_now)
            self._console.file.write(text)
            self._console.file.flush()
        if self._left and len(lines) > self._left:
            self._console.print(Text("  … more than is shown here; `repo-agent task logs` has all", style="dim"))
        self._left = max(0, self._left - len(lines))
        self._keeping.write(command_id, lines)

    def finish(self, command_id: str, exit_code: int | None, at: datetime, *, timed_out: bool) -> str | None:
        """Tell of a command that did not end well."""
        if timed_out:
            self._console.print(Text("  timed out; its processes were killed", style="red"))
        elif exit_code:
            self._console.print(Text(f"  exit code {exit_code}", style="dim"))
        return self._keeping.finish(command_id, exit_code, at, timed_out=timed_out)


def _title(command: Sequence[str]) -> str:
    """Return a command in one line; a script of ours with a name of its own by that name and its arguments."""
    if len(command) > 3 and command[0] in ("bash", "sh", "/bin/sh", "/bin/bash") and command[1].endswith("c"):
        said = command[3:]
        if command[3] == "checked" and len(command) > 7:  # pathways/scripts: digest and path go before the script's own
            said = [PurePosixPath(command[5]).name, *command[8:]]
        return shlex.join(said)[:_SHOWN_CHARACTERS]
    first, *rest = shown(command).strip().splitlines() or [""]
    return first[:_SHOWN_CHARACTERS] + (" …" if rest or len(first) > _SHOWN_CHARACTERS else "")


class Progress:
    """Shows the name of a step as a heading and a decision as a line."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, line: str) -> None:
        """Show one line."""
        is_step = line.isidentifier()
        text = Text(f"▸ {line.replace('_', ' ')}", style="bold cyan") if is_step else Text(f"  {line}", style="cyan")
        self._console.print(text, soft_wrap=True)
