"""What files held before a batch stays, under its digest, until it is pruned."""

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from repo_agent_dagster.patching import Workspace, revert
from repo_agent_dagster.patching.disk.kept_objects import keep, kept_object, prune_objects
from repo_agent_dagster.patching.disk.tree import Tree
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.patching.conftest import Apply

OLD = b"one\ntwo\n"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def place(root: Path, content: bytes) -> Path:
    sha256 = digest(content)
    return root / ".mission_control" / "objects" / sha256[:2] / sha256[2:]


@pytest.fixture
def tree(root: Path) -> Iterator[Tree]:
    (root / ".mission_control").mkdir(exist_ok=True)
    with Tree(root) as opened:
        yield opened


def kept(tree: Tree, root: Path, content: bytes, *, modified: int = 0) -> Path:
    """Keep a content; return where it is. Objects kept one after the other may share a tick of the clock: so wait."""
    (root / "old").write_bytes(content)
    os.utime(root / "old", (modified, modified))
    before = max((path.stat().st_ctime_ns for path in root.rglob("*")), default=0)
    keep(tree, "old", digest(content))
    while place(root, content).stat().st_ctime_ns <= before:
        place(root, content).chmod(0o600)
    return place(root, content)


def test_what_a_batch_replaced_or_deleted_is_kept_and_what_it_made_is_not(root: Path, patch: Apply, tree: Tree) -> None:
    (root / "a.txt").write_bytes(OLD)
    (root / "b.txt").write_bytes(b"b\n")
    patch(
        {"op": "replace-block", "file": "a.txt", "start": 1, "end": 1, "block": "ONE"},
        {"op": "delete-file", "file": "b.txt"},
        {"op": "create-file", "file": "c.txt", "content": "c\n"},
    )
    assert (kept_object(tree, digest(OLD)), kept_object(tree, digest(b"b\n"))) == (OLD, b"b\n")
    assert kept_object(tree, digest(b"c\n")) is None
    assert kept_object(tree, digest(b"ONE\ntwo\n")) is None
    assert sorted(path.name for path in root.iterdir()) == [".mission_control", "a.txt", "c.txt"]


def test_a_revert_keeps_what_it_takes_away(
    root: Path, patch: Apply, tree: Tree, custody: StoreCustody, now: datetime
) -> None:
    (root / "a.txt").write_bytes(OLD)
    done = patch({"op": "append", "file": "a.txt", "block": "three"})
    revert(Workspace(root), done.batch_id, custody=custody, now=now)
    assert (root / "a.txt").read_bytes() == OLD
    assert kept_object(tree, digest(OLD + b"three\n")) == OLD + b"three\n"


def test_the_same_content_is_kept_once(root: Path, patch: Apply, tree: Tree) -> None:
    for name in ("a.txt", "b.txt"):
        (root / name).write_bytes(OLD)
    patch(*({"op": "append", "file": name, "block": "three"} for name in ("a.txt", "b.txt")))
    assert kept_object(tree, digest(OLD)) == OLD
    assert len(list((root / ".mission_control" / "objects").rglob("*"))) == 2  # a folder, and the one file in it
    assert not list(root.glob(".mission-*"))


@pytest.mark.parametrize("sha256", ["", "0" * 64, "../../a.txt", digest(OLD).upper()])
def test_what_is_not_kept_is_none(tree: Tree, root: Path, sha256: str) -> None:
    kept(tree, root, OLD)
    assert kept_object(tree, sha256) is None


def test_an_object_that_was_altered_is_none(tree: Tree, root: Path) -> None:
    kept(tree, root, OLD).write_bytes(b"another\n")
    assert kept_object(tree, digest(OLD)) is None


def test_a_link_in_the_place_of_an_object_is_not_followed(tree: Tree, root: Path) -> None:
    path = kept(tree, root, OLD)
    path.rename(root / "elsewhere")
    path.symlink_to(root / "elsewhere")
    assert kept_object(tree, digest(OLD)) is None


def test_keeping_what_is_gone_is_no_error(tree: Tree, root: Path) -> None:
    keep(tree, "gone", digest(OLD))
    assert kept_object(tree, digest(OLD)) is None


@pytest.mark.parametrize("obstacle", ["a file", "a link"])
def test_where_nothing_can_be_kept_the_batch_stands_and_leaves_no_litter(
    root: Path, patch: Apply, tree: Tree, tmp_path: Path, obstacle: str
) -> None:
    (root / "a.txt").write_bytes(OLD)
    objects = root / ".mission_control" / "objects"
    if obstacle == "a file":
        objects.write_bytes(b"")
    else:
        objects.symlink_to(tmp_path)
    patch({"op": "append", "file": "a.txt", "block": "three"})
    assert (root / "a.txt").read_bytes() == OLD + b"three\n"
    assert sorted(path.name for path in root.iterdir()) == [".mission_control", "a.txt"]
    assert not (root / ".mission_control" / "journal.json").exists()
    assert [path for path in tmp_path.iterdir() if len(path.name) == 2] == []


def test_pruning_removes_the_objects_that_were_kept_first(tree: Tree, root: Path) -> None:
    # How old the content was does not count.
    first, second, third = (kept(tree, root, b"x" * size, modified=100 - size) for size in (10, 20, 30))
    assert prune_objects(tree, 50) == 10
    assert (first.exists(), second.exists(), third.exists()) == (False, True, True)
    assert prune_objects(tree, 50) == 0
    assert prune_objects(tree, 0) == 50
    assert prune_objects(tree, 0) == 0


def test_pruning_touches_nothing_that_is_no_object(tree: Tree, root: Path) -> None:
    kept(tree, root, OLD)
    notes = root / ".mission_control" / "objects" / "notes.txt"
    notes.write_text("mine")
    (place(root, OLD).parent / "README").write_text("mine")
    assert prune_objects(tree, 0) == len(OLD)
    assert notes.exists()
    assert (place(root, OLD).parent / "README").exists()


def test_a_workspace_without_objects_has_nothing_to_prune(tree: Tree) -> None:
    assert prune_objects(tree, 0) == 0
