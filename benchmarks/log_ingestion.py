"""Ingest a day of JSONL worker logs, against what the same work costs without any of the guarantees.

    python -m benchmarks.log_ingestion [--rows 1000000] [--rounds 3] [--postgres]

Peers, over the same file and the same tables in the same run:
- parse + executemany: ``json.loads`` of each line, then sqlite3's ``executemany`` in one transaction (WAL);
- executemany alone: the rows ready in memory;
- on PostgreSQL: parse + COPY.
The ratio is ours / peer, of the medians. Later issues hold it to ≤ 2 × (parse + executemany) under 300 MB.
"""

import argparse
import json
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from repo_agent_dagster.ops.ingestion.ingest import ingest_day
from repo_agent_dagster.ops.sources.directory import DirectorySource
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade
from repo_agent_dagster.store.tables import log_ingestions

DAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
MEMORY_LIMIT_MB = 300
_COLUMNS = "ingestion_id, source, worker, level, message, meta, ts"
_INSERT = f"INSERT INTO worker_logs ({_COLUMNS}) VALUES ('peer', 'peer', ?, ?, ?, ?, ?)"


def write_log(path: Path, rows: int) -> None:
    """Write a believable day: mostly request lines, a warning every 50, an error every 200."""
    start = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    step = timedelta(days=1) / rows
    with path.open("w") as file:
        for n in range(rows):
            ts = (start + n * step).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            level, message = "info", f"GET /v1/orders/{n % 90_001} 200 in {n % 311} ms"
            if n % 200 == 0:
                level, message = "error", f"TypeError: Cannot read properties of undefined (reading 'id') order={n}"
            elif n % 50 == 0:
                level, message = "warn", f"upstream payments slow: {n % 4000} ms"
            meta = {"request_id": f"{n * 2654435761 % 2**32:08x}-{n:012d}", "colo": "AMS", "duration_ms": n % 311}
            line = {"ts": ts, "worker": f"shop-{n % 7}", "level": level, "message": message, "meta": meta}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def parsed(path: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the rows as the shortest honest script would: no validation, times by slicing."""
    with path.open() as file:
        for line in file:
            row = json.loads(line)
            ts = row["ts"]
            yield (
                row["worker"],
                row["level"],
                row["message"],
                json.dumps(row["meta"]),
                f"{ts[:10]} {ts[11:-1]}000",
            )


def _sqlite(folder: Path) -> sqlite3.Connection:
    """A fresh upgraded database, opened bare: WAL, foreign keys not checked, as the peer would."""
    engine = open_store(f"sqlite:///{folder / 'peer.db'}")
    upgrade(engine)
    engine.dispose()
    connection = sqlite3.connect(folder / "peer.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def executemany(log: Path, folder: Path, _url: str | None, *, ready: bool) -> float:
    """Return the seconds of the peer's load into SQLite, with the rows ready in memory or parsed on the way."""
    connection = _sqlite(folder)
    rows = list(parsed(log)) if ready else parsed(log)
    started = time.perf_counter()
    with connection:
        connection.executemany(_INSERT, rows)
    connection.close()
    return time.perf_counter() - started


def executemany_parsing(log: Path, folder: Path, url: str | None) -> float:
    """Parse + executemany."""
    return executemany(log, folder, url, ready=False)


def executemany_alone(log: Path, folder: Path, url: str | None) -> float:
    """The rows ready in memory."""
    return executemany(log, folder, url, ready=True)


def copy_parsing(log: Path, folder: Path, url: str | None) -> float:
    """Parse + COPY, with the ledger row that the table's foreign key asks for."""
    engine = open_store(url or "")
    with engine.begin() as connection:
        entry = {"id": "peer", "kind": "worker", "source": "peer", "object_name": "peer", "object_digest": ""}
        connection.execute(
            log_ingestions.insert().values(**entry, day=DAY, rows=0, quarantined=0, created_at=NOW),
        )
    raw = engine.raw_connection()
    started = time.perf_counter()
    with raw.cursor() as cursor, cursor.copy(f"COPY worker_logs ({_COLUMNS}) FROM STDIN") as copy:
        for row in parsed(log):
            copy.write_row(("peer", "peer", *row))
    raw.commit()
    seconds = time.perf_counter() - started
    raw.close()
    engine.dispose()
    return seconds


def ours(log: Path, folder: Path, url: str | None) -> float:
    """`ingest_day` into a fresh store."""
    engine = open_store(url or f"sqlite:///{folder / 'ours.db'}")
    upgrade(engine)
    source = DirectorySource(log.parent, "worker", "bench")
    started = time.perf_counter()
    result = ingest_day(engine, source, DAY, now=NOW, quarantine_dir=folder / "quarantine")
    seconds = time.perf_counter() - started
    with log.open("rb") as file:
        lines = sum(1 for _ in file)
    if (result.rows, result.quarantined) != (lines, 0):
        raise SystemExit(f"ingested {result.rows} of {lines} rows, {result.quarantined} quarantined")
    engine.dispose()
    return seconds


def _measure(work: Callable[[Path, Path, str | None], float], log: Path, url: str | None, answer: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        seconds = work(log, Path(folder), url)
    answer.put((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def in_own_process(work: Callable[[Path, Path, str | None], float], log: Path, url: str | None) -> tuple[float, float]:
    """Run one measurement in a process of its own; return its seconds and its peak memory in MiB."""
    context = get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_measure, args=(work, log, url, answer))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"{work.__name__} failed")
    seconds, memory = answer.get()
    return seconds, memory


def report(name: str, seconds: list[float], memory: float) -> float:
    """Print one line and return the median."""
    median = statistics.median(seconds)
    print(
        f"{name:<34} {min(seconds):6.2f} – {median:6.2f} – {max(seconds):6.2f} s   peak {memory:5.0f} MiB", flush=True
    )
    return median


def main() -> None:
    """Run every measurement in turn, round by round, so that a slow minute of the machine hits all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgres", action="store_true", help="also on a throwaway PostgreSQL cluster")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-logs-")))
        log = folder / "logs" / "worker.jsonl"
        log.parent.mkdir()
        write_log(log, arguments.rows)
        print(f"{arguments.rows} rows, {log.stat().st_size / 2**20:.0f} MiB; min – median – max of {arguments.rounds}")
        _compare("SQLite", ours, [executemany_parsing, executemany_alone], log, arguments.rounds, lambda: None)
        if arguments.postgres:
            from tests.postgres_cluster import PostgresCluster

            cluster = stack.enter_context(PostgresCluster.start())
            _compare("PostgreSQL", ours, [copy_parsing], log, arguments.rounds, cluster.create_store)


def _compare(
    database: str,
    work: Callable[..., float],
    peers: list[Callable[..., float]],
    log: Path,
    rounds: int,
    new_store: Callable[[], str | None],
) -> None:
    measured: dict[str, list[tuple[float, float]]] = {one.__name__: [] for one in [work, *peers]}
    for _ in range(rounds):
        for one in [work, *peers]:
            measured[one.__name__].append(in_own_process(one, log, new_store()))
    medians = {
        name: report(f"{database}: {name}", [s for s, _ in runs], max(m for _, m in runs))
        for name, runs in measured.items()
    }
    mine = medians.pop(work.__name__)
    for name, median in medians.items():
        print(f"{database}: ours / {name} = {mine / median:.2f}")
    memory = max(m for _, m in measured[work.__name__])
    verdict = "ok" if memory < MEMORY_LIMIT_MB else "OVER"
    print(f"{database}: peak memory {memory:.0f} MiB, limit {MEMORY_LIMIT_MB}: {verdict}")


if __name__ == "__main__":
    main()
