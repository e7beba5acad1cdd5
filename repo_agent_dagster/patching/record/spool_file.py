"""The files of the offline spool: lines that are appended, flushed and chained by hash, in segments that are closed.

`.mission_control/spool/` holds at most one ``<id>.open``, to which is appended, and ``<id>.closed`` files, which nobody
changes any more and which are shipped whole. Each line is a SHA-256, a space and a JSON object; the hash covers the
hash of the line before and the JSON. A last line that is torn was never acknowledged: it is dropped. Any other line
that does not fit is damage, and refused.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from repo_agent_dagster.patching.disk.lock import open_mission_control
from repo_agent_dagster.patching.disk.paths import MISSION_CONTROL
from repo_agent_dagster.patching.model import SpoolUnreadable, UnsafePath
from repo_agent_dagster.store.ids import new_id

SPOOL = "spool"
SEGMENT_BYTES = 8 * 1024 * 1024
"""A segment that has become larger than this is closed, and the next one begun."""

_GENESIS = "0" * 64
_OPEN, _CLOSED = ".open", ".closed"
_NAME = re.compile(r"[0-9a-f-]{36}\.(open|closed)")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment's file holds: its lines' objects in their order, the last line's hash, and its sound length."""

    id: str
    lines: tuple[dict[str, Any], ...]
    sha256: str
    length: int


class SpoolFolder:
    """The spool's folder, held by a lock of its own while it is open: not all who append hold the workspace's."""

    def __init__(self, descriptor: int, shown: str) -> None:
        self._folder = descriptor
        self._shown = shown

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._folder)  # and with it goes the lock, which is the folder's own

    @property
    def is_empty(self) -> bool:
        """Whether there is no segment."""
        return not self._names()

    def append(self, line: dict[str, Any]) -> None:
        """Append a line to the open segment, which is begun if there is none; on the disk when this returns.

        Raises:
            OSError: it could not be written; the spool is as before.
            SpoolUnreadable: the open segment is damaged.
        """
        segment = self._open_segment()
        text = json.dumps(line, separators=(",", ":"))
        written = f"{_hash(segment.sha256, text.encode())} {text}\n".encode()
        descriptor = os.open(f"{segment.id}{_OPEN}", os.O_WRONLY | _FILE, dir_fd=self._folder)
        try:
            os.ftruncate(descriptor, segment.length)  # what was torn goes
            os.lseek(descriptor, segment.length, os.SEEK_SET)
            view = memoryview(written)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, segment.length)
            raise
        finally:
            os.close(descriptor)

    def _open_segment(self) -> Segment:
        """Return the segment to append to, a new one if there is none or it is large enough."""
        for name in self._names():
            if name.endswith(_OPEN):
                segment = self.read(name)
                if segment.length <= SEGMENT_BYTES:
                    return segment
        self.close_segment()
        begun = new_id()
        os.close(os.open(f"{begun}{_OPEN}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=self._folder))
        os.fsync(self._folder)
        return Segment(begun, (), _GENESIS, 0)

    def close_segment(self) -> None:
        """Close the open segment, if there is one: nothing is appended to it any more."""
        for name in self._names():
            if name.endswith(_OPEN):
                closed = name.removesuffix(_OPEN) + _CLOSED
                os.rename(name, closed, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)

    def segments(self) -> list[Segment]:
        """Return all segments, the oldest first.

        Raises:
            SpoolUnreadable: one of them is damaged.
        """
        return [self.read(name) for name in self._names()]

    def closed(self) -> list[str]:
        """Return the names of the closed segments, the oldest first."""
        return [name for name in self._names() if name.endswith(_CLOSED)]

    def read(self, name: str) -> Segment:
        """Return what a segment holds, without a torn last line.

        Raises:
            SpoolUnreadable: another line does not fit.
        """
        content = self._content(name)
        sha256, length, lines = _GENESIS, 0, []
        rows = content.split(b"\n")
        for number, row in enumerate(rows[:-1], start=1):
            line = _parsed(row, sha256)
            if line is None:
                if number == len(rows) - 1 and b"\0" in row:
                    break  # torn too: a page of it did not reach the disk; what is written has no NUL
                raise SpoolUnreadable(
                    f"line {number} of {self._shown}/{name} does not fit the lines before it: it was damaged or "
                    "edited; restore it from a copy, or move the file away to go on without what it records"
                )
            sha256, length = row[:64].decode(), length + len(row) + 1
            lines.append(line)
        return Segment(name.partition(".")[0], tuple(lines), sha256, length)

    def _content(self, name: str) -> bytes:
        try:
            # O_NONBLOCK: opening a pipe must not wait for its writer.
            descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _FILE, dir_fd=self._folder)
            with os.fdopen(descriptor, "rb") as file:
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return file.read()
        except OSError as error:
            raise SpoolUnreadable(f"{self._shown}/{name} cannot be read: {error.strerror}") from error
        raise SpoolUnreadable(f"{self._shown}/{name} is not a regular file; remove it")

    def remove(self, name: str) -> None:
        """Remove a segment that was shipped."""
        os.unlink(name, dir_fd=self._folder)
        os.fsync(self._folder)

    def _names(self) -> list[str]:
        # Ids are UUIDv7: their order is that in which the segments were begun.
        with os.scandir(self._folder) as entries:
            return sorted(entry.name for entry in entries if _NAME.fullmatch(entry.name))


@contextmanager
def spool_folder(root: Path, *, make: bool) -> Iterator[SpoolFolder | None]:
    """Open a workspace's spool, waiting for whoever has it; None if there is none and `make` is False.

    Raises:
        UnsafePath: something on the way is not a plain folder.
    """
    if not make and not (root / MISSION_CONTROL / SPOOL).is_dir():
        yield None
        return
    above = open_mission_control(root)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(SPOOL, 0o700, dir_fd=above)
        try:
            descriptor = os.open(SPOOL, _FOLDER, dir_fd=above)
        except OSError as error:
            raise UnsafePath(
                f"{root / MISSION_CONTROL / SPOOL} is not a plain folder ({error.strerror}); remove it"
            ) from None
        os.fsync(above)
    finally:
        os.close(above)
    with SpoolFolder(descriptor, f"{MISSION_CONTROL}/{SPOOL}") as folder:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder


def _hash(previous: str, text: bytes) -> str:
    return hashlib.sha256(previous.encode() + text).hexdigest()


def _parsed(row: bytes, previous: str) -> dict[str, Any] | None:
    """Return a line's object if its hash fits, else None."""
    digest, _, text = row.partition(b" ")
    if _hash(previous, text).encode() != digest:
        return None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
