"""Which mirrors go when they are too many."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.sandbox.repositories.locks import exclusive
from repo_agent_dagster.sandbox.repositories.marks import Marks, fetch_lock
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.repositories.pruning import KeptMirror, chosen, list_mirrors, prune_mirrors
from tests.sandbox.repositories.conftest import FILE
from tests.sandbox.repositories.making import git


@pytest.fixture
def urls(origin: Path, tmp_path: Path) -> list[str]:
    """Three repositories, mirrored in this order; the last one was used last."""
    repositories = Repositories(tmp_path / "mirrors", FILE)
    found = []
    for age, name in ((3, "one"), (2, "two"), (1, "three")):
        git(tmp_path, "clone", "-q", "--bare", str(origin), name)
        mirror = repositories.mirror(str(tmp_path / name))
        then = (datetime.now(UTC) - timedelta(days=age)).timestamp()
        os.utime(Marks(mirror.path).folder / "url", (then, then))
        found.append(mirror.url)
    return found


def test_mirrors_are_listed_the_one_used_last_first(urls: list[str], tmp_path: Path) -> None:
    listed = list_mirrors(tmp_path / "mirrors")

    assert [mirror.url for mirror in listed] == urls[::-1]
    assert all(mirror.size > 1000 and not mirror.in_use for mirror in listed)
    assert datetime.now(UTC) - listed[0].last_use < timedelta(days=1, minutes=1)
    assert list_mirrors(tmp_path / "nothing") == []


def test_the_one_unused_for_longest_goes_first_until_the_rest_fits(urls: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "mirrors"
    sizes = {mirror.url: mirror.size for mirror in list_mirrors(folder)}
    budget = sizes[urls[1]] + sizes[urls[2]]

    assert [mirror.url for mirror in prune_mirrors(folder, budget, dry_run=True)] == urls[:1]
    assert len(list_mirrors(folder)) == 3
    assert [mirror.url for mirror in prune_mirrors(folder, budget)] == urls[:1]
    assert [mirror.url for mirror in list_mirrors(folder)] == [urls[2], urls[1]]
    assert prune_mirrors(folder, budget) == []


def test_a_mirror_that_is_used_or_fetched_stays(urls: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "mirrors"
    used = Repositories(folder, FILE).mirror(str(tmp_path / "one"))

    with exclusive(fetch_lock(next(folder.glob("two-*.git"))), doing="fetching", seconds=1):
        assert [mirror.url for mirror in prune_mirrors(folder, 0)] == urls[2:]

    del used
    assert {mirror.url for mirror in prune_mirrors(folder, 0)} == set(urls[:2])


def test_a_new_mirror_makes_room_for_itself(urls: list[str], origin: Path, tmp_path: Path) -> None:
    repositories = Repositories(tmp_path / "mirrors", FILE, budget_bytes=1)

    mirror = repositories.mirror(str(origin))

    assert [kept.url for kept in list_mirrors(tmp_path / "mirrors")] == [mirror.url]
    assert mirror.resolve("trunk")


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 9), st.booleans())), st.integers(0, 500))
def test_no_more_goes_than_must(kept: list[tuple[int, int, bool]], budget: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    mirrors = [
        KeptMirror(str(number), "", size, start + timedelta(days=day), in_use)
        for number, (size, day, in_use) in enumerate(kept)
    ]

    gone = chosen(mirrors, budget)

    left = sum(mirror.size for mirror in mirrors) - sum(mirror.size for mirror in gone)
    assert not any(mirror.in_use for mirror in gone)
    assert left <= budget or all(mirror in gone for mirror in mirrors if not mirror.in_use)
    assert not gone or left + gone[-1].size > budget
    assert [mirror.last_use for mirror in gone] == sorted(mirror.last_use for mirror in gone)
