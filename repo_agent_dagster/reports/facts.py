"""Gather all that is known about one order, from the store and from the diffs on disk."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.reports.diffs import read_diff
from repo_agent_dagster.store import order_facts, patch_events
from repo_agent_dagster.store.order_facts import MigrationFact, PatchEventFact, TaskRunFact

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
    """The facts of one order. `line_counts` has an entry for each patch whose counts are known, by patch id."""

    order_id: str
    events: tuple[PatchEventFact, ...]
    task_runs: tuple[TaskRunFact, ...] = ()
    migrations: tuple[MigrationFact, ...] = ()
    ops_issues: int = 0
    custody: tuple[CustodyFact, ...] = ()
    line_counts: Mapping[str, LineCount] | None = None


VerifyChain = Callable[["Connection", str], CustodyFact]


def gather(conn: "Connection", order_id: str, *, verify: VerifyChain) -> OrderFacts:
    """Read the order's facts; `verify` judges the chain of each workspace that the order touched."""
    events = tuple(order_facts.order_patch_events(conn, order_id))
    workspaces = sorted({event.workspace for event in events})
    return OrderFacts(
        order_id=order_id,
        events=events,
        task_runs=tuple(order_facts.order_task_runs(conn, order_id)),
        migrations=tuple(order_facts.order_migrations(conn, order_id)),
        ops_issues=order_facts.order_ops_issue_count(conn, order_id),
        custody=tuple(verify(conn, workspace) for workspace in workspaces),
        line_counts=_line_counts(events),
    )


def chain_verifier() -> VerifyChain:
    """Return a verifier that walks each workspace's chain once, however many orders share it."""
    known: dict[str, CustodyFact] = {}

    def verify(conn: "Connection", workspace: str) -> CustodyFact:
        if workspace not in known:
            verdict = patch_events.verify_chain(conn, workspace)
            known[workspace] = CustodyFact(workspace, verdict.ok, verdict.problem)
        return known[workspace]

    return verify


def _line_counts(events: Iterable[PatchEventFact]) -> dict[str, LineCount]:
    """Take each patch's counts from its events; read the diff only where they do not say."""
    counts: dict[str, LineCount] = {}
    diffs: dict[str, tuple[str, str]] = {}
    for event in events:
        meta = event.meta or {}
        added, removed = meta.get("added"), meta.get("removed")
        if isinstance(added, int) and isinstance(removed, int):
            counts[event.patch_id] = LineCount(added, removed)
        elif event.diff_path:
            diffs[event.patch_id] = (event.workspace, event.diff_path)
    for patch_id, (workspace, diff_path) in diffs.items():
        if patch_id not in counts:
            diff = read_diff(workspace, diff_path)
            if diff is not None and not diff.is_cut:
                counts[patch_id] = LineCount(diff.added, diff.removed)
    return counts
