"""Side files: a conflict is laid out beside the tree, people's work on it is never lost, and their decision counts."""

import os
import signal
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.contracts.migration import MergeMethod
from repo_agent_dagster.migration.faults import DestinationError, KeepingFailed
from repo_agent_dagster.migration.merging.conflicts import (
    FileConflict,
    LaidOut,
    Resolution,
    clear_conflicts,
    list_conflicts,
    read_resolution,
    write_conflicts,
)
from repo_agent_dagster.migration.merging.three_way import merge_file
from repo_agent_dagster.patching import UnsafePath
from tests.migration.merging.dying import in_child, points_of
from tests.patching.file_system_calls import killed_at

BASE, OURS, THEIRS = b"a\nb\nc\n", b"a\nours\nc\n", b"a\ntheirs\nc\n"
FOLDER = ".mission_control/conflicts/shop"


def conflict(
    path: str,
    base: bytes | None = BASE,
    ours: bytes | None = OURS,
    theirs: bytes | None = THEIRS,
    method: MergeMethod = "three-way",
) -> FileConflict:
    merged = merge_file(path, base=base, ours=ours, theirs=theirs, method=method)
    assert merged.outcome == "conflict"
    return FileConflict(path, merged, base, ours, theirs)


def deleted(path: str) -> FileConflict:
    return conflict(path, ours=None)


def binary(path: str) -> FileConflict:
    return conflict(path, ours=b"\0ours", theirs=b"\0theirs")


def decision(root: Path, one: FileConflict) -> Resolution | None:
    base, ours, theirs = (
        None if side is None else sha256(side).hexdigest() for side in (one.base, one.ours, one.theirs)
    )
    return read_resolution(root, "shop", one.path, base=base, ours=ours, theirs=theirs)


def side(root: Path, path: str) -> Path:
    return root / FOLDER / path


def files(root: Path) -> dict[str, bytes]:
    """What lies in the unit's folder, but for its index."""
    folder = root / FOLDER
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if name != ".conflicts.json"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "monorepo").mkdir()
    return tmp_path / "monorepo"


class TestLayingOut:
    def test_the_marked_text_is_at_the_files_path_in_the_units_folder(self, root: Path) -> None:
        one = conflict("apps/shop/src/a.ts")
        assert write_conflicts(root, "shop", [one]) == (
            LaidOut("apps/shop/src/a.ts", f"{FOLDER}/apps/shop/src/a.ts", "text", False),
        )
        assert side(root, one.path).read_bytes() == one.merged.marked

    def test_nothing_else_of_the_tree_is_touched_and_git_does_not_see_it(self, root: Path) -> None:
        write_conflicts(root, "shop", [conflict("a.ts")])
        assert [path.name for path in root.iterdir()] == [".mission_control"]
        assert (root / ".mission_control" / ".gitignore").read_text() == "*\n"

    def test_a_binary_file_is_explained_and_the_units_version_lies_beside_it(self, root: Path) -> None:
        write_conflicts(root, "shop", [binary("logo.png")])
        assert side(root, "logo.png.theirs").read_bytes() == b"\0theirs"
        words = side(root, "logo.png").read_text()
        assert "binary files are not merged" in words
        assert "'logo.png.theirs'" in words

    def test_a_file_deleted_here_is_explained(self, root: Path) -> None:
        write_conflicts(root, "shop", [deleted("a.ts")])
        words = side(root, "a.ts").read_text()
        assert "deleted here since the last migration, and changed in the unit" in words
        assert "make it empty" in words
        assert side(root, "a.ts.theirs").read_bytes() == THEIRS

    def test_what_is_laid_out_can_be_listed(self, root: Path) -> None:
        assert list_conflicts(root, "shop") == ()
        laid_out = write_conflicts(root, "shop", [conflict("b"), binary("a")])
        assert list_conflicts(root, "shop") == laid_out
        assert [(one.path, one.kind) for one in laid_out] == [("a", "binary"), ("b", "text")]

    def test_reading_makes_no_folder(self, root: Path) -> None:
        assert decision(root, conflict("a")) is None
        assert list_conflicts(root, "shop") == ()
        assert list(root.iterdir()) == []

    def test_names_that_are_hard_to_write_work(self, root: Path) -> None:
        names = ["with space/ö ü.txt", "line\nbreak", "quote\"'.json", "-rf", "*?[a]", "x" * 255, "日本/語"]
        ones = [binary(name) for name in names]
        write_conflicts(root, "shop", ones)
        for one in ones:
            side(root, one.path).write_bytes(b"\0decided")
            assert decision(root, one) == Resolution(b"\0decided")

    def test_files_that_are_called_like_our_own_do_not_collide(self, root: Path) -> None:
        names = [".conflicts.json", ".conflicts.json.new/x", ".conflicts.json.side", "a.theirs", "a.theirs~2"]
        ones = [binary("a"), *map(conflict, names)]
        laid_out = write_conflicts(root, "shop", ones)
        assert len({one.side_path for one in laid_out}) == 6
        for one, where in zip(sorted(ones, key=lambda one: one.path), laid_out, strict=True):
            (root / where.side_path).write_bytes(one.path.encode())
        for one in ones:
            assert decision(root, one) == Resolution(one.path.encode())

    def test_only_a_conflict_can_be_laid_out(self, root: Path) -> None:
        clean = merge_file("a", base=BASE, ours=BASE, theirs=THEIRS)
        with pytest.raises(ValueError, match="a is taken, not in conflict"):
            write_conflicts(root, "shop", [FileConflict("a", clean, BASE, BASE, THEIRS)])


