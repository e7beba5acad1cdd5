"""Which units there are, when one counts as changed, and when as settled."""

import os
import shutil
import threading
import time
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from repo_agent_dagster.migration import StagingUnit, UnitChanging, UnitError, is_settled, scan_staging, scan_unit
from repo_agent_dagster.migration.units.contents import read_unit
from repo_agent_dagster.migration.units.scan import Look
from tests.migration.conftest import write_tree


def digest(unit: Path) -> str:
    scanned = scan_unit(unit)
    assert scanned is not None
    return scanned.digest


def test_only_visible_folders_are_units(tmp_path: Path) -> None:
    write_tree(tmp_path, {"b/x": "", "a/x": "", "manifests/a.yaml": "", ".hidden/x": "", "file": ""})
    (tmp_path / "link").symlink_to(tmp_path / "a")

    assert [unit.name for unit in scan_staging(tmp_path)] == ["a", "b"]


def test_a_staging_folder_that_is_not_there_has_no_units(tmp_path: Path) -> None:
    assert scan_staging(tmp_path / "gone") == []
    assert scan_unit(tmp_path / "gone") is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda unit: (unit / "a.ts").write_text("2"), id="bytes"),
        pytest.param(lambda unit: (unit / "a.ts").chmod(0o755), id="executable-bit"),
        pytest.param(lambda unit: (unit / "a.ts").rename(unit / "b.ts"), id="name"),
        pytest.param(lambda unit: (unit / "c.ts").write_text(""), id="new-file"),
        pytest.param(lambda unit: (unit / "d.ts").symlink_to("a.ts"), id="symlink"),
        pytest.param(lambda unit: os.mkfifo(unit / "pipe"), id="pipe"),
        pytest.param(lambda unit: write_tree(unit.parent, {"manifests/u.yaml": "unit: u"}), id="central-manifest"),
    ],
)
def test_what_changes_a_unit_changes_its_digest(tmp_path: Path, change: object) -> None:
    unit = write_tree(tmp_path / "u", {"a.ts": "1", "z/y.ts": ""})
    before = digest(unit)

    change(unit)  # type: ignore[operator]  # a lambda of the table above

    assert digest(unit) != before


@pytest.mark.parametrize(
    "path", [".git/HEAD", "node_modules/x/index.js", "a.ts~", ".a.ts.swp", ".#a.ts", ".DS_Store", "__pycache__/a.pyc"]
)
def test_what_editors_and_tools_leave_does_not_change_the_digest(tmp_path: Path, path: str) -> None:
    unit = write_tree(tmp_path / "u", {"a.ts": "1"})
    before = digest(unit)

    write_tree(unit, {path: "x"})

    assert digest(unit) == before


def test_the_digest_does_not_depend_on_where_the_unit_is_or_when_it_was_written(tmp_path: Path) -> None:
    first = write_tree(tmp_path / "one" / "u", {"b/c": "1", "a": "2"})
    second = write_tree(tmp_path / "two" / "v", {"a": "2", "b/c": "1"})

    assert digest(first) == digest(second)


def test_the_inventory_has_the_digest_of_the_scan(tmp_path: Path) -> None:
    unit = write_tree(tmp_path / "u", {"a.ts": "1", "b/run.sh": "#!", "migration-manifest.yaml": "x"})
    (unit / "b" / "run.sh").chmod(0o755)
    (unit / "link").symlink_to("/etc/passwd")
    os.mkfifo(unit / "pipe")

    contents = read_unit(unit)

    assert contents.digest == digest(unit)
    assert [(file.path, file.executable) for file in contents.files] == [("a.ts", False), ("b/run.sh", True)]
    assert [left.path for left in contents.left_out] == ["link", "pipe"]


def test_a_file_name_that_is_not_utf8_is_left_out_and_told(tmp_path: Path) -> None:
    unit = write_tree(tmp_path / "u", {"a": ""})
    with open(os.fsencode(unit) + b"/\xff.ts", "wb"):
        pass

    assert [(left.path, left.reason) for left in read_unit(unit).left_out] == [("\\xff.ts", "its name is not UTF-8")]


def test_a_unit_settles_when_nothing_changed_for_a_while(tmp_path: Path, now: datetime) -> None:
    unit = StagingUnit("u", tmp_path, "0" * 64, last_changed=now)

    assert not is_settled(unit, now=now + timedelta(seconds=4.9), settle_seconds=5)
    assert is_settled(unit, now=now + timedelta(seconds=5), settle_seconds=5)


def test_a_copy_that_keeps_old_times_still_counts_as_new(tmp_path: Path) -> None:
    unit = write_tree(tmp_path / "u", {"a": ""})
    os.utime(unit / "a", (0, 0))
    os.utime(unit, (0, 0))

    scanned = scan_unit(unit)

    assert scanned is not None
    assert scanned.last_changed.year > 2000


@pytest.mark.parametrize(
    "path",
    ["a.part", "deep/b.crdownload", ".git/index.lock", ".git/shallow.lock", "sub/.git/objects/pack/tmp_pack_x1"],
)
def test_a_half_written_file_keeps_a_unit_from_settling(tmp_path: Path, path: str) -> None:
    unit = write_tree(tmp_path / "u", {"a.ts": "", path: ""})

    scanned = scan_unit(unit)

    assert scanned is not None
    assert scanned.unfinished == (path,)
    assert not is_settled(scanned, now=scanned.last_changed + timedelta(days=1), settle_seconds=5)


