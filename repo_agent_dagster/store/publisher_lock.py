"""One publisher of a kind at a time on a store: a lock that ends with its process, however that ends."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from repo_agent_dagster.contracts.faults import TransientFault

_RETRY_SECONDS = 0.1


class Publisher(Enum):
    """What is published, with the number of its lock in PostgreSQL (any would do; these spell their names)."""

    OPS = 0x6F70735F7062
    REPORTS = 0x7265705F7062

    @property
    def lock_file(self) -> str:
        """The end of the lock file's name, beside a SQLite database."""
        return "publisher" if self is Publisher.OPS else f"{self.name.lower()}-publisher"


class PublisherBusy(TransientFault):
    """Another process is publishing what is in this store."""


class PublisherLockLost(TransientFault):
    """The database ended the connection that held the publisher's lock."""


@contextmanager
def publisher_lock(engine: Engine, publisher: Publisher, *, wait_seconds: float) -> Iterator[Callable[[], None]]:
    """Be the one publisher of this kind. Yields a check that raises PublisherLockLost if that is no longer so.

    The lock ends with the process: on PostgreSQL it is an advisory lock of a connection of its own (which a pooler must
    not share between sessions), on SQLite the kernel's lock of a file beside the database.

    Raises:
        PublisherBusy: another one had it for all of `wait_seconds`.
    """
    hold = _held_by_postgresql if engine.dialect.name == "postgresql" else _held_by_file
    with hold(engine, publisher, time.monotonic() + wait_seconds) as check:
        yield check


@contextmanager
def _held_by_postgresql(engine: Engine, publisher: Publisher, deadline: float) -> Iterator[Callable[[], None]]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(select(func.pg_try_advisory_lock(publisher.value))).scalar_one():
            _wait(deadline)

        def check() -> None:
            try:
                connection.execute(text("SELECT 1"))
            except DBAPIError as error:
                raise PublisherLockLost(
                    "the database ended the connection that held the publisher's lock; publish again"
                ) from error

        try:
            yield check
        finally:
            connection.invalidate()  # closed, not pooled: the lock goes with its session


@contextmanager
def _held_by_file(engine: Engine, publisher: Publisher, deadline: float) -> Iterator[Callable[[], None]]:
    database = engine.url.database
    if not database or database == ":memory:":
        yield lambda: None  # nobody else can open it
        return
    with Path(f"{database}.{publisher.lock_file}").open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                _wait(deadline)
        yield lambda: None


def _wait(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise PublisherBusy("another process is publishing what waits; it, or the next publisher, publishes all")
    time.sleep(_RETRY_SECONDS)
