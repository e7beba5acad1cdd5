"""Make an order's report from its facts: pure, so that the same facts always give the same report."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.reports import (
    CustodyReport,
    DayReport,
    DeliveryReport,
    DeliveryRequest,
    ErrorCount,
    FactoryReport,
    FileReport,
    OperationCount,
    PatchReport,
    PhaseReport,
)
from repo_agent_dagster.reports.checks import check_reports
from repo_agent_dagster.reports.facts import OrderFacts
from repo_agent_dagster.reports.final_diffs import FileChange, FinalDiff
from repo_agent_dagster.reports.patches import Patch, counted, grouped, latency_of, patches_of
from repo_agent_dagster.reports.results import (
    approval_report,
    migration_report,
    model_cost,
    ops_issues_report,
    task_run_report,
)
from repo_agent_dagster.reports.sources import report_sources
from repo_agent_dagster.reports.timeline import timeline
from repo_agent_dagster.store.order_queries import shown_query

TOP_ERRORS = 10

ReadDiffs = Callable[[Sequence[FileChange]], Mapping[tuple[str, str], FinalDiff]]
"""Reads the final diffs of the files, by workspace and path; a file without one is left out."""

_APART = {"generated_at", "sources", "task_runs"}
_LINKS: dict[str, Any] = {"task_runs": {"__all__": {"dagster_run_url"}}}
_NO_DIFF = FinalDiff(None, None)


def build_report(
    facts: OrderFacts, now: datetime, *, read_diffs: ReadDiffs | None = None, dagster_url: str = ""
) -> DeliveryReport:
    """Return the report of the facts, made at `now` (aware); runs are linked to the Dagster UI at `dagster_url`.

    Raises:
        ValueError: `now` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError(f"naive datetime {now.isoformat()}: give it a time zone, e.g. datetime.now(UTC)")
    patches = patches_of(facts)
    return DeliveryReport(
        order_id=facts.order_id,
        generated_at=now.astimezone(UTC),
        request=_request(facts),
        first_at=min((patch.first_at for patch in patches), default=None),
        last_at=max((patch.last_at for patch in patches), default=None),
        totals=counted(patches),
        latency=latency_of(patches),
        phases=_phases(patches),
        timeline=timeline(facts, patches),
        days=_days(patches),
        operations=_operations(patches),
        factories=_factories(patches),
        files=_files(patches, read_diffs),
        patches=[_patch_report(patch) for patch in patches],
        checks=check_reports(facts.events),
        task_runs=[task_run_report(task, dagster_url) for task in facts.task_runs],
        migrations=[migration_report(migration) for migration in facts.migrations],
        ops_issues=ops_issues_report(facts.issues_opened, facts.issues_closed),
        approvals=[approval_report(approval) for approval in facts.approvals],
        ai=[model_cost(cost) for cost in facts.ai],
        errors=_errors(patches),
        custody=[CustodyReport(workspace=c.workspace, intact=c.intact, problem=c.problem) for c in facts.custody],
        sources=report_sources(lambda query: shown_query(query, facts.order_id)),
    )


def document_of(report: DeliveryReport) -> tuple[str, str]:
    """Return the report as JSON, and the SHA-256 of what it says: without when it was made, links and explanations."""
    content = report.model_dump_json(by_alias=True, exclude=_APART)
    # Only once, for it may have megabytes: what is apart is put behind it, as parts of one document.
    apart = report.model_dump_json(by_alias=True, include=_APART)
    tasks = report.model_dump_json(by_alias=True, include={"task_runs"}, exclude=_LINKS)
    digest = hashlib.sha256(f"{content}{tasks}".encode()).hexdigest()
    return f"{content[:-1]},{apart[1:]}", digest


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
    texts = dict.fromkeys([value for value in values if isinstance(value, str)])
    return [text for text in texts if text.strip()]


def _phases(patches: Sequence[Patch]) -> list[PhaseReport]:
    reports = [
        PhaseReport(
            phase=phase,
            first_at=min(patch.first_at for patch in members),
            last_at=max(patch.last_at for patch in members),
            counts=counted(members),
        )
        for phase, members in grouped(patches, lambda patch: patch.opening.phase).items()
    ]
    return sorted(reports, key=lambda report: (report.first_at, report.phase or ""))


def _days(patches: Sequence[Patch]) -> list[DayReport]:
    days = grouped(patches, lambda patch: patch.opening.created_at.astimezone(UTC).date())
    return [DayReport(day=day, counts=counted(members)) for day, members in sorted(days.items())]


def _operations(patches: Sequence[Patch]) -> list[OperationCount]:
    numbers = Counter(patch.opening.op for patch in patches)
    return [OperationCount(op=op, patches=n) for op, n in sorted(numbers.items(), key=lambda item: (-item[1], item[0]))]


def _factories(patches: Sequence[Patch]) -> list[FactoryReport]:
    groups = grouped(patches, lambda patch: patch.opening.requester)
    reports = [FactoryReport(factory=factory, counts=counted(members)) for factory, members in groups.items()]
    return sorted(reports, key=lambda report: (-report.counts.total, report.factory))


def _files(patches: Sequence[Patch], read_diffs: ReadDiffs | None) -> list[FileReport]:
    groups = sorted(grouped(patches, lambda patch: (patch.opening.workspace, patch.path)).items())
    changes = [
        FileChange(workspace, path, tuple(patch for patch in members if patch.is_in_effect))
        for (workspace, path), members in groups
    ]
    diffs = read_diffs(changes) if read_diffs else {}
    return [
        _file_report(change, members, diffs.get(key, _NO_DIFF))
        for (key, members), change in zip(groups, changes, strict=True)
    ]


def _file_report(change: FileChange, patches: Sequence[Patch], diff: FinalDiff) -> FileReport:
    known = [patch.lines for patch in change.patches if patch.lines is not None]
    is_complete = len(known) == len(change.patches)
    last = max((patch.last for patch in patches), key=lambda event: event.id)
    states = change.states
    return FileReport.of_known(
        workspace=change.workspace,
        path=change.path,
        patches=len(patches),
        added=sum(lines.added for lines in known) if is_complete else None,
        removed=sum(lines.removed for lines in known) if is_complete else None,
        last_event=PatchEventName(last.event),
        last_at=last.created_at,
        before_sha256=states.before if states else None,
        after_sha256=states.after if states else None,
        final_diff=diff.text,
        diff_note=diff.note,
    )


def _patch_report(patch: Patch) -> PatchReport:
    opening, lines = patch.opening, patch.lines
    return PatchReport.of_known(
        patch_id=opening.patch_id,
        batch_id=opening.batch_id,
        workspace=opening.workspace,
        path=patch.path,
        op=opening.op,
        phase=opening.phase,
        requester=opening.requester,
        task_id=opening.task_id,
        outcome=patch.tally.outcome,
        reverted=patch.tally.is_reverted,
        last_event=PatchEventName(patch.last.event),
        first_at=patch.first_at,
        last_at=patch.last_at,
        added=lines.added if lines else None,
        removed=lines.removed if lines else None,
        diff_path=patch.diff_path,
        error=patch.error,
    )


def _errors(patches: Sequence[Patch]) -> list[ErrorCount]:
    numbers = Counter(patch.error for patch in patches if patch.error is not None)
    ranked = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return [ErrorCount(error=error, patches=n) for error, n in ranked[:TOP_ERRORS]]
