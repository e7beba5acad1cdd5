"""Write log lines in bulk, as fast as each database takes them, and hold up other writers as shortly as can be."""

import marshal
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO, Any

from sqlalchemy import Connection, Engine, func, literal, select

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.store.tables.logs import LOG_TABLES

LogRow = tuple[str, str | None, str, str, str | None, str, str | None]
"""A line to be written: worker or repo, run id (builds only), level, message, meta as JSON text, its time as
``YYYY-MM-DD HH:MM:SS.ffffff`` in UTC, and its provider's id. A plain tuple, because a million of them are made."""

_COLUMNS = {
    "worker": ("ingestion_id", "source", "worker", "level", "message", "meta", "ts", "record_id"),
    "build": ("ingestion_id", "source", "repo", "run_id", "level", "message", "meta", "ts", "record_id"),
}
_BATCH_ROWS = 64
_PART_ROWS = 8  # at most so many rows of a megabyte, each maybe of four bytes a letter, are in memory at a time
_LONG_TEXT = 10_000
_LENGTH_BYTES = 8


@contextmanager
def staged(engine: Engine, rows: Iterable[LogRow]) -> Iterator[Iterable[LogRow]]:
    """Make the rows ready to be written, before the transaction that writes them is opened.

    SQLite has one writer at a time: there the rows are taken from their source first, into a temporary file, so that
    the write lock is not held while lines are read and parsed. PostgreSQL takes them as they come.

    Raises:
        OSError: there is no room for the temporary file; or whatever reading the rows raises.
    """
    if engine.dialect.name == "postgresql":
        yield rows
        return
    batches = _batches(rows)
    first, second = next(batches, []), next(batches, None)
    if second is None:
        yield first
        return
    with tempfile.TemporaryFile(prefix="log-rows-") as file:
        for batch in chain([first, second], batches):
            packed = marshal.dumps(batch)
            file.write(len(packed).to_bytes(_LENGTH_BYTES, "big"))
            file.write(packed)
        del first, second, batch, packed
        file.seek(0)
        yield _again(file)


def _batches(rows: Iterable[LogRow]) -> Iterator[list[LogRow]]:
    """Yield the rows in lists that are worth a call each; a long row ends one, because all of it is held in memory."""
    remaining = iter(rows)
    batch: list[LogRow] = []
    while part := list(islice(remaining, _PART_ROWS)):
        batch += part
        if len(batch) >= _BATCH_ROWS or any(
            len(row[3]) > _LONG_TEXT or (row[4] is not None and len(row[4]) > _LONG_TEXT) for row in part
        ):
            yield batch
            batch = []
    if batch:
        yield batch


def _again(file: IO[bytes]) -> Iterator[LogRow]:
    while length := file.read(_LENGTH_BYTES):
        # `marshal.load` would read the file value by value, 15 times as slow.
        yield from marshal.loads(file.read(int.from_bytes(length, "big")))  # noqa: S302 - written here, and nameless


def write_rows(connection: Connection, kind: LogKind, entry_id: str, source: str, rows: Iterable[LogRow]) -> None:
    """Write the rows of a ledger entry, in the connection's transaction."""
    if kind == "worker":
        values: Iterator[tuple[str | None, ...]] = (
            (entry_id, source, place, level, message, meta, ts, record_id)
            for place, _, level, message, meta, ts, record_id in rows
        )
    else:
        values = ((entry_id, source, *row) for row in rows)
    if connection.dialect.name == "postgresql":
        _copy(connection, kind, values)
        return
    # SQLAlchemy's own executemany processes every parameter in Python: 3-4 times slower.
    statement = LOG_TABLES[kind].insert().compile(dialect=connection.dialect, column_keys=_COLUMNS[kind])
    cursor: Any = connection.connection.cursor()  # sqlite3's takes an iterator, which DBAPI's declaration leaves out
    try:
        cursor.executemany(str(statement), values)
    finally:
        cursor.close()


def _copy(connection: Connection, kind: LogKind, values: Iterable[tuple[str | None, ...]]) -> None:
    from psycopg import sql

    # The rows' times carry no offset: the server reads them in the zone of this transaction.
    connection.execute(select(func.set_config("TimeZone", "UTC", literal(True))))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(LOG_TABLES[kind].name), sql.SQL(", ").join(map(sql.Identifier, _COLUMNS[kind]))
    )
    driver_cursor: Any = connection.connection.cursor()
    fault: BaseException | None = None
    try:
        with driver_cursor as cursor, cursor.copy(statement) as copy:
            write_row = copy.write_row
            try:
                for row in values:
                    write_row(row)
            except BaseException as error:  # noqa: BLE001 - raised again below
                fault = error
                raise _RowsEndedEarly from None
    except _RowsEndedEarly:
        if fault is not None:
            raise fault from None


class _RowsEndedEarly(Exception):
    """Stands for the fault of reading the rows while COPY is ended: the driver tells the server the exception's text,
    which may hold what a server log should not, and loses the connection over a long one."""
