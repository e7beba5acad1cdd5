"""Open the store: SQLite with the settings that concurrent writers need, or PostgreSQL by URL."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from repo_agent_dagster.store import sqlite
from repo_agent_dagster.store.sqlite import StoreUrlError

__all__ = ["StoreUrlError", "open_store", "read_transaction", "write_transaction"]

_POSTGRESQL_CONNECT_SECONDS = 10  # a server that drops packets would otherwise be waited for by the minute


def open_store(url: str) -> Engine:
    """Return an engine for ``sqlite:///path`` or ``postgresql://…`` (psycopg 3).

    SQLite: WAL, foreign keys on, a busy timeout, and every transaction takes its write lock at BEGIN when opened
    through `write_transaction`, so that a read followed by a write cannot fail with "database is locked" half-way.

    Raises:
        StoreUrlError: the URL is malformed, names another database, or a folder that cannot be made.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # a port that is no number is a plain ValueError
        shown = re.sub("://[^@]*@", "://***@", url)
        raise StoreUrlError(f"store URL {shown!r} is malformed; write sqlite:///path or postgresql://…") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            sqlite.make_folder(Path(parsed.database).parent)
        engine = create_engine(parsed, connect_args={"timeout": sqlite.BUSY_TIMEOUT_SECONDS})
        _prepare_sqlite(engine)
        return engine
    if backend == "postgresql":
        options = {} if "connect_timeout" in parsed.query else {"connect_timeout": _POSTGRESQL_CONNECT_SECONDS}
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, connect_args=options)
    shown = parsed.render_as_string(hide_password=True)
    raise StoreUrlError(f"store URL {shown!r} names {backend}; sqlite and postgresql are supported")


def _prepare_sqlite(engine: Engine) -> None:
    # pysqlite's own BEGIN comes too late for reads and never for DDL; SQLAlchemy's documented remedy is to switch it
    # off and emit BEGIN ourselves ("Serializable isolation / Savepoints / Transactional DDL" in its SQLite page).
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        sqlite.prepare(connection)

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that will write: committed on success, rolled back on any exception.

    On SQLite it is BEGIN IMMEDIATE: waiting for the write lock happens here, under the busy timeout.
    """
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
        yield connection


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that only reads, and in which all queries see one state of the database.

    On PostgreSQL a plain transaction sees what others commit between two queries: then a chain that is being appended
    to looks broken, because its custody rows and its events are read one after the other.
    """
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection
