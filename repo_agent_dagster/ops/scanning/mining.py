"""Mine the patterns of a day's warnings and errors, so that their clusters' ids last from night to night."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.logs import LogKind
from repo_agent_dagster.ops.analysis.masking import headline, pattern
from repo_agent_dagster.ops.analysis.templates import TemplateMiner
from repo_agent_dagster.ops.sources.protocol import Window
from repo_agent_dagster.store import log_records, ops_templates
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.ops_sightings import lock_for_scan

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_PREFIX = "patterns:"  # single lines are mined apart from incidents, whose clusters are aliases of fingerprints

MOST_MINED = 200_000
"""Failing lines of one day that are mined: who has more has few patterns all the same."""


@dataclass(frozen=True, slots=True)
class MinedPattern:
    """A pattern of a source's failing lines, how often it occurred in the window, and whether it is new."""

    source: str
    template: str
    count: int
    is_new: bool


def mine(engine: "Engine", window: Window, kinds: tuple[LogKind, ...], *, now: datetime) -> tuple[MinedPattern, ...]:
    """Learn the patterns of the window's failing lines and keep them; return them, the most frequent first."""
    counts: Counter[tuple[str, int]] = Counter()
    with write_transaction(engine) as connection:
        lock_for_scan(connection)
        with kept_miners(connection, now=now, prefix=_PREFIX) as miner_of:
            known = {}
            for source, text in _headlines(connection, window, kinds):
                if source not in known:
                    known[source] = {cluster for cluster, _ in miner_of(source)}
                counts[source, miner_of(source).learn_id(text)] += 1
            texts = {source: dict(miner_of(source)) for source in known}
    mined = [
        MinedPattern(source, texts[source].get(cluster, ""), count, cluster not in known[source])
        for (source, cluster), count in counts.items()
    ]
    return tuple(sorted(mined, key=lambda one: (-one.count, one.source, one.template)))


@contextmanager
def kept_miners(
    connection: "Connection", *, now: datetime, prefix: str = ""
) -> Iterator[Callable[[str], TemplateMiner]]:
    """Lend each source's miner as the last scan left it, and keep what they learn in the connection's transaction.

    Call `lock_for_scan` first: two scans that learn beside each other would give one id to two patterns.
    """
    miners: dict[str, TemplateMiner] = {}

    def miner_of(source: str) -> TemplateMiner:
        if source not in miners:
            state = ops_templates.load(connection, prefix + source)
            miners[source] = TemplateMiner() if state is None else TemplateMiner.from_state(state)
        return miners[source]

    yield miner_of
    for source, miner in sorted(miners.items()):
        ops_templates.save(connection, prefix + source, miner.to_state(), now=now)


def _headlines(connection: "Connection", window: Window, kinds: tuple[LogKind, ...]) -> Iterator[tuple[str, str]]:
    left = MOST_MINED
    for kind in kinds:
        for record in log_records.failures(connection, kind, window.start, window.end):
            if left == 0:
                return
            left -= 1
            yield record.source, pattern(headline(record.message))
