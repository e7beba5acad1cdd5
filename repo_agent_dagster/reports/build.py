"""Make an order's report from its facts: pure, so that the same facts always give the same report."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.reports import (
    CustodyReport,
    DayReport,
    DeliveryReport,
    DeliveryRequest,
    ErrorCount,
    FileReport,
    OperationCount,
    OpsIssuesReport,
    PatchCounts,
    PatchReport,
    PhaseReport,
    Tally,
)
from repo_agent_dagster.reports.facts import LineCount, OrderFacts
from repo_agent_dagster.reports.results import migration_report, task_run_report
from repo_agent_dagster.reports.sources import REPORT_SOURCES
from repo_agent_dagster.store.order_facts import PatchEventFact

TOP_ERRORS = 10


@dataclass(frozen=True)
class _Patch:
    """One patch with its events, oldest first."""

    events: Sequence[PatchEventFact]
    lines: LineCount | None

    @property
    def opening(self) -> PatchEventFact:
        return self.events[0]

    @property
    def path(self) -> str:
        """The file as it was last told: a request names it as it was asked for, e.g. ``./a.py``."""
        return self.events[-1].file_path

    @property
    def first_at(self) -> datetime:
        return min(event.created_at for event in self.events)

    @property
    def last_at(self) -> datetime:
        return max(event.created_at for event in self.events)

    def has(self, name: PatchEventName) -> bool:
        return any(event.event == name for event in self.events)

    @property
    def tally(self) -> Tally:
        verdicts = [event.ts_check_ok for event in self.events if event.ts_check_ok is not None]
        return Tally(
            check_ok=verdicts[-1] if verdicts else None,
            is_reverted=self.has(PatchEventName.PATCH_REVERTED),
            has_failure=self.has(PatchEventName.PATCH_FAILED),
        )

    @property
    def error(self) -> str | None:
        errors = [event.error for event in self.events if event.error]
        return errors[-1] if errors else None

    @property
    def is_in_effect(self) -> bool:
        """Its lines are in the file now: it was applied, and not taken back."""
        return self.has(PatchEventName.PATCH_APPLIED) and not self.has(PatchEventName.PATCH_REVERTED)


def build_report(facts: OrderFacts, now: datetime) -> DeliveryReport:
    """Return the report of the facts, made at `now` (aware).

    Raises:
        ValueError: `now` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError(f"naive datetime {now.isoformat()}: give it a time zone, e.g. datetime.now(UTC)")
    patches = _patches(facts)
    return DeliveryReport(
        order_id=facts.order_id,
        generated_at=now.astimezone(UTC),
        request=_request(facts),
        first_at=min((patch.first_at for patch in patches), default=None),
        last_at=max((patch.last_at for patch in patches), default=None),
        totals=_counts(patches),
        latency=[],
        timeline=[],
        factories=[],
        checks=[],
        approvals=[],
        ai=[],
        phases=_phases(patches),
        days=_days(patches),
        operations=_operations(patches),
        files=_files(patches),
        patches=[_patch_report(patch) for patch in patches],
        task_runs=[task_run_report(task) for task in facts.task_runs],
        migrations=[migration_report(migration) for migration in facts.migrations],
        ops_issues=OpsIssuesReport(opened=[], closed=[]),
        errors=_errors(patches),
        custody=[CustodyReport(workspace=c.workspace, intact=c.intact, problem=c.problem) for c in facts.custody],
        sources=list(REPORT_SOURCES),
    )


def content_digest(report: DeliveryReport) -> str:
    """Return the SHA-256 of what the report says, but for when it was made and how its numbers are explained."""
    content = report.model_dump(mode="json", by_alias=True, exclude={"generated_at", "sources"})
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", errors="surrogatepass")).hexdigest()


def _patches(facts: OrderFacts) -> list[_Patch]:
    by_id: dict[str, list[PatchEventFact]] = {}
    for event in facts.events:
        by_id.setdefault(event.patch_id, []).append(event)
    counts = facts.line_counts or {}
    return [_Patch(events, counts.get(patch_id)) for patch_id, events in by_id.items()]


