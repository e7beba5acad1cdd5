"""Judge a batch by its check: only what it adds counts against it; then it is taken back, and the guilty patch named.

The check sees the files as they were before the batch and as they are after it. To find the patch that brought a new
finding, prefixes of the batch are planned in memory and laid over the files: nothing is written for it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from repo_agent_dagster.contracts.custody import Custody, EventRow
from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching.checks.checker import NOTHING, Checker, CheckUnusable, CheckWithoutVerdict, Overlay
from repo_agent_dagster.patching.checks.findings import Finding, added_findings, identity
from repo_agent_dagster.patching.checks.verdict import CheckFailed, Guilty
from repo_agent_dagster.patching.diffs.writing import no_diff
from repo_agent_dagster.patching.disk.commit import commit
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import PatchConflict
from repo_agent_dagster.patching.planning.plan import Plan, PlannedFile, ReadFile
from repo_agent_dagster.patching.record import custody as records

_SHOWN_FINDINGS = 20
_RECORDED_FINDINGS = 50
_MOST_PROBES = 20  # enough for a million patches
BISECT_SECONDS = 60.0
"""After this time no further prefix of a failed batch is checked."""

PlanPrefix = Callable[[int, ReadFile], Plan]
"""Plans the first patches of the batch, as many as given, on files that a function reads."""


@dataclass(frozen=True)
class FindingCounts:
    """How many findings there were. `before` is None where the check could not run before the batch."""

    before: int | None
    after: int
    added: int


@dataclass(frozen=True)
class Verdict:
    """What a check says of a batch: the findings that it added, and the patch that brought the first of them."""

    added: tuple[Finding, ...]
    counts: FindingCounts
    guilty: Guilty | None = None

    @property
    def ok(self) -> bool:
        """Whether the batch added none."""
        return not self.added


class Judge:
    """The check of one batch: look before, then after. Use it in a ``with``, which ends the check's run."""

    def __init__(self, checker: Checker, root: Path, plan: Plan, plan_prefix: PlanPrefix | None = None) -> None:
        self._checker = checker
        self._root = root
        self._plan = plan
        self._plan_prefix = plan_prefix
        self._changed = tuple(file.path for file in plan.files)
        self._moved = _moved(plan)
        self._before: Sequence[Finding] = ()
        self._knows_before = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._checker.close()

    def look_before(self) -> None:
        """Take note of what is wrong before the batch; nothing may be written yet.

        Raises:
            CheckWithoutVerdict, TransientFault: it cannot be known now; without it the batch cannot be judged.
        """
        try:
            self._before = self._check(NOTHING)
            self._knows_before = True
        except CheckUnusable:
            # The batch may bring what the check needs, as its configuration. If it does not, looking after tells.
            self._before = ()

    def look_after(self, seconds_for_bisect: float = BISECT_SECONDS) -> Verdict:
        """Return the verdict on the batch, whose files are in place.

        Raises:
            CheckUnusable, CheckWithoutVerdict, TransientFault: there is none.
        """
        after = self._check(NOTHING)
        added = added_findings(self._before, after, self._moved)
        counts = FindingCounts(len(self._before) if self._knows_before else None, len(after), len(added))
        if not added:
            return Verdict((), counts)
        return Verdict(tuple(added), counts, self._guilty(added[0], seconds_for_bisect))

    @property
    def name(self) -> str:
        """The check's name."""
        return self._checker.name

    def _check(self, overlay: Overlay) -> Sequence[Finding]:
        return self._checker.check(self._root, overlay, changed=self._changed)

    def _guilty(self, finding: Finding, seconds: float) -> Guilty | None:
        """Return the patch with which the finding appears, by binary search; None where it cannot be told in time."""
        total = len(self._plan.patches)
        if self._plan_prefix is None or total == 0:
            return None
        deadline = time.monotonic() + seconds
        well, ill = 0, total
        for _ in range(_MOST_PROBES):
            if ill - well <= 1:
                return self._named(ill)
            if time.monotonic() >= deadline:
                return None
            middle = (well + ill) // 2
            try:
                shown = self._appears(finding, middle)
            except RepoAgentError:
                # A half of the batch may be one that cannot be planned, or on which the check says nothing.
                return None
            well, ill = (well, middle) if shown else (middle, ill)
        return None

    def _appears(self, finding: Finding, count: int) -> bool:
        added = added_findings(self._before, self._check(self._overlay(count)), self._moved)
        return identity(finding) in map(identity, added)

    def _overlay(self, count: int) -> dict[str, bytes | None]:
        """Return the batch's files as its first patches leave them."""
        assert self._plan_prefix is not None  # noqa: S101 - asked by the only caller
        before = {file.path: file.before for file in self._plan.files}
        prefix = self._plan_prefix(count, before.get)
        states = {**before, **{file.path: file.after for file in prefix.files}}
        return {path: None if state is None else state.content for path, state in states.items()}

    def _named(self, count: int) -> Guilty:
        patch = self._plan.patches[count - 1]
        return Guilty(count - 1, patch.file, patch.op)


