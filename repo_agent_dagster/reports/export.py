"""Patches as a file for other tools: one typed row for each patch, written in bounded memory.

DuckDB, a spreadsheet or a notebook may ask such a file what no report answers; nothing of the live path reads it.
"""

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.periods import DAY, UtcRange, day_start
from repo_agent_dagster.contracts.reports import CheckOutcome
from repo_agent_dagster.store import patch_events
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_rollups import PatchFact, facts_between

if TYPE_CHECKING:
    from sqlalchemy import Engine

FORMATS = (".csv", ".jsonl")
PACKED = ".zst"

Say = Callable[[date, int], None]
"""Is told after each day how many rows there are by then."""


class ExportError(PermanentFault):
    """The file cannot be written as it was asked for."""


class PatchRow(NamedTuple):
    """One patch, with the attributes of its first event. Instants are UTC; None: it did not happen, or has none.

    `outcome` is ok, failed or unchecked; `error` is the last one; `is_refused`: it failed before any check.
    """

    patch_id: str
    day: date
    opened_at: datetime
    order_id: str | None
    phase: str | None
    factory: str
    op: str
    workspace: str
    file_path: str
    outcome: CheckOutcome
    is_reverted: bool
    is_refused: bool
    error: str | None
    requested_at: datetime | None
    applied_at: datetime | None
    validated_at: datetime | None


@dataclass(frozen=True)
class Exported:
    """What was written: `patches` rows in `size` bytes."""

    path: Path
    patches: int
    size: int


def patch_rows(engine: "Engine", period: UtcRange, *, say: Say | None = None) -> Iterator[PatchRow]:
    """Go through the patches begun in the range, day by day, as they were when the first row was asked for.

    Each day is a read transaction of its own, so that a long export holds nothing up; events that come meanwhile are
    left out by their ids, which grow in the order of commits.
    """
    with read_transaction(engine) as conn:
        newest = patch_events.newest_id(conn)
    rows = 0
    for day in period.days():
        start = day_start(day)
        part = UtcRange(max(period.start, start), min(period.end, start + DAY))
        with read_transaction(engine) as conn:
            for fact in facts_between(conn, part, upto=newest):
                yield _row(fact)
                rows += 1
        if say is not None:
            say(day, rows)


def export_patches(engine: "Engine", period: UtcRange, path: Path, *, say: Say | None = None) -> Exported:
    """Write the patches begun in the range to a file, replacing it whole when all is written.

    The name says the format: ``.csv`` (UTF-8, with a header; no value is an empty field) or ``.jsonl`` (an object a
    line), and ``.zst`` after it packs it with Zstandard. Texts are written as they are.

    Raises:
        ExportError: the name has another ending, or the folder cannot be written to.
    """
    kind, is_packed = _format(path)
    rows = 0
    with _replacing(path, is_packed=is_packed) as stream:
        write = _csv_writer(stream) if kind == ".csv" else _jsonl_writer(stream)
        for row in patch_rows(engine, period, say=say):
            write(row)
            rows += 1
    return Exported(path, rows, path.stat().st_size)


def _row(fact: PatchFact) -> PatchRow:
    return PatchRow(
        patch_id=fact.patch_id,
        day=fact.day,
        opened_at=fact.opened_at,
        order_id=fact.order or None,
        phase=fact.phase or None,
        factory=fact.factory,
        op=fact.op,
        workspace=fact.workspace,
        file_path=fact.file_path,
        outcome=fact.outcome,
        is_reverted=fact.is_reverted,
        is_refused=fact.is_refused,
        error=fact.error,
        requested_at=fact.requested_at,
        applied_at=fact.applied_at,
        validated_at=fact.validated_at,
    )


def _format(path: Path) -> tuple[str, bool]:
    is_packed = path.suffix == PACKED
    kind = path.with_suffix("").suffix if is_packed else path.suffix
    if kind not in FORMATS:
        raise ExportError(f"{path.name!r} does not end in .csv, .jsonl, .csv.zst or .jsonl.zst, which say the format")
    return kind, is_packed


def _csv_writer(stream: IO[str]) -> Callable[[PatchRow], None]:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(PatchRow._fields)

    def write(row: PatchRow) -> None:
        writer.writerow([_plain(value) for value in row])

    return write


def _jsonl_writer(stream: IO[str]) -> Callable[[PatchRow], None]:
    encode = json.JSONEncoder(ensure_ascii=False, default=_plain).encode

    def write(row: PatchRow) -> None:
        stream.write(encode(row._asdict()) + "\n")

    return write


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else value


@contextmanager
def _replacing(path: Path, *, is_packed: bool) -> Iterator[IO[str]]:
    """Open a file beside `path` that takes its place when all went well, and leaves no trace when it did not."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ExportError(
            f"{path.parent}: {error.strerror}; name a folder that exists and can be written to"
        ) from error
    try:
        with os.fdopen(handle, "wb") as raw, _text(raw, is_packed=is_packed) as stream:
            yield stream
        Path(temporary).chmod(0o644)  # mkstemp makes private files
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def _text(raw: IO[bytes], *, is_packed: bool) -> Iterator[IO[str]]:
    if not is_packed:
        with io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="") as text:
            yield text
        return
    import zstandard

    with (
        zstandard.ZstdCompressor(level=6).stream_writer(raw) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", errors="replace", newline="") as text,
    ):
        yield text
