"""Taking patches back: byte for byte, or not at all."""

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.patching import (
    BatchResult,
    FileChange,
    InvalidPatch,
    PatchConflict,
    UnknownPatch,
    Workspace,
    revert,
    write_files,
)
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_events import StoreCustody, listing
from tests.patching.conftest import Apply
from tests.patching.trees import fill, folders, snapshot

OPERATIONS = [
    {"op": "append", "file": "f", "block": "end"},
    {"op": "replace-block", "file": "f", "start": 2, "end": 3, "block": "two\nzwei\ndeux"},
    {"op": "prepend", "file": "g", "block": "top"},
    {"op": "prepend", "file": "f", "block": "top"},
]
FILES = {"f": b"\xef\xbb\xbf1\r\n2\n3\r\n4", "g": b"\xe9\n"}


def take_back(root: Path, custody: StoreCustody, now: datetime, *which: str) -> BatchResult:
    return revert(Workspace(root), list(which), custody=custody, now=now)


def test_a_batch_is_undone_to_the_byte(root: Path, patch: Apply, custody: StoreCustody, now: datetime) -> None:
    fill(root, FILES)
    (root / "f").chmod(0o600)
    before = snapshot(root)
    result = patch(*OPERATIONS)
    undone = revert(Workspace(root), result.batch_id, custody=custody, now=now)
    assert snapshot(root) == before
    assert [(one.file, one.op) for one in undone.patches] == [(one.file, "revert") for one in reversed(result.patches)]
    assert "-two\n" in undone.diff


def test_the_record_tells_that_it_was_reverted(
    root: Path, patch: Apply, custody: StoreCustody, now: datetime, sqlite_store: Engine
) -> None:
    fill(root, FILES)
    result = patch(*OPERATIONS[:1])
    undone = revert(Workspace(root), result.batch_id, custody=custody, now=now)
    with read_transaction(sqlite_store) as conn:
        events = listing(conn)
    first, second = result.patches[0].patch_id, undone.patches[0].patch_id
    assert [(event.patch_id, event.event) for event in events] == [
        (first, "patch_requested"),
        (first, "patch_applied"),
        (second, "patch_requested"),
        (second, "patch_applied"),
        (first, "patch_reverted"),
    ]
    assert (events[2].meta or {})["reverts"] == first
    assert (events[4].meta or {})["by"] == second


def test_patches_of_one_file_are_undone_from_the_last_to_the_first(
    root: Path, patch: Apply, custody: StoreCustody, now: datetime
) -> None:
    fill(root, FILES)
    before = snapshot(root)
    end, two, other, top = (one.patch_id for one in patch(*OPERATIONS).patches)
    with pytest.raises(PatchConflict, match=f"patch {top} changed f afterwards"):
        take_back(root, custody, now, two)
    take_back(root, custody, now, top)
    assert (root / "f").read_bytes() == b"\xef\xbb\xbf1\r\ntwo\nzwei\r\ndeux\r\n4\r\nend"
    take_back(root, custody, now, other)
    take_back(root, custody, now, end, two)
    assert snapshot(root) == before


def test_what_is_left_of_a_batch_is_undone_as_a_whole(
    root: Path, patch: Apply, custody: StoreCustody, now: datetime
) -> None:
    fill(root, FILES)
    before = snapshot(root)
    result = patch(*OPERATIONS)
    take_back(root, custody, now, result.patches[3].patch_id)
    undone = revert(Workspace(root), result.batch_id, custody=custody, now=now)
    assert len(undone.patches) == 3
    assert snapshot(root) == before