def _moved(plan: Plan) -> Mapping[str, str]:
    """Return the files that the batch moves: their old paths with the new ones."""
    return {file.moved_from: file.path for file in plan.files if file.moved_from is not None}


def settle(
    judge: Judge, tree: Tree, plan: Plan, events: Sequence[EventRow], *, custody: Custody, now: datetime
) -> None:
    """Look after the batch, and put on record what the check says; what fails it, or leaves no verdict, takes it back.

    `events` are those of the applied patches.

    Raises:
        CheckFailed: it added findings and was reverted.
        CheckUnusable, CheckWithoutVerdict, TransientFault: the check gave no verdict; the batch was reverted.
        PatchConflict: a file changed during the check, so the batch was not reverted.
    """
    try:
        verdict = judge.look_after()
    except BaseException as error:
        said = str(error) or type(error).__name__
        message = f"the check {judge.name} gave no verdict, so the batch was reverted: {said}"
        _take_back(tree, plan, events, message, {"check": judge.name}, None, custody, now)
        if isinstance(error, CheckUnusable | CheckWithoutVerdict):
            raise type(error)(message) from error
        error.add_note("The check gave no verdict, so the batch was reverted.")
        raise
    counts = {f"findings_{when}": count for when, count in asdict(verdict.counts).items()}
    meta: dict[str, Any] = {"check": judge.name, **counts}
    if verdict.ok:
        custody.record(records.following(events, PatchEventName.PATCH_VALIDATED, now, ok=True, meta=meta))
        return
    guilty = None if verdict.guilty is None else _with_id(verdict.guilty, events)
    message = _told(verdict.added, guilty)
    meta["findings"] = [asdict(finding) for finding in verdict.added[:_RECORDED_FINDINGS]]
    if guilty is not None:
        meta["guilty"] = asdict(guilty)
    _take_back(tree, plan, events, message, meta, False, custody, now)
    raise CheckFailed(message, verdict.added, guilty)


def _with_id(guilty: Guilty, events: Sequence[EventRow]) -> Guilty:
    return Guilty(guilty.index, guilty.file, guilty.op, events[guilty.index].patch_id)


def _told(added: Sequence[Finding], guilty: Guilty | None) -> str:
    shown = [str(finding) for finding in added[:_SHOWN_FINDINGS]]
    if len(added) > _SHOWN_FINDINGS:
        shown.append(f"… and {len(added) - _SHOWN_FINDINGS} more")
    brought = f"\nthe first of them came with {guilty}" if guilty is not None else ""
    listed = "\n".join(shown)
    return f"the check found {len(added)} new problem(s), so the batch was reverted:\n{listed}{brought}"


def _take_back(
    tree: Tree,
    plan: Plan,
    events: Sequence[EventRow],
    message: str,
    meta: dict[str, Any],
    ok: bool | None,
    custody: Custody,
    now: datetime,
) -> None:
    failed = records.following(events, PatchEventName.PATCH_FAILED, now, ok=ok, error=message, meta=meta)
    reason = {"reason": "the check gave no verdict" if ok is None else "the check failed"}
    reverted = records.following(events, PatchEventName.PATCH_REVERTED, now, meta=reason)
    moved = _moved(plan)
    undone = []
    for file in plan.files:
        state = tree.read(file.path)
        if (state and state.content) != (file.after and file.after.content):
            custody.record(failed)
            raise PatchConflict(
                f"{file.path} changed during the check, so the failed batch was not reverted: {message}"
            )
        undone.append(PlannedFile(file.path, state, file.before, no_diff, moved.get(file.path)))
    commit(
        tree,
        custody,
        batch_id=events[0].batch_id,
        decision=PatchEventName.PATCH_REVERTED,
        patch_ids=[event.patch_id for event in events],
        files=undone,
        diffs={},
        decide=lambda: custody.record([*failed, *reverted]),
        now=now,
    )
