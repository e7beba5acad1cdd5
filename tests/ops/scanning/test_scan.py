"""Scans open one issue for each problem, however often, and in whatever company, they run."""

import threading
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.contracts.ops import IssueStatus
from repo_agent_dagster.contracts.tasks import OpsScope
from repo_agent_dagster.ops.issues.policy import IssuePolicy
from repo_agent_dagster.ops.scanning.scan import ScanMeans, ScanResult, scan_day
from repo_agent_dagster.ops.severity.contract import severity_rules
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.ops_issues import OpsIssue, listing, set_status
from repo_agent_dagster.store.ops_scans import OpsScan, latest_scans
from repo_agent_dagster.store.tables import ops_issue_sightings, ops_issues
from tests.ops.conftest import DAY, NOW, LogFolder, build_line, line

NEXT_DAY = DAY + timedelta(days=1)


def scan(engine: Engine, day: date = DAY, scope: OpsScope = "full", now: datetime = NOW) -> ScanResult:
    means = ScanMeans(ArtifactStore("memory:///"), severity_rules(), IssuePolicy())
    return scan_day(engine, day, scope=scope, now=now, means=means)


def issues(engine: Engine) -> list[OpsIssue]:
    with read_transaction(engine) as connection:
        return list(listing(connection))


def scans(engine: Engine) -> list[OpsScan]:
    with read_transaction(engine) as connection:
        return list(latest_scans(connection))


def test_failures_become_issues_and_noise_does_not(logs: LogFolder, builds: LogFolder) -> None:
    logs.write("a.jsonl", [line(f"TypeError: x for order {n}") for n in range(3)] + [line("fine", level="info")])
    builds.write("b.jsonl", [build_line("npm warn deprecated", level="warn"), build_line("Process exited with code 1")])
    logs.ingest()
    builds.ingest()

    result = scan(logs.engine)

    assert result.totals == result.totals | {
        "ingested": 6, "warn_error_lines": 5, "incidents": 3, "new": 3, "regressed": 0, "updated": 0, "unchanged": 0,
        "forgotten": 0,
    }  # fmt: skip
    assert [(i.severity, i.occurrences, i.change, i.status) for i in result.issues] == [
        (3, 3, "new", "open"),
        (3, 1, "new", "open"),
        (5, 1, "new", "open"),
    ]
    [worker] = [issue for issue in issues(logs.engine) if issue.kind == "worker"]
    assert (worker.title, worker.worker, worker.repo) == ("shop: TypeError: x for order <NUM>", "shop", None)
    assert worker.sample is not None
    assert worker.sample[0]["message"] == "TypeError: x for order 0"
    assert {issue.run_id for issue in issues(logs.engine) if issue.kind == "build"} == {"7"}


@pytest.mark.parametrize(("scope", "expected"), [("cloudflare", {"worker"}), ("cicd", {"build"})])
def test_a_scope_reads_its_own_logs_and_forgets_no_others(
    logs: LogFolder, builds: LogFolder, scope: OpsScope, expected: set[str]
) -> None:
    logs.write("a.jsonl", [line("worker down")])
    builds.write("b.jsonl", [build_line("build broken")])
    logs.ingest()
    builds.ingest()

    result = scan(logs.engine, scope=scope)
    assert {issue.kind for issue in issues(logs.engine)} == expected
    assert result.totals["ingested"] == 1

    scan(logs.engine)
    assert scan(logs.engine, scope=scope).totals["forgotten"] == 0
    assert [issue.occurrences for issue in issues(logs.engine)] == [1, 1]


def test_scanning_twice_counts_and_opens_nothing_twice(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("boom")] * 4)
    logs.ingest()
    scan(logs.engine)
    before = issues(logs.engine)

    result = scan(logs.engine)

    assert (result.totals["new"], result.totals["unchanged"]) == (0, 1)
    assert issues(logs.engine) == before
    assert [s.status for s in scans(logs.engine)] == ["success", "success"]


def test_late_lines_are_counted_when_the_day_is_scanned_again(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("boom")])
    logs.ingest()
    scan(logs.engine)
    logs.write("b.jsonl", [line("boom", "23:00:00")])
    logs.ingest()

    result = scan(logs.engine)

    assert result.totals["updated"] == 1
    assert [issue.occurrences for issue in issues(logs.engine)] == [2]


