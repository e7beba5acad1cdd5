"""Custody in the store at a URL, opened without SQLAlchemy where that is a SQLite file at this version's schema.

A small batch takes less time than SQLAlchemy's import; so a command that only records custody opens the store here.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from repo_agent_dagster.contracts.custody import (
    Custody,
    CustodyRefused,
    CustodyUnavailable,
    EventRow,
    RecordedPatch,
)
from repo_agent_dagster.contracts.spool import SpoolSegment
from repo_agent_dagster.store import sqlite
from repo_agent_dagster.store.custody_record import SQLITE, append, recorded_batch, recorded_patches
from repo_agent_dagster.store.revision import CURRENT_REVISION, newest_revision, open_upgraded
from repo_agent_dagster.store.spool_record import take_in
from repo_agent_dagster.store.storable import UnfitValueError


def open_custody(url: str) -> Custody:
    """Return custody in the store at `url`, upgraded if it was not.

    Raises:
        StoreUrlError: the URL is malformed or names another database.
        CustodyUnavailable: the database does not answer.
        StoreUnreachableError, StoreUnusableError: it cannot be upgraded.
    """
    path = sqlite.file_of(url)
    if path is None:
        from repo_agent_dagster.store.patch_events import StoreCustody, told_as_custody

        with told_as_custody(url):
            return StoreCustody(open_upgraded(url))
    with _told_as_custody(url):
        connection = sqlite.connect(path)
        if _revision_of(connection) != newest_revision():
            connection.close()
            open_upgraded(url).dispose()
            connection = sqlite.connect(path)
        return SqliteCustody(connection, url)


class SqliteCustody:
    """Custody kept in a SQLite store, for one thread: every call is one transaction of its own."""

    def __init__(self, connection: sqlite3.Connection, url: str) -> None:
        self._connection = connection
        self._statements = _OnConnection(connection)
        self._url = url

    def record(self, events: Sequence[EventRow]) -> None:
        """Append events, all or none; see `contracts.custody.Custody`."""
        with _told_as_custody(self._url), sqlite.transaction(self._connection, writes=True):
            append(self._statements, events)

    def take_in(self, segment: SpoolSegment, now: datetime) -> bool:
        """Append a spool's segment, once; see `contracts.spool.TakesSpools`."""
        with _told_as_custody(self._url), sqlite.transaction(self._connection, writes=True):
            return take_in(self._statements, segment, now)

    def batch(self, batch_id: str) -> list[RecordedPatch]:
        """Return a batch's patches; see `contracts.custody.Custody`."""
        with _told_as_custody(self._url), sqlite.transaction(self._connection, writes=False):
            return recorded_batch(self._statements, batch_id)

    def patches(self, patch_ids: Sequence[str]) -> list[RecordedPatch]:
        """Return known patches; see `contracts.custody.Custody`."""
        with _told_as_custody(self._url), sqlite.transaction(self._connection, writes=False):
            return recorded_patches(self._statements, patch_ids)


class _OnConnection:
    """Statements on one of the driver's connections."""

    dialect = SQLITE

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: tuple[Any, ...]) -> Sequence[Sequence[Any]]:
        return self._connection.execute(sql, parameters).fetchall()

    def many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        self._connection.executemany(sql, rows)


def unavailable(place: str, reason: str) -> CustodyUnavailable:
    """Return the fault of a store that does not answer; `place` is its URL without a password."""
    return CustodyUnavailable(
        f"the store at {place} cannot be reached: {reason}; check the URL and that the server runs"
    )


def refused(place: str, reason: str) -> CustodyRefused:
    """Return the fault of a store that answers, and not to this; `place` is its URL without a password."""
    return CustodyRefused(f"the store at {place} does not take the record: {reason}")


@contextmanager
def _told_as_custody(url: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.InterfaceError) as error:
        raise unavailable(url, str(error)) from error
    except sqlite3.Error as error:
        raise refused(url, str(error)) from error
    except UnfitValueError as error:
        raise CustodyRefused(str(error)) from error


def _revision_of(connection: sqlite3.Connection) -> str | None:
    try:
        found = connection.execute(CURRENT_REVISION).fetchone()
    except sqlite3.DatabaseError:
        return None  # no such table: `open_upgraded` makes it
    return None if found is None else str(found[0])
