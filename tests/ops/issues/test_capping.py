"""The cap: however many new problems a night has, a bounded number of issues, and one overflow issue."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.logs import LogKind, LogLevel
from repo_agent_dagster.ops.analysis.model import Fingerprint, Incident, Place
from repo_agent_dagster.ops.issues.capping import (
    OVERFLOW_FINGERPRINT,
    Capped,
    cap,
    overflow_listing,
    overflow_sightings,
)
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.store import ops_fingerprints, ops_tallies
from repo_agent_dagster.store.engine import write_transaction
from tests.loopback.issues import FakeRepository
from tests.ops.issues.conftest import DAY, Publisher, problem, scan, stored


def incident(name: str, count: int = 1, kind: LogKind = "build", aliases: tuple[str, ...] = ()) -> Incident:
    at = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    return Incident(
        Fingerprint(name, aliases),
        Place(kind, "acme/shop", "CI", "test"),
        "source",
        LogLevel.ERROR,
        f"it failed: {name}",
        count,
        at,
        at + timedelta(hours=1),
    )


def rated(incidents: list[Incident], severity: int = 3) -> dict[str, int]:
    return {one.fingerprint.value: severity for one in incidents}


def names(incidents: tuple[Incident, ...]) -> list[str]:
    return [one.fingerprint.value for one in incidents]


def test_what_is_known_is_kept_and_of_the_new_the_gravest_and_most_frequent() -> None:
    incidents = [
        incident("known"),
        incident("seldom", 1),
        incident("often", 9),
        incident("grave", 1),
        incident("alias", aliases=("x",)),
    ]
    severities = rated(incidents) | {"grave": 1}

    capped = cap(incidents, severities, {"known", "x"}, max_new=2)

    assert names(capped.kept) == ["known", "often", "grave", "alias"]
    assert names(capped.overflow) == ["seldom"]


def test_below_the_cap_nothing_overflows() -> None:
    incidents = [incident("a"), incident("b")]

    assert cap(incidents, rated(incidents), (), max_new=2) == Capped(tuple(incidents), ())
    assert overflow_sightings((), {}, DAY, listing_key=None) == []


def test_each_kind_of_log_is_counted_and_told_alike() -> None:
    overflow = [incident("a", 3), incident("b", 4), incident("w", 5, "worker")]

    worker, build = overflow_sightings(overflow, rated(overflow) | {"b": 2}, DAY, listing_key="logs/overflow.tsv")

    assert (worker.kind, worker.occurrences, build.kind, build.occurrences) == ("worker", 5, "build", 7)
    assert worker.fingerprint == build.fingerprint == OVERFLOW_FINGERPRINT
    assert worker.analysis == build.analysis
    assert "3 problems with 12 occurrences" in build.analysis
    assert "1 of severity 2, 2 of severity 3" in build.analysis
    assert build.details.listing == "logs/overflow.tsv"


def test_the_list_holds_every_problem_on_a_line_of_its_own_without_secrets() -> None:
    token = "ghp_" + "a1B2" * 9
    overflow = [incident("a", 3), incident(f"b\tx\n{token}")]

    lines = overflow_listing(overflow, rated(overflow)).splitlines()

    assert len(lines) == 3 + 1  # the made-up fingerprint holds a line break
    assert lines[1] == "3\t3\tacme/shop CI/test\ta\tit failed: a"


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
def test_ten_thousand_errors_in_one_night_are_a_hundred_issues_and_one_however_often_it_is_scanned(
    publisher: Publisher, shop: FakeRepository, store: Engine
) -> None:
    publisher.policy = policy = IssuePolicy(opened_per_day=20)
    incidents = [incident(f"{number:064d}", 1 + number % 7) for number in range(10_000)]
    severities = rated(incidents)
    for _ in range(2):
        with write_transaction(store) as connection:
            known = ops_fingerprints.known(connection, severities)
            opened = ops_tallies.opened_on(connection, DAY, ("worker", "build"))
        capped = cap(incidents, severities, known, max_new=100, opened_already=opened)
        seen = [problem(one.fingerprint.value, severity=3) for one in capped.kept]
        seen += overflow_sightings(capped.overflow, severities, DAY, listing_key=None)
        scan(store, *seen, policy=policy)
        publisher()

    issues = stored(store)
    assert len(issues) == 101
    (overflow,) = [issue for issue in issues if issue.fingerprint == OVERFLOW_FINGERPRINT]
    assert overflow.occurrences == sum(one.count for one in incidents) - sum(one.count for one in capped.kept)
    assert len(shop.issues) == 20
