"""What a report says about an order, from its facts alone."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from repo_agent_dagster.contracts.reports import DeliveryReport, PatchCounts, delivery_report_schema
from repo_agent_dagster.reports.build import build_report, document_of
from repo_agent_dagster.reports.facts import CustodyFact, LineCount, OrderFacts
from repo_agent_dagster.reports.markdown import render_markdown
from repo_agent_dagster.store.order_facts import MigrationFact
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows
from tests.reports.sample import as_events, patch_id, sample_facts, sample_report

GOLDEN = Path(__file__).parent / "golden"
AT = datetime(2026, 3, 2, tzinfo=UTC)


def _report(*patches: list[dict[str, Any]], **facts: Any) -> DeliveryReport:
    return build_report(OrderFacts("42", as_events(list(patches)), **facts), AT)


def test_the_json_is_the_golden_one_and_reads_back(now: datetime) -> None:
    report = sample_report(now)
    golden = json.loads((GOLDEN / "vat-42.json").read_text(encoding="utf-8"))
    assert report.model_dump(mode="json", by_alias=True) == golden
    assert DeliveryReport.model_validate(golden) == report


def test_the_schema_is_versioned_and_camel_case() -> None:
    schema = delivery_report_schema()
    assert schema["properties"]["schemaVersion"]["const"] == 2
    assert {"orderId", "generatedAt", "totals", "taskRuns", "custody"} <= set(schema["required"])


def test_an_unchecked_patch_is_neither_ok_nor_failed() -> None:
    totals = _report(event_rows(AT, APPLIED), event_rows(AT, VALIDATED, check=None)).totals
    assert totals == PatchCounts(total=2, unchecked=2)
    assert totals.success_rate is None


def test_the_rate_counts_what_was_checked_only() -> None:
    totals = _report(
        event_rows(AT, VALIDATED, check=True),
        event_rows(AT, VALIDATED, check=True),
        event_rows(AT, FAILED, check=False),
        event_rows(AT, APPLIED),
        event_rows(AT, ("patch_requested", "patch_failed"), error="conflict"),
    ).totals
    assert (totals.ok, totals.failed, totals.unchecked, totals.reverted, totals.refused) == (2, 1, 2, 1, 1)
    assert totals.success_rate == pytest.approx(2 / 3)
    assert totals.checked == 3


def test_lines_count_only_what_is_in_effect() -> None:
    kept, undone, refused = patch_id(1), patch_id(2), patch_id(3)
    report = _report(
        event_rows(AT, VALIDATED, check=True, patch_id=kept),
        event_rows(AT, FAILED, check=False, patch_id=undone),
        event_rows(AT, ("patch_requested", "patch_failed"), patch_id=refused),
        line_counts={kept: LineCount(3, 1), undone: LineCount(100, 100)},
    )
    [file] = report.files
    assert (file.patches, file.added, file.removed) == (3, 3, 1)


def test_lines_are_unknown_when_one_patch_left_no_count() -> None:
    counted = event_rows(AT, APPLIED, patch_id=patch_id(1))
    report = _report(counted, event_rows(AT, APPLIED), line_counts={patch_id(1): LineCount(3, 1)})
    assert (report.files[0].added, report.files[0].removed) == (None, None)
    assert "+? −?" in render_markdown(report)


def test_the_same_path_in_two_workspaces_is_two_files() -> None:
    report = _report(event_rows(AT, workspace="/a"), event_rows(AT, workspace="/b"))
    assert [file.workspace for file in report.files] == ["/a", "/b"]


def test_a_file_is_one_however_its_path_was_written_in_the_request() -> None:
    asked, applied = event_rows(AT, APPLIED, file_path="./src/../a.py")
    report = _report([asked, applied | {"file_path": "a.py"}], event_rows(AT, file_path="a.py"))
    assert [(file.path, file.patches) for file in report.files] == [("a.py", 2)]


def test_the_reason_is_the_request_s_own() -> None:
    asked, undone = event_rows(AT, ("patch_requested", "patch_reverted"), meta={"reason": "repair"})
    report = _report([asked, undone | {"meta": {"reason": "the check failed"}}])
    assert report.request.reasons == ["repair"]


def test_the_days_of_a_report_are_utc() -> None:
    late = datetime.fromisoformat("2026-03-03T08:59:00+09:00")
    assert [day.day.isoformat() for day in _report(event_rows(late)).days] == ["2026-03-02"]


def test_errors_are_ranked_and_counted_once_a_patch() -> None:
    report = _report(
        event_rows(AT, FAILED, check=False, error="b"),
        event_rows(AT, FAILED, check=False, error="a"),
        event_rows(AT, FAILED, check=False, error="b"),
    )
    assert [(error.error, error.patches) for error in report.errors] == [("b", 2), ("a", 1)]


def test_an_order_without_patches_has_a_report_too() -> None:
    report = _report()
    assert report.first_at is None
    assert report.totals == PatchCounts()
    assert "**0 patches**" in render_markdown(report)


def test_a_broken_chain_is_told_with_its_first_broken_link() -> None:
    report = _report(event_rows(AT), custody=(CustodyFact("/srv/shop", intact=False, problem="row 7 was edited"),))
    assert report.custody[0].problem == "row 7 was edited"
    assert "**chain broken**: row 7 was edited" in render_markdown(report)


@pytest.mark.parametrize("result", [None, {}, {"verdict": 3}, {"verdict": None, "before": []}])
def test_a_result_without_a_verdict_is_left_out(result: dict[str, Any] | None, now: datetime) -> None:
    task = replace(sample_facts(now).task_runs[0], result=result)
    assert _report(task_runs=(task,)).task_runs[0].validation is None


def test_a_test_that_could_not_run_counts_as_failed(now: datetime) -> None:
    result = {"verdict": "no_effect", "before": {"passed": 1, "failed": 1, "errors": 2}, "after": "broken"}
    task = replace(sample_facts(now).task_runs[0], result=result)
    validation = _report(task_runs=(task,)).task_runs[0].validation
    assert validation is not None
    assert validation.before is not None
    assert (validation.before.total, validation.before.passed, validation.before.failed) == (4, 1, 3)
    assert validation.after is None


def test_a_test_run_is_shown_with_its_counts_and_reasons(now: datetime) -> None:
    result = {"verdict": "failed", "reasons": ["1 of 3 fails.", "x"], "total": 3, "passed": 2, "failed": 1, "errors": 0}
    task = replace(sample_facts(now).task_runs[0], pathway="testing", result=result)
    text = render_markdown(_report(task_runs=(task,)))
    assert "Test run" in text
    assert "**failed** (tests: 2 of 3 passed). 1 of 3 fails. x" in text


@pytest.mark.parametrize(
    ("status", "plan", "report", "files", "check"),
    [
        ("validated", None, {"files": [1, 2, 3]}, 3, "ok"),
        ("failed", None, {"files": 2, "check": {"ok": False}}, 2, "failed"),
        ("planned", {"changes": [{"action": "create"}, {"action": "unchanged"}]}, None, 1, "unchecked"),
        ("applied", {"changes": "?"}, {"check": {"ok": None}}, None, "unchecked"),
        ("seen", None, None, None, "unchecked"),
        ("validated", None, {"files": 1, "check": {"ok": True, "outcome": "nothing_to_check"}}, 1, "unchecked"),
        ("rolled_back", None, {"files": 1, "check": {"ok": False, "outcome": "tool_missing"}}, 1, "unchecked"),
    ],
)
def test_a_migration_tells_its_files_and_its_check(
    status: str, plan: dict[str, Any] | None, report: dict[str, Any] | None, files: int | None, check: str
) -> None:
    fact = MigrationFact("unit", "/root", status, plan, report, None, AT)
    shown = _report(migrations=(fact,)).migrations[0]
    assert (shown.files, shown.check) == (files, check)


def test_the_digest_tells_facts_apart_and_ignores_the_time(now: datetime) -> None:
    facts = sample_facts(now)
    digest = document_of(build_report(facts, now))[1]
    assert document_of(build_report(facts, now + timedelta(days=1)))[1] == digest
    changed: list[OrderFacts] = [
        replace(facts, issues_opened=()),
        replace(facts, ai=()),
        replace(facts, approvals=()),
        replace(facts, events=facts.events[:-1]),
        replace(facts, custody=()),
        replace(facts, task_runs=facts.task_runs[:1]),
        replace(facts, line_counts={}),
    ]
    assert len({digest, *(document_of(build_report(other, now))[1] for other in changed)}) == len(changed) + 1


def test_a_naive_time_is_refused(now: datetime) -> None:
    with pytest.raises(ValueError, match="naive datetime"):
        build_report(sample_facts(now), now.replace(tzinfo=None))
