"""Kept contents are found again by digest, after any crash and beside any damage; damage is told, never given out."""

import os
import signal
from collections.abc import Callable
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.migration.faults import KeepingFailed
from repo_agent_dagster.migration.merging.bases import Bases, find_base
from repo_agent_dagster.migration.merging.git_blobs import blob_id
from tests.migration.merging.dying import in_child, points_of
from tests.patching.file_system_calls import Point, killed_at, refused_at

OLD = (b"first\n", b"second\n", b"")
NEW = (b"third\n", b"fourth\n" * 1000, b"first\n")


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def digests(*contents: bytes) -> set[str]:
    return {digest(content) for content in contents}


def packs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.bases"))


def found(folder: Path, *contents: bytes) -> list[bool]:
    """Which contents a new reader gets; it never gets another content."""
    bases = Bases(folder)
    got = [bases.get(digest(content)) for content in contents]
    assert all(one in (None, content) for one, content in zip(got, contents, strict=True))
    return [one is not None for one in got]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "bases"


class TestKeeping:
    def test_what_was_kept_is_found_by_a_later_reader(self, folder: Path) -> None:
        Bases(folder).keep(OLD)
        bases = Bases(folder)
        assert [bases.get(digest(content)) for content in OLD] == list(OLD)
        assert bases.damaged == {}

    def test_what_was_not_kept_is_not_found(self, folder: Path) -> None:
        assert Bases(folder).get(digest(b"never")) is None
        Bases(folder).keep(OLD)
        assert Bases(folder).get(digest(b"never")) is None

    def test_each_call_adds_one_file_however_many_contents_it_is_given(self, folder: Path) -> None:
        Bases(folder).keep(b"%d" % number for number in range(300))
        assert len(packs(folder)) == 1

    def test_what_is_kept_already_is_not_written_again(self, folder: Path) -> None:
        bases = Bases(folder)
        bases.keep(OLD)
        (first,) = packs(folder)
        before = first.stat().st_mtime_ns
        bases.keep(OLD)
        Bases(folder).keep(reversed(OLD))
        assert packs(folder) == [first]
        assert first.stat().st_mtime_ns == before

    def test_only_what_is_new_is_added(self, folder: Path) -> None:
        Bases(folder).keep(OLD)
        (first,) = packs(folder)
        Bases(folder).keep((*OLD, b"new"))
        (second,) = set(packs(folder)) - {first}
        assert b"second" not in second.read_bytes()

    def test_nothing_to_keep_makes_no_folder(self, folder: Path) -> None:
        Bases(folder).keep([])
        assert not folder.exists()

    def test_the_same_contents_make_the_same_file(self, tmp_path: Path) -> None:
        for name, contents in (("a", OLD), ("b", (*reversed(OLD), OLD[0]))):
            Bases(tmp_path / name).keep(contents)
        (one,), (other,) = packs(tmp_path / "a"), packs(tmp_path / "b")
        assert (one.name, one.read_bytes()) == (other.name, other.read_bytes())

    def test_a_reader_sees_what_another_process_kept_meanwhile(self, folder: Path) -> None:
        reader = Bases(folder)
        assert reader.get(digest(OLD[0])) is None
        Bases(folder).keep(OLD)
        assert reader.get(digest(OLD[0])) == OLD[0]

    def test_processes_that_keep_at_once_lose_nothing(self, folder: Path) -> None:
        context = get_context("fork")
        workers = [context.Process(target=_keep_some, args=(folder, number)) for number in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert all(found(folder, *(content for number in range(4) for content in _some(number))))

    def test_a_folder_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(KeepingFailed, match=r"file/bases cannot be written \(Not a directory\)"):
            Bases(tmp_path / "file" / "bases").keep(OLD)

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.lists(st.binary(max_size=40), max_size=6), max_size=5), st.data())
    def test_any_contents_in_any_calls_are_kept_and_only_the_unwanted_are_pruned(
        self, tmp_path_factory: pytest.TempPathFactory, calls: list[list[bytes]], data: st.DataObject
    ) -> None:
        folder = tmp_path_factory.mktemp("bases")
        for contents in calls:
            Bases(folder).keep(contents)
        contents = [content for call in calls for content in call]
        wanted = data.draw(st.lists(st.sampled_from(contents))) if contents else []
        Bases(folder).prune(digests(*wanted))
        assert all(found(folder, *wanted))


