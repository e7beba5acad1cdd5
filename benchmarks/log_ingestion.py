"""Ingest a day of JSONL worker logs, against what the same work costs without any of the guarantees.

    python -m benchmarks.log_ingestion [--rows 1000000] [--rounds 3] [--postgres]

Peers, over the same file and the same tables in the same run:
- parse + executemany: ``json.loads`` of each line, then sqlite3's ``executemany`` in one transaction (WAL);
- executemany alone: the rows ready in memory;
- on PostgreSQL: parse + COPY.
The bar: ours / peer ≤ 2 for the parsing peers, under 300 MB. Ratios are of the medians of CPU time (this process's, and
on PostgreSQL that of its server process too), because other work on the machine must not decide; seconds on the clock
are shown beside. On SQLite it also shows for how long other writers had to wait, ours and the peer's.
"""

import argparse
import json
import os
import resource
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from repo_agent_dagster.ops.ingestion.ingest import ingest_day
from repo_agent_dagster.ops.sources.directory import DirectorySource
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade
from repo_agent_dagster.store.tables import log_ingestions

DAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
MEMORY_LIMIT_MB = 300
BAR = 2.0
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


@dataclass(frozen=True)
class Measurement:
    """Seconds on the clock and of CPU, the longest that another writer waited, and the peak memory in MiB."""

    seconds: float
    cpu: float
    waited: float = 0.0
    memory: float = 0.0


def executemany(log: Path, folder: Path, _url: str | None, *, ready: bool) -> Measurement:
    """Measure the peer's load into SQLite, with the rows ready in memory or parsed on the way."""
    connection = _sqlite(folder)
    rows = list(parsed(log)) if ready else parsed(log)
    with OtherWriter(folder / "peer.db") as other:
        watch = Stopwatch()
        with connection:
            connection.executemany(_INSERT, rows)
        connection.close()
        return watch.read(other)


def executemany_parsing(log: Path, folder: Path, url: str | None) -> Measurement:
    """Parse + executemany."""
    return executemany(log, folder, url, ready=False)


def executemany_alone(log: Path, folder: Path, url: str | None) -> Measurement:
    """The rows ready in memory."""
    return executemany(log, folder, url, ready=True)


def copy_parsing(log: Path, folder: Path, url: str | None) -> Measurement:
    """Parse + COPY, with the ledger row that the table's foreign key asks for."""
    engine = open_store(url or "")
    with engine.begin() as connection:
        entry = {"id": "peer", "kind": "worker", "source": "peer", "object_name": "peer", "object_digest": ""}
        connection.execute(
            log_ingestions.insert().values(**entry, day=DAY, rows=0, quarantined=0, created_at=NOW),
        )
    watch = Stopwatch(engine)
    raw = engine.raw_connection()
    driver_cursor: Any = raw.cursor()
    with driver_cursor as cursor, cursor.copy(f"COPY worker_logs ({_COLUMNS}) FROM STDIN") as copy:
        for row in parsed(log):
            copy.write_row(("peer", "peer", *row))
    raw.commit()
    raw.close()
    measured = watch.read()
    engine.dispose()
    return measured


def ours(log: Path, folder: Path, url: str | None) -> Measurement:
    """`ingest_day` into a fresh store."""
    path = folder / "ours.db"
    engine = open_store(url or f"sqlite:///{path}")
    upgrade(engine)
    source = DirectorySource(log.parent, "worker", "bench")
    with OtherWriter(path) if url is None else nullcontext() as other:
        watch = Stopwatch(engine if url else None)
        result = ingest_day(engine, source, DAY, now=NOW, quarantine_dir=folder / "quarantine")
        measured = watch.read(other)
    with log.open("rb") as file:
        lines = sum(1 for _ in file)
    if (result.status, result.rows, result.quarantined) != ("complete", lines, 0):
        raise SystemExit(f"ingested {result.rows} of {lines} rows, {result.quarantined} quarantined: {result.problem}")
    engine.dispose()
    return measured


