"""A delivery report with something of everything, as the pages and texts of reports are tested on."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.reports import (
    ApprovalReport,
    CheckReport,
    CustodyReport,
    DayReport,
    DeliveryReport,
    DeliveryRequest,
    ErrorCount,
    FactoryReport,
    FileReport,
    ModelCost,
    MomentReport,
    NumberSource,
    OperationCount,
    OpsIssueReport,
    OpsIssuesReport,
    PatchCounts,
    PatchReport,
    PhaseReport,
    StepLatency,
    TestCounts,
    ValidationReport,
)
from repo_agent_dagster.contracts.reports import MigrationReport as Migration
from repo_agent_dagster.contracts.reports import TaskRunReport as TaskRun
from repo_agent_dagster.contracts.tasks import TaskStatus

MADE = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
START = MADE - timedelta(days=5)
WORKSPACE = "/srv/shop"
TYPE_ERROR = "src/billing/invoice.py:31: TS2322: Type 'string' is not assignable to type 'Decimal'"
TASK = "019c0000-0000-7000-8000-00000000aaaa"
SOURCES = (
    *("patches", "outcomes", "success-rate", "reverted", "refused", "latency", "phases", "timeline", "days"),
    *("operations", "factories", "files", "lines", "checks", "task-runs", "tests", "migrations", "ops-issues"),
    *("approvals", "ai-cost", "errors", "custody"),
)
DIFF = """--- a/src/billing/invoice.py
+++ b/src/billing/invoice.py
@@ -10,3 +10,3 @@
 from decimal import Decimal
-total = sum(map(round_vat, lines))
+total = round_vat(sum(lines))
 return total
