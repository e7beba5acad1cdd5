"""Replays rebuild the tree as it was; reverts with later work are merged, or refused with the conflict shown."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import (
    BatchResult,
    CheckFailed,
    InvalidPatch,
    PatchConflict,
    Replayed,
    UnknownPatch,
    Workspace,
    apply_batch,
    replay,
    revert,
)
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_events import StoreCustody, of_workspace
from tests.patching.always_failing import AlwaysFailing
from tests.patching.conftest import Apply
from tests.patching.trees import fill, folders, snapshot

Replaying = Callable[..., Replayed]
TEN = b"".join(b"%d\n" % number for number in range(1, 11))


def replace(start: int, end: int, block: str, file: str = "f") -> dict[str, Any]:
    return {"op": "replace-block", "file": file, "start": start, "end": end, "block": block}


def move(file: str, to: str) -> dict[str, Any]:
    return {"op": "move-file", "file": file, "to": to}


def contents(root: Path) -> dict[str, bytes]:
    return {name: content for name, (content, _) in snapshot(root).items()}


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "then"


@pytest.fixture
def replaying(root: Path, sqlite_store: Engine, into: Path) -> Replaying:
    def run(**options: Any) -> Replayed:
        with read_transaction(sqlite_store) as conn:
            return replay(Workspace(root), list(of_workspace(conn, str(root))), into, **options)

    return run


@pytest.fixture
def take_back(root: Path, custody: StoreCustody, now: datetime) -> Callable[..., BatchResult]:
    def run(done: BatchResult, **options: Any) -> BatchResult:
        return revert(Workspace(root), done.batch_id, custody=custody, now=now, **options)

    return run


class TestReplay:
    def test_everything_makes_the_present_tree(
        self, root: Path, patch: Apply, replaying: Replaying, into: Path, take_back: Callable[..., BatchResult]
    ) -> None:
        fill(root, {"f": TEN, "g": b"g\n", "untouched/h": b"h\n"})
        (root / "g").chmod(0o755)
        first = patch(replace(1, 1, "one"), {"op": "delete-file", "file": "g"})
        patch(move("f", "d/f"), {"op": "create-file", "file": "n", "content": "n"})
        patch(replace(10, 10, "ten", "d/f"))
        with pytest.raises(CheckFailed):
            patch({"op": "delete-file", "file": "n"}, checker=AlwaysFailing())
        take_back(patch({"op": "append", "file": "n", "block": "x"}))
        done = replaying()
        assert snapshot(into) == snapshot(root)
        assert folders(into) == folders(root)
        assert (done.copied_files, done.notes) == (1, ())
        assert first.patches[1].file == "g"

    def test_a_patch_is_the_end_or_an_instant(
        self, root: Path, custody: StoreCustody, now: datetime, replaying: Replaying, into: Path
    ) -> None:
        fill(root, {"f": b"1\n", "later": b"l\n"})
        results = [
            apply_batch(
                Workspace(root),
                PatchBatch(patches=[{"op": "append", "file": file, "block": file}]),
                custody=custody,
                now=now + timedelta(hours=hour),
            )
            for hour, file in enumerate(["f", "f", "later"])
        ]
        replaying(to_patch=results[0].patches[0].patch_id)
        assert contents(into) == {"f": b"1\nf\n", "later": b"l\n"}
        for path in into.iterdir():
            path.unlink()
        replaying(to_time=now + timedelta(hours=1.5))
        assert contents(into) == {"f": b"1\nf\nf\n", "later": b"l\n"}
        for path in into.iterdir():
            path.unlink()
        replaying(to_time=now - timedelta(hours=1))
        assert contents(into) == {"f": b"1\n", "later": b"l\n"}

    def test_within_a_batch_it_ends_after_the_patch(
        self, root: Path, patch: Apply, replaying: Replaying, into: Path
    ) -> None:
        fill(root, {"f": TEN})
        done = patch(replace(9, 9, "nine"), replace(1, 1, "one\nand a half"))
        replaying(to_patch=done.patches[0].patch_id)
        assert contents(into) == {"f": TEN.replace(b"9", b"nine")}

    @pytest.mark.parametrize("changed", [b"mine\n", None], ids=["edited", "deleted and made again"])
    def test_what_people_did_between_two_batches_is_gone_on_from_and_told(
        self, root: Path, patch: Apply, replaying: Replaying, into: Path, changed: bytes | None
    ) -> None:
        fill(root, {"f": b"1\n"})
        patch({"op": "append", "file": "f", "block": "2"})
        if changed is None:
            (root / "f").unlink()
            patch({"op": "create-file", "file": "f", "content": "3\n"})
        else:
            (root / "f").write_bytes(changed)
            patch({"op": "append", "file": "f", "block": "3"})
        done = replaying()
        assert snapshot(into) == snapshot(root)
        assert len(done.notes) == 1
        assert "f was changed by something else before batch" in done.notes[0]

    def test_only_what_was_patched_when_that_is_asked_for(
        self, root: Path, patch: Apply, replaying: Replaying, into: Path
    ) -> None:
        fill(root, {"f": b"1\n", "g": b"g\n"})
        patch({"op": "append", "file": "f", "block": "2"})
        assert replaying(only_patched=True).copied_files == 0
        assert contents(into) == {"f": b"1\n2\n"}

    def test_an_altered_diff_or_kept_file_is_noticed_and_nothing_is_written(
        self, root: Path, patch: Apply, replaying: Replaying, into: Path
    ) -> None:
        fill(root, {"f": b"1\n"})
        done = patch({"op": "append", "file": "f", "block": "2"})
        diff = root / done.patches[0].diff_path
        was = diff.read_bytes()
        diff.write_bytes(was.replace(b"+2\n", b"+evil\n"))
        with pytest.raises(PatchConflict, match="makes another f than is on record; its diffs were altered"):
            replaying()
        diff.write_bytes(was)
        (kept,) = [path for path in (root / ".mission_control" / "objects").rglob("*") if path.is_file()]
        kept.chmod(0o600)
        kept.write_bytes(b"evil\n")
        with pytest.raises(PatchConflict, match="is not kept, or was altered"):
            replaying()
        diff.unlink()
        with pytest.raises(PatchConflict, match="is gone"):
            replaying()
        assert not into.exists()

    def test_where_to_and_how_far_must_be_clear(
        self, root: Path, patch: Apply, replaying: Replaying, into: Path, now: datetime
    ) -> None:
        fill(root, {"f": b"1\n"})
        done = patch({"op": "append", "file": "f", "block": "2"})
        with pytest.raises(InvalidPatch, match="not both"):
            replaying(to_patch=done.patches[0].patch_id, to_time=now)
        with pytest.raises(UnknownPatch, match="never applied"):
            replaying(to_patch=done.batch_id)
        fill(into, {"mine": b"x"})
        with pytest.raises(InvalidPatch, match="not an empty folder"):
            replaying()
        for place in (root / "sub", root.parent):
            with pytest.raises(InvalidPatch, match="in the workspace, or around it"):
                replay(Workspace(root), [], place)


class TestThreeWays:
    def test_later_work_on_other_lines_stays(
        self, root: Path, patch: Apply, take_back: Callable[..., BatchResult]
    ) -> None:
        fill(root, {"f": TEN})
        done = patch(replace(2, 2, "two\nzwei"))
        (root / "f").write_bytes(b"0\n" + (root / "f").read_bytes().replace(b"9\n", b"nine\n"))
        with pytest.raises(PatchConflict, match="--three-way"):
            take_back(done)
        take_back(done, three_way=True)
        assert contents(root) == {"f": b"0\n" + TEN.replace(b"9", b"nine")}

    def test_an_older_batch_is_taken_out_from_below_a_newer_one(
        self, root: Path, patch: Apply, take_back: Callable[..., BatchResult]
    ) -> None:
        fill(root, {"f": TEN})
        older = patch(replace(1, 1, "one"), replace(5, 5, ""))
        newer = patch(replace(9, 9, "ten"))
        undone = take_back(older, three_way=True)
        assert contents(root) == {"f": TEN.replace(b"10", b"ten")}
        take_back(undone)
        take_back(newer)
        assert contents(root) == {"f": TEN.replace(b"1\n2", b"one\n2").replace(b"5\n", b"")}

    def test_a_conflict_is_shown_and_nothing_is_written(
        self, root: Path, patch: Apply, take_back: Callable[..., BatchResult], sqlite_store: Engine
    ) -> None:
        fill(root, {"f": TEN, "g": TEN})
        done = patch(replace(2, 2, "two", "g"), replace(2, 2, "two"))
        (root / "f").write_bytes(TEN.replace(b"2\n", b"mine\n"))
        before = snapshot(root)
        with pytest.raises(PatchConflict, match=r"(?s)f: later work changed the same lines.*<<<.*mine.*=====.*2\n>>>"):
            take_back(done, three_way=True)
        assert snapshot(root) == before
        with read_transaction(sqlite_store) as conn:
            assert [one.event for one in of_workspace(conn, str(root))] == ["patch_requested"] * 2 + [
                "patch_applied"
            ] * 2

    def test_files_that_went_came_or_moved_since_are_conflicts(
        self, root: Path, patch: Apply, take_back: Callable[..., BatchResult]
    ) -> None:
        fill(root, {"edited": TEN, "deleted": b"d\n", "moved": b"m\n"})
        edit = patch(replace(1, 1, "one", "edited"))
        delete = patch({"op": "delete-file", "file": "deleted"})
        moved = patch(move("moved", "to"))
        made = patch({"op": "create-file", "file": "made", "content": "m\n"})
        (root / "edited").unlink()
        fill(root, {"deleted": b"again\n", "moved": b"again\n", "made": b"mine\n"})
        before = snapshot(root)
        for done, told in (
            (edit, "edited is gone"),
            (delete, "deleted exists"),
            (moved, "moved exists"),
            (made, "made was changed since"),
        ):
            with pytest.raises(PatchConflict, match=told):
                take_back(done, three_way=True)
        assert snapshot(root) == before

    def test_what_was_moved_and_edited_since_goes_back_with_the_later_work(
        self, root: Path, patch: Apply, take_back: Callable[..., BatchResult]
    ) -> None:
        fill(root, {"f": TEN})
        done = patch(move("f", "d/g"), replace(1, 1, "one"))
        (root / "d/g").write_bytes(b"one\n" + TEN[2:].replace(b"9\n", b"nine\n"))
        take_back(done, three_way=True)
        assert contents(root) == {"f": TEN.replace(b"9", b"nine")}
        assert folders(root) == {"."}

    def test_a_binary_file_that_changed_since_is_not_merged(
        self, root: Path, patch: Apply, take_back: Callable[..., BatchResult]
    ) -> None:
        fill(root, {"f": b"\0one"})
        done = patch(move("f", "g"))
        (root / "g").write_bytes(b"\0two")
        take_back(done, three_way=True)  # nothing but its name is undone
        assert contents(root) == {"f": b"\0two"}

    def test_a_revert_can_be_reverted_again_and_again(
        self, root: Path, patch: Apply, take_back: Callable[..., BatchResult]
    ) -> None:
        fill(root, {"f": TEN, "g": b"g\n"})
        done = patch(replace(1, 1, "one"), move("g", "h"))
        after = snapshot(root)
        before = {"f": (TEN, 0o644), "g": (b"g\n", 0o644)}
        for expected in (before, after, before):
            done = take_back(done)
            assert snapshot(root) == expected
        assert {one.op for one in done.patches} == {"revert"}


def test_permissions_that_people_changed_since_stay(
    root: Path, patch: Apply, take_back: Callable[..., BatchResult]
) -> None:
    fill(root, {"f": TEN, "g": b"g\n"})
    done = patch(replace(1, 1, "one"))
    (root / "f").chmod(0o600)
    take_back(done)
    assert snapshot(root) == {"f": (TEN, 0o600), "g": (b"g\n", 0o644)}


def test_permissions_that_a_patch_changed_come_back_as_they_were(
    root: Path, patch: Apply, take_back: Callable[..., BatchResult]
) -> None:
    fill(root, {"f": TEN})
    (root / "f").chmod(0o744)
    done = patch({"op": "apply-diff", "diff": "diff --git a/f b/f\nold mode 100755\nnew mode 100644\n"})
    assert snapshot(root) == {"f": (TEN, 0o644)}
    take_back(done)
    assert snapshot(root) == {"f": (TEN, 0o744)}


def test_before_a_batch_that_moves_a_file_to_where_another_was_that_other_is_still_there(
    root: Path, patch: Apply, replaying: Replaying, into: Path
) -> None:
    fill(root, {"e": b"e\n", "f": b"f\n", "g": b"g\n"})
    first = patch({"op": "append", "file": "e", "block": "x"})
    patch(
        {"op": "append", "file": "f", "block": "x"},
        {"op": "delete-file", "file": "g"},
        move("f", "g"),
        coordinates="sequential",
    )
    replaying(to_patch=first.patches[0].patch_id)
    assert contents(into) == {"e": b"e\nx\n", "f": b"f\n", "g": b"g\n"}
