"""Killed, or refused by the file system, at every single step: the tree is the old one or the new one, as recorded.

Python tells of each call to the file system, before it is made, through audit events (PEP 578). A hook that counts them
kills a forked child at the n-th, or lets the n-th fail: so the steps are those of the very code that is shipped.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.custody import CustodyUnavailable
from repo_agent_dagster.contracts.faults import RepoAgentError
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import (
    BatchResult,
    FileChange,
    RollbackIncomplete,
    Workspace,
    WriteFailed,
    apply_batch,
    recover_workspace,
    revert,
    write_files,
)
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.patch_events import StoreCustody, activity, verify_chain
from tests.patching.trees import Snapshot, fill, folders, snapshot

_on_step: Callable[[str, tuple[object, ...]], None] | None = None
_STEPS = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.truncate"}


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _on_step is not None and event in _STEPS:
        _on_step(event, arguments)


sys.addaudithook(_hook)  # for the life of this process; without `_on_step` it does nothing


@contextmanager
def at_step(number: int, action: Callable[[], None], *, and_after: bool = False) -> Iterator[None]:
    """Do something at the n-th step from here (and at all that follow)."""
    global _on_step
    count = 0

    def step(_event: str, _arguments: object) -> None:
        nonlocal count
        count += 1
        if count == number or (and_after and count > number):
            action()

    _on_step = step
    try:
        yield
    finally:
        _on_step = None


def killed_after_all_but_the_last_file(root: Path, url: str, now: datetime) -> None:
    """Run `file_batch` in a child that is killed when three of its four files are in place."""
    child = os.fork()
    if child == 0:
        global _on_step

        def step(event: str, arguments: tuple[object, ...]) -> None:
            if event == "os.remove" and arguments[0] == "d.txt":
                kill()

        _on_step = step
        file_batch(root, StoreCustody(open_store(url)), now)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def disk_full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


BEFORE = {
    "a.py": b"one\ntwo\nthree\n",
    "deep/b.txt": b"x\r\ny",
    "deep/er/c.txt": b"c\n",
    "gone/d.txt": b"d\n",
}


def line_batch(root: Path, custody: StoreCustody, now: datetime) -> BatchResult:
    operations = [
        {"op": "replace-block", "file": "a.py", "start": 2, "end": 2, "block": "TWO"},
        {"op": "append", "file": "a.py", "block": "four"},
        {"op": "prepend", "file": "deep/b.txt", "block": "w"},
        {"op": "append", "file": "deep/er/c.txt", "block": "e"},
    ]
    return apply_batch(Workspace(root), PatchBatch(patches=operations), custody=custody, now=now)


def file_batch(root: Path, custody: StoreCustody, now: datetime) -> BatchResult:
    changes = [
        FileChange("a.py", b"other\n", executable=True),
        FileChange("new/and/deep.txt", b"new\n"),
        FileChange("deep/e.txt", b"e\n"),
        FileChange("gone/d.txt", None),
    ]
    return write_files(
        Workspace(root),
        changes,
        order_id=None,
        requester="migration",
        reason="",
        phase=None,
        task_id=None,
        custody=custody,
        now=now,
    )


def take_back(root: Path, custody: StoreCustody, now: datetime) -> BatchResult:
    with read_transaction(custody.engine) as conn:
        batch_id = activity(conn)[0].batch_id
    assert batch_id is not None
    return revert(Workspace(root), batch_id, custody=custody, now=now)


Work = Callable[[Path, StoreCustody, datetime], BatchResult]
WORKS = [
    pytest.param(None, line_batch, id="apply"),
    pytest.param(None, file_batch, id="write files"),
    pytest.param(line_batch, take_back, id="revert"),
    pytest.param(file_batch, take_back, id="revert files"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: here the order of the steps counts, not what a disk makes of them."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory) as made:
        yield Path(made)


class World:
    """A fresh workspace and store for each attempt; both are small, so copying them is quick."""

    def __init__(self, folder: Path, template: Path, earlier: Work | None, now: datetime) -> None:
        self.root = folder / "workspace"
        self.root.mkdir(parents=True)
        fill(self.root, BEFORE)
        (folder / "store.db").write_bytes(template.read_bytes())
        self.url = f"sqlite:///{folder / 'store.db'}"
        self.engine = open_store(self.url)
        if earlier is not None:
            earlier(self.root, self.custody, now)
        self.before = (snapshot(self.root), folders(self.root))

    @property
    def custody(self) -> StoreCustody:
        return StoreCustody(self.engine)

    def agrees_with_custody(self, before: tuple[Snapshot, set[str]], after: tuple[Snapshot, set[str]]) -> str:
        """Assert that the tree is one of both, the one that the record tells; return which."""
        with read_transaction(self.engine) as conn:
            assert verify_chain(conn, Workspace(self.root).name).ok
            newest = activity(conn)
        is_after = newest[0].last_event if newest else None
        present = (snapshot(self.root), folders(self.root))
        assert present in (before, after)
        assert not (self.root / ".mission_control" / "journal.json").exists()
        if present == before:
            return f"before, {is_after}"
        return f"after, {is_after}"


APPLIED = {"before, None", "before, patch_failed", "after, patch_applied"}
# A revert is a batch of its own; until it is requested, the newest on record is the batch that it is to undo.
REVERTED = APPLIED - {"before, None"} | {"before, patch_applied"}


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.parametrize(("earlier", "work"), WORKS)
def test_killed_at_any_step_the_next_use_finds_all_or_nothing(
    folder: Path, upgraded_file: Path, now: datetime, earlier: Work | None, work: Work
) -> None:
    finished = World(folder / "finished", upgraded_file, earlier, now)
    work(finished.root, finished.custody, now)
    after = (snapshot(finished.root), folders(finished.root))
    seen = set()
    killed = True
    number = 0
    while killed:
        number += 1
        world = World(folder / str(number), upgraded_file, earlier, now)
        world.engine.dispose()
        child = os.fork()
        if child == 0:
            try:
                custody = StoreCustody(open_store(world.url))
                with at_step(number, kill):
                    work(world.root, custody, now)
            finally:
                os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        recover_workspace(Workspace(world.root), custody=world.custody, now=now)
        seen.add(world.agrees_with_custody(world.before, after))
        world.engine.dispose()
    agreements = REVERTED if work is take_back else APPLIED
    assert number > 20
    # Requested and never journalled is the one other state: nothing was touched, and nobody was there to say so.
    assert seen - {"before, patch_requested"} == agreements & seen
    assert {one.split(",")[0] for one in seen} == {"before", "after"}


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.parametrize("and_after", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize(("earlier", "work"), WORKS)
def test_a_disk_that_refuses_any_step_leaves_all_or_nothing(
    folder: Path, upgraded_file: Path, now: datetime, earlier: Work | None, work: Work, and_after: bool
) -> None:
    finished = World(folder / "finished", upgraded_file, earlier, now)
    work(finished.root, finished.custody, now)
    after = (snapshot(finished.root), folders(finished.root))
    outcomes = set()
    number, refused = 0, True
    while refused:
        number += 1
        world = World(folder / str(number), upgraded_file, earlier, now)
        refused = False

        def refuse() -> None:
            nonlocal refused
            refused = True
            disk_full()

        try:
            with at_step(number, refuse, and_after=and_after):
                work(world.root, world.custody, now)
            outcomes.add("done")
        except (RepoAgentError, OSError) as error:
            outcomes.add(type(error).__name__)
            if isinstance(error, WriteFailed):
                assert (snapshot(world.root), folders(world.root)) == world.before
        recover_workspace(Workspace(world.root), custody=world.custody, now=now)
        world.agrees_with_custody(world.before, after)
        world.engine.dispose()
    assert {"WriteFailed", "done"} <= outcomes
    assert (RollbackIncomplete.__name__ in outcomes) == and_after


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
def test_recovery_may_itself_be_killed(folder: Path, upgraded_file: Path, now: datetime) -> None:
    number = 0
    while True:
        number += 1
        world = World(folder / str(number), upgraded_file, None, now)
        world.engine.dispose()
        killed_after_all_but_the_last_file(world.root, world.url, now)
        child = os.fork()
        if child == 0:
            with at_step(number, kill):
                recover_workspace(Workspace(world.root), custody=StoreCustody(open_store(world.url)), now=now)
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        recover_workspace(Workspace(world.root), custody=world.custody, now=now)
        assert world.agrees_with_custody(world.before, world.before) == "before, patch_failed"
        if not killed:
            break
    assert number > 5


def test_the_next_batch_recovers_by_itself(folder: Path, upgraded_file: Path, now: datetime) -> None:
    world = World(folder / "world", upgraded_file, None, now)
    world.engine.dispose()
    killed_after_all_but_the_last_file(world.root, world.url, now)
    assert (world.root / "a.py").read_bytes() == b"other\n"
    line_batch(world.root, world.custody, now)
    assert (world.root / "a.py").read_bytes() == b"one\nTWO\nthree\nfour\n"
    assert (world.root / "gone" / "d.txt").exists()
    assert not (world.root / "new").exists()


def test_what_people_changed_after_the_crash_is_not_overwritten(
    folder: Path, upgraded_file: Path, now: datetime
) -> None:
    world = World(folder / "world", upgraded_file, None, now)
    world.engine.dispose()
    killed_after_all_but_the_last_file(world.root, world.url, now)
    assert (world.root / "a.py").read_bytes() == b"other\n"
    (world.root / "a.py").write_bytes(b"mine\n")
    told = recover_workspace(Workspace(world.root), custody=world.custody, now=now)
    assert told is not None
    assert "a.py was changed by somebody else meanwhile" in told
    assert (world.root / "a.py").read_bytes() == b"mine\n"
    kept = [path.read_bytes() for path in (world.root / ".mission_control" / "recovered").iterdir()]
    assert kept == [BEFORE["a.py"]]


class FailingCustody(StoreCustody):
    """The store's custody, of which the n-th and every later call to `record` fails; `after` it has been committed."""

    def __init__(self, engine: Engine, failing: int, *, after: bool = False) -> None:
        super().__init__(engine)
        self._calls = 0
        self._failing = failing
        self._after = after

    def record(self, events: object) -> None:
        self._calls += 1
        fails = self._calls >= self._failing
        if not fails or (self._after and self._calls == self._failing):
            super().record(events)  # type: ignore[arg-type] # what it was handed
        if fails:
            raise CustodyUnavailable("the connection was lost")


def test_an_unreachable_record_stops_the_batch_before_anything_is_written(
    folder: Path, upgraded_file: Path, now: datetime
) -> None:
    world = World(folder / "world", upgraded_file, None, now)
    with pytest.raises(CustodyUnavailable):
        file_batch(world.root, FailingCustody(world.engine, 1), now)
    assert world.agrees_with_custody(world.before, world.before) == "before, None"


@pytest.mark.parametrize("after", [False, True], ids=["not committed", "committed, and nobody told"])
def test_a_record_lost_after_the_files_changed_rolls_them_back(
    folder: Path, upgraded_file: Path, now: datetime, after: bool
) -> None:
    world = World(folder / "world", upgraded_file, None, now)
    with pytest.raises(CustodyUnavailable):
        file_batch(world.root, FailingCustody(world.engine, 2, after=after), now)
    assert (snapshot(world.root), folders(world.root)) == world.before
    recover_workspace(Workspace(world.root), custody=world.custody, now=now)
    expected = "before, patch_reverted" if after else "before, patch_failed"
    assert world.agrees_with_custody(world.before, world.before) == expected