class TestDeciding:
    def test_a_text_without_markers_is_the_decision(self, root: Path) -> None:
        one = conflict("a.ts")
        write_conflicts(root, "shop", [one])
        side(root, "a.ts").write_bytes(b"a\nboth\nc\n")
        assert decision(root, one) == Resolution(b"a\nboth\nc\n")
        assert list_conflicts(root, "shop")[0].is_resolved

    def test_as_it_was_laid_out_it_is_none(self, root: Path) -> None:
        ones = [conflict("a.ts"), binary("b"), deleted("c")]
        write_conflicts(root, "shop", ones)
        assert [decision(root, one) for one in ones] == [None, None, None]

    @pytest.mark.parametrize(
        "half", [b"<<<<<<< destination\nx\n", b"x\n||||||| base\n", b"x\n=======\r\ny\n", b">>>>>>> unit"]
    )
    def test_with_any_marker_left_it_is_none(self, root: Path, half: bytes) -> None:
        one = conflict("a.ts")
        write_conflicts(root, "shop", [one])
        side(root, "a.ts").write_bytes(half)
        assert decision(root, one) is None

    def test_a_line_that_only_looks_like_a_marker_is_the_files_own(self, root: Path) -> None:
        heading = b"Title\n=======\n"
        one = conflict("a.rst", heading + BASE, heading + OURS, heading + THEIRS)
        write_conflicts(root, "shop", [one])
        side(root, "a.rst").write_bytes(heading + b"a\nboth\nc\n")
        assert decision(root, one) == Resolution(heading + b"a\nboth\nc\n")

    def test_a_file_that_has_our_very_markers_is_not_decided_by_itself(self, root: Path) -> None:
        own = b"<<<<<<< destination\n||||||| base\n=======\n>>>>>>> unit\n"
        one = conflict("a.md", own + BASE, own + OURS, own + THEIRS)
        write_conflicts(root, "shop", [one])
        assert decision(root, one) is None
        side(root, "a.md").write_bytes(own + b"done\n")
        assert decision(root, one) == Resolution(own + b"done\n")

    @pytest.mark.parametrize("moved", ["base", "ours", "theirs"])
    def test_a_decision_counts_for_its_three_sides_only(self, root: Path, moved: str) -> None:
        write_conflicts(root, "shop", [conflict("a.ts")])
        side(root, "a.ts").write_bytes(b"decided\n")
        sides = {"base": BASE, "ours": OURS, "theirs": THEIRS} | {moved: b"a\nlater\nc\n"}
        assert decision(root, conflict("a.ts", **sides)) is None

    def test_a_binary_files_words_are_replaced_by_what_is_wanted(self, root: Path) -> None:
        one = binary("logo.png")
        write_conflicts(root, "shop", [one])
        side(root, "logo.png").write_bytes(side(root, "logo.png.theirs").read_bytes())
        assert decision(root, one) == Resolution(b"\0theirs")

    def test_an_emptied_side_file_leaves_a_deleted_file_deleted(self, root: Path) -> None:
        one = deleted("a.ts")
        write_conflicts(root, "shop", [one])
        side(root, "a.ts").write_bytes(b"")
        assert decision(root, one) == Resolution(None)

    def test_a_file_deleted_here_comes_back_with_the_content_that_is_wanted(self, root: Path) -> None:
        one = deleted("a.ts")
        write_conflicts(root, "shop", [one])
        side(root, "a.ts").write_bytes(THEIRS)
        assert decision(root, one) == Resolution(THEIRS)

    def test_a_side_file_that_is_gone_decides_nothing(self, root: Path) -> None:
        ones = [conflict("a.ts"), deleted("b.ts")]
        write_conflicts(root, "shop", ones)
        for one in ones:
            side(root, one.path).unlink()
        assert [decision(root, one) for one in ones] == [None, None]

    @pytest.mark.parametrize("index", [b"", b"{", b"[]", b'{"version": 99}', b"\xff"])
    def test_without_a_readable_index_nothing_is_decided(self, root: Path, index: bytes) -> None:
        one = conflict("a.ts")
        write_conflicts(root, "shop", [one])
        side(root, "a.ts").write_bytes(b"decided\n")
        side(root, ".conflicts.json").write_bytes(index)
        assert decision(root, one) is None
        assert list_conflicts(root, "shop") == ()


