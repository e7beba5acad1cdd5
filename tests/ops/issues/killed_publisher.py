"""A process that scans and publishes, and may be killed anywhere in it; started from a server without threads."""

import os
import signal
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from repo_agent_dagster.github.issues import GitHubIssues
from repo_agent_dagster.ops.issues.intents import note_scan
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.ops.issues.publishing import publish
from repo_agent_dagster.store.engine import open_store, write_transaction
from repo_agent_dagster.store.ops_scans import finish_scan, start_scan
from repo_agent_dagster.store.ops_sightings import Sighting, lock_for_scan, record_sightings

Moment = Literal["in the scan", "before its commit", "after its commit", "never"]


def scan_and_publish(
    store: str, api: str, key: bytes, seen: Sequence[Sighting], now: datetime, killed: Moment = "never"
) -> None:
    """What a night does: a scan's transaction, then the publisher. `killed` is for the moments that no server sees."""
    engine = open_store(store)
    with write_transaction(engine) as connection:
        lock_for_scan(connection)
        scan_id = start_scan(connection, "full", now, now, now=now)
        recorded = record_sightings(connection, seen, now=now)
        _die_if(killed == "in the scan")
        note_scan(
            connection,
            recorded,
            day=seen[0].day,
            kinds=("worker", "build"),
            policy=IssuePolicy(opened_per_day=1000),
            to_github=True,
            now=now,
        )
        finish_scan(connection, scan_id, {}, now=now)
        _die_if(killed == "before its commit")
    _die_if(killed == "after its commit")
    github = GitHubIssues("a-token", base_url=api, first_delay_seconds=0.01, is_paced=False, timeout_seconds=20)
    publish(engine, github, IssuePolicy(opened_per_day=1000), key=key, now=now, wait_seconds=30)


def _die_if(it_is_time: bool) -> None:
    if it_is_time:
        os.kill(os.getpid(), signal.SIGKILL)
