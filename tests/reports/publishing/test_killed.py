"""One comment or issue for an order, whoever is killed between which steps, and however many try at once."""

import signal
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from repo_agent_dagster.reports.publishing.publisher import publish_due
from repo_agent_dagster.store.publisher_lock import Publisher, publisher_lock
from tests.loopback.issues import FakeGitHub, FakeRepository
from tests.loopback.server import Answer, Asked, said
from tests.reports.publishing.conftest import START, Publishing, means, store_report
from tests.reports.publishing.killed_publisher import publish
from tests.warm_processes import warm


def start(store: Engine, github: FakeGitHub, folder: Path, now: datetime) -> ForkServerProcess:
    """A real process of its own; forked from a server that has the imports already."""
    url = store.url.render_as_string(hide_password=False)
    process = warm().Process(target=publish, args=(url, github.server.url, folder, now))
    process.start()
    return process


@pytest.mark.parametrize("place", ["github:acme/shop#12", "github:acme/shop"])
def test_killed_after_every_write_each_order_is_told_once(
    local: Publishing, github: FakeGitHub, shop: FakeRepository, tmp_path: Path, place: str
) -> None:
    """Two orders in two versions, with the process killed after the n-th write on GitHub, for every n."""
    shop.labels.add("delivery-report")
    local.follow(place, order=None)
    now, killed = START, 0
    for version in (1, 2):
        for order in ("1", "2"):
            store_report(local.engine, order, version, now=now)
        for write in (1, 2, 3):  # the last run has fewer writes left, and ends well
            now += timedelta(minutes=5)
            github.dies_with, github.dies_at = None, github.writes + write
            with github.server.lock:  # nothing is answered before it is known who dies
                process = start(local.engine, github, tmp_path / "reports", now)
                github.dies_with = process.pid
            process.join(60)
            assert process.exitcode in (0, -signal.SIGKILL)
            killed += process.exitcode != 0
        github.dies_at = None
        now += timedelta(minutes=5)
        local(now=now)

    assert killed == 4
    told = shop.comments_on(12) if "#" in place else [shop.issues[n].body for n in shop.issues if n != 12]
    assert sorted(body.partition("\n\n")[0] for body in told) == [f"# Delivery report: order {n}" for n in "12"]
    assert all("This is version 2." in body for body in told)


def test_publishers_at_once_tell_each_order_once(
    publishing: Publishing, github: FakeGitHub, shop: FakeRepository, tmp_path: Path
) -> None:
    publishing.follow("github:acme/shop#12", order=None)
    for order in range(6):
        store_report(publishing.engine, str(order))

    processes = [start(publishing.engine, github, tmp_path / "reports", START) for _ in range(2)]
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0]
    assert len(shop.comments_on(12)) == 6


def test_a_publisher_that_finds_another_at_work_leaves_all_to_it(local: Publishing) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")

    with publisher_lock(local.engine, Publisher.REPORTS, wait_seconds=0):
        busy = local(wait_seconds=0.1)
    with publisher_lock(local.engine, Publisher.OPS, wait_seconds=0):
        done = local()

    assert (busy.is_busy, busy.done, len(done.done)) == (True, [], 1)


def test_a_publisher_that_lost_its_lock_creates_nothing(
    postgres_store: Engine, github: FakeGitHub, shop: FakeRepository, tmp_path: Path
) -> None:
    publishing = Publishing(postgres_store, means(tmp_path / "reports", github.server.url))
    store_report(postgres_store)
    publishing.follow("github:acme/shop#12")

    def loses_the_lock(_: Asked) -> Answer:
        with postgres_store.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
        return said([])

    github.server.on("GET", r"/repos/acme/shop/issues/12/comments", loses_the_lock)

    done = publishing()

    assert (done.done, shop.comments) == ([], [])
    assert "ended the connection that held the publisher's lock" in done.problems[0]


def test_time_that_is_up_leaves_the_rest_to_the_next(local: Publishing) -> None:
    store_report(local.engine)
    local.follow("github:acme/shop#12")

    stopped = publish_due(local.engine, local.means, now=START, budget_seconds=0)

    assert (stopped.done, stopped.waiting) == ([], 1)
    assert len(local().done) == 1
