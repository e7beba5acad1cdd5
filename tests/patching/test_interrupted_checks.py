"""A process that is killed while its check runs leaves no batch behind that nothing vouches for."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import Finding, JournalUnreadable, Workspace, apply_batch, recover_workspace
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_events import StoreCustody, activity, listing, verify_chain
from tests.patching.trees import fill, snapshot

FILES = {"a": b"1\n2\n", "b": b"b\n"}
OPERATIONS = [
    {"op": "append", "file": "a", "block": "3"},
    {"op": "move-file", "file": "b", "to": "deep/b"},
    {"op": "create-file", "file": "c", "content": "c"},
]


class Doing:
    """A check that finds nothing, and does something at its n-th look."""

    name = "doing"

    def __init__(self, look: int, action: Callable[[], None]) -> None:
        self._look = look
        self._action = action
        self._looks = 0

    def check(
        self, root: Path, overlay: Mapping[str, bytes | None] | None = None, *, changed: Sequence[str] = ()
    ) -> list[Finding]:
        self._looks += 1
        if self._looks == self._look:
            self._action()
        return []

    def close(self) -> None:
        pass


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(look: int, root: Path, store: Engine, now: datetime) -> None:
    store.dispose()
    child = os.fork()
    if child == 0:
        batch = PatchBatch(patches=list(OPERATIONS))
        apply_batch(Workspace(root), batch, custody=StoreCustody(store), now=now, checker=Doing(look, kill))
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_killed_before_the_verdict_the_batch_is_taken_back(root: Path, sqlite_store: Engine, now: datetime) -> None:
    fill(root, FILES)
    before = snapshot(root)
    killed_at(2, root, sqlite_store, now)
    assert snapshot(root) != before
    done = recover_workspace(Workspace(root), custody=StoreCustody(sqlite_store), now=now)
    assert "all files were put back" in (done or "")
    assert snapshot(root) == before
    with read_transaction(sqlite_store) as conn:
        assert {(patch.last_event, patch.ts_check_ok) for patch in activity(conn)} == {("patch_reverted", None)}
        assert verify_chain(conn, Workspace(root).name).ok
        events = {event.event for event in listing(conn)}
    assert events == {"patch_requested", "patch_applied", "patch_failed", "patch_reverted"}
    assert recover_workspace(Workspace(root), custody=StoreCustody(sqlite_store), now=now) is None


def test_killed_before_anything_was_written_nothing_is_left(root: Path, sqlite_store: Engine, now: datetime) -> None:
    fill(root, FILES)
    before = snapshot(root)
    killed_at(1, root, sqlite_store, now)
    assert recover_workspace(Workspace(root), custody=StoreCustody(sqlite_store), now=now) is None
    assert snapshot(root) == before


def test_later_work_on_the_files_stays_and_the_batch_is_told_as_failed(
    root: Path, sqlite_store: Engine, now: datetime
) -> None:
    fill(root, FILES)
    killed_at(2, root, sqlite_store, now)
    (root / "a").write_bytes(b"mine\n")
    after = snapshot(root)
    done = recover_workspace(Workspace(root), custody=StoreCustody(sqlite_store), now=now)
    assert "a is no longer what patch" in (done or "")
    assert snapshot(root) == after
    with read_transaction(sqlite_store) as conn:
        assert {patch.last_event for patch in activity(conn)} == {"patch_failed"}


def test_taking_it_back_may_itself_be_killed(root: Path, sqlite_store: Engine, now: datetime) -> None:
    fill(root, FILES)
    before = snapshot(root)
    killed_at(2, root, sqlite_store, now)
    child = os.fork()
    if child == 0:

        class Killed(StoreCustody):
            def record(self, events: object) -> None:
                kill()

        recover_workspace(Workspace(root), custody=Killed(sqlite_store), now=now)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    recover_workspace(Workspace(root), custody=StoreCustody(sqlite_store), now=now)
    assert snapshot(root) == before
    with read_transaction(sqlite_store) as conn:
        assert {patch.last_event for patch in activity(conn)} == {"patch_reverted"}


def test_a_verdict_leaves_no_mark(root: Path, sqlite_store: Engine, now: datetime) -> None:
    fill(root, FILES)
    batch = PatchBatch(patches=list(OPERATIONS))
    custody = StoreCustody(sqlite_store)
    apply_batch(Workspace(root), batch, custody=custody, now=now, checker=Doing(9, kill))
    assert not (root / ".mission_control" / "checking.json").exists()
    assert recover_workspace(Workspace(root), custody=custody, now=now) is None
    with read_transaction(sqlite_store) as conn:
        assert {patch.last_event for patch in activity(conn)} == {"patch_validated"}


def test_a_mark_that_says_nothing_is_left_to_people(root: Path, sqlite_store: Engine, now: datetime) -> None:
    fill(root, FILES)
    (root / ".mission_control").mkdir()
    (root / ".mission_control" / "checking.json").write_text("{")
    with pytest.raises(JournalUnreadable, match=r"checking\.json cannot be understood"):
        recover_workspace(Workspace(root), custody=StoreCustody(sqlite_store), now=now)
