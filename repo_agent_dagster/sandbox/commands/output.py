"""A line of a command's output, and what takes such lines."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol


class OutputLine(NamedTuple):
    """One line without its line break; `at` is when its last byte arrived, `seq` counts from 1 within the command.

    A plain tuple, because a million of them are made.
    """

    stream: Literal["stdout", "stderr"]
    text: str
    at: datetime
    seq: int


class OutputSink(Protocol):
    """Receives a command, its lines in order, and its end. Called from the thread that runs `exec`.

    While a sink works the output is not read, and the command waits once the pipe is full: nobody's memory grows.
    """

    def start(self, command_id: str, command: Sequence[str], at: datetime) -> None:
        """A command begins."""

    def write(self, command_id: str, lines: Sequence[OutputLine]) -> None:
        """Take the lines that arrived since the last call; none at times, so that what waits can be passed on."""

    def finish(self, command_id: str, exit_code: int | None, at: datetime, *, timed_out: bool) -> str | None:
        """The command ended; return where the whole log is if the stored one was cut, else None."""


def shown(command: Sequence[str]) -> str:
    """Return the command as a person would type it; a shell's script alone, without the shell around it."""
    if len(command) == 3 and tuple(command[:2]) == ("bash", "-c"):
        return command[2]
    return shlex.join(command)
