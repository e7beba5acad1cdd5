"""Gather all that is known about one order, from the store and from the diffs on disk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.reports.diffs import read_diff
from repo_agent_dagster.store import custody_verdicts, order_facts, patch_events
from repo_agent_dagster.store.order_facts import (
    ApprovalFact,
    MigrationFact,
    ModelCostFact,
    OpsIssueFact,
    PatchEventFact,
    TaskRunFact,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class LineCount:
    """Lines that one patch added and removed."""

    added: int
    removed: int


@dataclass(frozen=True)
class CustodyFact:
    """Whether a workspace's hash chain is unbroken, and where it breaks first."""

    workspace: str
    intact: bool
    problem: str | None


@dataclass(frozen=True)
class OrderFacts:
    """The facts of one order. `line_counts` has the counts of patches whose events do not tell them, by patch id."""

    order_id: str
    events: tuple[PatchEventFact, ...]
    task_runs: tuple[TaskRunFact, ...] = ()
    migrations: tuple[MigrationFact, ...] = ()
    approvals: tuple[ApprovalFact, ...] = ()
    issues_opened: tuple[OpsIssueFact, ...] = ()
    issues_closed: tuple[OpsIssueFact, ...] = ()
    ai: tuple[ModelCostFact, ...] = ()
    custody: tuple[CustodyFact, ...] = ()
    line_counts: Mapping[str, LineCount] | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is anything to report on."""
        return bool(self.events or self.task_runs or self.migrations)


def gather(conn: "Connection", order_id: str) -> OrderFacts:
    """Read the order's facts in one transaction; custody as far as it was verified before."""
    events = tuple(order_facts.order_patch_events(conn, order_id))
    named = {event.task_id for event in events if event.task_id}
    task_runs = tuple(order_facts.order_task_runs(conn, order_id, named))
    migrations = tuple(order_facts.order_migrations(conn, order_id, named))
    runs = {task.dagster_run_id for task in task_runs if task.dagster_run_id}
    return OrderFacts(
        order_id=order_id,
        events=events,
        task_runs=task_runs,
        migrations=migrations,
        approvals=tuple(order_facts.order_approvals(conn, migrations, named)),
        issues_opened=tuple(order_facts.issues_opened(conn, runs)),
        issues_closed=tuple(order_facts.issues_closed(conn, order_id)),
        ai=tuple(order_facts.model_costs(conn, [task.id for task in task_runs])),
        custody=tuple(_custody(conn, {event.workspace for event in events})),
        line_counts=_line_counts(events),
    )


def told_lines(event: PatchEventFact) -> LineCount | None:
    """Return the lines that an event says its patch added and removed, if it says so."""
    meta = event.meta
    if not meta:
        return None
    added, removed = meta.get("added"), meta.get("removed")
    return LineCount(added, removed) if isinstance(added, int) and isinstance(removed, int) else None


def _custody(conn: "Connection", workspaces: Iterable[str]) -> Iterable[CustodyFact]:
    known = custody_verdicts.verdicts(conn, workspaces)
    for workspace in sorted(workspaces):
        if workspace in known:
            yield CustodyFact(workspace, known[workspace].is_intact, known[workspace].problem)
        else:
            # It got its first patch since the chains were verified, or it has events and no chain at all.
            verdict = patch_events.verify_chain(conn, workspace)
            yield CustodyFact(workspace, verdict.ok, verdict.problem)


def _line_counts(events: Iterable[PatchEventFact]) -> dict[str, LineCount]:
    """Count the lines of the patches whose events do not say, in the diffs that they left."""
    told = {event.patch_id for event in events if event.meta is not None and "removed" in event.meta}
    diffs = {
        event.patch_id: (event.workspace, event.diff_path)
        for event in events
        if event.diff_path and event.patch_id not in told
    }
    counts: dict[str, LineCount] = {}
    reachable = {workspace: Path(workspace).is_dir() for workspace in {place for place, _ in diffs.values()}}
    for patch_id, (workspace, diff_path) in diffs.items():
        if reachable[workspace]:
            diff = read_diff(workspace, diff_path)
            if diff is not None and not diff.is_cut:
                counts[patch_id] = LineCount(diff.added, diff.removed)
    return counts