def test_lines_that_have_gone_are_forgotten(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("boom"), line("crash")])
    logs.ingest()
    scan(logs.engine)
    logs.write("a.jsonl", [line("crash")])
    logs.ingest()

    result = scan(logs.engine)

    assert result.totals["forgotten"] == 1
    assert sorted(issue.occurrences for issue in issues(logs.engine)) == [0, 1]


def test_a_resolved_issue_seen_on_a_later_day_is_a_regression_once(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("boom"), line("boom", day=NEXT_DAY + timedelta(days=1))])
    logs.ingest()
    logs.ingest(NEXT_DAY + timedelta(days=1), now=NOW + timedelta(days=2))
    scan(logs.engine)
    with write_transaction(logs.engine) as connection:
        set_status(connection, issues(logs.engine)[0].id, IssueStatus.RESOLVED, now=NOW)

    assert scan(logs.engine).totals["regressed"] == 0
    changes = [scan(logs.engine, NEXT_DAY + timedelta(days=1)).issues[0].change for _ in range(2)]

    assert changes == ["reopened", "unchanged"]
    [issue] = issues(logs.engine)
    assert (issue.status, issue.regressions, issue.occurrences) == ("open", 1, 2)


def test_a_day_without_logs_is_scanned_and_finds_nothing(store: Engine) -> None:
    result = scan(store)

    assert (result.totals["ingested"], result.issues) == (0, ())
    [logged] = scans(store)
    assert (logged.id, logged.status, logged.totals) == (result.scan_id, "success", result.totals)
    assert (logged.window_start.date(), logged.window_end.date()) == (DAY, NEXT_DAY)
    assert logged.finished_at is not None
    assert logged.finished_at >= NOW


def test_a_scan_that_crashes_in_the_middle_of_writing_leaves_nothing_but_its_own_record(logs: LogFolder) -> None:
    logs.write("a.jsonl", [line("boom"), line("crash"), line("fire")])
    logs.ingest()
    forbid = {
        "sqlite": "CREATE TRIGGER stop BEFORE INSERT ON ops_issues WHEN (SELECT count(*) FROM ops_issues) = 2 "
        "BEGIN SELECT RAISE(ABORT, 'power cut, password=hunter2'); END",
        "postgresql": "CREATE FUNCTION stop() RETURNS trigger AS $$ BEGIN "
        "IF (SELECT count(*) FROM ops_issues) = 2 THEN RAISE EXCEPTION 'power cut, password=hunter2'; END IF; "
        "RETURN NEW; END $$ LANGUAGE plpgsql; "
        "CREATE TRIGGER stop BEFORE INSERT ON ops_issues FOR EACH ROW EXECUTE FUNCTION stop()",
    }
    allow = {"sqlite": "DROP TRIGGER stop", "postgresql": "DROP TRIGGER stop ON ops_issues"}
    with logs.engine.begin() as connection:
        connection.exec_driver_sql(forbid[logs.engine.dialect.name])

    with pytest.raises(Exception, match="power cut"):
        scan(logs.engine)

    assert issues(logs.engine) == []
    [failed] = scans(logs.engine)
    assert failed.status == "failed"
    assert "power cut" in (failed.error or "")
    assert "hunter2" not in (failed.error or "")

    with logs.engine.begin() as connection:
        connection.exec_driver_sql(allow[logs.engine.dialect.name])
    assert scan(logs.engine).totals["new"] == 3


@pytest.mark.parametrize("days", [1, 2])
def test_scans_at_once_open_as_many_issues_as_there_are_problems(logs: LogFolder, days: int) -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
    logs.write("a.jsonl", [line(f"{word} failed", day=day) for word in words for day in (DAY, NEXT_DAY)])
    logs.ingest()
    logs.ingest(NEXT_DAY)
    failures: list[BaseException] = []
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        barrier.wait()
        try:
            scan(logs.engine, DAY + timedelta(days=number % days))
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert [issue.occurrences for issue in issues(logs.engine)] == [days] * len(words)
    with logs.engine.connect() as connection:
        assert len(connection.execute(select(ops_issue_sightings)).all()) == days * len(words)
        assert len(connection.execute(select(ops_issues.c.id)).all()) == len(words)
    assert [s.status for s in scans(logs.engine)] == ["success"] * 4
