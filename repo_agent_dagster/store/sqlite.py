"""SQLite as the store uses it, on the driver's own connections: where its file is, and how a connection is set up.

`engine` uses this for SQLAlchemy's connections too, so the settings stand here alone. Loads nothing of SQLAlchemy.
"""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repo_agent_dagster.contracts.faults import PermanentFault

BUSY_TIMEOUT_SECONDS = 60
_RETRY_SECONDS = 0.01

# A plain path alone: whatever else a URL may say (options, escapes, memory, file: names) is left to SQLAlchemy.
_PLAIN_URL = re.compile(r"sqlite(?:\+pysqlite)?:///([^?%]+)")


class StoreUrlError(PermanentFault):
    """The store's URL cannot be used."""


def file_of(url: str) -> Path | None:
    """Return the file that a ``sqlite:///path`` URL names; None if the URL says more than that, or something else."""
    plain = _PLAIN_URL.fullmatch(url)
    if plain is None or plain[1] == ":memory:" or plain[1].startswith("file:"):
        return None
    return Path(plain[1])


def make_folder(folder: Path) -> None:
    """Make the folder that a store's file shall be in.

    Raises:
        StoreUrlError: that is refused.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUrlError(
            f"the store's folder {folder} cannot be made: {error.strerror}; give a path that you may write to"
        ) from error


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection to the store's file, for use in the thread that opened it; `transaction` begins transactions.

    Raises:
        StoreUrlError: the file's folder cannot be made.
        sqlite3.Error: the file cannot be opened, or is no database.
    """
    make_folder(path.parent)
    connection = sqlite3.connect(path.absolute(), timeout=BUSY_TIMEOUT_SECONDS)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Set a new connection up: WAL, durable commits, foreign keys, and no BEGIN but ours."""
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    # NORMAL may lose a committed transaction on power loss; custody must never be behind the files.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch to WAL. SQLite does not wait here for others that open the same new file: so we do."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


@contextmanager
def transaction(connection: sqlite3.Connection, *, writes: bool) -> Iterator[sqlite3.Connection]:
    """Open a transaction: committed on success, rolled back on any exception.

    One that writes waits here for the write lock, so that a read followed by a write cannot fail half-way.
    """
    connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # A commit that failed may have ended the transaction itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
