"""Which units there are, when one counts as changed, and when as settled."""

import os
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from repo_agent_dagster.migration import StagingUnit, UnitChanging, UnitError, is_settled, scan_staging, scan_unit
from repo_agent_dagster.migration.units.contents import read_unit
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


@pytest.mark.parametrize("path", ["a.part", "deep/b.crdownload", ".git/index.lock"])
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