class TestPeoplesWork:
    def test_writing_again_leaves_what_they_began(self, root: Path) -> None:
        ones = [conflict("a.ts"), deleted("b.ts")]
        write_conflicts(root, "shop", ones)
        side(root, "a.ts").write_bytes(b"<<<<<<< destination\nhalf\n")
        side(root, "b.ts").write_bytes(b"")
        laid_out = write_conflicts(root, "shop", ones)
        assert side(root, "a.ts").read_bytes() == b"<<<<<<< destination\nhalf\n"
        assert [one.is_resolved for one in laid_out] == [False, True]

    def test_when_a_side_moved_on_their_work_is_beside_the_new_text(self, root: Path) -> None:
        write_conflicts(root, "shop", [conflict("a.ts")])
        side(root, "a.ts").write_bytes(b"decided\n")
        later = conflict("a.ts", theirs=b"a\nlater\nc\n")
        for _ in range(2):
            write_conflicts(root, "shop", [later])
            assert files(root) == {"a.ts": later.merged.marked, "a.ts.before": b"decided\n"}
        side(root, "a.ts").write_bytes(b"again\n")
        last = conflict("a.ts", theirs=b"a\nlast\nc\n")
        write_conflicts(root, "shop", [last])
        assert files(root) == {
            "a.ts": last.merged.marked,
            "a.ts.before": b"decided\n",
            "a.ts.before~2": b"again\n",
        }

    def test_when_a_side_moved_on_what_nobody_edited_is_replaced(self, root: Path) -> None:
        write_conflicts(root, "shop", [binary("a")])
        later = conflict("a", ours=b"\0ours", theirs=b"\0later")
        write_conflicts(root, "shop", [later])
        assert side(root, "a.theirs").read_bytes() == b"\0later"
        assert files(root).keys() == {"a", "a.theirs"}

    def test_a_conflict_that_is_no_more_leaves_nothing_but_their_work(self, root: Path) -> None:
        write_conflicts(root, "shop", [conflict("x/a.ts"), conflict("y/b.ts"), binary("c")])
        side(root, "y/b.ts").write_bytes(b"half\n")
        write_conflicts(root, "shop", [])
        assert files(root) == {"y/b.ts.before": b"half\n"}
        assert list_conflicts(root, "shop") == ()

    def test_without_their_index_side_files_are_taken_for_their_work(self, root: Path) -> None:
        one = conflict("a.ts")
        write_conflicts(root, "shop", [one])
        side(root, "a.ts").write_bytes(b"decided\n")
        side(root, ".conflicts.json").unlink()
        write_conflicts(root, "shop", [one])
        assert files(root) == {"a.ts": one.merged.marked, "a.ts.before": b"decided\n"}

    def test_another_merge_rule_lays_out_a_text_that_nobody_edited_anew(self, root: Path) -> None:
        base, ours, theirs = b'{"a": 1, "b": 1}', b'{"a": 2, "b": 1}', b'{"a": 3,\n "b": 1}'
        write_conflicts(root, "shop", [conflict("a.json", base, ours, theirs)])
        by_keys = conflict("a.json", base, ours, theirs, "json-merge")
        write_conflicts(root, "shop", [by_keys])
        assert side(root, "a.json").read_bytes() == by_keys.merged.marked

    def test_a_file_that_became_a_folder_gives_way(self, root: Path) -> None:
        write_conflicts(root, "shop", [conflict("a")])
        write_conflicts(root, "shop", [conflict("a/b")])
        assert files(root).keys() == {"a/b"}
        write_conflicts(root, "shop", [conflict("a")])
        assert files(root).keys() == {"a"}


