"""A workspace through random batches, refusals, failing checks, reverts and people's own edits, beside the reference.

After every step the tree is the reference's. In the end the record proves itself: its chain is whole, a replay makes
the tree again, and git goes through all emitted diffs forth and back.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from repo_agent_dagster.contracts.custody import EventRow
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import (
    BatchResult,
    CheckFailed,
    PatchConflict,
    Workspace,
    apply_batch,
    apply_batches,
    replay,
    revert,
)
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.patch_events import StoreCustody, of_workspace, verify_chain
from repo_agent_dagster.store.revision import open_upgraded
from tests.patching.always_failing import AlwaysFailing
from tests.patching.random_batches import PATHS, Batch, batches, files, trees
from tests.patching.reference import Action, File, Moved, Refused, Tree, applied, parents
from tests.patching.trees import fill, folders, snapshot

pytestmark = pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced

EXAMPLES = int(os.environ.get("PATCH_PROOF_EXAMPLES", "120"))
"""How many lives of a workspace are tried; they are the same ones each time. Give more for a longer look."""

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


@cache
def _upgraded_store() -> bytes:
    folder = Path(mkdtemp())
    open_upgraded(f"sqlite:///{folder / 'store.db'}").dispose()
    content = (folder / "store.db").read_bytes()
    shutil.rmtree(folder)
    return content


@dataclass
class _Done:
    """A batch, or a revert: what the tree was around it, and what it touched; without a result it was taken back."""

    result: BatchResult | None = field(repr=False)
    before: Tree = field(repr=False)
    after: Tree = field(repr=False)
    touched: set[str]
    steps: list[tuple[Action, ...]] = field(default_factory=list)
    coordinates: str = "original"
    in_force: bool = True
    is_whole: bool = True


class Life(RuleBasedStateMachine):
    """One workspace and its record."""

    @initialize(tree=trees())
    def begin(self, tree: Tree) -> None:
        memory = Path("/dev/shm")
        self.folder = Path(mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
        self.root, self.twin = self.folder / "workspace", self.folder / "twin"
        (self.folder / "store.db").write_bytes(_upgraded_store())
        self.engine = open_store(f"sqlite:///{self.folder / 'store.db'}")
        self.custody = StoreCustody(self.engine)
        self.workspace = Workspace(self.root)
        self.tree = tree
        self.failed = False
        self.history: list[_Done] = []
        self.twin_steps: list[Callable[[], None]] = []
        for place in (self.root, self.twin):
            place.mkdir()
            for path, file in tree.items():
                write(place, path, file)

    @rule(data=st.data())
    def apply(self, data: st.DataObject) -> None:
        batch = data.draw(batches(self.tree))
        try:
            after = applied(self.tree, batch.steps, batch.coordinates)
        except Refused as why:
            with pytest.raises(PermanentFault):
                pytest.fail(f"applied, though {why}: {self._apply(batch)}")
            return
        self._stands(self._apply(batch), after, touched(batch.steps), batch)

    @rule(data=st.data())
    def apply_several_at_once(self, data: st.DataObject) -> None:
        tree = self.tree
        asked: list[tuple[Batch, Tree | None]] = []
        for _ in range(data.draw(st.integers(2, 3))):
            batch = data.draw(batches(tree))
            try:
                tree = applied(tree, batch.steps, batch.coordinates)
                asked.append((batch, tree))
            except Refused:
                asked.append((batch, None))
        sent = [PatchBatch(**batch.sent) for batch, _ in asked]
        outcomes = apply_batches(self.workspace, sent, custody=self.custody, now=NOW)
        for (batch, after), outcome in zip(asked, outcomes, strict=True):
            assert isinstance(outcome, BatchResult) == (after is not None), outcome
            if isinstance(outcome, BatchResult) and after is not None:
                self._stands(outcome, after, touched(batch.steps), batch)
                self.history[-1].is_whole = False

    @rule(data=st.data())
    def apply_with_a_failing_check(self, data: st.DataObject) -> None:
        batch = data.draw(batches(self.tree, valid=True))
        with pytest.raises(CheckFailed):
            self._apply(batch, checker=AlwaysFailing())
        self.history.append(_Done(None, self.tree, self.tree, touched(batch.steps), in_force=False))

    @rule(data=st.data())
    def look_at_a_plan(self, data: st.DataObject) -> None:
        batch = data.draw(batches(self.tree, valid=True))
        assert self._apply(batch, dry_run=True).dry_run

    @precondition(lambda self: any(one.in_force for one in self.done))
    @rule(data=st.data())
    def revert_a_batch(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.done if one.in_force]))
        if not self._is_as_left(one):
            if as_read(self.tree, one.touched) == as_read(one.after, one.touched):
                return  # nothing but permissions changed, which need no refusal
            with pytest.raises(PatchConflict):
                self._revert(self._id(one))
            return
        after = {path: file for path, file in self.tree.items() if path not in one.touched}
        after |= {path: file for path, file in one.before.items() if path in one.touched}
        one.in_force = False
        # Where nothing was done since, three ways are all the same; what was between batches of a group is not kept.
        three_way = one.is_whole and data.draw(st.booleans(), label="three ways")
        self._stands(self._revert(self._id(one), three_way=three_way), after, one.touched)

    @precondition(lambda self: bool(self.done) and self.done[-1].in_force and len(self.done[-1].steps) > 1)
    @rule(data=st.data())
    def revert_the_last_patches_of_the_last_batch(self, data: st.DataObject) -> None:
        one = self.done[-1]
        count = data.draw(st.integers(1, len(one.steps) - 1))
        assert one.result is not None
        ids = [patch.patch_id for patch in one.result.patches][count:]
        if not self._is_as_left(one):
            return
        after = {path: file for path, file in self.tree.items() if path not in one.touched}
        left = applied(one.before, one.steps[:count], one.coordinates)
        after |= {path: file for path, file in left.items() if path in one.touched}
        one.in_force = False  # it is not whole any more; what is left of it stays
        self._stands(self._revert(ids), after, touched_after(one.steps, count, one.coordinates))

    @rule(data=st.data(), file=files)
    def somebody_writes(self, data: st.DataObject, file: File) -> None:
        path = data.draw(st.sampled_from(PATHS))
        if any(folder in self.tree for folder in parents(path)) or any(path in parents(one) for one in self.tree):
            return
        self.tree = {**self.tree, path: file}
        write(self.root, path, file)
        self.twin_steps.append(lambda: write(self.twin, path, file))

    @precondition(lambda self: hasattr(self, "tree") and bool(self.tree))
    @rule(data=st.data())
    def somebody_deletes(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.tree)))
        self.tree = {one: file for one, file in self.tree.items() if one != path}
        remove(self.root, path)
        self.twin_steps.append(lambda: remove(self.twin, path))

    @property
    def done(self) -> list[_Done]:
        return [one for one in self.history if one.result is not None]

    @invariant()
    def the_tree_is_the_references(self) -> None:
        if hasattr(self, "root"):
            self.failed = True  # until it is known to be well: then there is nothing to prove in the end
            assert present(self.root) == self.tree
            assert folders(self.root) == {".", *(folder for path in self.tree for folder in parents(path))}
            self.failed = False

    def teardown(self) -> None:
        if not hasattr(self, "root"):
            return
        try:
            if self.failed:
                return
            with read_transaction(self.engine) as conn:
                assert verify_chain(conn, self.workspace.name).ok
                events = list(of_workspace(conn, self.workspace.name))
            self._replays(events)
            for step in self.twin_steps:
                step()
            assert as_git_has(present(self.twin)) == as_git_has(self.tree)
        finally:
            self.engine.dispose()
            shutil.rmtree(self.folder)

    def _apply(self, batch: Batch, **options: Any) -> BatchResult:
        asked = PatchBatch(**batch.sent)
        return apply_batch(self.workspace, asked, custody=self.custody, now=NOW, **options)

    def _revert(self, which: str | list[str], *, three_way: bool = False) -> BatchResult:
        return revert(self.workspace, which, custody=self.custody, now=NOW, three_way=three_way)

    def _id(self, one: _Done) -> str:
        assert one.result is not None
        return one.result.batch_id

    def _stands(self, result: BatchResult, after: Tree, named: set[str], batch: Batch | None = None) -> None:
        done = _Done(result, self.tree, after, named)
        if batch is not None:
            done.steps, done.coordinates = batch.steps, batch.coordinates
        self.history.append(done)
        self.tree = after
        diffs = [self.root / patch.diff_path for patch in result.patches]
        diffs = [diff for diff in diffs if diff.stat().st_size]
        self.twin_steps.append(lambda: forth_and_back_and_forth(self.twin, diffs))

    def _is_as_left(self, one: _Done) -> bool:
        return all(self.tree.get(path) == one.after.get(path) for path in one.touched)

    def _replays(self, events: Sequence[EventRow]) -> None:
        """A replay to any batch makes what patches made of their files; other files are as they are."""
        passing = {path for one in self.history for path in one.touched if path not in {**one.before, **one.after}}
        ends = [number for number, one in enumerate(self.history, start=1) if one.result is not None]
        for number in {*ends[-1:], *ends[len(ends) // 2 :][:1]}:
            expected = dict(self.tree)
            for one in reversed(self.history[number:]):
                _take_over(expected, one.before, one.touched)
            for one in self.history[:number]:
                if one.result is not None:
                    _take_over(expected, one.after, one.touched)
            last = self.history[number - 1].result
            assert last is not None
            into = self.folder / f"replayed to {number}"
            replay(self.workspace, events, into, to_patch=last.patches[-1].patch_id)
            made, wanted = as_git_has(present(into)), as_git_has(expected)
            wrong = {path for path in made.keys() | wanted.keys() if made.get(path) != wanted.get(path)} - passing
            assert not wrong, [(path, made.get(path), wanted.get(path)) for path in wrong]


def _take_over(tree: Tree, other: Tree, paths: set[str]) -> None:
    for path in paths:
        tree.pop(path, None)
        if path in other:
            tree[path] = other[path]


def as_read(tree: Tree, paths: set[str]) -> list[bytes | None]:
    return [tree[path].content if path in tree else None for path in sorted(paths)]


def touched(steps: Sequence[Sequence[Action]]) -> set[str]:
    actions = [action for step in steps for action in step]
    return {action.path for action in actions} | {action.to for action in actions if isinstance(action, Moved)}


def touched_after(steps: Sequence[Sequence[Action]], count: int, coordinates: str) -> set[str]:
    """What the steps from the `count`-th on touch, by the names that the files have by then."""
    found = touched(steps[count:])
    if coordinates == "original":
        for move in (action for step in steps[:count] for action in step if isinstance(action, Moved)):
            if move.path in found:
                found = found - {move.path} | {move.to}
    return found


def present(root: Path) -> Tree:
    return {path: File(*state) for path, state in snapshot(root).items()}


def as_git_has(tree: Tree) -> dict[str, tuple[bytes, bool]]:
    return {path: (file.content, bool(file.mode & 0o100)) for path, file in tree.items()}


def write(root: Path, path: str, file: File) -> None:
    (root / path).unlink(missing_ok=True)
    fill(root, {path: file.content})
    (root / path).chmod(file.mode)


def remove(root: Path, path: str) -> None:
    (root / path).unlink()
    for folder in parents(path):
        if not any((root / folder).iterdir()):
            (root / folder).rmdir()


def forth_and_back_and_forth(folder: Path, diffs: Sequence[Path]) -> None:
    """Have git apply a batch's diffs, take them back, from the last to the first, and apply them again."""
    if not diffs:
        return
    before = as_git_has(present(folder))
    git_apply(folder, diffs)
    git_apply(folder, ["-R", *reversed(diffs)])
    assert as_git_has(present(folder)) == before
    git_apply(folder, diffs)


def git_apply(folder: Path, arguments: Sequence[str | Path]) -> None:
    done = subprocess.run(["git", "apply", *map(str, arguments)], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # to shrink a life takes minutes: add Phase.shrink when one fails
    suppress_health_check=list(HealthCheck),
)
