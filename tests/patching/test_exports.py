"""What left for elsewhere is on record as exported; what did not, or was taken back, never is told as such."""

from datetime import datetime
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.messages import ResponseName
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.phase_events import events_of_phase
from repo_agent_dagster.patching import (
    BatchResult,
    InvalidPatch,
    UnknownPatch,
    Workspace,
    record_export,
    record_validation,
    revert,
)
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_events import StoreCustody, activity
from tests.patching.conftest import Apply


@pytest.fixture
def applied(root: Path, patch: Apply) -> BatchResult:
    (root / "f.txt").write_text("one\n")
    return patch({"op": "append", "file": "f.txt", "block": "two"})


def names(custody: StoreCustody, result: BatchResult) -> list[PatchEventName]:
    (found,) = custody.patches([result.patches[0].patch_id])
    return [event.event for event in found.events]


def test_an_export_is_the_event_of_its_phase(applied: BatchResult, custody: StoreCustody, now: datetime) -> None:
    record_validation(applied, custody=custody, ok=True, now=now)
    record_export(applied, custody=custody, ok=True, now=now, meta={"repository": "example/shop"})
    assert names(custody, applied)[-1:] == list(events_of_phase(ResponseName.GITHUB_EXPORT_COMPLETED))
    with read_transaction(custody.engine) as conn:
        (told,) = activity(conn)
    assert (told.exported_at, told.last_event) == (now, "patch_exported")


def test_a_failed_export_that_is_taken_back_is_failed_and_reverted(
    applied: BatchResult, custody: StoreCustody, root: Path, now: datetime
) -> None:
    record_export(applied, custody=custody, ok=False, now=now, error="the push was refused")
    assert (root / "f.txt").read_text() == "one\ntwo\n"
    revert(Workspace(root), applied.batch_id, custody=custody, now=now)
    assert names(custody, applied)[-2:] == list(events_of_phase(ResponseName.GITHUB_EXPORT_COMPLETED, ok=False))
    with read_transaction(custody.engine) as conn:
        (told,) = activity(conn, patch_id=applied.patches[0].patch_id)
    assert (told.exported_at, told.error) == (None, "the push was refused")


def test_a_failed_export_may_be_tried_again(applied: BatchResult, custody: StoreCustody, now: datetime) -> None:
    record_export(applied, custody=custody, ok=False, now=now, error="the push was refused")
    record_export(applied, custody=custody, ok=True, now=now)
    assert names(custody, applied)[-1] is PatchEventName.PATCH_EXPORTED


def test_an_exported_patch_can_be_taken_back(
    applied: BatchResult, custody: StoreCustody, root: Path, now: datetime
) -> None:
    record_export([applied.patches[0].patch_id], custody=custody, ok=True, now=now)
    revert(Workspace(root), applied.batch_id, custody=custody, now=now)
    assert names(custody, applied)[-2:] == [PatchEventName.PATCH_EXPORTED, PatchEventName.PATCH_REVERTED]


def test_what_is_not_in_force_cannot_be_exported(
    applied: BatchResult, custody: StoreCustody, root: Path, now: datetime
) -> None:
    revert(Workspace(root), applied.batch_id, custody=custody, now=now)
    for ok in (True, False):
        with pytest.raises(InvalidPatch, match="is not applied, so it cannot be exported"):
            record_export(applied, custody=custody, ok=ok, now=now)


def test_what_failed_its_check_cannot_be_exported_until_it_passes(
    applied: BatchResult, custody: StoreCustody, now: datetime
) -> None:
    record_validation(applied, custody=custody, ok=False, now=now, error="f.txt:1: wrong")
    with pytest.raises(InvalidPatch, match=r"failed its check, so it cannot be exported: f\.txt:1: wrong"):
        record_export(applied, custody=custody, ok=True, now=now)
    record_validation(applied, custody=custody, ok=True, now=now)
    record_export(applied, custody=custody, ok=True, now=now)
    assert names(custody, applied)[-1] is PatchEventName.PATCH_EXPORTED


def test_an_unknown_patch_cannot_be_exported(custody: StoreCustody, now: datetime) -> None:
    with pytest.raises(UnknownPatch):
        record_export(["none"], custody=custody, ok=True, now=now)
