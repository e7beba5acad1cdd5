"""The made-up history in a migrated store on either database, without its custody chain: rows alone, and fast.

Indices are built after the rows. Nothing here is a measurement.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Engine, func, select

from benchmarks._patch_history import FREQUENT_ERROR, Event, HistorySize, history
from repo_agent_dagster.contracts.custody import REVERT, EventRow
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.store.engine import open_store, read_transaction, write_transaction
from repo_agent_dagster.store.migrate import upgrade
from repo_agent_dagster.store.patch_events import listing, record
from repo_agent_dagster.store.tables import patch_events

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
    options += " -c max_parallel_workers_per_gather=0"  # one core for everybody, and its CPU time is seen
    with PostgresCluster.start(parent=Path(os.environ.get("TMPDIR", "/tmp")), options=options) as cluster:
        url = cluster.create_store()
        load_postgresql(url, size)
        yield url


def count_events(engine: Engine, start: datetime, end: datetime) -> int:
    """Return how many events happened in [start, end)."""
    return _scalar(engine, func.count(), start, end)


def add_late_event(engine: Engine, since: datetime, now: datetime) -> None:
    """Let the first patch that was requested since an instant fail a check that is made only now."""
    begun = (patch_events.c.event == PatchEventName.PATCH_REQUESTED.value, patch_events.c.op != REVERT)
    first = _scalar(engine, func.min(patch_events.c.id), since, now, *begun)
    _judge(engine, first, 1, now)


def add_new_and_late_events(engine: Engine, size: HistorySize, count: int, now: datetime) -> None:
    """Add half the events to new patches of the last day, and half to patches of long ago and of the last day."""
    new = HistorySize(events=count // 2, days=1, start=size.end - timedelta(days=1), seed=11)
    with write_transaction(engine) as conn:
        record(conn, [event.as_row() for event in history(new)])
    _judge(engine, size.events // 3, count // 4, now)
    _judge(engine, size.events - count // 2, count // 4, now)


def _judge(engine: Engine, first_id: int, count: int, now: datetime) -> None:
    names = [field.name for field in fields(EventRow)]
    told = {"event": PatchEventName.PATCH_FAILED, "ts_check_ok": False, "error": FREQUENT_ERROR, "created_at": now}
    with write_transaction(engine) as conn:
        old = listing(conn, after_id=first_id - 1, limit=count)
        record(conn, [EventRow(**{name: getattr(one, name) for name in names} | told) for one in old])


def _scalar(
    engine: Engine, what: ColumnElement[int], start: datetime, end: datetime, *also: ColumnElement[bool]
) -> int:
    happened = patch_events.c.created_at
    with read_transaction(engine) as conn:
        return int(
            conn.execute(
                select(what).select_from(patch_events).where(happened >= start, happened < end, *also)
            ).scalar_one()
        )


def _in_sqlite(events: Iterable[Event]) -> Iterator[tuple[object, ...]]:
    for event in events:
        yield (*event[:7], event.created_at.isoformat(" ", "microseconds")[:26], *event[8:])
