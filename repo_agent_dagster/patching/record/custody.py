"""What the engine puts on record: the events of a batch, and what happens to a batch that was interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from repo_agent_dagster.contracts.custody import Custody, EventRow, RecordedPatch
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching.diffs.writing import FileState
from repo_agent_dagster.patching.disk.journal import diff_path
from repo_agent_dagster.patching.model import AppliedPatch, BatchResult, InvalidPatch, UnknownPatch
from repo_agent_dagster.patching.planning.plan import Plan, PlannedPatch
from repo_agent_dagster.store.ids import new_id


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch comes from, as every event of it tells."""

    workspace: str
    requester: str
    order_id: str | None
    phase: str | None
    reason: str
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is on record of a patch before anything is known of its effect."""

    file: str
    op: str
    task_id: str | None
    reverts: str | None = None
    """The patch that this one takes back."""


def requested(batch_id: str, origin: Origin, asked: Sequence[Asked], now: datetime) -> list[EventRow]:
    """Return a batch's first events; its patches get their ids here."""
    meta: dict[str, Any] = {"reason": origin.reason, "branch": origin.branch}
    return [
        EventRow(
            patch_id=new_id(),
            batch_id=batch_id,
            requester=origin.requester,
            workspace=origin.workspace,
            # A path is recorded as it was asked for, however hostile; a NUL is the one thing no database takes.
            file_path=patch.file.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode(),
            op=patch.op,
            event=PatchEventName.PATCH_REQUESTED,
            created_at=now,
            task_id=patch.task_id,
            order_id=origin.order_id,
            phase=origin.phase,
            meta={**meta, "step": step, **({} if patch.reverts is None else {"reverts": patch.reverts})},
        )
        for step, patch in enumerate(asked, start=1)
    ]


def applied(requests: Sequence[EventRow], plan: Plan, now: datetime) -> list[EventRow]:
    """Return the events of a batch whose files are in place; their meta is what reverting and replaying go by."""
    before: dict[str | None, dict[str, Any]] = {file.path: _told("before", file.before) for file in plan.files}
    after: dict[str | None, dict[str, Any]] = {file.path: _told("after", file.after) for file in plan.files}
    before[None], after[None] = _told("before", None), _told("after", None)
    return [
        _next(
            request,
            PatchEventName.PATCH_APPLIED,
            now,
            file_path=patch.file,
            diff_path=diff_path(request.patch_id),
            meta={
                **before[patch.origin],
                **after[patch.result],
                "added": patch.diff.added,
                "removed": patch.diff.removed,
                **_moves(patch),
            },
        )
        for request, patch in zip(requests, plan.patches, strict=True)
    ]


def _told(when: Literal["before", "after"], state: FileState | None) -> dict[str, Any]:
    sha256, mode = (None, None) if state is None else (state.sha256, state.mode)
    return {f"file_{when}_sha256": sha256, f"mode_{when}": mode}


def _moves(patch: PlannedPatch) -> dict[str, Any]:
    """Tell of paths and notes what is not plain: most patches leave their file where it is."""
    told: dict[str, Any] = {}
    if patch.origin not in (None, patch.file) or patch.result not in (None, patch.file):
        told |= {"origin": patch.origin, "result": patch.result}
    if patch.moved_to is not None:
        told["moved_to"] = patch.moved_to
    if patch.notes:
        told["notes"] = list(patch.notes)
    return told


def batch_result(batch_id: str, requests: Sequence[EventRow], plan: Plan, *, dry_run: bool = False) -> BatchResult:
    """Return what a batch did, or would do, as its caller is told."""
    patches = tuple(
        AppliedPatch(
            patch_id=request.patch_id,
            file=patch.file,
            op=patch.op,
            diff_path=diff_path(request.patch_id),
            added=patch.diff.added,
            removed=patch.diff.removed,
            task_id=patch.task_id,
            moved_to=patch.moved_to,
            notes=patch.notes,
        )
        for request, patch in zip(requests, plan.patches, strict=True)
    )
    return BatchResult(batch_id, patches, plan.diff, dry_run)


def following(
    events: Sequence[EventRow],
    name: PatchEventName,
    now: datetime,
    *,
    ok: bool | None = None,
    error: str | None = None,
    meta: dict[str, Any] | None = None,
) -> list[EventRow]:
    """Return the next events of the same patches."""
    return [
        _next(event, name, now, file_path=event.file_path, diff_path=event.diff_path, ok=ok, error=error, meta=meta)
        for event in events
    ]


