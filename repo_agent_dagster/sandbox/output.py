"""Where the output of commands goes: the sink's protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True)
class OutputLine:
    """One line without its line break; `at` is when its last byte arrived, `seq` counts from 1 within the command."""

    stream: Literal["stdout", "stderr"]
    text: str
    at: datetime
    seq: int


class OutputSink(Protocol):
    """Receives a command, its lines in order, and its end. Called from the thread that runs `exec`."""

    def start(self, command_id: str, command: Sequence[str], at: datetime) -> None:
        """A command begins."""

    def write(self, lines: Sequence[OutputLine]) -> None:
        """Take the lines that arrived since the last call (never empty)."""

    def finish(self, command_id: str, exit_code: int | None, at: datetime, *, timed_out: bool) -> Path | None:
        """The command ended; return the whole log's path where the stored one was cut, else None."""
