"""Failures become incidents: one for each problem, the same whatever order they come in."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.logs import LogLevel
from repo_agent_dagster.ops.analysis.grouping import MAX_RUNS, MAX_SAMPLES, group
from repo_agent_dagster.ops.analysis.model import Failure, Incident, Place
from repo_agent_dagster.ops.analysis.templates import TemplateMiner
from tests.ops.failures import NOON, failure


class Miners(dict[str, TemplateMiner]):
    """The miner of each source, made when it is asked for."""

    def __missing__(self, source: str) -> TemplateMiner:
        return self.setdefault(source, TemplateMiner())


def grouped(failures: list[Failure], miners: Miners | None = None) -> list[Incident]:
    return group(failures, (Miners() if miners is None else miners).__getitem__)


def job(attempt: int = 1, **fields: Any) -> BuildJob:
    values: dict[str, Any] = {
        **{"source": "test", "repo": "org/web", "run_id": "7", "job_id": "70", "workflow": "CI", "job": "test"},
        **{"branch": "main", "is_default_branch": True, "sha": "a" * 40, "event": "push", "conclusion": "failure"},
        **{"url": "https://ci.example/7", "started_at": NOON, "finished_at": NOON, "object_name": "7/70"},
    }
    return BuildJob(attempt=attempt, **values | fields)


FAILURES = [
    failure(text, kind=kind, ts=NOON + timedelta(minutes=minutes), level=level, run_id=run)
    for kind in ("worker", "build")
    for text in ("lost 17", "lost 18 carts", "TypeError: x", "lost alice", "lost bob", "lost carol", "lost dave")
    for minutes, level, run in ((1, "error", "1"), (2, "fatal", "2"))
]


@settings(max_examples=40, deadline=None)
@given(st.permutations(FAILURES))
def test_the_order_of_failures_does_not_matter(failures: list[Failure]) -> None:
    assert grouped(failures) == grouped(FAILURES)


def test_an_incident_counts_its_failures_and_tells_their_times_level_and_runs() -> None:
    failures = [
        failure(f"lost cart {n}", ts=NOON + timedelta(minutes=n), level=level, run_id=str(n), job=job(run_id=str(n)))
        for n, level in ((3, "error"), (1, "warn"), (2, "fatal"))
    ]

    [incident] = grouped(failures)

    assert (incident.count, incident.run_count, incident.level) == (3, 3, LogLevel.FATAL)
    assert (incident.first_seen, incident.last_seen) == (NOON + timedelta(minutes=1), NOON + timedelta(minutes=3))
    assert [one.headline for one in incident.failures] == ["lost cart 1", "lost cart 2", "lost cart 3"]
    assert [run.run_id for run in incident.runs] == ["1", "2", "3"]
    assert incident.template == "lost cart <NUM>"
    assert incident.on_default_branch
    assert not incident.in_pull_request


def test_samples_and_runs_are_bounded_and_counted() -> None:
    failures = [failure(f"lost {n}", ts=NOON + timedelta(seconds=n), run_id=f"{n:03}") for n in range(100)]
    random.Random(1).shuffle(failures)

    [incident] = grouped(failures)

    assert (incident.count, incident.run_count) == (100, 100)
    assert [one.headline for one in incident.failures] == [f"lost {n}" for n in range(MAX_SAMPLES)]
    assert len(incident.runs) == MAX_RUNS


def test_it_is_flaky_only_if_a_later_attempt_of_every_job_passed() -> None:
    passed = replace(failure("boom"), passed_on_retry=True)

    assert grouped([passed, passed])[0].passed_on_retry
    assert not grouped([passed, failure("boom")])[0].passed_on_retry


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"job": job(event="pull_request", is_default_branch=False)}, (False, True, False)),
        ({"job": job(is_default_branch=None, branch="main")}, (True, False, False)),
        ({"meta": {"branch": "master"}}, (True, False, False)),
        ({"meta": {"branch": "topic", "deploy": True}}, (False, False, True)),
        ({"place": Place("build", "org/web", "Release", "deploy-eu", "Run wrangler")}, (False, False, True)),
    ],
)
def test_branch_pull_request_and_deploy_step_are_told(fields: dict[str, Any], expected: tuple[bool, ...]) -> None:
    [incident] = grouped([failure("boom", **fields)])

    assert (incident.on_default_branch, incident.in_pull_request, incident.in_deploy) == expected


def test_workers_and_outcomes_are_gathered() -> None:
    [incident] = grouped([failure("boom", kind="worker", meta={"outcome": outcome}) for outcome in ("exception", "ok")])

    assert (incident.workers, incident.outcomes) == ({"shop"}, {"exception", "ok"})


def test_two_problems_that_differ_in_one_word_stay_two() -> None:
    failures = [failure(f"cannot connect to {name} of the shop") for name in ("redis", "postgres")]

    assert len(grouped(failures)) == 2


def test_a_word_that_takes_many_values_becomes_a_variable_and_joins_them() -> None:
    names = [f"{a}{b}{c}" for a in "abc" for b in "eio" for c in "lmn"]

    [incident] = grouped([failure(f"cannot notify {name} of the order") for name in names])

    assert incident.count == len(names)
    assert incident.template == "cannot notify <*> of the order"
    assert len(incident.fingerprint.aliases) == len(names), "the cluster's, and those of the other values"


def test_reasons_and_services_stay_apart_however_often_they_come() -> None:
    failures = [
        failure(f"could not {verb} {noun} 17 at 10.0.0.1:80, attempt 2 of 5")
        for verb in ("load", "save", "charge", "render", "send", "merge", "split")
        for noun in ("order", "invoice", "cart", "refund", "stock", "price")
    ]

    assert len(grouped(failures * 3)) == len(failures)


def test_a_known_problem_is_recognised_by_its_cluster_when_a_word_varies_after_all() -> None:
    miners = Miners()
    [first] = grouped([failure("blob 4f3a is missing")], miners)
    kept = Miners({source: TemplateMiner.from_state(miner.to_state()) for source, miner in miners.items()})

    [later] = grouped([failure("blob feed is missing")], kept)

    assert later.fingerprint.value != first.fingerprint.value
    assert set(later.fingerprint.aliases) & set(first.fingerprint.aliases)


def test_scanning_again_from_the_same_state_finds_the_same() -> None:
    state = {}
    miners = Miners()
    grouped(FAILURES[:9], miners)
    state = {source: miner.to_state() for source, miner in miners.items()}

    def again() -> list[Incident]:
        return grouped(FAILURES, Miners({source: TemplateMiner.from_state(kept) for source, kept in state.items()}))

    assert again() == again()


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.timeout(30)
def test_ten_thousand_problems_are_ten_thousand_incidents() -> None:
    failures = [
        failure(f"{one} of {other} is bad", kind="worker", exception=f"{one}{other}Error")
        for one in (f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst")
        for other in (f"{a}{b}" for a in "uvwxyzabcd" for b in "efghijklmn")
    ]

    assert len({incident.fingerprint.value for incident in grouped(failures * 2)}) == 10_000
