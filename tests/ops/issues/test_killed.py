"""Issues opened = distinct incidents, whoever is killed between which steps, and however many try at once."""

import signal
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from typing import get_args

import pytest
from sqlalchemy import Engine, text

from repo_agent_dagster.store.ops_sightings import Sighting
from repo_agent_dagster.store.publisher_lock import Publisher as Kind
from repo_agent_dagster.store.publisher_lock import publisher_lock
from tests.loopback.issues import OURS, FakeGitHub, FakeRepository
from tests.loopback.server import Answer, Asked, said
from tests.ops.issues.conftest import KEY, NOW, Publisher, problem, scan, stored, tomorrow
from tests.ops.issues.killed_publisher import Moment, scan_and_publish
from tests.warm_processes import warm

MOMENTS = [moment for moment in get_args(Moment) if moment != "never"]


def start(
    store: Engine, github: FakeGitHub, seen: Sequence[Sighting], now: datetime, killed: Moment = "never"
) -> ForkServerProcess:
    """A real process of its own; forked from a server that has the imports already."""
    url = store.url.render_as_string(hide_password=False)
    process = warm().Process(target=scan_and_publish, args=(url, github.server.url, KEY, seen, now, killed))
    process.start()
    return process


def night(
    store: Engine,
    github: FakeGitHub,
    seen: Sequence[Sighting],
    now: datetime,
    *,
    killed: Moment = "never",
    dies_at: int | None = None,
) -> bool:
    """Run a night to its end or its death; tell whether it was killed. `dies_at` counts its writes on GitHub."""
    github.dies_with, github.dies_at = None, None if dies_at is None else github.writes + dies_at
    with github.server.lock:  # nothing is answered before it is known who dies
        process = start(store, github, seen, now, killed)
        github.dies_with = process.pid
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def told_once(repo: FakeRepository) -> None:
    """No comment was made twice."""
    said = Counter((comment.number, comment.body.rpartition("<!--")[2]) for comment in repo.comments)
    assert [twice for twice, times in said.items() if times > 1] == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_around_the_scans_transaction_each_problem_is_one_issue(
    store: Engine, github: FakeGitHub, shop: FakeRepository, moment: Moment
) -> None:
    seen = [problem("a"), problem("b")]

    was_killed = night(store, github, seen, NOW, killed=moment)
    night(store, github, seen, NOW + timedelta(minutes=5))

    assert was_killed
    assert (len(stored(store)), len(shop.issues)) == (2, 2)


def test_killed_after_every_step_on_github_each_problem_is_one_issue_and_is_told_once(
    store: Engine, github: FakeGitHub, shop: FakeRepository
) -> None:
    """A first night, a settling and a recurrence, with the process killed after the n-th write, for every n."""
    shop.labels.update({"ops-scan", "severity-2", "ops-build"})
    now, killed, problems = NOW, 0, 0
    for step in range(1, 40):
        names = [f"n{step}-a", f"n{step}-b"]
        problems += len(names)
        seen = [problem(name) for name in names]
        deaths = night(store, github, seen, now, dies_at=step)
        night(store, github, seen, now + timedelta(minutes=5))
        assert len(shop.issues) == problems
        shop.close(max(shop.issues), at="2026-03-04T10:00:00Z")
        again = [tomorrow(one, 2) for one in seen]
        now += timedelta(minutes=10)
        deaths += night(store, github, again, now, dies_at=step)
        night(store, github, again, now + timedelta(minutes=5))
        now += timedelta(minutes=10)
        killed += deaths
        if not deaths:
            break

    assert killed == 6  # two openings; a reopening, its comment, and two tallies
    assert len(shop.issues) == len(stored(store)) == problems
    assert {issue.state for issue in shop.issues.values()} == {"open"}
    assert {issue.gh_state for issue in stored(store)} == {"open"}
    assert sum(issue.regressions for issue in stored(store)) == problems / 2
    told_once(shop)


def test_scans_and_publishers_at_once_open_each_problem_once(
    store: Engine, github: FakeGitHub, shop: FakeRepository
) -> None:
    seen = [problem(f"p{number}") for number in range(12)]

    processes = [start(store, github, seen[part:], NOW) for part in (0, 4, 0)]
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (len(stored(store)), len(shop.issues)) == (12, 12)
    told_once(shop)


def test_a_publisher_that_lost_its_lock_opens_nothing(
    postgres_store: Engine, github: FakeGitHub, shop: FakeRepository
) -> None:
    scan(postgres_store, problem("a"))

    def loses_the_lock(_: Asked) -> Answer:
        with postgres_store.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
        return said({"login": OURS})

    github.server.on("GET", "/user", loses_the_lock)

    done = Publisher(postgres_store, github)()

    assert (done.opened, len(shop.issues)) == (0, 0)
    assert "ended the connection that held the publisher's lock" in done.problems[0]


def test_a_publisher_that_finds_another_at_work_leaves_all_to_it(
    store: Engine, github: FakeGitHub, shop: FakeRepository
) -> None:
    scan(store, problem("a"))
    publisher = Publisher(store, github)

    with publisher_lock(store, Kind.OPS, wait_seconds=0):
        busy = publisher(wait_seconds=0.2)
    done = publisher()

    assert (busy.is_busy, busy.opened, done.opened) == (True, 0, 1)