def _next(
    event: EventRow,
    name: PatchEventName,
    now: datetime,
    *,
    file_path: str,
    diff_path: str | None,
    ok: bool | None = None,
    error: str | None = None,
    meta: dict[str, Any] | None,
) -> EventRow:
    """Return another event of the same patch; built in one go, as `dataclasses.replace` takes four times as long."""
    return EventRow(
        patch_id=event.patch_id,
        batch_id=event.batch_id,
        requester=event.requester,
        workspace=event.workspace,
        file_path=file_path,
        op=event.op,
        event=name,
        created_at=now,
        task_id=event.task_id,
        order_id=event.order_id,
        phase=event.phase,
        ts_check_ok=ok,
        diff_path=diff_path,
        error=error,
        meta=meta,
    )


def record_abandoned(custody: Custody, patch_ids: Sequence[str], error: str, now: datetime) -> None:
    """Put on record that patches failed and their files are as before; safe to repeat.

    Raises:
        UnknownPatch: this record does not know them.
    """
    patches = custody.patches(patch_ids)
    if not patches:
        raise UnknownPatch(
            f"the interrupted patch {patch_ids[0]} is not on record in this database; "
            "use the database that it was recorded in (--database-url)"
        )
    events: list[EventRow] = []
    for patch in patches:
        if patch.last(PatchEventName.PATCH_FAILED) is None:
            events += following([patch.requested], PatchEventName.PATCH_FAILED, now, error=error)
        # The connection may have been lost after the store took "applied" and before it could say so.
        if patch.is_in_force:
            events += following([patch.requested], PatchEventName.PATCH_REVERTED, now)
    custody.record(events)


def record_validation(
    result_or_patch_ids: BatchResult | Sequence[str],
    *,
    custody: Custody,
    ok: bool,
    now: datetime,
    error: str | None = None,
    meta: dict[str, Any] | None = None,
) -> None:
    """Put on record that applied patches were checked: ``patch_validated``, or ``patch_failed`` with the error.

    Raises:
        UnknownPatch: one of the patches is not on record.
        InvalidPatch: one of them was never applied, or was reverted.
        CustodyUnavailable: the record cannot be reached.
    """
    last = [patch.events[-1] for patch in _in_force(custody, result_or_patch_ids, "validated")]
    name = PatchEventName.PATCH_VALIDATED if ok else PatchEventName.PATCH_FAILED
    custody.record(following(last, name, now, ok=ok, error=error, meta=meta))


def record_export(
    result_or_patch_ids: BatchResult | Sequence[str],
    *,
    custody: Custody,
    ok: bool,
    now: datetime,
    error: str | None = None,
    meta: dict[str, Any] | None = None,
) -> None:
    """Put on record that applied patches left for elsewhere: ``patch_exported``, or ``patch_failed`` with the error.

    A failed export leaves the files as they are. `revert` takes them back, after a failed export or a good one, and
    records ``patch_reverted``: see `contracts.phase_events`.

    Raises:
        UnknownPatch: one of the patches is not on record.
        InvalidPatch: one of them was never applied, was reverted, or failed its last check.
        CustodyUnavailable: the record cannot be reached.
    """
    patches = _in_force(custody, result_or_patch_ids, "exported")
    for patch in patches:
        checked = next((event for event in reversed(patch.events) if event.ts_check_ok is not None), None)
        if checked is not None and not checked.ts_check_ok:
            raise InvalidPatch(f"patch {patch.patch_id} failed its check, so it cannot be exported: {checked.error}")
    name = PatchEventName.PATCH_EXPORTED if ok else PatchEventName.PATCH_FAILED
    last = [patch.events[-1] for patch in patches]
    custody.record(following(last, name, now, error=error, meta=meta))


def _in_force(
    custody: Custody, result_or_patch_ids: BatchResult | Sequence[str], becoming: str
) -> Sequence[RecordedPatch]:
    if isinstance(result_or_patch_ids, BatchResult):
        patch_ids: Sequence[str] = [patch.patch_id for patch in result_or_patch_ids.patches]
    else:
        patch_ids = result_or_patch_ids
    patches = known(custody, patch_ids)
    for patch in patches:
        if not patch.is_in_force:
            raise InvalidPatch(f"patch {patch.patch_id} is not applied, so it cannot be {becoming}")
    return patches


def known(custody: Custody, patch_ids: Sequence[str]) -> Sequence[RecordedPatch]:
    """Return these patches as they are on record.

    Raises:
        UnknownPatch: one of them is not.
    """
    patches = custody.patches(patch_ids)
    missing = set(patch_ids) - {patch.patch_id for patch in patches}
    if missing:
        raise UnknownPatch(f"patch {min(missing)} is not on record in this database")
    return patches
