"""What a batch puts on record, and who has to wait for whom."""

import json
import os
import threading
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.custody import CustodyRefused
from repo_agent_dagster.patching import (
    CheckFailed,
    FileChange,
    Finding,
    InvalidPatch,
    JournalUnreadable,
    Overlay,
    PatchConflict,
    UnknownPatch,
    UnsafePath,
    Workspace,
    WorkspaceLocked,
    record_validation,
    recover_workspace,
    write_files,
)
from repo_agent_dagster.patching.disk.lock import locked
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.migrate import upgrade
from repo_agent_dagster.store.patch_events import StoreCustody, StoredEvent, listing, verify_chain
from tests.patching.conftest import Apply
from tests.patching.trees import fill, folders, snapshot


def append(file: str, block: str = "x", **more: Any) -> dict[str, Any]:
    return {"op": "append", "file": file, "block": block, **more}


def write(root: Path, custody: StoreCustody, now: datetime, *changes: FileChange, **more: Any) -> Any:
    return write_files(
        Workspace(root),
        changes,
        order_id="42",
        requester="migration",
        reason="moved",
        phase="two",
        task_id="t",
        custody=custody,
        now=now,
        **more,
    )


def events(store: Engine) -> list[StoredEvent]:
    with read_transaction(store) as conn:
        return listing(conn)


class TestOnRecord:
    def test_a_batch_is_requested_then_applied(
        self, root: Path, patch: Apply, sqlite_store: Engine, now: datetime
    ) -> None:
        fill(root, {"f": b"a\n", "g": b"b\n"})
        result = patch(
            append("f", task_id="t1"), append("./g"), order_id="42", requester="factory", reason="why", phase="one"
        )
        told = events(sqlite_store)
        assert [(one.event, one.file_path) for one in told] == [
            ("patch_requested", "f"),
            ("patch_requested", "g"),
            ("patch_applied", "f"),
            ("patch_applied", "g"),
        ]
        first = told[0]
        assert (first.order_id, first.requester, first.phase, first.task_id) == ("42", "factory", "one", "t1")
        assert (first.batch_id, first.workspace, first.created_at) == (result.batch_id, str(root), now)
        assert first.meta == {"reason": "why", "branch": "", "step": 1}
        assert [one.ts_check_ok for one in told] == [None] * 4
        assert told[2].diff_path == result.patches[0].diff_path
        assert (root / str(told[2].diff_path)).read_bytes().endswith(b"@@ -1,1 +1,2 @@\n a\n+x\n")

    def test_a_dry_run_shows_the_diff_and_writes_and_records_nothing(
        self, root: Path, patch: Apply, sqlite_store: Engine
    ) -> None:
        fill(root, {"f": b"a\n"})
        result = patch(append("f"), dry_run=True)
        assert result.dry_run
        assert "+x\n" in result.diff
        assert [path.name for path in root.iterdir()] == ["f"]
        assert events(sqlite_store) == []

    def test_a_patch_that_changes_nothing_is_applied_with_an_empty_diff(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"a\n"})
        result = patch({"op": "replace-block", "file": "f", "start": 1, "end": 1, "block": "a"})
        assert result.diff == ""
        assert (result.patches[0].added, result.patches[0].removed) == (0, 0)

    def test_what_the_record_does_not_take_is_not_applied(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"a\n"})
        with pytest.raises(CustodyRefused, match="order_id takes at most 200 characters"):
            patch(append("f"), order_id="4" * 201)
        assert snapshot(root) == {"f": (b"a\n", 0o644)}

    def test_validation_is_recorded_as_validated_or_failed(
        self, root: Path, patch: Apply, custody: StoreCustody, sqlite_store: Engine, now: datetime
    ) -> None:
        fill(root, {"f": b"a\n"})
        result = patch(append("f"), append("f"))
        record_validation(result, custody=custody, ok=True, now=now, meta={"check": "tsc"})
        record_validation([result.patches[0].patch_id], custody=custody, ok=False, now=now, error="two errors")
        told = [(one.event, one.ts_check_ok, one.error, one.meta) for one in events(sqlite_store)[4:]]
        assert told == [
            ("patch_validated", True, None, {"check": "tsc"}),
            ("patch_validated", True, None, {"check": "tsc"}),
            ("patch_failed", False, "two errors", None),
        ]

    def test_only_an_applied_patch_can_be_validated(
        self, root: Path, patch: Apply, custody: StoreCustody, sqlite_store: Engine, now: datetime
    ) -> None:
        with pytest.raises(PatchConflict):
            patch(append("missing"))
        with pytest.raises(InvalidPatch, match="is not applied"):
            record_validation([events(sqlite_store)[0].patch_id], custody=custody, ok=True, now=now)
        with pytest.raises(UnknownPatch):
            record_validation(["no-such-patch"], custody=custody, ok=True, now=now)


