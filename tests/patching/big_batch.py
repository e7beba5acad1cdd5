"""A batch on fifty files with operations of all kinds, and a world to apply it in."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from repo_agent_dagster.contracts.custody import RecordedPatch
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import CheckFailed, Workspace, apply_batch, recover_workspace, revert
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.patch_events import StoreCustody, verify_chain
from tests.patching.always_failing import AlwaysFailing
from tests.patching.trees import Snapshot, fill, folders, snapshot

NAMES = [f"{folder}file{number}.txt" for folder in ("", "a/", "a/b/", "gone/", "c/d/e/") for number in range(10)]
LINES = b"one\ntwo\nthree\nfour\n"

State = tuple[Snapshot, set[str]]
Work = Callable[["World", str], object]


def operations(number: int, name: str) -> list[dict[str, Any]]:
    """Return what is done to a file: all kinds of operations come in turn, and one folder goes."""
    if name.startswith("gone/"):
        return [{"op": "delete-file", "file": name}] if number % 2 else [_moved(name)]
    return [
        [{"op": "replace-block", "file": name, "start": 2, "end": 3, "block": "zwei"}],
        [
            {"op": "insert-before", "file": name, "line": 1, "block": "zero"},
            {"op": "append", "file": name, "block": "5"},
        ],
        [{"op": "insert-after", "file": name, "line": 4, "block": "five\nsix"}],
        [{"op": "prepend", "file": name, "block": "top"}],
        [{"op": "replace-text", "file": name, "old": "three\n", "new": ""}],
        [{"op": "apply-diff", "diff": f"--- a/{name}\n+++ b/{name}\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n"}],
        [{"op": "apply-diff", "diff": f"diff --git a/{name} b/{name}\nold mode 100644\nnew mode 100755\n"}],
        [{"op": "create-file", "file": f"new/{name}", "content": "made\n", "executable": True}],
        [{"op": "delete-file", "file": name}],
        [_moved(name), {"op": "replace-block", "file": name, "start": 1, "end": 1, "block": ""}],
    ][number % 10]


def _moved(name: str) -> dict[str, Any]:
    return {"op": "move-file", "file": name, "to": f"moved/{name}"}


BATCH = PatchBatch(patches=[one for number, name in enumerate(NAMES) for one in operations(number, name)])


@contextmanager
def quick_folder(otherwise: Path) -> Iterator[Path]:
    """A folder in memory where there is one: the order of the steps counts, not what a disk makes of them."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield otherwise
        return
    with TemporaryDirectory(dir=memory) as made:
        yield Path(made)


class World:
    """A workspace and its store, which can be had again as they were."""

    def __init__(self, folder: Path, store: Path, now: datetime, earlier: Work | None = None) -> None:
        self._template = folder / "template"
        self.root = folder / "world" / "workspace"
        self.url = f"sqlite:///{folder / 'world' / 'store.db'}"
        self.now = now
        self.earlier_batch = new_id()
        self.root.mkdir(parents=True)
        fill(self.root, dict.fromkeys(NAMES, LINES))
        shutil.copy(store, folder / "world" / "store.db")
        if earlier is not None:
            earlier(self, self.earlier_batch)
        self.before = self.state()
        (folder / "world").rename(self._template)

    def renew(self) -> None:
        """Put everything back as it was in the beginning."""
        shutil.rmtree(self.root.parent, ignore_errors=True)
        shutil.copytree(self._template, self.root.parent)

    def state(self) -> State:
        return snapshot(self.root), folders(self.root)

    @contextmanager
    def custody(self) -> Iterator[StoreCustody]:
        engine = open_store(self.url)
        yield StoreCustody(engine)
        engine.dispose()

    def recover(self) -> str | None:
        with self.custody() as custody:
            return recover_workspace(Workspace(self.root), custody=custody, now=self.now)

    def agrees(self, batch_id: str, after: State) -> str:
        """Assert that the tree is the old or the new one, as the record has it, without litter; return which."""
        with self.custody() as custody:
            with read_transaction(custody.engine) as conn:
                assert verify_chain(conn, str(self.root)).ok
            patches = custody.batch(batch_id)
        in_force = {is_in_force(patch) for patch in patches} or {False}
        assert len(in_force) == 1, "half of the batch is on record"
        present = self.state()
        assert present == (after if in_force.pop() else self.before)
        assert not list(self.root.rglob(".mission-*"))
        assert not (self.root / ".mission_control" / "journal.json").exists()
        return "after" if present == after else "before"


def is_in_force(patch: RecordedPatch) -> bool:
    return patch.is_in_force


def applying(world: World, batch_id: str) -> None:
    with world.custody() as custody:
        apply_batch(Workspace(world.root), BATCH, custody=custody, now=world.now, batch_id=batch_id)


def reverting(world: World, batch_id: str) -> None:
    with world.custody() as custody:
        revert(Workspace(world.root), world.earlier_batch, custody=custody, now=world.now, batch_id=batch_id)


def failing(world: World, batch_id: str) -> None:
    """A check fails the batch, so that it is taken back."""
    with world.custody() as custody:
        try:
            apply_batch(
                Workspace(world.root),
                BATCH,
                custody=custody,
                now=world.now,
                batch_id=batch_id,
                checker=AlwaysFailing(),
            )
        except CheckFailed:
            return
