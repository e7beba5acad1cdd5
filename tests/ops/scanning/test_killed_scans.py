"""Whole nights, killed before one of their commits or all at once: issues opened = distinct problems."""

import signal
import string
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.ops.environment import OpsEnvironment
from repo_agent_dagster.ops.issues.capping import OVERFLOW_FINGERPRINT
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue, listing, settle
from repo_agent_dagster.store.ops_scans import latest_scans
from tests.loopback.issues import FakeGitHub
from tests.loopback.server import serving
from tests.ops.conftest import DAY, build_line
from tests.ops.scanning.whole_night import Night, pass_night
from tests.warm_processes import warm

pytestmark = pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced

REPOSITORY = "org/web"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serving() as server:
        fake = FakeGitHub(server)
        fake.repository(REPOSITORY).labels.update({"ops-scan", "ops-build", *(f"severity-{n}" for n in range(1, 6))})
        yield fake


@pytest.fixture
def night(store: Engine, github: FakeGitHub, tmp_path: Path) -> Night:
    (tmp_path / "logs" / "workers").mkdir(parents=True)
    (tmp_path / "logs" / "builds").mkdir(parents=True)
    return Night(tmp_path, store.url.render_as_string(hide_password=False), github.server.url)


def write(night: Night, day: date, *lines: str, kind: str = "builds", name: str = "a") -> None:
    (night.home / "logs" / kind / f"{day}-{name}.jsonl").write_text("".join(f"{one}\n" for one in lines))


def morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(days=1)


def start(night: Night, day: date, *, minutes: int = 0, killed_before_commit: int = 0) -> ForkServerProcess:
    now = morning(day) + timedelta(minutes=minutes)
    process = warm().Process(target=pass_night, args=(night, day, now, killed_before_commit))
    process.start()
    return process


def ended(process: ForkServerProcess) -> bool:
    """Wait for the end; tell whether it was killed."""
    process.join(100)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def issues(engine: Engine) -> list[OpsIssue]:
    with read_transaction(engine) as connection:
        return list(listing(connection, limit=1000))


def word(number: int) -> str:
    """A word of letters alone, another for each number."""
    letters = ""
    for _ in range(4):
        number, rest = divmod(number, 26)
        letters += string.ascii_lowercase[rest]
    return letters


def broken(number: int, day: date = DAY) -> str:
    return build_line(f"{word(number).title()}Error: the {word(number)} is broken", day=day)


def test_killed_before_a_commit_of_a_night_each_problem_is_one_issue(
    night: Night, store: Engine, github: FakeGitHub
) -> None:
    """A night has some thirty commits; not every one is tried on each database, for the time that takes."""
    shop, day, problems, killed = github.repository(REPOSITORY), DAY, 0, 0
    first, step = (1, 3) if store.dialect.name == "sqlite" else (2, 6)
    for commit in range(first, 60, step):
        problems += 1
        write(night, day, broken(problems, day), broken(1, day))
        was_killed = ended(start(night, day, killed_before_commit=commit))
        ended(start(night, day, minutes=5))
        assert len(issues(store)) == len(shop.issues) == problems
        killed += was_killed
        day += timedelta(days=1)
        if not was_killed:
            break

    oldest = next(issue for issue in issues(store) if issue.gh_issue_number == 1)
    assert killed >= 4
    assert oldest.occurrences == problems + 1  # twice on the first day, which it was the only problem of
    assert len(shop.comments_on(1)) == 1
    assert all(issue.regressions == 0 and issue.gh_state == "open" for issue in issues(store))
    with read_transaction(store) as connection:
        assert {scan.status for scan in latest_scans(connection, limit=3)} <= {"success", "running"}


def test_whole_nights_at_once_open_each_problem_once(night: Night, store: Engine, github: FakeGitHub) -> None:
    write(night, DAY, *(broken(number) for number in range(1, 9)))

    processes = [start(night, DAY) for _ in range(3)]
    assert [ended(process) for process in processes] == [False, False, False]

    assert len(issues(store)) == len(github.repository(REPOSITORY).issues) == 8
    assert {issue.occurrences for issue in issues(store)} == {1}
    assert github.repository(REPOSITORY).comments == []


def test_thousands_of_distinct_errors_are_a_bounded_number_of_issues_and_one(
    sqlite_store: Engine, tmp_path: Path
) -> None:
    night = Night(tmp_path, sqlite_store.url.render_as_string(), "http://127.0.0.1:9")
    (tmp_path / "logs" / "workers").mkdir(parents=True)
    (tmp_path / "logs" / "builds").mkdir(parents=True)
    write(night, DAY, *(broken(number) for number in range(2_000)))
    environment = OpsEnvironment(night.options, sqlite_store, lambda: morning(DAY))
    environment.ingest("build", DAY)

    first, second = environment.scan(DAY, "full"), environment.scan(DAY, "full")

    found = issues(sqlite_store)
    [overflow] = [issue for issue in found if issue.fingerprint == OVERFLOW_FINGERPRINT]
    assert (first.totals["incidents"], first.totals["new"], first.totals["overflow"]) == (2_000, 101, 1_900)
    assert (second.totals["new"], second.totals["overflow"], len(found)) == (0, 1_900, 101)
    assert overflow.occurrences == 1_900
    assert overflow.details.listing is not None
    assert len(environment.artifacts.get(overflow.details.listing).splitlines()) == 1_901


def job(conclusion: str, day: date, attempt: int, message: str) -> str:
    meta = {
        "job": "test", "workflow": "CI", "conclusion": conclusion, "attempt": attempt, "branch": "main",
        "started_at": f"{day}T11:00:00Z", "finished_at": f"{day}T12:30:0{attempt}Z",
    }  # fmt: skip
    return build_line(message, f"12:00:0{attempt}", day, meta=meta, run_id=f"{day:%d}")


def test_a_retry_that_passes_is_flaky_and_no_regression_and_one_that_fails_is(
    sqlite_store: Engine, tmp_path: Path
) -> None:
    night = Night(tmp_path, sqlite_store.url.render_as_string(), "http://127.0.0.1:9")
    (tmp_path / "logs" / "workers").mkdir(parents=True)
    (tmp_path / "logs" / "builds").mkdir(parents=True)
    failed = "ValueError: the cart is empty"
    retried, broke = DAY + timedelta(days=3), DAY + timedelta(days=5)
    write(night, DAY, job("failure", DAY, 1, failed))
    write(night, retried, job("failure", retried, 1, failed), name="first")
    (night.home / "logs" / "builds" / f"{retried}-second.jsonl").write_text(
        job("success", retried, 2, "all passed").replace('"level": "error"', '"level": "info"') + "\n"
    )
    write(night, broke, job("failure", broke, 1, failed))
    seen = []
    for day in (DAY, retried, broke):
        environment = OpsEnvironment(night.options, sqlite_store, lambda day=day: morning(day))
        environment.ingest("build", day)
        environment.scan(day, "full")
        [issue] = issues(sqlite_store)
        seen.append((issue.status, issue.regressions, issue.details.flaky))
        if day == DAY:
            with write_transaction(sqlite_store) as connection:
                settle(connection, issue.id, IssueStatus.RESOLVED, "", now=morning(DAY))

    assert seen == [
        (IssueStatus.OPEN, 0, False),
        (IssueStatus.RESOLVED, 0, True),
        (IssueStatus.OPEN, 1, False),
    ]