class TestWholeFiles:
    def test_what_is_so_already_makes_no_patch(
        self, root: Path, custody: StoreCustody, sqlite_store: Engine, now: datetime
    ) -> None:
        fill(root, {"same": b"a\n", "other": b"b\n"})
        changes = (FileChange("same", b"a\n"), FileChange("other", b"B\n"), FileChange("absent", None))
        result = write(root, custody, now, *changes)
        assert [(one.file, one.op) for one in result.patches] == [("other", "replace-file")]
        again = write(root, custody, now, *changes)
        assert again.patches == ()
        assert len(events(sqlite_store)) == 2

    def test_each_kind_of_change_has_its_name_on_record(
        self, root: Path, custody: StoreCustody, sqlite_store: Engine, now: datetime
    ) -> None:
        fill(root, {"old": b"a\n", "gone/deep/f": b"b\n"})
        write(root, custody, now, FileChange("old", b""), FileChange("n/f", b"n"), FileChange("gone/deep/f", None))
        told = events(sqlite_store)[3:]
        assert [(one.op, one.event) for one in told] == [
            ("replace-file", "patch_applied"),
            ("create-file", "patch_applied"),
            ("delete-file", "patch_applied"),
        ]
        assert {(one.order_id, one.requester, one.phase, one.task_id) for one in told} == {
            ("42", "migration", "two", "t")
        }
        assert folders(root) == {".", "n"}

    def test_executable_bits_follow_the_change(self, root: Path, custody: StoreCustody, now: datetime) -> None:
        fill(root, {"on": b"a\n", "off": b"a\n"})
        (root / "on").chmod(0o640)
        (root / "off").chmod(0o755)
        write(root, custody, now, FileChange("on", b"a\n", executable=True), FileChange("off", b"b\n"))
        assert snapshot(root) == {"on": (b"a\n", 0o750), "off": (b"b\n", 0o644)}

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ([FileChange("f", b"x"), FileChange("./f", b"y")], InvalidPatch, "twice"),
            ([FileChange("f", b"x", expect_sha256="0" * 64)], PatchConflict, "has SHA-256"),
            ([FileChange("new", b"x", expect_sha256="0" * 64)], PatchConflict, "is absent"),
            ([FileChange("../f", b"x")], UnsafePath, r"'\.\.'"),
            ([FileChange("f/below", b"x")], UnsafePath, "f is a file"),
            ([FileChange("new", b"x"), FileChange("new/below", b"y")], PatchConflict, "came into being"),
            ([FileChange(".git/hooks/post-commit", b"x")], UnsafePath, r"\.git"),
        ],
    )
    def test_bad_changes_are_refused_whole(
        self,
        root: Path,
        custody: StoreCustody,
        now: datetime,
        changes: list[FileChange],
        error: type[Exception],
        message: str,
    ) -> None:
        fill(root, {"f": b"a\n"})
        with pytest.raises(error, match=message):
            write(root, custody, now, FileChange("good", b"g"), *changes)
        assert snapshot(root) == {"f": (b"a\n", 0o644)}


