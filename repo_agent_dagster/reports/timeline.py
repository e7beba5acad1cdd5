"""What happened under an order, one moment after the other."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from repo_agent_dagster.contracts.reports import MomentReport
from repo_agent_dagster.pages.wording import plural, words
from repo_agent_dagster.reports.facts import OrderFacts
from repo_agent_dagster.reports.patches import Patch, counted, grouped

MAX_PATCH_MOMENTS = 200
"""Patches are told batch by batch, or, where that makes more moments, by day, week or phase."""


def timeline(facts: OrderFacts, patches: Sequence[Patch]) -> list[MomentReport]:
    """Return the moments of patches, tasks, migrations, approvals and ops issues, oldest first."""
    moments = [
        *_of_patches(patches),
        *_of_tasks(facts),
        *_of_migrations(facts),
        *_of_approvals(facts),
        *_of_issues(facts),
    ]
    return sorted(moments, key=lambda moment: (moment.at, moment.kind, moment.text))


def _of_patches(patches: Sequence[Patch]) -> Iterator[MomentReport]:
    grains: tuple[Callable[[Patch], object], ...] = (
        lambda patch: (patch.opening.batch_id or patch.opening.patch_id, patch.opening.phase),
        lambda patch: (_utc(patch).date(), patch.opening.phase),
        lambda patch: (_utc(patch).isocalendar()[:2], patch.opening.phase),
        lambda patch: patch.opening.phase,
    )
    fine_enough = (grain for grain in grains if len({grain(patch) for patch in patches}) <= MAX_PATCH_MOMENTS)
    groups = list(grouped(patches, next(fine_enough, grains[-1])).values())
    for members in groups[:MAX_PATCH_MOMENTS]:
        phase = members[0].opening.phase
        yield MomentReport(at=min(patch.first_at for patch in members), kind="patches", text=_told(members, phase))


def _told(patches: Sequence[Patch], phase: str | None) -> str:
    counts = counted(patches)
    outcomes = [
        f"{number} {name}"
        for number, name in (
            (counts.ok, "ok"),
            (counts.failed, "failed"),
            (counts.unchecked, "unchecked"),
            (counts.reverted, "reverted"),
        )
        if number
    ]
    where = f" in phase {phase}" if phase else ""
    return f"{plural(counts.total, 'patch', 'patches')}{where}: {', '.join(outcomes)}"


def _of_tasks(facts: OrderFacts) -> Iterator[MomentReport]:
    for task in facts.task_runs:
        name = words(task.pathway).capitalize()
        if task.started_at is not None:
            yield MomentReport(at=task.started_at, kind="task", text=f"{name} began, attempt {task.attempt}")
        if task.ended_at is not None:
            yield MomentReport(at=task.ended_at, kind="task", text=f"{name} ended: {words(task.status)}")


def _of_migrations(facts: OrderFacts) -> Iterator[MomentReport]:
    for migration in facts.migrations:
        text = f"Migration of {migration.unit}: {words(migration.status)}"
        yield MomentReport(at=migration.updated_at, kind="migration", text=text)


def _of_approvals(facts: OrderFacts) -> Iterator[MomentReport]:
    for approval in facts.approvals:
        about = approval.subject or approval.source
        yield MomentReport(at=approval.created_at, kind="approval", text=f"Approval asked for: {about}")
        if approval.decided_at is not None:
            by = f" by {approval.decided_by}" if approval.decided_by else ""
            yield MomentReport(at=approval.decided_at, kind="approval", text=f"{words(approval.verdict)}{by}: {about}")


def _of_issues(facts: OrderFacts) -> Iterator[MomentReport]:
    for issue in facts.issues_opened:
        yield MomentReport(at=issue.first_seen, kind="ops_issue", text=f"Ops issue opened: {issue.title}")
    for issue in facts.issues_closed:
        at = issue.resolved_at or issue.first_seen
        yield MomentReport(at=at, kind="ops_issue", text=f"Ops issue {words(issue.status)}: {issue.title}")


def _utc(patch: Patch) -> datetime:
    return patch.opening.created_at.astimezone(UTC)
