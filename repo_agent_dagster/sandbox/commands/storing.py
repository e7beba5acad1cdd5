"""The sink that keeps the output of commands in the store, and what is too much for it among the artifacts."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, groupby, takewhile
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.sandbox.commands.output import OutputLine, shown
from repo_agent_dagster.sandbox.commands.whole_log import WholeLog
from repo_agent_dagster.store import container_logs
from repo_agent_dagster.store.container_logs import ContainerLogLines, Stream
from repo_agent_dagster.store.engine import read_transaction, write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

BATCH_SECONDS = 0.25
"""A line waits at most about so long for others before it is stored."""
BATCH_LINES = 10_000
BATCH_BYTES = 4 << 20
_PAGE = 5000

Keep = Callable[[str, Path], str]
"""Keeps a file under a name such as ``logs/<command id>.log.zst`` and returns its URL; the file is deleted after it."""


@dataclass
class _Log:
    """One command's log while it runs."""

    waiting: list[ContainerLogLines] = field(default_factory=list)
    lines_waiting: int = 0
    bytes_waiting: int = 0
    flushed_at: float = float("-inf")
    bytes: int = 0
    seq: int = 0
    whole: WholeLog | None = None


class StoreSink:
    """Keeps the output of one task's commands in `container_operation_logs`, in batches, a transaction each.

    The command is its own first row (stream `stdin`, seq 0); a last row, also `stdin`, tells how it ended and has the
    exit code. Of output over `cap_bytes` the first and the last lines are stored, with a mark (`stdin`) where the cut
    is; the whole log, compressed, is given to `keep` as ``logs/<command id>.log.zst``. What arrived more than half a
    second ago is stored, whatever happens to this process. May be used by several threads, a command in each.
    """

    def __init__(
        self,
        engine: "Engine",
        task_id: str,
        *,
        cap_bytes: int,
        keep: Keep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._task_id = task_id
        self._cap = cap_bytes
        self._keep = keep
        self._clock = clock
        self._logs: dict[str, _Log] = {}
        # Ids ascend as they are given out, not as they are committed: who follows the task would miss rows.
        self._one_at_a_time = threading.Lock()

    def start(self, command_id: str, command: Sequence[str], at: datetime) -> None:
        """Store the command at once, so that it is seen while it runs."""
        log = self._logs[command_id] = _Log()
        self._note(log, command_id, shown(command), at)
        self._flush(log)
        log.flushed_at = float("-inf")  # so that the first line is stored at once, too

    def write(self, command_id: str, lines: Sequence[OutputLine]) -> None:
        """Take the lines; those over the cap go to the compressed log alone."""
        log = self._logs[command_id]
        if log.whole is None:
            lines = self._store(log, command_id, lines)
        if lines:
            whole = log.whole or self._cut(log, command_id, lines[0].at)
            whole.write(lines)
        full = log.lines_waiting >= BATCH_LINES or log.bytes_waiting >= BATCH_BYTES
        if full or (log.waiting and self._clock() - log.flushed_at >= BATCH_SECONDS):
            self._flush(log)

    def finish(self, command_id: str, exit_code: int | None, at: datetime, *, timed_out: bool) -> str | None:
        """Store what is left and how the command ended; return the whole log's URL where the stored one is cut.

        A log that cannot be kept is told of in the stored one and fails nobody's task.
        """
        log = self._logs.pop(command_id)
        try:
            url = None if log.whole is None else self._end_of_cut(log, log.whole, command_id, at)
            self._note(log, command_id, _ending(exit_code, timed_out=timed_out), at, exit_code)
            self._flush(log)
        finally:
            if log.whole is not None:
                log.whole.close()
        return url

    def _store(self, log: _Log, command_id: str, lines: Sequence[OutputLine]) -> Sequence[OutputLine]:
        """Store the lines under the cap; return the others."""
        done = 0
        for (stream, at), block in groupby(lines, key=itemgetter(0, 2)):
            texts = [text for _, text, _, _ in block]
            fitting = _fitting(texts, self._cap - log.bytes)
            if fitting:
                log.bytes += self._add(log, command_id, stream, texts[:fitting], at)
            done += fitting
            if fitting < len(texts):
                break
        return lines[done:]

    def _cut(self, log: _Log, command_id: str, at: datetime) -> WholeLog:
        mark = f"[cut after {self._cap} bytes; the last lines follow when the command has ended]"
        self._note(log, command_id, mark, at)
        self._flush(log)
        log.whole = WholeLog()
        for page in self._stored_lines(command_id):
            log.whole.write_stored(page)
        return log.whole

    def _stored_lines(self, command_id: str) -> Iterator[list[OutputLine]]:
        after = 0
        while True:
            with read_transaction(self._engine) as connection:
                page = container_logs.listing(
                    connection, self._task_id, after_id=after, command_id=command_id, limit=_PAGE
                )
            if not page:
                return
            after = page[-1].id
            yield [
                OutputLine(row.stream, row.log_content, row.timestamp, row.seq) for row in page if row.stream != "stdin"
            ]

    def _end_of_cut(self, log: _Log, whole: WholeLog, command_id: str, at: datetime) -> str | None:
        url = None
        try:
            url = self._keep(f"logs/{command_id}.log.zst", whole.finish())
            where = f"the whole output is in {url}"
        except (PermanentFault, TransientFault) as error:
            where = f"the whole output could not be kept: {error}"
        self._note(log, command_id, f"[{whole.left_out} lines are left out here; {where}]", at)
        for (stream, at_arrival), block in groupby(whole.last, key=itemgetter(0, 2)):
            self._add(log, command_id, stream, [text for _, text, _, _ in block], at_arrival)
        return url

    def _note(self, log: _Log, command_id: str, text: str, at: datetime, exit_code: int | None = None) -> None:
        """Add a row that is not output."""
        self._add(log, command_id, "stdin", [text], at, exit_code)

    def _add(
        self,
        log: _Log,
        command_id: str,
        stream: Stream,
        texts: list[str],
        at: datetime,
        exit_code: int | None = None,
    ) -> int:
        """Add lines to what waits; return their bytes."""
        size = _bytes(texts)
        log.waiting.append(ContainerLogLines(self._task_id, at, command_id, log.seq, stream, texts, exit_code))
        log.seq += len(texts)
        log.lines_waiting += len(texts)
        log.bytes_waiting += size
        return size

    def _flush(self, log: _Log) -> None:
        with self._one_at_a_time, write_transaction(self._engine) as connection:
            container_logs.append(connection, log.waiting)
        log.waiting.clear()
        log.lines_waiting = log.bytes_waiting = 0
        log.flushed_at = self._clock()


def _ending(exit_code: int | None, *, timed_out: bool) -> str:
    if timed_out:
        return "[killed: its time was over]"
    return "[interrupted, or its sandbox is gone]" if exit_code is None else f"[exit code {exit_code}]"


def _bytes(texts: Sequence[str]) -> int:
    """Return the size of lines with their line breaks."""
    return len("\n".join(texts).encode(errors="replace")) + 1


def _fitting(texts: Sequence[str], room: int) -> int:
    """Return how many of the lines fit into that many bytes."""
    if _bytes(texts) <= room:
        return len(texts)
    ends = accumulate(len(text.encode(errors="replace")) + 1 for text in texts)
    return sum(1 for _ in takewhile(lambda end: end <= room, ends))