class TestLock:
    def test_a_held_workspace_is_refused_after_the_timeout_and_nothing_is_recorded(
        self, root: Path, patch: Apply, sqlite_store: Engine
    ) -> None:
        fill(root, {"f": b"a\n"})
        with locked(root, 0), pytest.raises(WorkspaceLocked, match=f"process {os.getpid()}"):
            patch(append("f"), lock_timeout_seconds=0.1)
        assert events(sqlite_store) == []

    def test_a_batch_waits_for_the_one_before(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"a\n"})
        with locked(root, 0):
            waiting = threading.Thread(target=patch, args=(append("f"),))
            waiting.start()
            time.sleep(0.1)
            assert (root / "f").read_bytes() == b"a\n"
        waiting.join()
        assert (root / "f").read_bytes() == b"a\nx\n"

    def test_the_lock_of_a_dead_process_is_free(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"a\n"})
        if os.fork() == 0:
            locked(root, 0).__enter__()
            os._exit(1)
        os.wait()
        patch(append("f"), lock_timeout_seconds=0)
        assert (root / "f").read_bytes() == b"a\nx\n"

    def test_batches_from_many_threads_lose_nothing(self, root: Path, patch: Apply, sqlite_store: Engine) -> None:
        fill(root, {"f": b""})
        threads = [threading.Thread(target=patch, args=(append("f", str(number)),)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted((root / "f").read_text().split()) == [str(number) for number in range(8)]
        with read_transaction(sqlite_store) as conn:
            assert verify_chain(conn, str(root)).checked == 16


def _journal(**fields: Any) -> bytes:
    journal = {
        "version": 1,
        "batch_id": "unknown",
        "decision": "patch_applied",
        "patch_ids": ["p"],
        "entries": [],
        "folders": [],
        "undone": False,
    }
    return json.dumps(journal | fields).encode()


class TestJournal:
    @pytest.mark.parametrize(
        "content",
        [
            b"{",
            b"[]",
            json.dumps({"version": 99}).encode(),
            _journal(batch_id="../../x"),
            _journal(patch_ids=["../../x"]),
            _journal(folders=["../x"]),
            _journal(entries=[{"path": "../x", "kind": "create", "before_sha256": None, "after_sha256": None}]),
            _journal(entries=[{"path": "x"}]),
        ],
    )
    def test_a_journal_that_is_none_stops_everything(self, root: Path, patch: Apply, content: bytes) -> None:
        fill(root, {"f": b"a\n", ".mission_control/journal.json": content})
        with pytest.raises(JournalUnreadable, match="cannot be understood"):
            patch(append("f"))
        assert (root / "f").read_bytes() == b"a\n"

    def test_an_interrupted_batch_is_left_alone_when_another_database_is_asked(
        self, root: Path, patch: Apply, tmp_path: Path, now: datetime
    ) -> None:
        fill(root, {"f": b"a\n"})
        fill(root, {".mission_control/journal.json": _journal()})
        other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
        upgrade(other)
        with pytest.raises(UnknownPatch, match="--database-url"):
            recover_workspace(Workspace(root), custody=StoreCustody(other), now=now)
        with pytest.raises(UnknownPatch, match="--database-url"):
            patch(append("f"), dry_run=True)

    def test_there_is_nothing_to_recover_in_a_workspace_at_rest(
        self, root: Path, custody: StoreCustody, now: datetime
    ) -> None:
        assert recover_workspace(Workspace(root), custody=custody, now=now) is None


def test_a_file_that_changes_while_the_batch_is_applied_is_a_conflict(
    root: Path, patch: Apply, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, {"f": b"a\n", "g": b"b\n"})
    real_fsync = os.fsync

    def somebody_writes(descriptor: int) -> None:
        # Between staging and the renames: the time that a slow disk gives to others.
        if (root / "g").read_bytes() == b"b\n":
            (root / "g").write_bytes(b"theirs\n")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", somebody_writes)
    with pytest.raises(PatchConflict, match="g changed while the batch was applied"):
        patch(append("f"), append("g"))
    assert snapshot(root) == {"f": (b"a\n", 0o644), "g": (b"theirs\n", 0o644)}


def test_a_file_system_without_hard_links_is_served_too(
    root: Path, patch: Apply, custody: StoreCustody, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, {"f": b"a\n", "gone": b"b\n"})

    def no_links(*_arguments: object, **_keywords: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write(root, custody, now, FileChange("f", b"A\n"), FileChange("new", b"n\n"), FileChange("gone", None))
    assert snapshot(root) == {"f": (b"A\n", 0o644), "new": (b"n\n", 0o644)}
    with pytest.raises(CheckFailed):
        patch(append("f"), checker=_Never())
    assert snapshot(root) == {"f": (b"A\n", 0o644), "new": (b"n\n", 0o644)}


class _Never:
    """Finds something new each time."""

    name = "never"

    def __init__(self) -> None:
        self._runs = 0

    def check(self, _root: Path, _overlay: Overlay, *, changed: Collection[str]) -> Sequence[Finding]:
        self._runs += 1
        return [Finding("f", 0, "E", f"run {'x' * self._runs} of {changed}")]

    def close(self) -> None:
        """Nothing runs for it."""
