"""The made-up history in a migrated store on either database, without its custody chain: rows alone, and fast.

Indices are built after the rows. Nothing here is a measurement.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from benchmarks._patch_history import Event, HistorySize, history
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade

BYTES_PER_EVENT = 1_000
"""What an event takes on disk with its indices, in either database; less in truth, and some room for sorting."""

_COLUMNS = ", ".join(Event._fields)


def require_room(folder: Path, events: int, copies: int) -> None:
    """End the program with a sentence if so many copies of the events do not fit on the folder's disk."""
    needed, free = events * BYTES_PER_EVENT * copies, shutil.disk_usage(folder).free
    if needed > 0.8 * free:
        raise SystemExit(
            f"{events} events need some {needed / 1e9:.0f} GB in {folder}, where {free / 1e9:.0f} GB are free; "
            "give fewer --events, or another TMPDIR"
        )


def load_sqlite(path: Path, size: HistorySize) -> str:
    """Make a store at the path, fill it, and return its URL."""
    url = f"sqlite:///{path}"
    engine = open_store(url)
    upgrade(engine)
    engine.dispose()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'patch_events' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    insert = f"INSERT INTO patch_events ({_COLUMNS}) VALUES ({', '.join('?' * len(Event._fields))})"
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(insert, _in_sqlite(history(size)))
    connection.execute("COMMIT")
    for _, sql in found:
        connection.execute(sql)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return url


def load_postgresql(url: str, size: HistorySize) -> None:
    """Fill an empty, migrated store."""
    engine = open_store(url)
    raw = engine.raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    found = driver.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'patch_events' AND indexname NOT LIKE 'pk_%'"
    ).fetchall()
    for name, _ in found:
        driver.execute(f"DROP INDEX {name}")
    with driver.cursor() as cursor, cursor.copy(f"COPY patch_events ({_COLUMNS}) FROM STDIN") as copy:
        for event in history(size):
            copy.write_row(event)
    for _, sql in found:
        driver.execute(sql)
    driver.commit()
    driver.autocommit = True
    driver.execute("VACUUM ANALYZE patch_events")
    raw.close()
    engine.dispose()


@contextmanager
def postgresql_store(size: HistorySize) -> Iterator[str]:
    """Give the URL of a filled store in a throwaway cluster on disk, of a server with 512 MB of shared buffers."""
    from tests.postgres_cluster import PostgresCluster

    options = "-c shared_buffers=512MB -c work_mem=64MB -c maintenance_work_mem=512MB -c max_wal_size=8GB"
    with PostgresCluster.start(parent=Path(os.environ.get("TMPDIR", "/tmp")), options=options) as cluster:
        url = cluster.create_store()
        load_postgresql(url, size)
        yield url


def opened(url: str) -> Engine:
    """Open a store for measuring."""
    return open_store(url)


def _in_sqlite(events: Iterable[Event]) -> Iterator[tuple[object, ...]]:
    for event in events:
        yield (*event[:7], event.created_at.isoformat(" ", "microseconds")[:26], *event[8:])