class TestPruning:
    def test_packs_without_anything_wanted_go(self, folder: Path) -> None:
        for contents in (OLD, NEW):
            Bases(folder).keep(contents)
        pruned = Bases(folder).prune(digests(*OLD))
        assert found(folder, *OLD, b"third\n") == [True, True, True, False]
        assert len(packs(folder)) == 1
        assert pruned.dropped == 2
        assert pruned.freed_bytes > 7000

    def test_a_pack_that_is_mostly_unwanted_is_packed_anew(self, folder: Path) -> None:
        Bases(folder).keep(NEW)
        before = sum(path.stat().st_size for path in packs(folder))
        Bases(folder).prune(digests(b"third\n"))
        assert found(folder, b"third\n", NEW[1]) == [True, False]
        assert sum(path.stat().st_size for path in packs(folder)) < before - 6000

    def test_a_pack_that_is_mostly_wanted_stays_as_it_is(self, folder: Path) -> None:
        Bases(folder).keep(NEW)
        before = packs(folder)
        assert Bases(folder).prune(digests(NEW[1])).dropped == 0
        assert packs(folder) == before

    def test_small_packs_that_are_mostly_unwanted_become_one(self, folder: Path) -> None:
        for number in range(5):
            Bases(folder).keep([b"wanted %d" % number, b"unwanted" * 10 + b"%d" % number])
        wanted = [b"wanted %d" % number for number in range(5)]
        Bases(folder).prune(digests(*wanted))
        assert len(packs(folder)) == 1
        assert all(found(folder, *wanted))

    def test_pruning_twice_changes_nothing(self, folder: Path) -> None:
        Bases(folder).keep(NEW)
        Bases(folder).prune(digests(b"third\n"))
        before = [path.read_bytes() for path in packs(folder)]
        assert Bases(folder).prune(digests(b"third\n")) == type(Bases(folder).prune(set(digests(b"third\n"))))(0, 0)
        assert [path.read_bytes() for path in packs(folder)] == before

    def test_where_nothing_was_ever_kept_there_is_nothing_to_do(self, folder: Path) -> None:
        assert Bases(folder).prune(set()).freed_bytes == 0
        assert not folder.exists()

    def test_what_is_no_pack_or_of_another_version_is_left_alone(self, folder: Path) -> None:
        Bases(folder).keep(OLD)
        (folder / "notes.txt").write_text("mine")
        (folder / f"{'a' * 64}.bases").write_bytes(b"RADBASE2" + bytes(100))
        bases = Bases(folder)
        bases.prune(set())
        assert sorted(path.name for path in folder.iterdir()) == [f"{'a' * 64}.bases", "lock", "notes.txt"]
        assert bases.damaged == {f"{'a' * 64}.bases": "is of another version"}


class TestDamage:
    def test_a_pack_cut_at_any_length_counts_as_absent_and_is_told(self, folder: Path) -> None:
        Bases(folder).keep(OLD)
        Bases(folder).keep([b"other"])
        whole = next(path for path in packs(folder) if b"second" in path.read_bytes())
        content = whole.read_bytes()
        for length in range(len(content)):
            whole.write_bytes(content[:length])
            bases = Bases(folder)
            assert [bases.get(digest(one)) for one in (*OLD, b"other")] == [None, None, None, b"other"]
            assert "cut" in bases.damaged[whole.name]

    def test_a_changed_byte_anywhere_never_gives_a_wrong_content(self, folder: Path) -> None:
        Bases(folder).keep(OLD)
        (whole,) = packs(folder)
        content = whole.read_bytes()
        for at in range(len(content)):
            whole.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            bases = Bases(folder)
            got = [bases.get(digest(one)) for one in OLD]
            assert all(one in (None, content) for one, content in zip(got, OLD, strict=True))
            assert None in got
            assert bases.damaged

    def test_keeping_again_heals_a_damaged_content(self, folder: Path) -> None:
        Bases(folder).keep(OLD)
        (whole,) = packs(folder)
        whole.write_bytes(whole.read_bytes().replace(b"second", b"sec0nd"))
        Bases(folder).keep(OLD)
        assert all(found(folder, *OLD))

    def test_keeping_again_heals_a_damaged_head(self, folder: Path) -> None:
        Bases(folder).keep(OLD)
        (whole,) = packs(folder)
        whole.write_bytes(whole.read_bytes()[:30])
        Bases(folder).keep(OLD)
        assert all(found(folder, *OLD))

    def test_pruning_removes_packs_of_which_nothing_can_be_read(self, folder: Path) -> None:
        Bases(folder).keep(OLD)
        (whole,) = packs(folder)
        whole.write_bytes(b"RADBASE1")
        Bases(folder).prune(digests(*OLD))
        assert packs(folder) == []

    @pytest.mark.parametrize("kind", ["folder", "symlink", "pipe"])
    def test_what_is_no_file_is_told_and_not_touched(self, folder: Path, tmp_path: Path, kind: str) -> None:
        Bases(folder).keep(OLD)
        strange = folder / f"{'b' * 64}.bases"
        match kind:
            case "folder":
                strange.mkdir()
            case "symlink":
                (tmp_path / "elsewhere").write_bytes(b"RADBASE1")
                strange.symlink_to(tmp_path / "elsewhere")
            case "pipe":
                os.mkfifo(strange)
        bases = Bases(folder)
        bases.prune(digests(*OLD))
        assert strange.name in bases.damaged
        assert os.path.lexists(strange)
        assert all(found(folder, *OLD))


