"""Apply a batch of operations, or write whole files: locked, planned, recorded, journalled, checked."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from repo_agent_dagster.contracts.custody import Custody, CustodyUnavailable, EventRow
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import PatchBatch, PatchEventName
from repo_agent_dagster.patching.checks.checker import Checker
from repo_agent_dagster.patching.checks.judging import Judge, PlanPrefix, settle
from repo_agent_dagster.patching.checks.mark import mark, unmark
from repo_agent_dagster.patching.disk import journal
from repo_agent_dagster.patching.disk.commit import commit
from repo_agent_dagster.patching.disk.lock import locked
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.entering import enter
from repo_agent_dagster.patching.model import (
    BatchResult,
    FileChange,
    PatchConflict,
    RollbackIncomplete,
    Workspace,
    WriteFailed,
)
from repo_agent_dagster.patching.planning.batch_plan import plan_batch
from repo_agent_dagster.patching.planning.plan import Plan, ReadFile, plan_changes
from repo_agent_dagster.patching.record import custody as records
from repo_agent_dagster.patching.record.custody import Asked, Origin, batch_result
from repo_agent_dagster.store.ids import new_id


def apply_batch(
    workspace: Workspace,
    batch: PatchBatch,
    *,
    custody: Custody,
    now: datetime,
    checker: Checker | None = None,
    dry_run: bool = False,
    lock_timeout_seconds: float = 10.0,
    batch_id: str | None = None,
) -> BatchResult:
    """Apply all patches of a batch, or none.

    With a checker, the batch is reverted if it adds findings. A dry run, asked for here or by the batch, plans, and
    writes and records nothing. Whoever must know the batch's id before it begins gives one, a new UUIDv7.

    Raises:
        InvalidPatch: the batch can never be right (`UnsafePath` and `OverlappingPatches` are cases of it).
        PatchConflict: the files are not what the batch supposes.
        CheckFailed: it added findings and was reverted.
        WorkspaceLocked: another batch holds the workspace; nothing is recorded.
        CustodyUnavailable: the store cannot be reached; nothing was changed.
        WriteFailed: the file system refused a write; all is as before.
    """
    origin = Origin(workspace.name, batch.requester, batch.order_id, batch.phase, batch.reason, batch.branch)
    asked = [Asked(operation.file or "", operation.op, operation.task_id) for operation in batch.patches]
    run = _Run(workspace, origin, asked, custody, now, batch_id)

    def plan_prefix(count: int, read: ReadFile) -> Plan:
        return plan_batch(batch, read, workspace.markers, first=count)

    return run.perform(
        lambda read: plan_batch(batch, read, workspace.markers),
        dry_run or batch.dry_run,
        lock_timeout_seconds,
        checker,
        plan_prefix,
    )


def write_files(
    workspace: Workspace,
    changes: Sequence[FileChange],
    *,
    order_id: str | None,
    requester: str,
    reason: str,
    phase: str | None,
    task_id: str | None,
    custody: Custody,
    now: datetime,
    dry_run: bool = False,
    lock_timeout_seconds: float = 10.0,
    batch_id: str | None = None,
    checker: Checker | None = None,
) -> BatchResult:
    """Bring whole files into a given state, all or none; what is so already is left out, and all of it is no error.

    Folders are made for new files; folders that a deletion leaves empty are removed, as git does. With a checker, all
    is reverted if it adds findings.

    Raises:
        As `apply_batch`.
    """
    origin = Origin(workspace.name, requester, order_id, phase, reason)
    asked = [
        Asked(change.path, "delete-file" if change.content is None else "replace-file", task_id) for change in changes
    ]
    run = _Run(workspace, origin, asked, custody, now, batch_id)
    return run.perform(lambda read: plan_changes(changes, read, task_id), dry_run, lock_timeout_seconds, checker)


def recover_workspace(
    workspace: Workspace, *, custody: Custody, now: datetime, lock_timeout_seconds: float = 10.0
) -> str | None:
    """Clear up after an interrupted batch, as every use does; return what was done, None if there was nothing."""
    with Tree(workspace.root) as tree, locked(workspace.root, lock_timeout_seconds):
        return enter(workspace, tree, custody, now)


@contextmanager
def _judged(tree: Tree) -> Iterator[None]:
    """Take the mark of a check away when its verdict, or that there is none, is on record."""
    try:
        yield
    except (CustodyUnavailable, WriteFailed, RollbackIncomplete):
        raise  # the next use of the workspace goes on with it
    except BaseException:
        unmark(tree)
        raise
    unmark(tree)


class _Run:
    """One batch on its way; it gets its id when it is made."""

    def __init__(
        self,
        workspace: Workspace,
        origin: Origin,
        asked: Sequence[Asked],
        custody: Custody,
        now: datetime,
        batch_id: str | None = None,
    ) -> None:
        self._workspace = workspace
        self._origin = origin
        self._asked = asked
        self._custody = custody
        self._now = now
        self._batch_id = batch_id or new_id()

    def perform(
        self,
        make_plan: Callable[[ReadFile], Plan],
        dry_run: bool,
        lock_timeout_seconds: float,
        checker: Checker | None = None,
        plan_prefix: PlanPrefix | None = None,
    ) -> BatchResult:
        with Tree(self._workspace.root) as tree:
            if dry_run and journal.load(tree) is None:
                plan = self._planned(tree, make_plan)
                return batch_result(self._batch_id, self._requests_of(plan), plan, dry_run=True)
            with locked(self._workspace.root, lock_timeout_seconds):
                enter(self._workspace, tree, self._custody, self._now)
                if dry_run:
                    plan = self._planned(tree, make_plan)
                    return batch_result(self._batch_id, self._requests_of(plan), plan, dry_run=True)
                return self._perform_locked(tree, make_plan, checker, plan_prefix)

    def _perform_locked(
        self,
        tree: Tree,
        make_plan: Callable[[ReadFile], Plan],
        checker: Checker | None,
        plan_prefix: PlanPrefix | None,
    ) -> BatchResult:
        try:
            plan = self._planned(tree, make_plan)
        except PermanentFault as error:
            self._fail(records.requested(self._batch_id, self._origin, self._asked, self._now), error, requested=False)
            raise
        requests = self._requests_of(plan)
        if not requests:
            return batch_result(self._batch_id, requests, plan)
        self._custody.record(requests)
        if checker is None:
            self._commit(tree, plan, requests)
            return batch_result(self._batch_id, requests, plan)
        with Judge(checker, self._workspace.root, plan, plan_prefix) as judge:
            try:
                judge.look_before()
                mark(tree, self._batch_id)
            except BaseException as error:
                self._fail(requests, error)
                raise
            with _judged(tree):
                events = self._commit(tree, plan, requests)
                settle(judge, tree, plan, events, custody=self._custody, now=self._now)
        return replace(batch_result(self._batch_id, requests, plan), check=judge.name)

    def _fail(self, requests: Sequence[EventRow], error: BaseException, *, requested: bool = True) -> None:
        told = str(error) or type(error).__name__
        failures = records.following(requests, PatchEventName.PATCH_FAILED, self._now, error=told)
        self._custody.record(failures if requested else [*requests, *failures])

    def _commit(self, tree: Tree, plan: Plan, requests: Sequence[EventRow]) -> list[EventRow]:
        events = records.applied(requests, plan, self._now)
        commit(
            tree,
            self._custody,
            batch_id=self._batch_id,
            decision=PatchEventName.PATCH_APPLIED,
            patch_ids=[request.patch_id for request in requests],
            files=plan.files,
            diffs={request.patch_id: patch.diff.text for request, patch in zip(requests, plan.patches, strict=True)},
            decide=lambda: self._custody.record(events),
            now=self._now,
        )
        return events

    def _planned(self, tree: Tree, make_plan: Callable[[ReadFile], Plan]) -> Plan:
        try:
            return make_plan(tree.read)
        except OSError as error:
            raise PatchConflict(f"{error.filename or 'a file'} cannot be read: {error.strerror}") from error

    def _requests_of(self, plan: Plan) -> list[EventRow]:
        asked = [Asked(patch.file, patch.op, patch.task_id) for patch in plan.patches]
        return records.requested(self._batch_id, self._origin, asked, self._now)
