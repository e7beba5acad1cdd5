"""Where the output of commands goes: the sink's protocol, and the sink that keeps it in the store."""

import gzip
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

from repo_agent_dagster.store import container_logs
from repo_agent_dagster.store.container_logs import ContainerLogRow
from repo_agent_dagster.store.engine import write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

WHOLE_LOG_BYTES = 1 << 30
"""Even the artifact store's log of one command ends here: a command that never stops must not fill the disk."""
_BATCH_LINES = 500
_BATCH_SECONDS = 0.5


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

    def write(self, command_id: str, lines: Sequence[OutputLine]) -> None:
        """Take the lines that arrived since the last call; none at times, so that what waits can be passed on."""

    def finish(self, command_id: str, exit_code: int | None, at: datetime, *, timed_out: bool) -> Path | None:
        """The command ended; return the whole log's path where the stored one was cut, else None."""


@dataclass
class _Log:
    """One command's log while it runs."""

    rows: list[ContainerLogRow] = field(default_factory=list)
    flushed_at: float = field(default_factory=time.monotonic)
    kept: list[OutputLine] = field(default_factory=list)
    bytes: int = 0
    seq: int = 0
    path: Path | None = None
    whole: TextIO | None = None


class StoreSink:
    """Keeps the output of one task's commands in `container_operation_logs`, in batches (500 lines or half a second).

    The command is its own first row (stream `stdin`, seq 0); a last row, also `stdin`, tells how it ended and has the
    exit code. Output over `cap_bytes` is not stored: one row marks the cut, and the whole log goes, compressed, to
    ``artifacts_dir/<task_id>/<command_id>.log.gz``.
    """

    def __init__(self, engine: "Engine", task_id: str, *, cap_bytes: int, artifacts_dir: Path) -> None:
        self._engine = engine
        self._task_id = task_id
        self._cap = cap_bytes
        self._folder = artifacts_dir / task_id
        self._logs: dict[str, _Log] = {}

    def start(self, command_id: str, command: Sequence[str], at: datetime) -> None:
        """Store the command at once, so that it is seen while it runs."""
        log = self._logs[command_id] = _Log()
        self._add(log, command_id, "stdin", shown(command), at)
        self._flush(log)

    def write(self, command_id: str, lines: Sequence[OutputLine]) -> None:
        """Take the lines; those over the cap go to the compressed log alone."""
        log = self._logs[command_id]
        for line in lines:
            log.bytes += len(line.text.encode()) + 1
            if log.path is None and log.bytes <= self._cap:
                log.kept.append(line)
                self._add(log, command_id, line.stream, line.text, line.at)
            else:
                self._write_whole(log, command_id, line)
        due = time.monotonic() - log.flushed_at >= _BATCH_SECONDS
        if len(log.rows) >= _BATCH_LINES or (log.rows and due):
            self._flush(log)

    def finish(self, command_id: str, exit_code: int | None, at: datetime, *, timed_out: bool) -> Path | None:
        """Store what is left and how the command ended; return the whole log's path where the stored one is cut."""
        log = self._logs.pop(command_id)
        if log.whole is not None:
            log.whole.close()
        ending = "killed: its time was over" if timed_out else f"exit code {exit_code}"
        self._add(log, command_id, "stdin", f"[{ending}]", at, exit_code)
        self._flush(log)
        return log.path

    def _write_whole(self, log: _Log, command_id: str, line: OutputLine) -> None:
        if log.path is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            log.path = self._folder / f"{command_id}.log.gz"
            log.whole = gzip.open(log.path, "wt", compresslevel=3, encoding="utf-8")  # noqa: SIM115 - finish closes it
            for kept in log.kept:
                log.whole.write(_logged(kept))
            log.kept.clear()
            mark = f"[cut after {self._cap} bytes; the whole output is in {log.path}]"
            self._add(log, command_id, line.stream, mark, line.at)
        if log.whole is None:
            return
        log.whole.write(_logged(line))
        if log.bytes > WHOLE_LOG_BYTES:
            log.whole.write(f"[cut after {WHOLE_LOG_BYTES} bytes]\n")
            log.whole.close()
            log.whole = None

    def _add(
        self,
        log: _Log,
        command_id: str,
        stream: Literal["stdin", "stdout", "stderr"],
        text: str,
        at: datetime,
        exit_code: int | None = None,
    ) -> None:
        log.rows.append(ContainerLogRow(self._task_id, at, command_id, log.seq, stream, text, exit_code))
        log.seq += 1

    def _flush(self, log: _Log) -> None:
        with write_transaction(self._engine) as connection:
            container_logs.append(connection, log.rows)
        log.rows.clear()
        log.flushed_at = time.monotonic()


def shown(command: Sequence[str]) -> str:
    """Return the command as a person would type it; a shell's script alone, without the shell around it."""
    if len(command) == 3 and tuple(command[:2]) == ("bash", "-c"):
        return command[2]
    return shlex.join(command)


def _logged(line: OutputLine) -> str:
    return f"{line.at.isoformat(timespec='milliseconds')} {line.stream} {line.text}\n"
