"""One order's facts with something of everything, from which the golden reports are made."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from repo_agent_dagster.contracts.reports import DeliveryReport
from repo_agent_dagster.reports.build import build_report
from repo_agent_dagster.reports.facts import CustodyFact, LineCount, OrderFacts
from repo_agent_dagster.reports.final_diffs import IS_GONE, FileChange, FinalDiff
from repo_agent_dagster.store.order_facts import (
    ApprovalFact,
    MigrationFact,
    ModelCostFact,
    OpsIssueFact,
    PatchEventFact,
    TaskRunFact,
)
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows

WORKSPACE = "/srv/shop"
META = {"reason": "VAT is off by one cent on invoices with several lines.", "branch": "fix/vat-rounding"}
VALIDATION = {
    "verdict": "fixed",
    "explanation": "One test failed before the patch and passes after it; nothing that passed fails now.",
    "before": {"total": 12, "passed": 11, "failed": 1, "errors": 0, "skipped": 0},
    "after": {"total": 12, "passed": 12, "failed": 0, "errors": 0, "skipped": 0},
}


def patch_id(number: int) -> str:
    return f"019c0000-0000-7000-8000-{number:012d}"


def sample_patches(now: datetime, *, workspace: str = WORKSPACE) -> list[list[dict[str, Any]]]:
    """Rows of six patches over five days: four ok, one failed and reverted, one unchecked."""
    start = now - timedelta(days=5)
    step = timedelta(seconds=40)
    specs: list[tuple[timedelta, tuple[str, ...], bool | None, dict[str, Any]]] = [
        (timedelta(), VALIDATED, True, {"file_path": "src/billing/rounding.py"}),
        (timedelta(minutes=4), VALIDATED, True, {"file_path": "src/billing/invoice.py"}),
        (
            timedelta(hours=20),
            FAILED,
            False,
            {
                "file_path": "src/billing/invoice.py",
                "error": "src/billing/invoice.py:31: TS2322: Type 'string' is not assignable to type 'Decimal'",
            },
        ),
        (
            timedelta(days=1),
            VALIDATED,
            True,
            {"file_path": "tests/test_rounding.py", "op": "append", "phase": "verify", "requester": "agent-b"},
        ),
        (timedelta(days=2), VALIDATED, True, {"file_path": "src/billing/credit_note.py"}),
        (
            timedelta(days=4),
            APPLIED,
            None,
            {"file_path": "CHANGELOG.md", "op": "prepend", "phase": "release", "requester": "release-bot"},
        ),
    ]
    patches = [
        event_rows(
            start + offset,
            events,
            check=check,
            step=step,
            patch_id=patch_id(number),
            batch_id=f"019c0000-0000-7000-8000-0000000ba{number:03d}",
            workspace=workspace,
            meta=META,
            diff_path=f".mission_control/patches/{patch_id(number)}.diff",
            **columns,
        )
        for number, (offset, events, check, columns) in enumerate(specs, start=1)
    ]
    return [[row | {"meta": _meta(row, number)} for row in rows] for number, rows in enumerate(patches, start=1)]


def _meta(row: dict[str, Any], number: int) -> dict[str, Any]:
    if row["event"] == "patch_applied":
        return {"file_before_sha256": f"{number:064x}", "file_after_sha256": f"{number + 1:064x}"}
    if row["ts_check_ok"] is None:
        return META
    if row["ts_check_ok"]:
        return {"check": "tsc", "findings_before": 2, "findings_after": 2, "findings_added": 0}
    finding = {"file": row["file_path"], "line": 31, "code": "TS2322", "message": "Type 'string' is not assignable"}
    return {"check": "tsc", "findings_before": 2, "findings_after": 3, "findings_added": 1, "findings": [finding]}


def write_sample_diffs(workspace: Path) -> None:
    """Write the diff of each sample patch where patching would have left it."""
    folder = workspace / ".mission_control" / "patches"
    folder.mkdir(parents=True)
    changes = {
        1: (["    return round(amount, 2)"], ["    return amount.quantize(CENT, rounding=ROUND_HALF_UP)"]),
        2: (["total = sum(map(round_vat, lines))"], ["total = round_vat(sum(lines))"]),
        3: (["VAT = Decimal('0.19')"], ["VAT: Decimal = '0.19'"]),
        4: ([], ["def test_half_cents_round_up():", "    assert round_vat(Decimal('0.125')) == Decimal('0.13')"]),
        5: (["rounded = round(total, 2)"], ["rounded = round_vat(total)"]),
        6: ([], ["- VAT is rounded once per invoice, half up."]),
    }
    for number, (old, new) in changes.items():
        body = "".join(f"-{line}\n" for line in old) + "".join(f"+{line}\n" for line in new)
        header = f"--- a/file\n+++ b/file\n@@ -10,{len(old) + 1} +10,{len(new) + 1} @@\n"
        (folder / f"{patch_id(number)}.diff").write_text(f"{header} from decimal import Decimal\n{body}")


def as_events(patches: list[list[dict[str, Any]]]) -> tuple[PatchEventFact, ...]:
    rows = [row for rows in patches for row in rows]
    return tuple(
        PatchEventFact(id=number, **{name: value for name, value in row.items() if name != "order_id"})
        for number, row in enumerate(rows, start=1)
    )


def _issue(number: str, title: str, status: str, first_seen: datetime) -> OpsIssueFact:
    settled_at = first_seen + timedelta(days=7) if status == "resolved" else None
    url = f"https://github.com/acme/shop/issues/{number}"
    issue_id = f"019c0000-0000-7000-8000-0000000015{number:0>2}"
    return OpsIssueFact(issue_id, title, 2, status, first_seen, settled_at, url)


def sample_report(now: datetime) -> DeliveryReport:
    """The report of the sample, with final diffs as they would be read."""
    return build_report(sample_facts(now), now, read_diffs=_diffs, dagster_url="http://127.0.0.1:3000")


def _diffs(changes: Sequence[FileChange]) -> dict[tuple[str, str], FinalDiff]:
    text = "--- a/{0}\n+++ b/{0}\n@@ -10,2 +10,2 @@\n from decimal import Decimal\n-old = 1\n+new = 2\n"
    found = {(change.workspace, change.path): FinalDiff(text.format(change.path), None) for change in changes}
    found[WORKSPACE, "CHANGELOG.md"] = FinalDiff(None, IS_GONE)
    return found


def sample_facts(now: datetime) -> OrderFacts:
    start = now - timedelta(days=5)
    return OrderFacts(
        order_id="vat-42",
        events=as_events(sample_patches(now)),
        task_runs=(
            TaskRunFact(
                id="019c0000-0000-7000-8000-00000000aaaa",
                pathway="solution_validation",
                status="success",
                initial_prompt="Prove that the rounding is right.",
                result=VALIDATION,
                dagster_run_id="6d1a3c5e-0000-4000-8000-000000000001",
                attempt=1,
                error=None,
                created_at=start,
                started_at=start + timedelta(hours=1),
                ended_at=start + timedelta(hours=1, seconds=38),
            ),
            TaskRunFact(
                id="019c0000-0000-7000-8000-00000000bbbb",
                pathway="staging_migration",
                status="failed",
                initial_prompt="",
                result=None,
                dagster_run_id=None,
                attempt=2,
                error="tsc is missing in the image",
                created_at=start,
                started_at=None,
                ended_at=None,
            ),
        ),
        migrations=(
            MigrationFact(
                unit="feedback-worker",
                target_root="/srv/monorepo",
                status="validated",
                plan=None,
                report={"files": 9, "check": {"ok": True, "outcome": "passed", "message": "tsc --noEmit passed"}},
                error=None,
                updated_at=now,
            ),
        ),
        approvals=(
            ApprovalFact(
                id="019c0000-0000-7000-8000-00000000cccc",
                subject="feedback-worker into /srv/monorepo",
                source="staging_migration",
                verdict="approved",
                rationale="The plan is what we agreed on.",
                created_at=start + timedelta(hours=2),
                decided_by="maria",
                decided_at=start + timedelta(hours=3),
            ),
        ),
        issues_opened=(_issue("1", "Invoices are off by one cent", "open", now - timedelta(days=4)),),
        issues_closed=(_issue("2", "TypeError: unsupported operand type(s)", "resolved", now - timedelta(days=9)),),
        ai=(
            ModelCostFact("large-1", 3, 21_400, 0.184211, 0, 12.5),
            ModelCostFact("local-7b", 2, 900, 0.0, 2, 3.25),
        ),
        custody=(CustodyFact(WORKSPACE, intact=True, problem=None),),
        line_counts={patch_id(number): LineCount(number, 1) for number in range(1, 6)},
    )
