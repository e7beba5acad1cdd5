"""The file of a kept set-up: a line of JSON that tells what it is, then the tar, compressed.

The tar came out of a sandbox and goes into another one; nothing of it is ever unpacked on the host.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, cast

import zstandard

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

FORMAT = 1
"""Raised whenever the same files would be installed in another way, so that older entries are of no use."""
_LEVEL = 1  # reading is what counts, and it is as fast at every level
_HEAD_BYTES = 1 << 20
_CLEARING_SECONDS = 120


class Broken(Exception):
    """A kept set-up is not what was written: cut off, changed, or of another format."""


class TooLarge(Exception):
    """A set-up takes more than its share of the budget."""


def pack(
    file: IO[bytes],
    url: str,
    box: "Sandbox",
    paths: Sequence[str],
    summary: SetupSummary,
    *,
    now: datetime,
    limit: int,
) -> None:
    """Write what is at these paths of a sandbox to the file.

    Raises:
        TooLarge: it takes more than `limit` bytes.
        SandboxFileError: the sandbox does not give the files.
    """
    head = {
        "format": FORMAT,
        "url": url,
        "made": now.isoformat(),
        "paths": list(paths),
        "summary": summary.model_dump(mode="json"),
    }
    # The size is known at the end only; it is written with as many digits as the place that was kept for it.
    file.write(_head_line(head, 0))
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, threads=-1)
    with compressor.stream_writer(cast("IO[bytes]", _Bounded(file, limit)), closefd=False) as writer:
        size = box.snapshot(paths, cast("IO[bytes]", writer))
    file.seek(0)
    file.write(_head_line(head, size))
    file.flush()
    os.fsync(file.fileno())


def unpack(file: IO[bytes], head: Mapping[str, Any], box: "Sandbox") -> None:
    """Bring the rest of a file whose head was read into a sandbox.

    Raises:
        Broken: it is not what was written, or does not fit; what it left in the sandbox is removed.
    """
    counted = _Counted(zstandard.ZstdDecompressor().stream_reader(file))
    problem: Exception | None = None
    try:
        box.restore(cast("IO[bytes]", counted))
    except (zstandard.ZstdError, SandboxFileError) as error:
        problem = error
    if problem is not None or counted.count != int(head["bytes"]):
        box.exec(["rm", "-rf", "--", *head["paths"]], cwd="/", timeout_seconds=_CLEARING_SECONDS)
        raise Broken(str(problem or "it was cut off")) from problem


@dataclass
class _Bounded:
    """A file that takes so many bytes and no more."""

    file: IO[bytes]
    room: int

    def write(self, data: bytes) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise TooLarge
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


@dataclass
class _Counted:
    """A stream that counts what was read of it."""

    stream: Any
    count: int = 0

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.count += len(data)
        return cast("bytes", data)


def _head_line(head: Mapping[str, Any], size: int) -> bytes:
    return json.dumps({**head, "bytes": f"{size:020d}"}).encode() + b"\n"


def read_head(file: IO[bytes]) -> dict[str, Any]:
    """Read what a kept set-up says of itself.

    Raises:
        Broken: it says nothing that is understood.
    """
    line = file.readline(_HEAD_BYTES)
    try:
        head = json.loads(line)
    except ValueError as error:
        raise Broken("it does not begin as one") from error
    known = isinstance(head, dict) and head.get("format") == FORMAT
    if not known or not {"url", "paths", "made", "summary", "bytes"} <= head.keys():
        raise Broken("it is of another format")
    return cast("dict[str, Any]", head)