class TestCrashes:
    """Killed at each single call, nothing counts as decided that was not, and the next writing makes all good."""

    old = (conflict("apps/a.ts"), binary("b"), deleted("c"), conflict("d"))
    new = (conflict("apps/a.ts"), conflict("b", ours=b"\0x", theirs=b"\0y"), deleted("e/f"), conflict("d", None))

    def prepared(self, root: Path) -> Path:
        root.mkdir()
        write_conflicts(root, "shop", self.old)
        side(root, "d").write_bytes(b"their work\n")
        return root

    def test_killed_while_they_are_written(self, tmp_path: Path) -> None:
        counted = self.prepared(tmp_path / "counted")
        for number, point in enumerate(points_of(lambda: write_conflicts(counted, "shop", self.new), counted / "p")):
            root = self.prepared(tmp_path / str(number))
            ended = in_child(killed_at(point), lambda root=root: write_conflicts(root, "shop", self.new))
            assert os.WTERMSIG(ended) == signal.SIGKILL, point
            assert [decision(root, one) for one in self.new] == [None] * 4
            write_conflicts(root, "shop", self.new)
            assert [decision(root, one) for one in self.new] == [None] * 4
            assert side(root, "d.before").read_bytes() == b"their work\n"
            assert side(root, "apps/a.ts").read_bytes() == self.new[0].merged.marked

    def test_killed_while_they_are_cleared(self, tmp_path: Path) -> None:
        counted = self.prepared(tmp_path / "counted")
        for number, point in enumerate(points_of(lambda: clear_conflicts(counted, "shop"), tmp_path / "p")):
            root = self.prepared(tmp_path / str(number))
            in_child(killed_at(point), lambda root=root: clear_conflicts(root, "shop"))
            assert all(decision(root, one) is None for one in self.old[:3])
            clear_conflicts(root, "shop")
            assert not (root / FOLDER).exists()


class TestClearing:
    def test_everything_of_the_unit_goes_and_nothing_of_another(self, root: Path) -> None:
        write_conflicts(root, "shop", [conflict("x/a.ts"), binary("b")])
        write_conflicts(root, "other", [conflict("x/a.ts")])
        clear_conflicts(root, "shop")
        assert not (root / FOLDER).exists()
        assert len(list_conflicts(root, "other")) == 1

    def test_where_nothing_is_laid_out_there_is_nothing_to_do(self, root: Path) -> None:
        clear_conflicts(root, "shop")
        assert list(root.iterdir()) == []

    def test_a_symlink_in_it_is_removed_and_not_what_it_leads_to(self, root: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "precious").write_text("x")
        write_conflicts(root, "shop", [conflict("a")])
        side(root, "link").symlink_to(outside)
        clear_conflicts(root, "shop")
        assert (outside / "precious").exists()
        assert not (root / FOLDER).exists()


class TestStayingInside:
    @pytest.mark.parametrize("path", ["../a", "/etc/a", "a/../../b", "a//b", "./a", "", "a/", "a\0b", ".."])
    def test_paths_that_leave_the_folder_are_refused(self, root: Path, path: str) -> None:
        one = FileConflict(path, conflict("a").merged, BASE, OURS, THEIRS)
        with pytest.raises(DestinationError, match="not a plain path"):
            write_conflicts(root, "shop", [one])
        assert list(root.iterdir()) == []

    @pytest.mark.parametrize("unit", ["..", ".", "", "a/b", "/a"])
    def test_units_that_are_no_name_are_refused(self, root: Path, unit: str) -> None:
        for call in (write_conflicts, lambda root, unit, _: clear_conflicts(root, unit)):
            with pytest.raises(DestinationError):
                call(root, unit, [conflict("a")])

    @pytest.mark.parametrize("link", [".mission_control", ".mission_control/conflicts", FOLDER, f"{FOLDER}/apps"])
    def test_a_symlink_on_the_way_is_not_followed(self, root: Path, tmp_path: Path, link: str) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "a.ts").write_bytes(b"theirs to keep")
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to(outside)
        with pytest.raises(UnsafePath):
            write_conflicts(root, "shop", [conflict("apps/a.ts")])
        assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [("a.ts", b"theirs to keep")]

    def test_a_side_file_that_is_a_symlink_is_not_read(self, root: Path, tmp_path: Path) -> None:
        one = conflict("a.ts")
        write_conflicts(root, "shop", [one])
        (tmp_path / "secret").write_text("secret")
        side(root, "a.ts").unlink()
        side(root, "a.ts").symlink_to(tmp_path / "secret")
        with pytest.raises(UnsafePath, match=r"a\.ts is a symbolic link"):
            decision(root, one)

    def test_a_missing_root_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(KeepingFailed, match="No such file"):
            write_conflicts(tmp_path / "gone", "shop", [conflict("a")])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20).filter(
            lambda name: name not in (".", "..")
        ),
        min_size=1,
        max_size=6,
        unique=True,
    )
)
def test_any_names_are_laid_out_apart_and_read_back(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    root = tmp_path_factory.mktemp("root")
    ones = [conflict(name) if number % 2 else binary(name) for number, name in enumerate(names)]
    for one, laid_out in zip(sorted(ones, key=lambda one: one.path), write_conflicts(root, "shop", ones), strict=True):
        assert one.path == laid_out.path
        (root / laid_out.side_path).write_bytes(b"decided " + os.fsencode(one.path))
    for one in ones:
        assert decision(root, one) == Resolution(b"decided " + os.fsencode(one.path))
