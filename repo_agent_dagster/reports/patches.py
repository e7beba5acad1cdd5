"""The patches of an order, each summed up from its events, and how they are counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.reports import PatchCounts, StepLatency, Tally
from repo_agent_dagster.reports.facts import LineCount, OrderFacts, told_lines
from repo_agent_dagster.store.order_facts import PatchEventFact
from repo_agent_dagster.store.patch_rollups.latency import Step, duration, exact

KeyT = TypeVar("KeyT")

_REQUESTED = PatchEventName.PATCH_REQUESTED.value
_APPLIED = PatchEventName.PATCH_APPLIED.value
_VALIDATED = PatchEventName.PATCH_VALIDATED.value
_FAILED = PatchEventName.PATCH_FAILED.value
_REVERTED = PatchEventName.PATCH_REVERTED.value


@dataclass(slots=True)
class FileStates:
    """A file before and after the batch of a patch, by the SHA-256 of its content; None is its absence."""

    before: str | None
    after: str | None


@dataclass(slots=True)
class Patch:
    """One patch. `opening` and `last` are its first and its last event; the other fields sum all of them up."""

    opening: PatchEventFact
    last: PatchEventFact
    first_at: datetime
    last_at: datetime
    tally: Tally
    error: str | None
    diff_path: str | None
    lines: LineCount | None
    states: FileStates | None
    requested_at: datetime | None
    applied_at: datetime | None
    validated_at: datetime | None

    @property
    def path(self) -> str:
        """The file as it was last told: a request names it as it was asked for, e.g. ``./a.py``."""
        return self.last.file_path

    @property
    def is_in_effect(self) -> bool:
        """Whether its lines are in the file now: it was applied, and not taken back."""
        return self.applied_at is not None and not self.tally.is_reverted


def patches_of(facts: OrderFacts) -> list[Patch]:
    """Return the order's patches in the order of their first events."""
    by_id: dict[str, list[PatchEventFact]] = {}
    for event in facts.events:
        by_id.setdefault(event.patch_id, []).append(event)
    counts = facts.line_counts or {}
    return [_summed_up(events, counts.get(patch_id)) for patch_id, events in by_id.items()]


def grouped(patches: Iterable[Patch], key: Callable[[Patch], KeyT]) -> dict[KeyT, list[Patch]]:
    """Return the patches by their key, keys and patches in order of appearance."""
    groups: dict[KeyT, list[Patch]] = {}
    for patch in patches:
        groups.setdefault(key(patch), []).append(patch)
    return groups


def counted(patches: Iterable[Patch]) -> PatchCounts:
    """Count the patches."""
    alike = Counter(patch.tally for patch in patches)
    return PatchCounts.of(tally._replace(patches=number) for tally, number in alike.items())


def latency_of(patches: Sequence[Patch]) -> list[StepLatency]:
    """Return how long the patches took from step to step, exactly; every step is listed."""
    steps = (
        (Step.REQUESTED_APPLIED, ((patch.requested_at, patch.applied_at) for patch in patches)),
        (Step.APPLIED_VALIDATED, ((patch.applied_at, patch.validated_at) for patch in patches)),
        (Step.REQUESTED_VALIDATED, ((patch.requested_at, patch.validated_at) for patch in patches)),
    )
    sums = [
        exact(step, [took for begun, ended in times if (took := duration(begun, ended)) is not None])
        for step, times in steps
    ]
    return [
        StepLatency(
            step=one.step.value, patches=one.patches, mean_seconds=one.mean_seconds, p95_seconds=one.p95_seconds
        )
        for one in sums
    ]


def _summed_up(events: Sequence[PatchEventFact], counted_lines: LineCount | None) -> Patch:
    # One pass, and no call that is not needed: an order may have many thousands of patches.
    first_at = last_at = events[0].created_at
    check_ok: bool | None = None
    is_reverted = has_failure = False
    error = diff_path = states = requested_at = applied_at = validated_at = None
    lines = counted_lines
    for event in events:
        at, name = event.created_at, event.event
        if at < first_at:
            first_at = at
        if at > last_at:
            last_at = at
        if event.ts_check_ok is not None:
            check_ok = event.ts_check_ok
        error = event.error or error
        diff_path = event.diff_path or diff_path
        if event.meta is not None and "added" in event.meta:
            lines = told_lines(event) or lines
        if name == _REQUESTED:
            requested_at = at if requested_at is None or at < requested_at else requested_at
        elif name == _APPLIED:
            applied_at = at if applied_at is None or at < applied_at else applied_at
            states = _states(event) or states
        elif name == _VALIDATED:
            validated_at = at if validated_at is None or at < validated_at else validated_at
        elif name == _FAILED:
            has_failure = True
        elif name == _REVERTED:
            is_reverted = True
    return Patch(
        events[0],
        events[-1],
        first_at,
        last_at,
        Tally(check_ok, is_reverted, has_failure),
        error,
        diff_path,
        lines,
        states,
        requested_at,
        applied_at,
        validated_at,
    )


def _states(event: PatchEventFact) -> FileStates | None:
    meta = event.meta or {}
    if "file_before_sha256" not in meta or "file_after_sha256" not in meta:
        return None
    before, after = meta["file_before_sha256"], meta["file_after_sha256"]
    return FileStates(before if isinstance(before, str) else None, after if isinstance(after, str) else None)
