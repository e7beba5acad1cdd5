"""Patch statistics of five million events: what counting ahead costs, what an answer costs then, and without it.

    python -m benchmarks.patch_analytics [--events 5000000] [--database sqlite|postgresql] [--no-peers]

Peers, on the same events and by the same rules; every answer of theirs is compared with ours:
- one JSON document per event, its fields taken out when it is asked (json_extract; ->> on JSONB);
- our own direct queries on the events' typed columns;
- pandas after a full read, and DuckDB on the events in its own table, on one thread.
The bars: 1 s for folding 100,000 events anew, one day for a late event, 50 ms for the 95th percentile of all calls, and
100 x faster than the JSON documents. Seconds are of CPU, on PostgreSQL with those of its server's processes, which get
no parallel workers; clock times are shown beside. A quick look: --events 200000.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import Engine

from benchmarks._history_stores import (
    add_late_event,
    add_new_and_late_events,
    count_events,
    load_sqlite,
    postgresql_store,
    require_room,
)
from benchmarks._patch_calls import call_everything, show
from benchmarks._patch_contenders import ask_directly, ask_rollups
from benchmarks._patch_contest import OURS, Ask, Contest, refuse
from benchmarks._patch_documents import PostgresqlDocuments, SqliteDocuments, ask
from benchmarks._patch_frames import DuckEvents
from benchmarks._patch_history import HistorySize
from benchmarks._patch_questions import QUESTIONS, Answer, Period, differences
from benchmarks._store_cpu import StoreCpu, percentile
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.patch_rollups.folding import Folded, fold, rebuild_day

FOLD_BAR = 1.0
PENDING = 1_000
_DAYS_REBUILT = 8

Peers = dict[str, Callable[[], AbstractContextManager[Ask]]]


def main() -> None:
    """Measure the chosen databases, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=HistorySize.events)
    parser.add_argument("--days", type=int, default=HistorySize.days)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    parser.add_argument("--no-peers", action="store_true", help="only what is ours")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    size = HistorySize(events=arguments.events, days=arguments.days)
    with tempfile.TemporaryDirectory(prefix="bench-patches-") as name:
        folder = Path(name)
        require_room(folder, size.events, copies=4)
        if arguments.database != "postgresql":
            store = folder / "events.db"
            load_sqlite(store, size)
            peers = {} if arguments.no_peers else sqlite_peers(store, folder)
            measure(f"sqlite:///{store}", size, arguments.rounds, peers, pandas=store if peers else None)
        if arguments.database != "sqlite":
            with postgresql_store(size) as url:
                measure(url, size, arguments.rounds, {} if arguments.no_peers else postgresql_peers(url))


def measure(url: str, size: HistorySize, rounds: int, peers: Peers, pandas: Path | None = None) -> None:
    """Print every figure of one store that holds the history and has not folded it; `pandas` reads this file."""
    engine = open_store(url)
    database = Database(engine, size, rounds)
    print(f"\n{database.name}: {size.events:,} events of {size.days} days, {size.orders:,} orders", flush=True)
    database.fold_all()
    database.compare(peers, pandas)
    database.call_everything()
    database.add_late_event()
    database.add_pending_events()
    database.cpu.close()
    engine.dispose()


class Database:
    """The measurements on one store, in their order: each goes on with what the one before it left."""

    def __init__(self, engine: Engine, size: HistorySize, rounds: int) -> None:
        self.engine, self.size, self.rounds = engine, size, rounds
        self.cpu = StoreCpu(engine)
        self.name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[engine.dialect.name]
        self.now = size.end - timedelta(hours=10)

    def fold_all(self) -> None:
        """Fold the history for the first time, then some of its days again."""
        spent = self.cpu.of(lambda: fold(self.engine, self.now))
        per_events = spent.cpu / self.size.events * 100_000
        print(f"first fold of everything: {spent}; {per_events:.2f} s for 100,000 events")
        days = Random(3).sample(range(self.size.days), min(_DAYS_REBUILT, self.size.days))
        each = []
        for day in days:
            begins = self.size.start + timedelta(days=day)
            events = count_events(self.engine, begins, begins + timedelta(days=1))
            again = self.cpu.of(partial(rebuild_day, self.engine, begins.date(), self.now))
            each.append(again.cpu / events * 100_000)
        fold(self.engine, self.now)
        low, middle, high = min(each), percentile(each, 50), max(each)
        print(
            f"a day anew, for 100,000 of its events: CPU {low:.2f} – {middle:.2f} – {high:.2f} s, "
            f"bar {FOLD_BAR:.0f} s: {_verdict(middle <= FOLD_BAR)}",
            flush=True,
        )

    def compare(self, peers: Peers, pandas: Path | None) -> None:
        """Ask everybody everything over the whole history; end the program if answers differ."""
        contest = Contest(self.cpu, Period(self.size.start, self.size.end))
        contest.enter(OURS, partial(ask_rollups, self.engine), times=3)
        contest.enter("direct", partial(ask_directly, self.engine))
        for name, made in peers.items():
            with made() as ask_peer:
                contest.enter(name, ask_peer)
        if pandas is not None:
            contest.enter_pandas(pandas)
        contest.show()

    def call_everything(self) -> None:
        """Call stats and trends over a mix of ranges."""
        show("calls", call_everything(self.engine, self.cpu, self.size, self.now, self.rounds))

    def add_late_event(self) -> None:
        """Add one event to a patch of an old day: this day alone is folded again."""
        add_late_event(self.engine, self.size.start + timedelta(days=self.size.days // 2), self.now)
        done: list[Folded] = []
        spent = self.cpu.of(lambda: done.append(fold(self.engine, self.now)))
        days = done[0].days
        print(
            f"one late event: {days} of {self.size.days} days folded, bar 1: {_verdict(days == 1)}; {spent}", flush=True
        )

    def add_pending_events(self) -> None:
        """Add events that nobody folds: answers are those of the direct queries, and still fast."""
        add_new_and_late_events(self.engine, self.size, PENDING, self.now)
        week = timedelta(days=7)
        for period in (Period(self.size.end - week, self.size.end), Period(self.now - week, self.now)):
            ours, directly = Answer(), Answer()
            for question in QUESTIONS:
                ask_rollups(self.engine, question, period, ours)
                ask_directly(self.engine, question, period, directly)
            refuse(differences("direct, with pending events", directly, ours))
        title = f"with {PENDING:,} events not folded, the same answers as directly"
        show(title, call_everything(self.engine, self.cpu, self.size, self.now, rounds=1))


def sqlite_peers(store: Path, folder: Path) -> Peers:
    """Return who answers beside us from the events of an SQLite store; their files are kept under the folder."""

    @contextmanager
    def documents() -> Iterator[Ask]:
        made = SqliteDocuments(store, folder)
        yield partial(ask, made)
        made.close()

    @contextmanager
    def duck() -> Iterator[Ask]:
        made = DuckEvents(store, folder)
        yield made.ask
        made.close()

    return {"JSON": documents, "DuckDB": duck}


def postgresql_peers(url: str) -> Peers:
    """Return who answers beside us in a PostgreSQL store; what is in memory would say the same as beside SQLite."""

    @contextmanager
    def documents() -> Iterator[Ask]:
        made = PostgresqlDocuments(url)
        yield partial(ask, made)
        made.close()

    return {"JSON": documents}


def _verdict(is_met: bool) -> str:
    return "ok" if is_met else "MISSED"


if __name__ == "__main__":
    main()
