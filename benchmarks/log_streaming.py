"""Stream the output of a command in a sandbox into the store, against what reading the same output costs alone.

    python -m benchmarks.log_streaming [--lines 1000000] [--rounds 3] [--postgres]

- `block`: a command that writes 1,000,000 short lines as fast as it can, in blocks; `by line`: a write for each line.
- Peers, with the same command in the same image in the same run: ``docker exec … > file`` in a running container, and
  ``docker run … > file``; neither splits lines, times them, or keeps anything but the bytes.
- Every line is read back from the table and compared: a line lost, doubled or out of order fails the run.
- `one line`: 1 GB without a line break, whose log goes over the cap: time, and this process's peak memory.
The bar is 50,000 lines a second into the table. Beside the wall time stands our own CPU time for each line (SQLite's
work is in it, a PostgreSQL server's is not): on a busy machine it tells more.
"""

import argparse
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from repo_agent_dagster.contracts.tasks import OpsScanPayload, Pathway
from repo_agent_dagster.sandbox import Sandbox, SandboxSpec, StoreSink, ensure_image
from repo_agent_dagster.sandbox.spec import DEFAULT_IMAGE
from repo_agent_dagster.store import container_logs, task_requests
from repo_agent_dagster.store.engine import open_store, read_transaction, write_transaction
from repo_agent_dagster.store.migrate import upgrade

BAR = 50_000
ONE_LINE_BYTES = 1 << 30
MEMORY_LIMIT_MB = 300
_PAGE = 20_000

Seconds = tuple[float, float]
"""Wall seconds and our own CPU seconds."""


def _stopwatch() -> Callable[[], Seconds]:
    wall, cpu = time.perf_counter(), time.process_time()
    return lambda: (time.perf_counter() - wall, time.process_time() - cpu)


def command(lines: int, *, by_line: bool) -> str:
    """Return a shell command that writes that many lines such as ``GET /v1/orders/17 200 in 12 ms``."""
    return f"{'stdbuf -oL ' if by_line else ''}seq -f 'GET /v1/orders/%.0f 200 in 12 ms' {lines}"


@contextmanager
def stored_sandbox(url: str, folder: Path, *, cap_bytes: int) -> Iterator[tuple[Sandbox, Callable[[], int]]]:
    """Open a sandbox whose output goes to a store; yield it, and what counts and checks the stored lines."""
    engine = open_store(url)
    upgrade(engine)
    now = datetime.now(UTC)
    with write_transaction(engine) as conn:
        task = task_requests.submit(conn, Pathway.OPS_SCAN, OpsScanPayload(day=now.date()), now=now).id

    def keep(name: str, file: Path) -> str:
        return file.rename(folder / Path(name).name).as_uri()

    def checked() -> int:
        after = count = 0
        with read_transaction(engine) as conn:
            while page := container_logs.listing(conn, task, after_id=after, limit=_PAGE):
                after = page[-1].id
                for row in page:
                    if row.stream == "stdin":
                        continue
                    count += 1
                    if (row.seq, row.log_content) != (count, f"GET /v1/orders/{count} 200 in 12 ms"):
                        raise SystemExit(f"line {count} is {row.log_content!r}, seq {row.seq}")
        return count

    sink = StoreSink(engine, task, cap_bytes=cap_bytes, keep=keep)
    with Sandbox.open(SandboxSpec(task_id=task, network="none"), sink=sink) as box:
        box.exec("true")
        with write_transaction(engine) as conn:
            conn.exec_driver_sql("DELETE FROM container_operation_logs")
        yield box, checked
    engine.dispose()


def ours(url: str, folder: Path, lines: int, by_line: bool) -> Seconds:
    """Time a command from its start to its last line in the table."""
    with stored_sandbox(url, folder, cap_bytes=1 << 40) as (box, checked):
        stop = _stopwatch()
        result = box.exec(command(lines, by_line=by_line))
        seconds = stop()
        if not result.ok or checked() != lines:
            raise SystemExit(f"exit code {result.exit_code}, {checked()} of {lines} lines")
    return seconds


def docker_exec(_url: str, folder: Path, lines: int, by_line: bool) -> Seconds:
    """Time ``docker exec`` into a file, in a container that runs already."""
    started_one = ["docker", "run", "-d", "--rm", "--network", "none", "--cpus", "1", DEFAULT_IMAGE, "sleep", "600"]
    container = subprocess.run(started_one, check=True, capture_output=True, text=True).stdout.strip()
    try:
        return _into_file(["docker", "exec", container], folder, lines, by_line)
    finally:
        subprocess.run(["docker", "rm", "-f", container], check=True, capture_output=True)


