"""Creating, deleting and moving files: what is there already stays, and what a file is allowed goes with it."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import (
    BatchResult,
    CheckFailed,
    InvalidPatch,
    OverlappingPatches,
    PatchConflict,
    UnsafePath,
    Workspace,
    apply_batches,
    revert,
)
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.patching.always_failing import AlwaysFailing
from tests.patching.conftest import Apply
from tests.patching.trees import fill, folders, snapshot


def create(file: str, content: str = "new\n", **more: Any) -> dict[str, Any]:
    return {"op": "create-file", "file": file, "content": content, **more}


def delete(file: str, **more: Any) -> dict[str, Any]:
    return {"op": "delete-file", "file": file, **more}


def move(file: str, to: str, **more: Any) -> dict[str, Any]:
    return {"op": "move-file", "file": file, "to": to, **more}


def append(file: str, block: str = "end") -> dict[str, Any]:
    return {"op": "append", "file": file, "block": block}


def contents(root: Path) -> dict[str, bytes]:
    return {name: content for name, (content, _) in snapshot(root).items()}


def modes(root: Path) -> dict[str, int]:
    return {name: mode for name, (_, mode) in snapshot(root).items()}


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


class TestCreating:
    @pytest.mark.parametrize("content", ["", "a", "a\n", "a\r\nb\n", "\ufeffa\n", "ä\n", "\n\n"])
    def test_a_file_has_its_content_to_the_byte(self, root: Path, patch: Apply, content: str) -> None:
        patch(create("deep/er/f", content))
        assert contents(root) == {"deep/er/f": content.encode()}

    @pytest.mark.usefixtures("umask")
    def test_a_file_can_be_made_executable(self, root: Path, patch: Apply) -> None:
        patch(create("f"), create("g", executable=True))
        assert modes(root) == {"f": 0o644, "g": 0o755}

    def test_what_is_there_is_not_overwritten(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"mine\n"})
        with pytest.raises(PatchConflict, match="f exists already and is not overwritten"):
            patch(create("f"))
        assert contents(root) == {"f": b"mine\n"}

    def test_one_path_is_not_made_twice(self, root: Path, patch: Apply) -> None:
        fill(root, {"g": b"g\n"})
        for second in (create("./f"), move("g", "f")):
            with pytest.raises(OverlappingPatches, match=r"patch 1 .* and patch 2 .* both make f"):
                patch(create("f"), second)

    def test_a_file_is_not_made_below_a_file_or_in_the_place_of_a_folder(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"f\n", "d/g": b"g\n"})
        with pytest.raises(UnsafePath, match="f is a file, not a folder"):
            patch(create("f/below"))
        with pytest.raises(UnsafePath, match="d is a folder, not a regular file"):
            patch(create("d"))
        with pytest.raises(InvalidPatch, match="n would be both a file and the folder of n/o"):
            patch(create("n"), create("n/o"))

    @pytest.mark.usefixtures("umask")
    def test_in_the_place_of_a_file_that_went_a_new_one_has_a_new_ones_permissions(
        self, root: Path, patch: Apply
    ) -> None:
        fill(root, {"f": b"f\n", "g": b"g\n"})
        (root / "f").chmod(0o600)
        (root / "g").chmod(0o600)
        patch(move("f", "h"), create("f"), delete("g"), create("g"), coordinates="sequential")
        assert modes(root) == {"f": 0o644, "g": 0o644, "h": 0o600}


class TestDeleting:
    def test_folders_that_become_empty_go_too(self, root: Path, patch: Apply) -> None:
        fill(root, {"a/b/f": b"f\n", "a/g": b"g\n", "c/d/e/h": b"h\n"})
        patch(delete("a/b/f"), delete("c/d/e/h"))
        assert folders(root) == {".", "a"}

    def test_what_is_not_there_or_is_another_than_expected_is_a_conflict(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"f\n"})
        with pytest.raises(PatchConflict, match="g does not exist"):
            patch(delete("g"))
        with pytest.raises(PatchConflict, match="SHA-256"):
            patch(delete("f", expect={"sha256": "0" * 64}))
        assert contents(root) == {"f": b"f\n"}

    @pytest.mark.parametrize("other", [append("f"), delete("f"), move("f", "g")])
    @pytest.mark.parametrize("first", [True, False])
    def test_nothing_else_is_done_to_a_file_that_is_deleted(
        self, root: Path, patch: Apply, other: dict[str, Any], first: bool
    ) -> None:
        fill(root, {"f": b"f\n"})
        with pytest.raises(OverlappingPatches, match="want different things of f"):
            patch(*([other, delete("f")] if first else [delete("f"), other]))
        assert contents(root) == {"f": b"f\n"}

    def test_in_sequence_a_file_can_be_edited_deleted_and_made_again(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"f\n"})
        patch(append("f"), delete("f"), create("f", "again\n"), append("f"), coordinates="sequential")
        assert contents(root) == {"f": b"again\nend\n"}

    @pytest.mark.usefixtures("umask")
    @pytest.mark.parametrize("mode", [0o664, 0o666, 0o777, 0o600])
    def test_given_back_a_file_has_the_permissions_it_had_whatever_the_umask(
        self, root: Path, patch: Apply, custody: StoreCustody, now: datetime, mode: int
    ) -> None:
        fill(root, {"f": b"f\n"})
        (root / "f").chmod(mode)
        with pytest.raises(CheckFailed):
            patch(delete("f"), checker=AlwaysFailing())
        assert modes(root) == {"f": mode}
        done = patch(delete("f"))
        revert(Workspace(root), done.batch_id, custody=custody, now=now)
        assert modes(root) == {"f": mode}


class TestMoving:
    @pytest.mark.usefixtures("umask")
    @pytest.mark.parametrize("mode", [0o755, 0o666, 0o600])
    def test_content_and_permissions_go_with_the_file_and_folders_come_and_go(
        self, root: Path, patch: Apply, mode: int
    ) -> None:
        fill(root, {"old/deep/f": b"\0binary\r\n"})
        (root / "old/deep/f").chmod(mode)
        done = patch(move("old/deep/f", "new/place/g"))
        assert snapshot(root) == {"new/place/g": (b"\0binary\r\n", mode)}
        assert folders(root) == {".", "new", "new/place"}
        assert (done.patches[0].file, done.patches[0].moved_to) == ("old/deep/f", "new/place/g")
        assert "rename from old/deep/f\nrename to new/place/g\n" in done.diff

    def test_a_file_is_moved_and_edited_by_the_lines_and_the_name_that_it_had(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"1\n2\n3\n"})
        patch(
            {"op": "insert-after", "file": "f", "line": 1, "block": "one and a half"},
            move("f", "g"),
            {"op": "replace-block", "file": "f", "start": 3, "end": 3, "block": "three"},
        )
        assert contents(root) == {"g": b"1\none and a half\n2\nthree\n"}

    def test_in_sequence_the_file_has_its_new_name(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"1\n"})
        patch(move("f", "g"), append("g"), coordinates="sequential")
        assert contents(root) == {"g": b"1\nend\n"}
        with pytest.raises(PatchConflict, match="g does not exist"):
            patch(move("g", "h"), append("g"), coordinates="sequential")

    def test_in_original_coordinates_the_new_name_is_told_to_be_none_yet(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"1\n"})
        with pytest.raises(PatchConflict, match=r"g does not exist before the batch, patch 1 .* makes it"):
            patch(move("f", "g"), append("g"))

    @pytest.mark.parametrize("to", ["f", "./f", "d/../f"])
    def test_a_move_onto_itself_is_no_move(self, root: Path, patch: Apply, to: str) -> None:
        fill(root, {"f": b"1\n"})
        with pytest.raises(InvalidPatch):
            patch(move("f", to))
        assert contents(root) == {"f": b"1\n"}

    def test_a_destination_that_is_there_is_not_overwritten(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"1\n", "g": b"2\n"})
        for coordinates in ("original", "sequential"):
            with pytest.raises(PatchConflict, match="g exists already and is not overwritten"):
                patch(move("f", "g"), coordinates=coordinates)
        assert contents(root) == {"f": b"1\n", "g": b"2\n"}

    def test_two_files_cannot_go_to_one_place_nor_one_to_two(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"1\n", "g": b"2\n"})
        with pytest.raises(OverlappingPatches, match="both make h"):
            patch(move("f", "h"), move("g", "h"))
        with pytest.raises(OverlappingPatches, match="want different things of f"):
            patch(move("f", "h"), move("f", "i"))

    def test_two_files_change_places_by_three_moves_in_sequence(
        self, root: Path, patch: Apply, custody: StoreCustody, now: datetime
    ) -> None:
        fill(root, {"f": b"1\n", "g": b"2\n"})
        with pytest.raises(PatchConflict, match="coordinates: sequential"):
            patch(move("f", "g"), move("g", "f"))
        done = patch(move("f", "h"), move("g", "f"), move("h", "g"), coordinates="sequential")
        assert contents(root) == {"f": b"2\n", "g": b"1\n"}
        revert(Workspace(root), done.batch_id, custody=custody, now=now)
        assert contents(root) == {"f": b"1\n", "g": b"2\n"}

    def test_a_chain_of_moves_goes_the_whole_way(self, root: Path, patch: Apply) -> None:
        fill(root, {"a": b"1\n", "b": b"2\n"})
        patch(move("b", "c"), move("a", "b"), move("b", "d/e"), coordinates="sequential")
        assert contents(root) == {"c": b"2\n", "d/e": b"1\n"}

    def test_a_file_gives_way_to_a_folder_only_by_another_batch(self, root: Path, patch: Apply) -> None:
        fill(root, {"f": b"1\n"})
        with pytest.raises((InvalidPatch, UnsafePath)):
            patch(move("f", "f/g"))
        patch(move("f", "g"))
        patch(move("g", "f/g"))
        assert contents(root) == {"f/g": b"1\n"}


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        (move("src/f", "lib/f"), r"\(lib/f\)"),
        (move("lib/g", "src/g"), "outside allowedPaths"),
        (create("lib/new"), "outside allowedPaths"),
        (delete("lib/g"), "outside allowedPaths"),
        (
            {
                "op": "apply-diff",
                "diff": "diff --git a/src/f b/lib/f\nsimilarity index 100%\nrename from src/f\nrename to lib/f\n",
            },
            r"\(lib/f\)",
        ),
        (
            {"op": "apply-diff", "diff": "--- a/lib/g\n+++ b/lib/g\n@@ -1 +1 @@\n-g\n+G\n"},
            r"\(lib/g\)",
        ),
    ],
)
def test_allowed_paths_hold_for_both_ends(root: Path, patch: Apply, operation: dict[str, Any], named: str) -> None:
    fill(root, {"src/f": b"f\n", "lib/g": b"g\n"})
    with pytest.raises(InvalidPatch, match=named):
        patch(operation, allowed_paths=["src/**"])
    assert contents(root) == {"src/f": b"f\n", "lib/g": b"g\n"}
    patch(operation, allowed_paths=["src", "lib/*"])
    assert contents(root) != {"src/f": b"f\n", "lib/g": b"g\n"}


def test_a_file_that_took_the_place_of_another_in_its_batch_is_undone_with_it(
    root: Path, patch: Apply, custody: StoreCustody, now: datetime
) -> None:
    fill(root, {"f": b"old\n"})
    done = patch(delete("f"), create("f", "new\n"), coordinates="sequential")
    revert(Workspace(root), done.batch_id, custody=custody, now=now)
    assert contents(root) == {"f": b"old\n"}


@pytest.mark.usefixtures("umask")
def test_a_file_made_and_deleted_by_batches_of_one_group_comes_back_with_a_new_files_permissions(
    root: Path, custody: StoreCustody, now: datetime
) -> None:
    batches = [PatchBatch(patches=[operation]) for operation in (create("f"), delete("f"))]
    _, deleted = apply_batches(Workspace(root), batches, custody=custody, now=now)
    assert isinstance(deleted, BatchResult)
    revert(Workspace(root), deleted.batch_id, custody=custody, now=now)
    assert snapshot(root) == {"f": (b"new\n", 0o644)}
