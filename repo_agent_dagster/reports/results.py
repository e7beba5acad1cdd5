"""Read what pathways left as JSON in their rows, leniently: a report must not fail on an older or a broken result."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from repo_agent_dagster.contracts.reports import (
    ApprovalReport,
    CheckOutcome,
    MigrationReport,
    ModelCost,
    OpsIssueReport,
    OpsIssuesReport,
    TaskRunReport,
    TestCounts,
    ValidationReport,
)
from repo_agent_dagster.contracts.tasks import Pathway, TaskStatus
from repo_agent_dagster.store.order_facts import ApprovalFact, MigrationFact, ModelCostFact, OpsIssueFact, TaskRunFact

_JUDGING = (Pathway.SOLUTION_VALIDATION, Pathway.ERROR_RECREATION, Pathway.TESTING)
_DAGSTER_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMED_REASONS = 3
_NO_CHECK_RAN = ("nothing_to_check", "tool_missing")


def task_run_report(task: TaskRunFact, dagster_url: str = "") -> TaskRunReport:
    """Return the task run as the report shows it, with the verdict if its pathway gives one and it left one.

    `dagster_url` is the address of the Dagster UI; empty: runs are not linked.
    """
    return TaskRunReport(
        task_id=task.id,
        pathway=task.pathway,
        status=TaskStatus(task.status),
        dagster_run_id=task.dagster_run_id,
        dagster_run_url=_run_url(dagster_url, task.dagster_run_id),
        attempt=task.attempt,
        created_at=task.created_at,
        started_at=task.started_at,
        ended_at=task.ended_at,
        error=task.error,
        validation=_validation(task.result) if task.pathway in _JUDGING else None,
    )


def migration_report(migration: MigrationFact) -> MigrationReport:
    """Return the migration as the report shows it."""
    return MigrationReport(
        unit=migration.unit,
        target_root=migration.target_root,
        status=migration.status,
        files=_file_count(migration.report) if _file_count(migration.report) is not None else _planned(migration.plan),
        check=_check_outcome(migration),
        check_message=_check_message(migration),
        error=migration.error,
        updated_at=migration.updated_at,
    )


def approval_report(approval: ApprovalFact) -> ApprovalReport:
    """Return the gate as the report shows it."""
    return ApprovalReport(
        subject=approval.subject,
        source=approval.source,
        verdict=approval.verdict,
        rationale=approval.rationale,
        asked_at=approval.created_at,
        decided_by=approval.decided_by,
        decided_at=approval.decided_at,
    )


def ops_issues_report(opened: Iterable[OpsIssueFact], closed: Iterable[OpsIssueFact]) -> OpsIssuesReport:
    """Return the issues as the report shows them, each at the instant at which it was first seen or settled."""
    return OpsIssuesReport(
        opened=[_ops_issue(issue, issue.first_seen) for issue in opened],
        closed=[_ops_issue(issue, issue.resolved_at or issue.first_seen) for issue in closed],
    )


def model_cost(cost: ModelCostFact) -> ModelCost:
    """Return what the calls of a model came to as the report shows it."""
    return ModelCost(
        model=cost.model,
        calls=cost.calls,
        tokens=cost.tokens,
        cost_usd=cost.cost,
        calls_without_cost=cost.calls_without_cost,
        seconds=cost.seconds,
    )


def _ops_issue(issue: OpsIssueFact, at: datetime) -> OpsIssueReport:
    return OpsIssueReport(
        id=issue.id, title=issue.title, severity=issue.severity, status=issue.status, at=at, url=issue.gh_issue_url
    )


def _run_url(dagster_url: str, run_id: str | None) -> str | None:
    # A local run has an id of its own kind, e.g. of a process, which no Dagster knows.
    if not dagster_url or run_id is None or not _DAGSTER_RUN.fullmatch(run_id):
        return None
    return f"{dagster_url.rstrip('/')}/runs/{run_id}"


def _validation(result: object) -> ValidationReport | None:
    if not isinstance(result, Mapping) or not isinstance(result.get("verdict"), str):
        return None
    return ValidationReport(
        verdict=result["verdict"],
        explanation=_explanation(result),
        before=_test_counts(result.get("before")),
        # A run of the tests has one side only, and its counts at the top.
        after=_test_counts(result if "total" in result else result.get("after")),
    )


def _explanation(result: Mapping[str, Any]) -> str:
    reasons = result.get("reasons", result.get("explanation"))
    if isinstance(reasons, str):
        return reasons
    if not isinstance(reasons, list):
        return ""
    return " ".join(reason for reason in reasons[:_NAMED_REASONS] if isinstance(reason, str))


def _test_counts(side: object) -> TestCounts | None:
    if not isinstance(side, Mapping):
        return None
    counts = side["counts"] if isinstance(side.get("counts"), Mapping) else side
    passed, failed, errors, skipped = (_count(counts.get(name)) for name in ("passed", "failed", "errors", "skipped"))
    known = [n for n in (passed, failed, errors, skipped) if n is not None]
    total = _count(counts.get("total"))
    return TestCounts(
        total=total if total is not None else sum(known) if known else None,
        passed=passed,
        # A test that could not even run has not passed: for the reader it is a failure.
        failed=None if failed is None and errors is None else (failed or 0) + (errors or 0),
    )


def _file_count(report: object) -> int | None:
    if not isinstance(report, Mapping):
        return None
    files = report.get("files", report.get("changes"))
    return len(files) if isinstance(files, list) else _count(files)


def _planned(plan: object) -> int | None:
    if not isinstance(plan, Mapping) or not isinstance(plan.get("changes"), list):
        return None
    changes: list[Any] = plan["changes"]
    return sum(1 for change in changes if not (isinstance(change, Mapping) and change.get("action") == "unchanged"))


def _check(migration: MigrationFact) -> Mapping[str, Any]:
    report = migration.report
    check = report.get("check") if isinstance(report, Mapping) else None
    return check if isinstance(check, Mapping) else {}


def _check_outcome(migration: MigrationFact) -> CheckOutcome:
    check = _check(migration)
    if check.get("outcome") in _NO_CHECK_RAN:
        return "unchecked"
    if isinstance(check.get("ok"), bool):
        return "ok" if check["ok"] else "failed"
    return "ok" if migration.status == "validated" else "unchecked"


def _check_message(migration: MigrationFact) -> str | None:
    message = _check(migration).get("message")
    return message if isinstance(message, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