class TestCrashes:
    """Killed, or refused by the file system, at each single call: what was kept before is kept, and all goes on."""

    def keeping(self, folder: Path) -> None:
        Bases(folder).keep(NEW)

    def pruning(self, folder: Path) -> None:
        Bases(folder).prune(digests(b"third\n", OLD[0], OLD[2]))

    @pytest.mark.parametrize("work", ["keeping", "pruning"])
    def test_killed_at_any_call(self, tmp_path: Path, work: str) -> None:
        points = self.points(tmp_path / "counted", work)
        assert {point.call for point in points} >= {"open", "write", "fsync", "rename"}
        for number, point in enumerate(points):
            folder = self.prepared(tmp_path / str(number), work)
            ended = in_child(killed_at(point), lambda folder=folder: getattr(self, work)(folder))
            assert os.WTERMSIG(ended) == signal.SIGKILL, point
            self.check(folder, work)

    @pytest.mark.parametrize("from_then_on", [False, True])
    @pytest.mark.parametrize("work", ["keeping", "pruning"])
    def test_refused_at_any_call(self, tmp_path: Path, work: str, from_then_on: bool) -> None:
        count = len(self.points(tmp_path / "counted", work)) // 2
        for number in range(1, count + 1):
            folder = self.prepared(tmp_path / str(number), work)
            calls = refused_at(number, 28, from_then_on=from_then_on)
            ended = in_child(calls, lambda folder=folder: _expect_told(getattr(self, work), folder))
            assert ended == 0, number
            self.check(folder, work)

    def prepared(self, folder: Path, work: str) -> Path:
        Bases(folder).keep(OLD)
        if work == "pruning":
            Bases(folder).keep(NEW)
        return folder

    def points(self, folder: Path, work: str) -> list[Point]:
        self.prepared(folder, work)
        return points_of(lambda: getattr(self, work)(folder), folder / "points")

    def check(self, folder: Path, work: str) -> None:
        wanted = OLD if work == "keeping" else (b"third\n", OLD[0], OLD[2])
        assert all(found(folder, *wanted))
        assert Bases(folder).damaged == {}
        getattr(self, work)(folder)
        assert all(found(folder, *wanted))
        assert not (folder / "unfinished.tmp").exists()


class TestFindingABase:
    def test_a_side_that_did_not_change_is_the_base(self, folder: Path, tmp_path: Path) -> None:
        bases = Bases(folder)
        assert find_base(digest(b"a"), ours=b"a", theirs=b"b", bases=bases, root=tmp_path) == b"a"
        assert find_base(digest(b"b"), ours=None, theirs=b"b", bases=bases, root=tmp_path) == b"b"

    def test_else_it_is_what_was_kept(self, folder: Path, tmp_path: Path) -> None:
        Bases(folder).keep([b"base"])
        assert find_base(digest(b"base"), ours=b"a", theirs=b"b", bases=Bases(folder), root=tmp_path) == b"base"

    def test_a_base_that_is_nowhere_is_lost(self, folder: Path, tmp_path: Path) -> None:
        blob = blob_id(b"base")
        assert find_base(digest(b"base"), ours=b"a", theirs=None, bases=Bases(folder), root=tmp_path, blob=blob) is None


def _some(number: int) -> list[bytes]:
    return [b"%d" % (number * 10 + offset) for offset in range(30)]


def _keep_some(folder: Path, number: int) -> None:
    for content in _some(number):
        Bases(folder).keep([content])


def _expect_told(work: Callable[[Path], None], folder: Path) -> None:
    try:
        work(folder)
    except KeepingFailed:
        return