class OtherWriter:
    """Another process's small writes to the same SQLite file, one every 50 ms: how long the slowest took."""

    def __init__(self, path: Path) -> None:
        self.slowest = 0.0
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "OtherWriter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        connection = sqlite3.connect(self._path, timeout=600, isolation_level=None)
        while not self._stop.wait(0.05):
            started = time.perf_counter()
            connection.execute("UPDATE log_ingestions SET rows = rows WHERE id = 'nobody'")
            self.slowest = max(self.slowest, time.perf_counter() - started)
        connection.close()


class Stopwatch:
    """The clock and the CPU time from now on; with an engine, that of its PostgreSQL server process as well."""

    def __init__(self, engine: Engine | None = None) -> None:
        self._engine = engine
        self._server = self._server_cpu()
        self._cpu = time.process_time()
        self._started = time.perf_counter()

    def read(self, other: OtherWriter | None = None) -> Measurement:
        """Return what has passed."""
        seconds = time.perf_counter() - self._started
        cpu = time.process_time() - self._cpu + self._server_cpu() - self._server
        return Measurement(seconds, cpu, other.slowest if other else 0.0)

    def _server_cpu(self) -> float:
        """The pool hands out one connection here, whose server process does all the work."""
        if self._engine is None:
            return 0.0
        with self._engine.connect() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _measure(work: Callable[[Path, Path, str | None], Measurement], log: Path, url: str | None, answer: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        measured = work(log, Path(folder), url)
    answer.put(replace(measured, memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def in_own_process(work: Callable[[Path, Path, str | None], Measurement], log: Path, url: str | None) -> Measurement:
    """Run one measurement in a process of its own."""
    context = get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_measure, args=(work, log, url, answer))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"{work.__name__} failed")
    measured: Measurement = answer.get()
    return measured


def report(name: str, runs: list[Measurement]) -> float:
    """Print one line and return the median of the CPU seconds."""
    cpu = [run.cpu for run in runs]
    median = statistics.median(cpu)
    print(
        f"{name:<32} CPU {min(cpu):6.2f} – {median:6.2f} – {max(cpu):6.2f} s   clock "
        f"{statistics.median(run.seconds for run in runs):6.2f} s   peak {max(run.memory for run in runs):4.0f} MiB   "
        f"others waited {statistics.median(run.waited for run in runs):5.2f} s",
        flush=True,
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
        megabytes = log.stat().st_size / 2**20
        print(f"{arguments.rows} rows, {megabytes:.0f} MiB; CPU: min – median – max of {arguments.rounds}")
        _compare("SQLite", ours, [executemany_parsing, executemany_alone], log, arguments.rounds, lambda: None)
        if arguments.postgres:
            from tests.postgres_cluster import PostgresCluster

            cluster = stack.enter_context(PostgresCluster.start())
            _compare("PostgreSQL", ours, [copy_parsing], log, arguments.rounds, cluster.create_store)


def _compare(
    database: str,
    work: Callable[[Path, Path, str | None], Measurement],
    peers: list[Callable[[Path, Path, str | None], Measurement]],
    log: Path,
    rounds: int,
    new_store: Callable[[], str | None],
) -> None:
    measured: dict[str, list[Measurement]] = {one.__name__: [] for one in [work, *peers]}
    for _ in range(rounds):
        for one in [work, *peers]:
            measured[one.__name__].append(in_own_process(one, log, new_store()))
    medians = {name: report(f"{database}: {name}", runs) for name, runs in measured.items()}
    mine = medians.pop(work.__name__)
    for name, median in medians.items():
        verdict = f", bar {BAR}: {'ok' if mine <= BAR * median else 'OVER'}" if name.endswith("parsing") else ""
        print(f"{database}: ours / {name} = {mine / median:.2f}{verdict}")
    memory = max(run.memory for run in measured[work.__name__])
    verdict = "ok" if memory < MEMORY_LIMIT_MB else "OVER"
    print(f"{database}: peak memory {memory:.0f} MiB, limit {MEMORY_LIMIT_MB}: {verdict}")


if __name__ == "__main__":
    main()