"""


def patch_id(number: int) -> str:
    return f"019c0000-0000-7000-8000-{number:012d}"


def counted(ok: int = 0, failed: int = 0, unchecked: int = 0, *, reverted: int = 0, refused: int = 0) -> PatchCounts:
    checked = ok + failed
    return PatchCounts(
        total=checked + unchecked,
        ok=ok,
        failed=failed,
        unchecked=unchecked,
        checked=checked,
        reverted=reverted,
        refused=refused,
        success_rate=ok / checked if checked else None,
    )


def patch(number: int, path: str, after: timedelta, **fields: Any) -> PatchReport:
    return PatchReport(
        **{
            "patch_id": patch_id(number),
            "batch_id": "019c0000-0000-7000-8000-0000000ba7c4",
            "workspace": WORKSPACE,
            "path": path,
            "op": "replace-block",
            "phase": "implement",
            "requester": "agent-a",
            "task_id": None,
            "outcome": "ok",
            "reverted": False,
            "last_event": PatchEventName.PATCH_VALIDATED,
            "first_at": START + after,
            "last_at": START + after + timedelta(seconds=80),
            "added": number,
            "removed": 1,
            "diff_path": f".mission_control/patches/{patch_id(number)}.diff",
            "error": None,
        }
        | fields
    )


def file(path: str, **fields: Any) -> FileReport:
    return FileReport(
        **{
            "workspace": WORKSPACE,
            "path": path,
            "patches": 1,
            "added": 3,
            "removed": 1,
            "last_event": PatchEventName.PATCH_VALIDATED,
            "last_at": MADE - timedelta(days=1),
        }
        | fields
    )


def sample_report(**fields: Any) -> DeliveryReport:
    """Six patches over five days: four ok, one failed and reverted, one unchecked, and all that came with them."""
    return DeliveryReport(
        **{
            "order_id": "vat-42",
            "generated_at": MADE,
            "request": DeliveryRequest(
                requesters=["agent-a", "agent-b", "release-bot"],
                reasons=["VAT is off by one cent on invoices with several lines."],
                branches=["fix/vat-rounding"],
                prompts=["Prove that the rounding is right."],
            ),
            "first_at": START,
            "last_at": START + timedelta(days=4, seconds=40),
            "totals": counted(4, 1, 1, reverted=1),
            "latency": [
                StepLatency(step="requested_applied", patches=6, mean_seconds=0.04, p95_seconds=0.12),
                StepLatency(step="applied_validated", patches=5, mean_seconds=40, p95_seconds=41.5),
            ],
            "phases": _phases(),
            "timeline": _timeline(),
            "days": [
                DayReport(day=date(2026, 2, 27), counts=counted(2)),
                DayReport(day=date(2026, 2, 28), counts=counted(1, 1, reverted=1)),
                DayReport(day=date(2026, 3, 1), counts=counted(1)),
                DayReport(day=date(2026, 3, 3), counts=counted(0, 0, 1)),
            ],
            "operations": [
                OperationCount(op="replace-block", patches=4),
                OperationCount(op="append", patches=1),
                OperationCount(op="prepend", patches=1),
            ],
            "factories": [
                FactoryReport(factory="agent-a", counts=counted(3, 1, reverted=1)),
                FactoryReport(factory="agent-b", counts=counted(1)),
                FactoryReport(factory="release-bot", counts=counted(0, 0, 1)),
            ],
            "files": _files(),
            "patches": _patches(),
            "checks": _checks(),
            "task_runs": _task_runs(),
            "migrations": [
                Migration(
                    unit="feedback-worker",
                    target_root="/srv/monorepo",
                    status="validated",
                    files=9,
                    check="ok",
                    check_message="tsc --noEmit passed",
                    error=None,
                    updated_at=MADE,
                )
            ],
            "ops_issues": OpsIssuesReport(
                opened=[_issue("1", "Invoices differ by one cent", "open", "https://github.com/acme/shop/issues/5")],
                closed=[_issue("2", "Totals of credit notes are rounded twice", "resolved", None)],
            ),
            "approvals": [
                ApprovalReport(
                    subject="feedback-worker",
                    source="migration",
                    verdict="approved",
                    rationale="The dry run is right.",
                    asked_at=START + timedelta(days=3),
                    decided_by="dana",
                    decided_at=START + timedelta(days=3, hours=2),
                )
            ],
            "ai": [
                ModelCost(model="large-1", calls=12, tokens=120345, cost_usd=1.234, calls_without_cost=0, seconds=88.2),
                ModelCost(model="small-1", calls=3, tokens=900, cost_usd=0.0042, calls_without_cost=1, seconds=4.5),
                ModelCost(model="local-7b", calls=2, tokens=400, cost_usd=0, calls_without_cost=2, seconds=3.2),
            ],
            "errors": [ErrorCount(error=TYPE_ERROR, patches=3), ErrorCount(error="A test timed out.", patches=12)],
            "custody": [CustodyReport(workspace=WORKSPACE, intact=True, problem=None)],
            "sources": [
                NumberSource(
                    id=name,
                    number=name.replace("-", " ").capitalize(),
                    rule=f"The rule of {name}.",
                    query="SELECT count(DISTINCT patch_id)\nFROM patch_events\nWHERE order_id = 'vat-42'",
                )
                for name in SOURCES
            ],
        }
        | fields
    )


def _phases() -> list[PhaseReport]:
    hour, day = timedelta(hours=1), timedelta(days=1)
    return [
        PhaseReport(
            phase="implement", first_at=START, last_at=START + 2 * day + hour, counts=counted(3, 1, reverted=1)
        ),
        PhaseReport(phase="verify", first_at=START + day, last_at=START + day + 20 * hour, counts=counted(1)),
        PhaseReport(phase=None, first_at=START + 4 * day, last_at=START + 4 * day, counts=counted(0, 0, 1)),
    ]


def _timeline() -> list[MomentReport]:
    moments = [
        (timedelta(), "patches", "4 patches in phase implement"),
        (timedelta(hours=1), "task", "The validation began"),
        (timedelta(hours=1, seconds=38), "task", "The validation ended: fixed"),
        (timedelta(hours=30), "ops_issue", "Invoices differ by one cent: opened"),
        (timedelta(days=3, hours=2), "approval", "feedback-worker was approved by dana"),
        (timedelta(days=4), "migration", "feedback-worker was validated"),
    ]
    return [MomentReport.model_validate({"at": START + after, "kind": kind, "text": t}) for after, kind, t in moments]


def _files() -> list[FileReport]:
    return [
        file("CHANGELOG.md", added=None, removed=None, last_event=PatchEventName.PATCH_APPLIED),
        file("src/billing/credit_note.py", added=5, diff_note="Its content before the order is no longer kept."),
        file(
            "src/billing/invoice.py",
            patches=2,
            last_event=PatchEventName.PATCH_REVERTED,
            before_sha256="a" * 64,
            after_sha256="b" * 64,
            final_diff=DIFF,
        ),
        file("src/billing/rounding.py"),
        file("tests/test_rounding.py", added=4),
    ]


def _patches() -> list[PatchReport]:
    failed: dict[str, Any] = {
        "outcome": "failed",
        "reverted": True,
        "error": TYPE_ERROR,
        "last_event": PatchEventName.PATCH_REVERTED,
    }
    unchecked: dict[str, Any] = {
        "outcome": "unchecked",
        "op": "prepend",
        "phase": None,
        "requester": "release-bot",
        "last_event": PatchEventName.PATCH_APPLIED,
        "added": None,
        "removed": None,
    }
    return [
        patch(1, "src/billing/rounding.py", timedelta()),
        patch(2, "src/billing/invoice.py", timedelta(minutes=4)),
        patch(3, "src/billing/invoice.py", timedelta(hours=20), **failed),
        patch(4, "tests/test_rounding.py", timedelta(days=1), op="append", phase="verify", requester="agent-b"),
        patch(5, "src/billing/credit_note.py", timedelta(days=2)),
        patch(6, "CHANGELOG.md", timedelta(days=4), **unchecked),
    ]


def _checks() -> list[CheckReport]:
    return [
        CheckReport(
            check="tsc --noEmit",
            batch_id="019c0000-0000-7000-8000-0000000ba7c4",
            phase="implement",
            at=START + timedelta(hours=20),
            outcome="failed",
            patches=1,
            before=3,
            after=4,
            added=1,
            findings=[TYPE_ERROR],
        ),
        CheckReport(
            check="pytest",
            batch_id=None,
            phase=None,
            at=START + timedelta(days=1),
            outcome="ok",
            patches=2,
            before=None,
            after=0,
            added=0,
            findings=[],
        ),
    ]


def _task_runs() -> list[TaskRun]:
    proved = ValidationReport(
        verdict="fixed",
        explanation="One test failed before the patch and passes after it; nothing that passed fails now.",
        before=TestCounts(total=12, passed=11, failed=1),
        after=TestCounts(total=12, passed=12, failed=0),
    )
    return [
        TaskRun(
            task_id=TASK,
            pathway="solution_validation",
            status=TaskStatus.SUCCESS,
            dagster_run_id="6d1a3c5e",
            dagster_run_url="http://127.0.0.1:3000/runs/6d1a3c5e",
            attempt=1,
            created_at=START,
            started_at=START + timedelta(hours=1),
            ended_at=START + timedelta(hours=1, seconds=38),
            error=None,
            validation=proved,
        ),
        TaskRun(
            task_id=TASK.replace("a", "b"),
            pathway="staging_migration",
            status=TaskStatus.FAILED,
            dagster_run_id=None,
            attempt=2,
            created_at=START,
            started_at=None,
            ended_at=None,
            error="tsc is missing in the image",
            validation=None,
        ),
    ]


def _issue(number: str, title: str, status: str, url: str | None) -> OpsIssueReport:
    return OpsIssueReport(id=number, title=title, severity=2, status=status, at=START + timedelta(hours=30), url=url)
