"""The store as routes see it: one transaction for a request, and the database's failures told as faults."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.errors import told_as_faults

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


@dataclass(frozen=True)
class Store:
    """An open, upgraded store."""

    engine: "Engine"

    @contextmanager
    def reading(self) -> "Iterator[Connection]":
        """Lend a transaction that only reads.

        Raises:
            StoreUnreachableError: the database does not answer, or a lock was not released in time.
        """
        with told_as_faults(self.engine), read_transaction(self.engine) as conn:
            yield conn

    @contextmanager
    def writing(self) -> "Iterator[Connection]":
        """Lend a transaction that is committed when the block ends without an exception; raises like `reading`."""
        with told_as_faults(self.engine), write_transaction(self.engine) as conn:
            yield conn