def test_new_and_deleted_files_come_and_go(root: Path, custody: StoreCustody, now: datetime) -> None:
    fill(root, {"deep/gone": b"g\n", "blob": b"\0old", "tool": b"#!/bin/sh\n"})
    (root / "deep" / "gone").chmod(0o750)
    before = (snapshot(root), folders(root))
    result = write_files(
        Workspace(root),
        [
            FileChange("deep/gone", None),
            FileChange("blob", b"\0new" * 99),
            FileChange("new/blob", b"\0"),
            FileChange("new/empty", b""),
            FileChange("tool", b"#!/bin/sh\n", executable=True),
        ],
        order_id=None,
        requester="migration",
        reason="",
        phase=None,
        task_id=None,
        custody=custody,
        now=now,
    )
    assert folders(root) == {".", "new"}
    revert(Workspace(root), result.batch_id, custody=custody, now=now)
    assert (snapshot(root), folders(root)) == before


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param(b"1\n2\nmine\n", r"-end\n\+mine", id="in the patch's lines: the difference is shown"),
        pytest.param(b"mine\n2\nend\n", r"(?s)-1.*\+mine", id="in its context"),
        pytest.param(b"1\n2\nend\n\n\n\n\nmine\n", r"(?s)end\n.*\+mine", id="elsewhere"),
        pytest.param(b"\0", "GIT binary patch", id="binary by now"),
        pytest.param(None, "it is gone", id="gone"),
    ],
)
def test_later_work_is_never_lost(
    root: Path, patch: Apply, custody: StoreCustody, now: datetime, changed: bytes | None, told: str
) -> None:
    fill(root, {"f": b"1\n2\n"})
    result = patch(OPERATIONS[0])
    if changed is None:
        (root / "f").unlink()
    else:
        (root / "f").write_bytes(changed)
    before = snapshot(root)
    with pytest.raises(PatchConflict, match=told):
        revert(Workspace(root), result.batch_id, custody=custody, now=now)
    assert snapshot(root) == before


def test_a_later_batch_goes_first(root: Path, patch: Apply, custody: StoreCustody, now: datetime) -> None:
    fill(root, {"f": b"1\n2\n"})
    first, second = patch(OPERATIONS[0]), patch(OPERATIONS[3])
    with pytest.raises(PatchConflict, match="no longer what patch"):
        revert(Workspace(root), first.batch_id, custody=custody, now=now)
    revert(Workspace(root), second.batch_id, custody=custody, now=now)
    revert(Workspace(root), first.batch_id, custody=custody, now=now)
    assert (root / "f").read_bytes() == b"1\n2\n"


def test_what_cannot_be_reverted_is_refused(root: Path, patch: Apply, custody: StoreCustody, now: datetime) -> None:
    fill(root, {"f": b"1\n2\n", "g": b"1\n"})
    first, second = patch(OPERATIONS[0]), patch(OPERATIONS[2])
    one, two = first.patches[0].patch_id, second.patches[0].patch_id
    with pytest.raises(UnknownPatch):
        revert(Workspace(root), "no-such-batch", custody=custody, now=now)
    with pytest.raises(UnknownPatch):
        take_back(root, custody, now, one, "no-such-patch")
    with pytest.raises(InvalidPatch, match="one batch after the other"):
        take_back(root, custody, now, one, two)
    with pytest.raises(InvalidPatch, match="at least one"):
        take_back(root, custody, now)
    with pytest.raises(InvalidPatch, match="another'"):
        revert(Workspace(root, name="another"), first.batch_id, custody=custody, now=now)
    take_back(root, custody, now, one)
    with pytest.raises(PatchConflict, match="not in force"):
        take_back(root, custody, now, one)
    with pytest.raises(PatchConflict, match="no patch in force"):
        revert(Workspace(root), first.batch_id, custody=custody, now=now)


def test_without_its_diff_a_patch_stays(root: Path, patch: Apply, custody: StoreCustody, now: datetime) -> None:
    fill(root, {"f": b"1\n2\n"})
    result = patch(OPERATIONS[0])
    (root / result.patches[0].diff_path).unlink()
    with pytest.raises(PatchConflict, match="is gone"):
        revert(Workspace(root), result.batch_id, custody=custody, now=now)


def test_a_diff_that_was_tampered_with_is_noticed(
    root: Path, patch: Apply, custody: StoreCustody, now: datetime
) -> None:
    fill(root, {"f": b"1\n2\n"})
    result = patch({"op": "replace-block", "file": "f", "start": 1, "end": 1, "block": "x"})
    diff = root / result.patches[0].diff_path
    diff.write_bytes(diff.read_bytes().replace(b"-1\n", b"-evil\n"))
    with pytest.raises(PatchConflict, match="do not lead back"):
        revert(Workspace(root), result.batch_id, custody=custody, now=now)
    assert (root / "f").read_bytes() == b"x\n2\n"
