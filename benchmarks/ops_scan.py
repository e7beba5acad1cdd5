"""Scan a day of a million stored lines, a fiftieth of them warnings and errors, on the deterministic path.

    python -m benchmarks.ops_scan [--rows 1000000] [--failing 20000] [--postgres]

The day: workers' request lines with failures of 300 problems whose ids, numbers and times vary, stack traces among
them, and a hundred builds of 500 lines each, ten of them failed, compared with the last passing log of the same job.
The bar is 60 s of one core; CPU and wall time are printed, since machines are shared. Ingestion is not counted.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.ops.builds.green_logs import keep_green_logs
from repo_agent_dagster.ops.ingestion.ingest import ingest_day
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.ops.scanning.scan import ScanMeans, scan_day
from repo_agent_dagster.ops.severity.contract import severity_rules
from repo_agent_dagster.ops.sources.directory import DirectorySource
from repo_agent_dagster.ops.sources.protocol import Window
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade

DAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
LIMIT_SECONDS = 60
PROBLEMS = 300
BUILDS, FAILED_BUILDS, BUILD_LINES = 100, 10, 500
_VERBS = ("load", "save", "charge", "render", "sync", "parse", "notify", "resize", "fetch", "merge", "lock", "index")
_NOUNS = ("order", "invoice", "cart", "profile", "image", "session", "coupon", "report", "webhook", "quota", "tenant")


def worker_lines(rows: int, failing: int, chance: Random) -> Iterator[str]:
    """Yield the workers' lines of the day, in the order of their times."""
    start, step = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC), timedelta(days=1) / rows
    every = max(rows // failing, 1)
    for n in range(rows):
        ts = (start + n * step).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        meta: dict[str, object] = {"request_id": f"{chance.getrandbits(64):016x}", "duration_ms": n % 311}
        level, message = "info", f"GET /v1/orders/{n % 90_001} 200 in {n % 311} ms"
        if n % every == 0:
            level, message = _failure(chance.randrange(PROBLEMS), chance)
        line = {"ts": ts, "worker": f"shop-{n % 7}", "level": level, "message": message, "meta": meta}
        yield json.dumps(line, separators=(",", ":"))


def _failure(problem: int, chance: Random) -> tuple[str, str]:
    verb, noun = _VERBS[problem % len(_VERBS)], _NOUNS[problem // len(_VERBS) % len(_NOUNS)]
    number, address = chance.randrange(10**6), f"10.0.{chance.randrange(256)}.{chance.randrange(256)}"
    match problem % 3:
        case 0:
            return "warn", f"could not {verb} {noun} {number} at {address}:{chance.randrange(65536)}, attempt 2 of 5"
        case 1:
            return "error", (
                f"TypeError: Cannot {verb} {noun} of undefined (order {number})\n"
                f"    at {verb}{noun.title()} (/srv/app/src/{noun}/{verb}.ts:{chance.randrange(1, 400)}:7)\n"
                "    at handle (/srv/app/node_modules/router/index.js:88:12)"
            )
        case _:
            return "error", f"{verb} {noun} failed after {chance.randrange(30_000)} ms: code {problem} trace {number:x}"


def build_lines(chance: Random) -> Iterator[str]:
    """Yield the lines of the day's builds; one in ten fails in its tests, at a line of its own."""
    for build in range(BUILDS):
        has_failed = build % (BUILDS // FAILED_BUILDS) == 5
        start = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(minutes=14 * build)
        meta = {
            "workflow": "CI", "job": "test", "step": "Run tests", "attempt": 1, "branch": "main",
            "sha": f"{chance.getrandbits(160):040x}", "conclusion": "failure" if has_failed else "success",
        }  # fmt: skip
        for number in range(BUILD_LINES):
            message = f"tests/test_{number % 60}.py::test_case_{number} PASSED [{number / 5:.0f}%]"
            if has_failed and BUILD_LINES - 6 <= number < BUILD_LINES - 1:
                message = [
                    "=================================== FAILURES ===================================",
                    f"____________________________ test_total_{build % 7} ____________________________",
                    f"    assert total(cart) == {chance.randrange(1000)}",
                    f"E   AssertionError: assert {chance.randrange(1000)} == {chance.randrange(1000)}",
                    f"src/cart_{build % 7}.py:{chance.randrange(1, 90)}: AssertionError",
                ][number - BUILD_LINES + 6]
            elif has_failed and number == BUILD_LINES - 1:
                message = "##[error]Process completed with exit code 1."
            ts = (start + timedelta(milliseconds=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            row = {"ts": ts, "repo": f"acme/app-{build % 5}", "run_id": 1000 + build, "level": "info"}
            yield json.dumps({**row, "message": message, "meta": meta}, separators=(",", ":"))


def main() -> None:
    """Ingest the day, then measure its scan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--failing", type=int, default=20_000)
    parser.add_argument("--postgres", action="store_true", help="on a throwaway PostgreSQL cluster")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-scan-")))
        url = f"sqlite:///{folder / 'store.db'}"
        if arguments.postgres:
            from tests.postgres_cluster import PostgresCluster

            url = stack.enter_context(PostgresCluster.start()).create_store()
        chance = Random(4)
        build_rows = BUILDS * BUILD_LINES
        for kind, lines in (
            ("worker", worker_lines(arguments.rows - build_rows, arguments.failing, chance)),
            ("build", build_lines(chance)),
        ):
            (folder / kind).mkdir()
            with (folder / kind / "day.jsonl").open("w") as file:
                file.writelines(f"{line}\n" for line in lines)
        engine = open_store(url)
        upgrade(engine)
        artifacts = ArtifactStore(folder / "artifacts")
        for kind in ("worker", "build"):
            source = DirectorySource(folder / kind, kind, kind)
            result = ingest_day(engine, source, DAY, now=NOW, quarantine_dir=folder / "quarantine")
            if result.status != "complete" or result.quarantined:
                raise SystemExit(f"the day was not ingested: {result}")
        keep_green_logs(engine, artifacts, Window.of_day(DAY))
        means = ScanMeans(artifacts, severity_rules(), IssuePolicy(), max_issues=1000)
        wall, cpu = time.perf_counter(), time.process_time()
        scan = scan_day(engine, DAY, scope="full", now=NOW, means=means)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        engine.dispose()
    totals = scan.totals
    print(
        f"{'PostgreSQL' if arguments.postgres else 'SQLite'}: {totals['ingested']} lines, {totals['warn_error_lines']} "
        f"failing, {totals['failed_jobs']} failed jobs ({totals['with_green_log']} with a passing log): "
        f"{totals['incidents']} incidents"
    )
    print(f"scan: {cpu:.1f} s CPU, {wall:.1f} s wall; the bar is {LIMIT_SECONDS} s of one core: ", end="")
    print("ok" if cpu < LIMIT_SECONDS else "OVER")
    print(f"peak memory of ingestion and scan: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
