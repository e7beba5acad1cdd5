"""Delivery reports of two thousand orders, and the page of one that has five thousand patches.

    python -m benchmarks.delivery_reports [--orders 2000] [--events 180000] [--database …] [--no-browser]

Every order has its events with their custody chain, diffs and kept contents on disk, tasks with model calls, and one in
ten a migration or an ops issue. Each report is made as Markdown, JSON and HTML, stored, and written to disk.
The bars: 60 s for all reports, 2 s for a run that finds nothing changed, and for the large order a page of less than
5 MB that is drawn, with its charts, in less than 2 s. Seconds are of CPU on one core, with those of PostgreSQL's
server; the browser's are on the clock, so a busy machine makes them longer. A quick look: --orders 100 --events 9000.
"""

import argparse
import gzip
import statistics
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine

from benchmarks._delivered_orders import deliver
from benchmarks._history_stores import add_late_event
from benchmarks._patch_history import HistorySize
from benchmarks._store_cpu import StoreCpu
from repo_agent_dagster.reports.generate import GeneratedReports, generate, generate_changed
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade
from tests.chromium import browser
from tests.postgres_cluster import PostgresCluster

ALL_BAR, UNCHANGED_BAR = 60.0, 2.0
SIZE_BAR, OPENING_BAR = 5_000_000, 2.0
_LARGE = HistorySize(events=15_500, days=10, factories=6, orders=1, workspaces=1, files=1_500, seed=5)
_OPENINGS = 6
_WHEN_DRAWN = """
new Promise((resolve) => {
  const look = () => {
    const figures = [...document.querySelectorAll("figure[data-chart]")];
    if (!figures.every((figure) => figure.classList.contains("drawn"))) return setTimeout(look, 5);
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  };
  look();
})
"""
"""Milliseconds from the start of the navigation to the first frame with all charts."""

ResultT = TypeVar("ResultT")


def main() -> None:
    """Measure the chosen databases, and the large order's page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--events", type=int, default=180_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    parser.add_argument("--no-browser", action="store_true", help="do not open the large order's page")
    arguments = parser.parse_args()
    size = HistorySize(events=arguments.events, orders=arguments.orders)
    with tempfile.TemporaryDirectory(prefix="bench-reports-") as name:
        folder = Path(name)
        if arguments.database != "postgresql":
            _with_store(f"sqlite:///{folder}/orders.db", lambda engine: measure(engine, folder / "sqlite", size))
        if arguments.database != "sqlite":
            with PostgresCluster.start(parent=folder.parent) as cluster:
                _with_store(cluster.create_store(), lambda engine: measure(engine, folder / "postgresql", size))
        page = _with_store(f"sqlite:///{folder}/large.db", lambda engine: large_page(engine, folder / "large"))
        if not arguments.no_browser:
            open_page(page)


def measure(engine: Engine, folder: Path, size: HistorySize) -> None:
    """Print what the reports of all orders take, at first, when nothing changed, and when one order did."""
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[engine.dialect.name]
    deliver(engine, folder / "workspaces", size)
    cpu, now, pages = StoreCpu(engine), size.end + timedelta(days=8), folder / "reports"
    each = size.events // 3 // size.orders
    print(f"\n{name}: {size.orders:,} orders, {size.events:,} events, some {each} patches each", flush=True)

    def run() -> tuple[GeneratedReports, str, float]:
        done: list[GeneratedReports] = []
        spent = cpu.of(lambda: done.append(generate_changed(engine, reports_dir=pages, now=now)))
        return done[0], str(spent), spent.cpu

    first, told, seconds = run()
    made = len(first.made)
    print(f"  all reports: {made:,}, {told}, {1000 * seconds / made:.1f} ms each, {_against(seconds, ALL_BAR)}")
    sizes = sorted(page.stat().st_size for page in pages.rglob("v1.html"))
    median, largest = statistics.median(sizes) / 1000, sizes[-1] / 1000
    print(f"  pages: median {median:,.0f} kB, largest {largest:,.0f} kB, {sum(sizes) / 1e6:,.0f} MB in all", flush=True)
    again, told, seconds = run()
    if again.made:
        raise SystemExit(f"{len(again.made)} reports were made though nothing had changed")
    print(f"  nothing changed: {told}, {_against(seconds, UNCHANGED_BAR)}")
    add_late_event(engine, size.start + timedelta(days=size.days // 2), now)
    one, told, seconds = run()
    print(f"  one order changed: {len(one.made)} made, {told}", flush=True)
    cpu.close()


def large_page(engine: Engine, folder: Path) -> Path:
    """Make the report of an order with five thousand patches, print what it took, and return its page."""
    deliver(engine, folder / "workspaces", _LARGE)
    cpu, now = StoreCpu(engine), _LARGE.end + timedelta(days=8)
    done = []
    spent = cpu.of(lambda: done.append(generate(engine, "order-0000", reports_dir=folder / "reports", now=now)))
    (made,) = done
    content = made.html_path.read_bytes()
    packed = len(gzip.compress(content)) / 1e6
    print(
        f"\nan order with {made.report.totals.total:,} patches on {len(made.report.files):,} files: {spent}\n"
        f"  page {len(content) / 1e6:.2f} MB (compressed {packed:.2f} MB), "
        f"bar {SIZE_BAR / 1e6:.0f} MB: {_verdict(len(content) < SIZE_BAR)}",
        flush=True,
    )
    return made.html_path


def open_page(path: Path) -> None:
    """Open a page again and again in one Chromium, and print how long it took by the page's own clock."""
    with browser() as chromium:
        page = chromium.page()
        drawn = []
        for _ in range(_OPENINGS):
            page.open(path)
            drawn.append(page.run(_WHEN_DRAWN) / 1000)
        charts = page.run("document.querySelectorAll('figure.drawn').length")
        asked = [address for address in page.requests if not address.startswith(("file:", "blob:", "data:"))]
    times = f"{min(drawn):.2f} – {statistics.median(drawn):.2f} – {max(drawn):.2f} s"
    print(
        f"  Chromium: {charts} charts drawn {times} after the navigation began, on the clock, "
        f"bar {OPENING_BAR:.0f} s: {_verdict(statistics.median(drawn) < OPENING_BAR)}; "
        f"{len(asked)} requests, {len(page.complaints)} complaints"
    )


def _with_store(url: str, work: Callable[[Engine], ResultT]) -> ResultT:
    engine = open_store(url)
    upgrade(engine)
    try:
        return work(engine)
    finally:
        engine.dispose()


def _against(seconds: float, bar: float) -> str:
    return f"bar {bar:.0f} s: {_verdict(seconds <= bar)}"


def _verdict(is_met: bool) -> str:
    return "ok" if is_met else "MISSED"


if __name__ == "__main__":
    main()
