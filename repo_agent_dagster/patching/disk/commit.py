"""The one way from a plan to the disk and the record, all of it or nothing; and the clearing up after a crash."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from repo_agent_dagster.contracts.custody import Custody
from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.patching.disk import journal as wal
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.patching.model import RollbackIncomplete, UnknownPatch, WriteFailed
from repo_agent_dagster.patching.planning.plan import PlannedFile
from repo_agent_dagster.patching.record.custody import record_abandoned

_INTERRUPTED = "interrupted: the process ended before the batch was recorded as applied; all files were put back"


def commit(
    tree: Tree,
    custody: Custody,
    *,
    batch_id: str,
    decision: PatchEventName,
    patch_ids: Sequence[str],
    files: Sequence[PlannedFile],
    diffs: Mapping[str, bytes],
    decide: Callable[[], None],
    now: datetime,
) -> None:
    """Write the files and record the decision, by the protocol of `journal`. On any failure all files are put back.

    A failed apply is recorded as failed; a failed revert leaves the patches as applied as they are.

    Raises:
        WriteFailed: the file system refused something; all is as before.
        RollbackIncomplete: it refused the undoing too; the journal stays for the next use.
        PatchConflict: a file changed while the batch was applied; all is as before.
        CustodyUnavailable: the decision could not be recorded; all is as before.
    """
    journal = None
    try:
        # Where the clean-up of the commit before failed, its journal and its backups are still there; when a check
        # takes a batch back they are of this very batch, and would be taken for those of this commit.
        recover(tree, custody, now)
        journal = wal.begin(tree, batch_id, decision, patch_ids, files)
        wal.install(tree, journal, files, diffs)
        decide()
    except BaseException as error:
        if journal is not None:
            _roll_back(tree, journal, error)
        fault = _write_failed(error, decision) if isinstance(error, OSError) else error
        _abandon(tree, custody, journal, patch_ids, decision, fault, now)
        if fault is error:
            raise
        raise fault from error
    # The batch stands. What cannot be cleaned now, the next use of the workspace cleans by the journal.
    with contextlib.suppress(OSError):
        wal.finish(tree, journal)


def recover(tree: Tree, custody: Custody, now: datetime) -> str | None:
    """Finish or undo what an interrupted batch left, as the record decides; return what was done, None if nothing.

    Raises:
        UnknownPatch: the batch is on record in another database.
        CustodyUnavailable: the record cannot be asked, so nothing is touched.
    """
    journal = wal.load(tree)
    if journal is None:
        return None
    patches = custody.patches(journal.patch_ids)
    if not patches:
        raise UnknownPatch(
            f"an interrupted batch {journal.batch_id} waits in this workspace, but it is not on record in this "
            "database; use the database that it was recorded in (--database-url)"
        )
    if not journal.undone and all(patch.last(journal.decision) is not None for patch in patches):
        wal.finish(tree, journal)
        return f"batch {journal.batch_id} was recorded as {journal.decision}; its clean-up is finished"
    notes = wal.undo(tree, journal)
    if journal.decision is PatchEventName.PATCH_APPLIED:
        record_abandoned(custody, journal.patch_ids, " ".join([_INTERRUPTED, *notes]), now)
    wal.clear(tree)
    return " ".join([f"batch {journal.batch_id} was interrupted; all files were put back.", *notes])


def _write_failed(error: OSError, decision: PatchEventName) -> WriteFailed:
    if decision is PatchEventName.PATCH_REVERTED:
        return WriteFailed(
            f"writing failed ({error}), so the batch stands, and the next use of the workspace takes it back"
        )
    return WriteFailed(f"writing failed ({error}); all files are as before")


def _roll_back(tree: Tree, journal: wal.Journal, error: BaseException) -> None:
    try:
        notes = wal.undo(tree, journal)
    except OSError as failure:
        raise RollbackIncomplete(
            f"applying failed ({error}), and so did putting the files back ({failure}); the journal stays, "
            "and the next use of this workspace goes on with it once the file system takes writes again"
        ) from error
    for note in notes:
        error.add_note(note)


def _abandon(
    tree: Tree,
    custody: Custody,
    journal: wal.Journal | None,
    patch_ids: Sequence[str],
    decision: PatchEventName,
    error: BaseException,
    now: datetime,
) -> None:
    """Record that an apply failed; if even that cannot be recorded, the journal stays to have it recorded later."""
    try:
        if decision is PatchEventName.PATCH_APPLIED:
            record_abandoned(custody, patch_ids, _told(error), now)
    except RepoAgentError as unrecorded:
        error.add_note(f"That it failed could not be recorded either ({unrecorded}); it will be at the next use.")
        if journal is not None:
            with contextlib.suppress(OSError):
                wal.mark_undone(tree, journal)
        return
    if journal is not None:
        with contextlib.suppress(OSError):
            wal.clear(tree)


def _told(error: BaseException) -> str:
    said = str(error) or type(error).__name__
    return " ".join([said, *getattr(error, "__notes__", ())])