def test_a_locked_clone_cannot_be_planned(tmp_path: Path) -> None:
    with pytest.raises(UnitChanging, match=r"\.git/index\.lock"):
        read_unit(write_tree(tmp_path / "u", {"a.ts": "", ".git/index.lock": ""}))


def test_a_partial_file_is_left_out_of_the_inventory(tmp_path: Path) -> None:
    contents = read_unit(write_tree(tmp_path / "u", {"a.ts": "", "b.part": ""}))

    assert [file.path for file in contents.files] == ["a.ts"]
    assert contents.left_out[0].path == "b.part"


def test_a_unit_that_is_not_there_cannot_be_inventoried(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match="is not a folder"):
        read_unit(tmp_path / "gone")


def test_files_that_come_and_go_during_a_scan_do_not_break_it(tmp_path: Path) -> None:
    unit = write_tree(tmp_path / "u", {f"{number}/keep": "" for number in range(20)})
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            for number in range(20):
                (unit / str(number) / "gone").write_text("x")
                (unit / str(number) / "gone").unlink()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        scans = [scan_staging(tmp_path) for _ in range(100)]
    finally:
        stop.set()
        thread.join()

    assert all(len(units) == 1 for units in scans)


def test_a_folder_without_a_file_is_not_settled(tmp_path: Path) -> None:
    (tmp_path / "u" / "empty").mkdir(parents=True)
    scanned = scan_unit(tmp_path / "u")
    assert scanned is not None
    assert scanned.unfinished == (".",)


def test_a_loop_of_symlinks_and_one_that_leads_out_are_not_followed(tmp_path: Path) -> None:
    unit = write_tree(tmp_path / "STAGING" / "u", {"a": "1"})
    outside = write_tree(tmp_path / "outside", {"secret": "1"})
    (unit / "loop").symlink_to(unit)
    (unit / "self").symlink_to("self")
    (unit / "out").symlink_to(outside)
    (tmp_path / "STAGING" / "linked").symlink_to(outside)
    before = scan_staging(tmp_path / "STAGING")
    (outside / "secret").write_text("2")
    assert scan_staging(tmp_path / "STAGING") == before
    assert [one.name for one in before] == ["u"]


def test_the_manifest_folder_may_hold_a_symlink(tmp_path: Path) -> None:
    manifest = write_tree(tmp_path / "elsewhere", {"u.yaml": "unit: u"}) / "u.yaml"
    unit = write_tree(tmp_path / "STAGING", {"u/a": "1", "manifests/x.yaml": ""}) / "u"
    (tmp_path / "STAGING" / "manifests" / "u.yaml").symlink_to(manifest)
    before = scan_unit(unit)
    assert before is not None
    assert before.unfinished == ()
    manifest.write_text("unit: v")
    assert digest(unit) != before.digest


def test_a_submodule_is_part_of_its_unit_and_locks_it_while_git_works(tmp_path: Path) -> None:
    files = {"sub/.git": "gitdir: ../.git/modules/sub\n", "sub/a": "1", ".git/modules/sub/HEAD": "x"}
    unit = write_tree(tmp_path / "u", files)
    before = scan_unit(unit)
    assert before is not None
    assert before.unfinished == ()
    write_tree(unit, {".git/modules/sub/index.lock": ""})
    locked = scan_unit(unit)
    assert locked is not None
    assert (locked.unfinished, locked.digest) == (("sub/.git/index.lock",), before.digest)


@pytest.mark.parametrize(
    "pointer", [b"gitdir: /", b"gitdir: ../../../..", b"\xff", b"", b"gitdir: \x00", b"gitdir: loop"]
)
def test_a_git_file_that_points_anywhere_is_no_reason_to_look_there(tmp_path: Path, pointer: bytes) -> None:
    (tmp_path / "index.lock").touch()
    unit = write_tree(tmp_path / "u", {"sub/.git": pointer, "a": "1"})
    (unit / "sub" / "loop").symlink_to("loop")
    scanned = scan_unit(unit)
    assert scanned is not None
    assert scanned.unfinished == ()


def test_names_of_all_kinds_are_told_apart(tmp_path: Path) -> None:
    names = ["a b", "a\nb", "a\\nb", "A B", "é", "e\u0301", "\udcff", "-", "..."]
    for count in range(1, len(names) + 1):
        write_tree(tmp_path / "u", {names[count - 1]: "same"})
    digests = []
    for name in names:
        (tmp_path / "u" / name).rename(tmp_path / "aside")
        digests.append(digest(tmp_path / "u"))
        (tmp_path / "aside").rename(tmp_path / "u" / name)
    assert len(set(digests)) == len(names)


def test_a_large_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    unit = write_tree(tmp_path / "u", {"large": ""})
    os.truncate(unit / "large", 200 * 1024 * 1024)
    tracemalloc.start()
    try:
        scanned = scan_unit(unit, look=Look(clock_ns=lambda: time.time_ns() + 10**12))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scanned is not None
    assert scanned.unfinished == ()
    assert peak < 4 * 1024 * 1024


def test_a_unit_that_is_deleted_while_it_is_scanned_stops_nothing(tmp_path: Path) -> None:
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            write_tree(tmp_path, {"u/a/b": "1", "u/c": "2", "manifests/u.yaml": ""})
            shutil.rmtree(tmp_path / "u")

    write_tree(tmp_path / "v", {"a": "1"})
    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        scans = [scan_staging(tmp_path) for _ in range(200)]
    finally:
        stop.set()
        thread.join()
    assert all(units[-1].name == "v" for units in scans)
