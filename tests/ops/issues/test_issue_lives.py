"""Whatever scans, people and a shaky network do, in whatever order: one issue for a problem, and both sides agree."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.ops.issues import handling
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.ops_issues import IssueStepRefused
from tests.loopback.issues import FakeGitHub, FakeRepository
from tests.loopback.server import Loopback, serving
from tests.ops.issues.conftest import DAY, Publisher, problem, scan, stored

pytestmark = pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced

NAMES = ("a", "b", "c")
Deed = Literal["close", "reopen", "delete", "resolve", "claim"]
Step = tuple[Literal["scan"], frozenset[str]] | tuple[Literal["publish"], int] | tuple[Deed, int]

scans = st.tuples(st.just("scan"), st.frozensets(st.sampled_from(NAMES), min_size=1))
publishings = st.tuples(st.just("publish"), st.integers(0, 4))
deeds = st.tuples(st.sampled_from(["close", "reopen", "delete", "resolve", "claim"]), st.integers(0, 2))


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with serving() as loopback:
        yield loopback


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(scans, publishings, deeds), min_size=3, max_size=12))
def test_each_problem_has_one_issue_and_both_sides_agree_in_the_end(
    upgraded_file: Path, server: Loopback, steps: list[Step]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(upgraded_file, folder))
        engine = open_store(f"sqlite:///{path}")
        try:
            live(engine, FakeGitHub(server), steps)
        finally:
            engine.dispose()


def live(engine: Engine, github: FakeGitHub, steps: list[Step]) -> None:
    shop = github.repository()
    publisher = Publisher(engine, github)
    day = DAY
    for what, how in steps:
        if what == "scan":
            scan(engine, *(problem(name, day) for name in sorted(how)), day=day)
            day += timedelta(days=1)
            publisher.now += timedelta(days=1)
        elif what == "publish":
            github.loses = {github.writes + how} if how else set()
            publisher()
        else:
            do(what, how, engine, shop, publisher)
    github.loses = set()
    for _ in range(3):
        publisher()

    marks = Counter(issue.body.rpartition("<!--")[2] for issue in shop.issues.values())
    assert all(times == 1 for times in marks.values())
    comments = Counter((comment.number, comment.body.rpartition("<!--")[2]) for comment in shop.comments)
    assert all(times == 1 for times in comments.values())
    for issue in stored(engine):
        there = shop.issues.get(issue.gh_issue_number or 0)
        if issue.gh_issue_number in shop.deleted:
            continue
        assert there is not None or issue.is_settled  # settled before it was told of
        if there is not None:
            assert (there.state == "closed") == issue.is_settled, issue
            assert issue.gh_state == there.state


def do(deed: Deed, number: int, engine: Engine, shop: FakeRepository, publisher: Publisher) -> None:
    ours, theirs = stored(engine), sorted(shop.issues)
    try:
        if deed == "resolve" and number < len(ours):
            handling.resolve(engine, ours[number].id, now=publisher.now)
        elif deed == "claim" and number < len(ours):
            handling.claim(engine, ours[number].id, "alice", now=publisher.now)
        elif deed == "delete" and number < len(theirs):
            shop.delete(theirs[number])
        elif deed == "close" and number < len(theirs):
            shop.close(theirs[number], at=f"{publisher.now:%Y-%m-%dT%H:%M:%SZ}")
        elif deed == "reopen" and number < len(theirs):
            shop.issues[theirs[number]].state = "open"
    except IssueStepRefused:
        assert ours[number].status in (IssueStatus.RESOLVED, IssueStatus.CLOSED)
