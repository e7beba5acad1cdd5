"""GitHub Actions as a source, driven through PyGithub against a server on loopback."""

import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from repo_agent_dagster.github.known_pages import KnownPages
from repo_agent_dagster.ops.sources.actions import ActionsSource
from repo_agent_dagster.ops.sources.actions_logs import JobLog
from repo_agent_dagster.ops.sources.http import HttpClient, HttpManners
from repo_agent_dagster.ops.sources.protocol import (
    LogExpired,
    SourceIncomplete,
    SourceRefused,
    SourceUnavailable,
    Window,
)
from tests.loopback import github_faults
from tests.loopback.actions import NOON, TOKEN, ActionsServer, Job, Run, serving_actions
from tests.loopback.server import Answer, said
from tests.ops.sources.actions_reading import WINDOW, lines_of, messages, read, source_of


@pytest.fixture
def server() -> Iterator[ActionsServer]:
    with serving_actions() as actions:
        yield actions


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is waited, noted instead of waited."""
    noted: list[float] = []
    monkeypatch.setattr(time, "sleep", noted.append)
    return noted


def test_a_jobs_log_is_read_step_by_step_from_the_archive(server: ActionsServer) -> None:
    steps = [("Set up job", ["Prepare"]), ("Run actions/checkout@v4", ["##[group]Run actions/checkout@v4", "ok"])]
    server.add(Run("acme/shop", 7, [Job("build / test (3.12)", steps)]))
    ((name, lines),) = read(source_of(server)).items()
    assert name == "acme/shop/runs/7/attempts/1/jobs/701"
    assert [(line["meta"]["step_number"], line["meta"]["step"], line["message"]) for line in lines] == [
        (1, "Set up job", "Prepare"),
        (2, "Run actions/checkout@v4", "Run actions/checkout@v4"),
        (2, "Run actions/checkout@v4", "ok"),
    ]
    assert [line["ts"] for line in lines] == [
        "2026-03-03T12:00:00.000000Z",
        "2026-03-03T12:01:00.000000Z",
        "2026-03-03T12:01:00.001000Z",
    ]


def test_a_line_tells_its_run_job_step_attempt_branch_commit_and_address(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test")]))
    ((_, lines),) = read(source_of(server)).items()
    assert {key: lines[1][key] for key in ("repo", "run_id", "level", "message")} == {
        "repo": "acme/shop",
        "run_id": "7",
        "level": "error",
        "message": "boom",
    }
    assert lines[1]["meta"] == {
        "workflow": "CI",
        "job": "test",
        "job_id": "701",
        "attempt": 1,
        "branch": "main",
        "default_branch": True,
        "sha": "0123456789abcdef0123456789abcdef01234567",
        "event": "push",
        "conclusion": "failure",
        "url": "https://github.test/acme/shop/actions/runs/7/job/701",
        "step": "Run tests",
        "step_number": 2,
        "mark": "error",
    }


def test_the_token_is_not_shown_to_the_blob_store(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test")]))
    messages(source_of(server))
    assert server.blobs.asked
    assert all("authorization" not in asked.headers for asked in server.blobs.asked)


def test_the_archive_of_an_attempt_is_fetched_once_for_all_its_jobs(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test"), Job("lint"), Job("docs")]))
    assert len(read(source_of(server))) == 3
    assert server.blobs.times("/archives/") == 1


def test_a_log_that_nobody_reads_is_not_fetched(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test")]))
    (log,) = source_of(server).fetch(WINDOW)
    assert log.version == "failure 2026-03-03T12:02:00"
    assert not server.blobs.asked


def test_each_attempt_has_objects_of_its_own(server: ActionsServer) -> None:
    later = NOON + timedelta(hours=1)
    server.add(Run("acme/shop", 7, [Job("test"), Job("test", conclusion="success", started_at=later, attempt=2)]))
    logs = list(source_of(server).fetch(WINDOW))
    assert [(log.job.attempt, log.job.conclusion) for log in logs] == [(1, "failure"), (2, "success")]


def test_a_job_that_a_later_attempt_took_over_stands_once(server: ActionsServer) -> None:
    jobs = [Job("lint", conclusion="success"), Job("test"), Job("lint", conclusion="success", attempt=2)]
    server.add(Run("acme/shop", 7, [*jobs, Job("test", attempt=2, started_at=NOON + timedelta(hours=1))]))
    assert [(log.job.job, log.job.attempt) for log in source_of(server).fetch(WINDOW)] == [
        ("lint", 1),
        ("test", 1),
        ("test", 2),
    ]


def test_runs_that_still_run_are_left_for_the_next_time(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test", conclusion=None)], status="in_progress"))
    assert read(source_of(server)) == {}


def test_while_a_run_is_made_again_its_earlier_attempt_is_read(server: ActionsServer) -> None:
    jobs = [Job("test"), Job("test", conclusion=None, started_at=NOON + timedelta(hours=1), attempt=2)]
    server.add(Run("acme/shop", 7, jobs, status="in_progress"))
    assert [log.job.attempt for log in source_of(server).fetch(WINDOW)] == [1]


def test_a_job_that_runs_over_midnight_belongs_to_both_days(server: ActionsServer) -> None:
    late = NOON.replace(hour=23, minute=59)
    server.add(Run("acme/shop", 7, [Job("test", started_at=late)], created_at=late))
    for day in (date(2026, 3, 3), date(2026, 3, 4)):
        assert len(list(source_of(server).fetch(Window.of_day(day)))) == 1
    assert list(source_of(server).fetch(Window.of_day(date(2026, 3, 5)))) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"branch": "fix"}, False),
        ({"event": "pull_request"}, False),
        ({"head_repository": "somebody/shop"}, False),
    ],
    ids=["push", "another branch", "a pull request", "a fork whose branch is called main"],
)
def test_the_default_branch_is_the_repositorys_own(
    server: ActionsServer, fields: dict[str, Any], expected: bool
) -> None:
    server.add(Run("acme/shop", 7, [Job("test")], **fields))
    (log,) = source_of(server).fetch(WINDOW)
    assert log.job.is_default_branch is expected


def test_runs_come_over_pages_each_once(server: ActionsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repo_agent_dagster.github.actions.PAGE_SIZE", 10)
    for number in range(1, 26):
        server.add(Run("acme/shop", number, [Job("test")]))
    server.runs.append(server.runs[3])  # as it happens when runs are added while pages are read
    assert len(list(source_of(server).fetch(WINDOW))) == 25
    assert server.api.times("/actions/runs$") == 3


def test_a_listing_that_has_not_changed_is_not_sent_again(server: ActionsServer, tmp_path: Path) -> None:
    run = server.add(Run("acme/shop", 7, [Job("test")]))
    github = source_of(server).connect()
    github.known_pages = KnownPages(tmp_path)

    def conclusions() -> list[str | None]:
        (listed,) = github.runs("acme/shop", WINDOW.start, WINDOW.end)
        return [job.conclusion for job in github.jobs(listed)]

    assert conclusions() == conclusions() == ["failure"]
    assert ["if-none-match" in asked.headers for asked in server.api.asked] == [False, False, True, True]
    run.jobs[0].conclusion = "success"
    assert conclusions() == ["success"]
    for page in tmp_path.iterdir():
        page.write_bytes(b"damaged")
    assert conclusions() == ["success"]


def test_a_span_with_more_runs_than_github_lists_is_halved(
    server: ActionsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repo_agent_dagster.github.actions.MOST_LISTED", 10)
    server.most_listed = 10
    for number in range(1, 31):
        server.add(Run("acme/shop", number, [], created_at=NOON + timedelta(minutes=number)))
    github = source_of(server).connect()
    found = [run.id for run in github.runs("acme/shop", WINDOW.start, WINDOW.end)]
    assert found == list(range(30, 0, -1))


def test_an_organisations_repositories_are_read(server: ActionsServer) -> None:
    server.repositories = {"acme/shop": "main", "acme/web": "trunk", "other/one": "main"}
    server.add(Run("acme/shop", 7, [Job("test")]))
    server.add(Run("acme/web", 8, [Job("test")], branch="trunk"))
    logs = list(source_of(server, organization="acme").fetch(WINDOW))
    assert [(log.job.repo, log.job.is_default_branch) for log in logs] == [("acme/shop", True), ("acme/web", True)]


def test_an_organisation_with_too_many_repositories_is_told(server: ActionsServer) -> None:
    server.repositories = {f"acme/r{number}": "main" for number in range(5)}
    with pytest.raises(SourceIncomplete, match="raise most_repositories"):
        list(source_of(server, organization="acme", most_repositories=3).fetch(WINDOW))


def test_a_repository_that_is_refused_does_not_hide_the_others(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test")]))
    logs = source_of(server, "acme/gone", "acme/shop").fetch(WINDOW)
    assert next(logs).job.repo == "acme/shop"
    with pytest.raises(SourceIncomplete, match=r"acme/gone.*404"):
        next(logs)


def test_an_enterprise_server_is_reached_by_its_base_url() -> None:
    with serving_actions("/api/v3") as server:
        server.add(Run("acme/shop", 7, [Job("test")]))
        assert "boom" in messages(source_of(server))


@pytest.mark.parametrize(
    ("fault", "least"),
    [
        (github_faults.primary_limit(1.5), 1),
        (github_faults.secondary_limit("2"), 2),
        (github_faults.secondary_limit(), 60),
        (github_faults.too_many("2"), 2),
        (github_faults.bad_gateway(), 0.004),
        (Answer(200, b'{"total_count": 1, "workflow_runs": []}', cut=10), 0.004),
    ],
    ids=["primary limit", "secondary limit", "secondary limit in words", "429", "502", "cut off"],
)
@pytest.mark.parametrize("place", ["/actions/runs$", "/attempts/"])
def test_what_passes_is_waited_for(
    server: ActionsServer, waits: list[float], fault: Answer, least: float, place: str
) -> None:
    server.add(Run("acme/shop", 7, [Job("test")]))
    server.api.goes_wrong(place, fault)
    assert "boom" in messages(source_of(server))
    assert server.api.times(place) == 2
    assert max(waits) >= least


def test_a_limit_that_lasts_too_long_ends_the_fetch_and_tells_when(server: ActionsServer) -> None:
    server.api.goes_wrong("/actions/runs$", github_faults.primary_limit(3000))
    with pytest.raises(SourceUnavailable, match="answers again at 20"):
        list(source_of(server).fetch(WINDOW))
    assert server.api.times("/actions/runs$") == 1


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (github_faults.bad_credentials(), "token is wrong or has expired"),
        (github_faults.not_allowed(), "lacks the permission"),
        (github_faults.not_found(), "check the name"),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_asked_again(server: ActionsServer, fault: Answer, advice: str) -> None:
    server.api.goes_wrong("GET /repos/acme/shop$", fault)
    with pytest.raises(SourceRefused, match=advice):
        list(source_of(server).fetch(WINDOW))
    assert server.api.times("") == 1


def missing(server: ActionsServer, status: int, age: timedelta) -> Iterator[JobLog]:
    """A fetch so long after two jobs ended whose logs GitHub does not have."""
    server.add(Run("acme/shop", 7, [Job("test"), Job("lint")]))
    server.api.goes_wrong("/logs$", *[said({"message": "Gone"}, status) for _ in range(4)])
    ended = server.runs[0].jobs[0].completed_at
    return source_of(server, clock=lambda: ended + age).fetch(WINDOW)


@pytest.mark.parametrize(("status", "requests"), [(404, 3), (410, 1)])
def test_logs_that_github_no_longer_has_are_expired(server: ActionsServer, status: int, requests: int) -> None:
    for log in missing(server, status, timedelta(days=91)):
        with pytest.raises(LogExpired):
            b"".join(log.chunks())
    assert server.api.times("/logs$") == requests


def test_a_log_that_is_missing_sooner_than_logs_expire_was_never_there(server: ActionsServer) -> None:
    assert [lines_of(log) for log in missing(server, 404, timedelta(hours=20))] == [[], []]


def test_a_log_that_is_missing_right_after_its_job_may_still_come(server: ActionsServer) -> None:
    with pytest.raises(SourceUnavailable, match="may still come"):
        lines_of(next(missing(server, 404, timedelta(minutes=1))))


def test_a_body_that_comes_too_slowly_is_given_up(server: ActionsServer) -> None:
    server.add(Run("acme/shop", 7, [Job("test")]))
    server.blobs.goes_wrong("/archives/", *[Answer(200, b"x" * 5000, drip=True) for _ in range(2)])
    source = source_of(server)
    manners = HttpManners(read_seconds=1, body_seconds=0.1, attempts=2, first_delay_seconds=0.01)
    slow = ActionsSource(
        "gh", source.connect, lambda: HttpClient(server.url, SecretStr(TOKEN), manners, may_leave=True), ("acme/shop",)
    )
    (log,) = slow.fetch(WINDOW)
    with pytest.raises(SourceUnavailable, match="too slow") as fault:
        b"".join(log.chunks())
    assert "made-up-signature" not in str(fault.value)


def test_a_check_tells_what_the_token_may_read(server: ActionsServer) -> None:
    assert "acme/shop is readable; its default branch is main" in source_of(server).check()
    assert "readable" in source_of(server, organization="acme").check()
    with pytest.raises(SourceRefused, match="404"):
        source_of(server, "acme/none").check()