def _counts(patches: Iterable[_Patch]) -> PatchCounts:
    return PatchCounts.of(patch.tally for patch in patches)


def _request(facts: OrderFacts) -> DeliveryRequest:
    # Later events give reasons of their own, e.g. for a revert; what was asked for is in the request.
    metas = [event.meta or {} for event in facts.events if event.event == PatchEventName.PATCH_REQUESTED]
    return DeliveryRequest(
        requesters=_distinct(event.requester for event in facts.events),
        reasons=_distinct(meta.get("reason") for meta in metas),
        branches=_distinct(meta.get("branch") for meta in metas),
        prompts=_distinct(task.initial_prompt for task in facts.task_runs),
    )


def _distinct(values: Iterable[object]) -> list[str]:
    """Non-empty texts, each once, in order of appearance."""
    return list(dict.fromkeys(value for value in values if isinstance(value, str) and value.strip()))


def _phases(patches: Sequence[_Patch]) -> list[PhaseReport]:
    grouped: dict[str | None, list[_Patch]] = {}
    for patch in patches:
        grouped.setdefault(patch.opening.phase, []).append(patch)
    reports = [
        PhaseReport(
            phase=phase,
            first_at=min(patch.first_at for patch in members),
            last_at=max(patch.last_at for patch in members),
            counts=_counts(members),
        )
        for phase, members in grouped.items()
    ]
    return sorted(reports, key=lambda report: (report.first_at, report.phase or ""))


def _days(patches: Sequence[_Patch]) -> list[DayReport]:
    def day_of(patch: _Patch) -> str:
        return patch.opening.created_at.astimezone(UTC).date().isoformat()

    days = groupby(sorted(patches, key=day_of), key=day_of)
    return [DayReport.model_validate({"day": day, "counts": _counts(members)}) for day, members in days]


def _operations(patches: Sequence[_Patch]) -> list[OperationCount]:
    counted = Counter(patch.opening.op for patch in patches)
    return [OperationCount(op=op, patches=n) for op, n in sorted(counted.items(), key=lambda item: (-item[1], item[0]))]


def _files(patches: Sequence[_Patch]) -> list[FileReport]:
    grouped: dict[tuple[str, str], list[_Patch]] = {}
    for patch in patches:
        grouped.setdefault((patch.opening.workspace, patch.path), []).append(patch)
    return [_file_report(workspace, path, members) for (workspace, path), members in sorted(grouped.items())]


def _file_report(workspace: str, path: str, patches: Sequence[_Patch]) -> FileReport:
    counted = [patch.lines for patch in patches if patch.is_in_effect]
    known = [lines for lines in counted if lines is not None]
    is_complete = len(known) == len(counted)
    last = max((event for patch in patches for event in patch.events), key=lambda event: event.id)
    return FileReport(
        workspace=workspace,
        path=path,
        patches=len(patches),
        added=sum(lines.added for lines in known) if is_complete else None,
        removed=sum(lines.removed for lines in known) if is_complete else None,
        last_event=PatchEventName(last.event),
        last_at=last.created_at,
    )


def _patch_report(patch: _Patch) -> PatchReport:
    opening, tally = patch.opening, patch.tally
    diff_paths = [event.diff_path for event in patch.events if event.diff_path]
    return PatchReport(
        patch_id=opening.patch_id,
        batch_id=opening.batch_id,
        workspace=opening.workspace,
        path=patch.path,
        op=opening.op,
        phase=opening.phase,
        requester=opening.requester,
        task_id=opening.task_id,
        outcome=tally.outcome,
        reverted=tally.is_reverted,
        last_event=PatchEventName(patch.events[-1].event),
        first_at=patch.first_at,
        last_at=patch.last_at,
        added=patch.lines.added if patch.lines else None,
        removed=patch.lines.removed if patch.lines else None,
        diff_path=diff_paths[-1] if diff_paths else None,
        error=patch.error,
    )


def _errors(patches: Sequence[_Patch]) -> list[ErrorCount]:
    counted = Counter(patch.error for patch in patches if patch.error is not None)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [ErrorCount(error=error, patches=n) for error, n in ranked[:TOP_ERRORS]]
