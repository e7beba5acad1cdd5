"""Why this number: a query that a report shows runs as it stands on both databases, and finds the report's number."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.goals import Verdict
from repo_agent_dagster.contracts.reports import DeliveryReport, PatchCounts
from repo_agent_dagster.reports.build import build_report
from repo_agent_dagster.reports.facts import gather
from repo_agent_dagster.store import ai_logs, approvals, custody_verdicts, goal_runs, goal_tasks
from repo_agent_dagster.store.ai_logs import AiCall
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.patch_rollups.facts import instant_of
from tests.reports.builder import APPLIED, FAILED, VALIDATED, add_issue, add_migration, event_rows, write, write_task

ORDERS = ["42", 'it\'s 100 % :order_id \\ "42"; DROP TABLE patch_events --', "unattributed"]
Row = tuple[Any, ...]


@pytest.fixture(params=ORDERS)
def order(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def report(store: Engine, now: datetime, order: str) -> DeliveryReport:
    """The report of an order with something of everything, in a store that has another order, too."""
    with write_transaction(store) as conn:
        run = goal_runs.create(conn, "goal", "/srv/shop", now=now)
        goal_task = goal_tasks.create(conn, "title", "objective", now=now, run_id=run.id)
        approvals.record(conn, "checker", Verdict.APPROVED, now=now, run_id=run.id)
        gate = approvals.request(conn, subject="unit into root", payload={}, now=now - timedelta(hours=1))
    named = write_task(store, now, order_id=order, dagster_run_id="run-1", result={"verdict": "fixed"})
    used = write_task(store, now, order_id=None, pathway="testing")
    write_task(store, now, order_id="another", dagster_run_id="run-2")
    other = None if order == "unattributed" else order
    applied = {"added": 5, "removed": 2}
    checked = {"check": "tsc", "findings_before": 1, "findings_after": 2, "findings_added": 1}
    patches = [
        event_rows(now, VALIDATED, check=True, order=other, batch_id="b1", phase="build", task_id=used, meta=applied),
        event_rows(now, VALIDATED, check=True, order=other, batch_id="b1", phase="build", task_id=goal_task.id),
        event_rows(now, FAILED, check=False, order=other, batch_id="b2", error="boom", meta=checked),
        event_rows(now + timedelta(days=1), APPLIED, order=other, phase=None, op="append", requester="agent-b"),
        event_rows(now, ("patch_requested", "patch_failed"), order=other, error="conflict", file_path="b.py"),
        event_rows(now, ("patch_requested", "patch_failed"), order=other, error="conflict", workspace="/srv/other"),
        event_rows(now, APPLIED, order=other, op="revert"),
        event_rows(now, VALIDATED, check=True, order="another", requester="agent-c"),
    ]
    write(store, *patches)
    if order == "unattributed":
        write(store, event_rows(now, VALIDATED, check=True, order=""))
    with write_transaction(store) as conn:
        add_migration(conn, now, order_id=order, approval_id=gate.id)
        add_migration(conn, now, order_id=None, unit="by-task", task_request_id=used)
        add_migration(conn, now, order_id="another", unit="of-another")
        add_issue(conn, now, run_id="run-1")
        add_issue(conn, now, run_id="run-2")
        add_issue(conn, now, status="closed", order_id=order, resolved_at=now)
        ai_logs.append(conn, AiCall(now, "a", "openai", "large", None, None, None, 20, Decimal("0.25"), 2.5, named))
        ai_logs.append(conn, AiCall(now, "a", "local", None, None, None, None, None, None, None, used))
    custody_verdicts.verify_all_appended(store, now=now)
    with read_transaction(store) as conn:
        return build_report(gather(conn, order), now)


def _run(store: Engine, report: DeliveryReport, source: str) -> list[Row]:
    [query] = [one.query for one in report.sources if one.id == source]
    assert query is not None
    with read_transaction(store) as conn:
        return [tuple(row) for row in conn.exec_driver_sql(query.replace("%", "%%") if _is_pg(store) else query)]


def _is_pg(store: Engine) -> bool:
    return store.dialect.name == "postgresql"


def _sums(counts: PatchCounts) -> Row:
    return (counts.total, counts.ok, counts.failed, counts.unchecked, counts.reverted, counts.refused)


def test_every_query_of_a_report_finds_the_report_s_number(store: Engine, report: DeliveryReport) -> None:
    totals = report.totals
    assert totals.total >= 6
    assert _run(store, report, "patches") == [(totals.total,)]
    assert _run(store, report, "outcomes") == [(totals.ok, totals.failed, totals.unchecked)]
    [(ok, checked, rate)] = _run(store, report, "success-rate")
    assert (ok, checked, float(rate)) == (totals.ok, totals.checked, pytest.approx(totals.success_rate))
    assert _run(store, report, "reverted") == [(totals.reverted,)]
    assert _run(store, report, "refused") == [(totals.refused,)]
    assert {row[0]: row[3:] for row in _run(store, report, "phases")} == {
        phase.phase: _sums(phase.counts) for phase in report.phases
    }
    assert [(str(row[0]), *row[1:]) for row in _run(store, report, "days")] == [
        (day.day.isoformat(), *_sums(day.counts)) for day in report.days
    ]
    assert _run(store, report, "factories") == [(one.factory, *_sums(one.counts)) for one in report.factories]
    assert _run(store, report, "operations") == [(one.op, one.patches) for one in report.operations]
    assert _run(store, report, "errors") == [(one.error, one.patches) for one in report.errors]
    assert _run(store, report, "files") == [(file.workspace, file.path, file.patches) for file in report.files]


def test_the_rows_of_latency_lines_and_checks_are_found(store: Engine, report: DeliveryReport) -> None:
    times = [[None if at is None else instant_of(at) for at in row[1:]] for row in _run(store, report, "latency")]
    took = [(applied - asked).total_seconds() for asked, applied, _ in times if asked and applied]
    assert (report.latency[0].patches, report.latency[0].mean_seconds) == (len(took), sum(took) / len(took))
    lines = {(row[0], row[1]): row[2:] for row in _run(store, report, "lines")}
    told = {(file.workspace, file.path): (file.added, file.removed) for file in report.files if file.added}
    assert {key: lines[key] for key in told} == told
    checks = [(row[0], row[1] or "check", *row[4:]) for row in _run(store, report, "checks")]
    assert checks == [
        (one.batch_id, one.check, one.patches, one.before, one.after, 1 if one.check == "tsc" else None)
        for one in report.checks
    ]
    assert [one.outcome for one in report.checks][:2] == ["ok", "failed"]


def test_what_surrounds_the_patches_is_found(store: Engine, report: DeliveryReport, order: str) -> None:
    assert [row[0] for row in _run(store, report, "task-runs")] == [task.task_id for task in report.task_runs]
    assert len(report.task_runs) == 2
    results = [json.loads(row[2]) if isinstance(row[2], str) else row[2] for row in _run(store, report, "tests")]
    assert results == [{"verdict": "fixed"}, None]
    assert [row[0] for row in _run(store, report, "migrations")] == [one.unit for one in report.migrations]
    assert {one.unit for one in report.migrations} == {"by-task", "feedback-worker"}
    issues = [(row[0], row[1]) for row in _run(store, report, "ops-issues")]
    assert issues == [
        *(("closed", issue.id) for issue in report.ops_issues.closed),
        *(("opened", issue.id) for issue in report.ops_issues.opened),
    ]
    assert len(issues) == 2
    assert [(row[0], row[2]) for row in _run(store, report, "approvals")] == [
        (one.subject, one.verdict) for one in report.approvals
    ]
    assert len(report.approvals) == 2
    costs = [(row[0], row[1], int(row[2]), float(row[3]), row[4], row[5]) for row in _run(store, report, "ai-cost")]
    assert costs == [
        (one.model, one.calls, one.tokens, one.cost_usd, one.calls_without_cost, one.seconds) for one in report.ai
    ]
    assert [(row[0], row[2]) for row in _run(store, report, "custody")] == [
        (one.workspace, one.problem) for one in report.custody
    ]


def test_every_number_has_a_source_of_its_own(report: DeliveryReport) -> None:
    ids = [source.id for source in report.sources]
    assert len(ids) == len(set(ids))
    assert {source.id for source in report.sources if source.query is None} == {"timeline"}
    assert report.generated_at.tzinfo is UTC