def docker_run(_url: str, folder: Path, lines: int, by_line: bool) -> Seconds:
    """Time ``docker run`` into a file."""
    runner = ["docker", "run", "--rm", "--network", "none", "--cpus", "1", "--log-driver", "none", DEFAULT_IMAGE]
    return _into_file(runner, folder, lines, by_line)


def _into_file(runner: list[str], folder: Path, lines: int, by_line: bool) -> Seconds:
    stop = _stopwatch()
    with (folder / "output").open("wb") as file:
        subprocess.run([*runner, "bash", "-c", command(lines, by_line=by_line)], check=True, stdout=file)
    seconds = stop()
    with (folder / "output").open("rb") as file:
        if sum(1 for _ in file) != lines:
            raise SystemExit(f"{runner[1]} lost lines")
    return seconds


def one_line(url: str, folder: Path, _lines: int, _by_line: bool) -> Seconds:
    """Time 1 GB without a line break, over the default cap of the table."""
    with stored_sandbox(url, folder, cap_bytes=4 << 20) as (box, _):
        stop = _stopwatch()
        result = box.exec(f"head -c {ONE_LINE_BYTES} /dev/zero | tr '\\0' x")
        seconds = stop()
        if not result.ok or result.log_url is None:
            raise SystemExit(f"exit code {result.exit_code}, whole log {result.log_url}")
    return seconds


def _measure(work: Callable[..., Seconds], answer: Any, *arguments: Any) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-streaming-") as name:
        url, *rest = arguments
        seconds, cpu = work(url or f"sqlite:///{name}/store.db", Path(name), *rest)
        answer.put((seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def in_own_process(work: Callable[..., Seconds], *arguments: Any) -> tuple[float, float, float]:
    """Run one measurement in a process of its own; return its seconds, its CPU seconds and its peak memory in MiB."""
    context = get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_measure, args=(work, answer, *arguments))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"{work.__name__} failed")
    seconds, cpu, memory = answer.get()
    return seconds, cpu, memory


def report(name: str, lines: int, measured: list[tuple[float, float, float]]) -> float:
    """Print one contender's figures; return its median of lines a second."""
    seconds = [one for one, _, _ in measured]
    rate = lines / statistics.median(seconds)
    spread = f"{min(seconds):6.2f} – {statistics.median(seconds):6.2f} – {max(seconds):6.2f} s"
    cpu = statistics.median(one for _, one, _ in measured) / lines * 1e6
    memory = max(one for _, _, one in measured)
    figures = f"{rate:>11,.0f} lines/s   our CPU {cpu:4.1f} µs/line   peak {memory:4.0f} MiB"
    print(f"{name:<28} {spread}  {figures}", flush=True)
    return rate


def main() -> None:
    """Run every measurement in turn, round by round, so that a slow minute of the machine hits all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--postgres", action="store_true", help="also into a throwaway PostgreSQL cluster")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        ensure_image(Path(stack.enter_context(tempfile.TemporaryDirectory())), say=print)
        stores: dict[str, Callable[[], str | None]] = {"SQLite": lambda: None}
        if arguments.postgres:
            from tests.postgres_cluster import PostgresCluster

            stores["PostgreSQL"] = stack.enter_context(PostgresCluster.start()).create_store
        print(f"{arguments.lines:,} lines; min – median – max of {arguments.rounds}; every stored line compared")
        for way in ("block", "by line"):
            _compare(way, stores, arguments.lines, arguments.rounds)
        for database, new_store in stores.items():
            seconds, cpu, memory = in_own_process(one_line, new_store(), 1, False)
            verdict = "ok" if memory < MEMORY_LIMIT_MB else "OVER"
            print(
                f"one line of {ONE_LINE_BYTES >> 20} MiB, {database}: {seconds:.1f} s, our CPU {cpu:.1f} s, "
                f"peak {memory:.0f} MiB, limit {MEMORY_LIMIT_MB}: {verdict}"
            )


def _compare(way: str, stores: dict[str, Callable[[], str | None]], lines: int, rounds: int) -> None:
    contenders: dict[str, tuple[Callable[..., Seconds], Callable[[], str | None]]] = {
        **{f"{way}: ours, {name}": (ours, new_store) for name, new_store in stores.items()},
        f"{way}: docker exec > file": (docker_exec, lambda: None),
        f"{way}: docker run > file": (docker_run, lambda: None),
    }
    measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (work, new_store) in contenders.items():
            measured[name].append(in_own_process(work, new_store(), lines, way == "by line"))
    rates = {name: report(name, lines, runs) for name, runs in measured.items()}
    peer = rates[f"{way}: docker exec > file"]
    for name, rate in rates.items():
        if "ours" in name:
            verdict = "met" if rate >= BAR else "NOT met"
            print(f"{name} / docker exec: time {peer / rate:.2f} ×; bar of {BAR:,} lines/s: {verdict}", flush=True)


if __name__ == "__main__":
    main()
