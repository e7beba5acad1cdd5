"""One pass over an object: its rows of a day, and everything else that the pass tells of it."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date

from repo_agent_dagster.ops.ingestion.line_reader import BrokenLine, read_lines
from repo_agent_dagster.ops.ingestion.line_shapes import LineShapes, UnreadableLine
from repo_agent_dagster.ops.ingestion.quarantine import Quarantine
from repo_agent_dagster.ops.sources.protocol import DamagedLogObject, LogObject
from repo_agent_dagster.store.log_writing import LogRow

MAX_OBJECT_BYTES = 64 * 1024**3
MAX_DAYS = 1000
PROGRESS_LINES = 50_000
_DAMAGED = b"\x00damaged"


class ObjectReading:
    """Yields an object's rows of the day; when they are exhausted, tells what the object is like.

    The digest is of the very bytes that were read, so an object that grows meanwhile is seen as changed next time.
    """

    def __init__(
        self,
        log_object: LogObject,
        shapes: LineShapes,
        day: date,
        quarantine: Quarantine,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.row_count = 0
        self.damage: DamagedLogObject | None = None
        self.shapes = shapes
        self._object = log_object
        self._quarantine = quarantine
        self._progress = progress
        self._digest = hashlib.sha256()
        self._day = day

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes read, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def days(self) -> tuple[date, ...]:
        """The UTC days of all lines; empty when no line has a time, or not all could be read, or they are too many."""
        days = {date.fromisoformat(day) for day in self.shapes.other_days}
        if self.row_count:
            days.add(self._day)
        return tuple(sorted(days)) if self.damage is None and len(days) <= MAX_DAYS else ()

    def rows(self) -> Iterator[LogRow]:
        """Yield the rows of the day, in the order of the object's lines.

        A broken line has no day of its own: it belongs to that of the last line before it whose time could be read,
        at the beginning of an object to that of the first after it, and in an object without any time to every day.
        """
        read_rows, quarantine = self.shapes.rows, self._quarantine
        number = 0
        told = PROGRESS_LINES
        on_day: bool | None = None  # None until a line's time could be read
        for lines in read_lines(self._chunks()):
            for line in lines:
                number += 1
                if isinstance(line, BrokenLine):
                    if on_day is not False:
                        quarantine.add(number, line.reason, line.text)
                    continue
                try:
                    rows = read_rows(line)
                except UnreadableLine as error:
                    if error.ts:
                        on_day = True
                    if on_day is not False and line and not line.isspace():
                        quarantine.add(number, error.reason, line)
                    continue
                if rows:
                    on_day = True
                    self.row_count += len(rows)
                    yield from rows
                else:
                    if on_day is None:
                        quarantine.discard()  # the broken lines before the first time share its day
                    on_day = False
            if self._progress and number >= told:
                self._progress(number)
                told = number + PROGRESS_LINES
        if self.damage and on_day is not False:
            quarantine.add(number + 1, f"the object ends here: {self.damage}", "")

    def _chunks(self) -> Iterator[bytes]:
        size = 0
        try:
            for chunk in self._object.chunks():
                size += len(chunk)
                if size > MAX_OBJECT_BYTES:
                    self._end(DamagedLogObject(f"it holds over {MAX_OBJECT_BYTES >> 30} GiB; the rest is not read"))
                    return
                self._digest.update(chunk)
                yield chunk
        except DamagedLogObject as damage:
            self._end(damage)

    def _end(self, damage: DamagedLogObject) -> None:
        self._digest.update(_DAMAGED)
        self.damage = damage


def digest_of(log_object: LogObject) -> str:
    """Return the digest that a reading of the object would come to."""
    digest = hashlib.sha256()
    try:
        for chunk in log_object.chunks():
            digest.update(chunk)
    except DamagedLogObject:
        digest.update(_DAMAGED)
    return digest.hexdigest()
