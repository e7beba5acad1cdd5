"""Scans with the hashes of earlier ones: they read only what changed, and say the same as scans without."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.migration.units.known_hashes import KnownHashes
from repo_agent_dagster.migration.units.scan import LARGE_BYTES, Look, StagingUnit, scan_staging, scan_unit
from tests.migration.conftest import write_tree

HOUR_NS = 3600 * 10**9
TEXTS = st.sampled_from(["", "1", "2", "longer"])
PATHS = st.sampled_from(["a", "b/a", "b/c", "x y", "ü", "new\nline", "A"])


class Scanner:
    """Scans with kept hashes; its clock is an hour ahead, so that what was written just now counts as old."""

    def __init__(self, root: Path, *, ahead_ns: int = HOUR_NS) -> None:
        self.staging = root / "STAGING"
        self.staging.mkdir(parents=True)
        self.cache = root / "cache"
        self.ahead_ns = ahead_ns

    def look(self, out_of_time: Callable[[], bool] = lambda: False) -> Look:
        known = KnownHashes(self.cache, self.staging)
        return Look(known, out_of_time, lambda: time.time_ns() + self.ahead_ns)

    def scan(self) -> StagingUnit:
        (unit,) = scan_staging(self.staging, self.look())
        return unit

    def fresh(self) -> StagingUnit:
        (unit,) = scan_staging(self.staging)
        return unit

    def kept(self) -> list[Path]:
        return sorted(path for path in self.cache.rglob("*") if path.is_file())


@pytest.fixture
def scanner(tmp_path: Path) -> Scanner:
    return Scanner(tmp_path)


def change_behind_its_back(file: Path, text: str) -> None:
    """Change the bytes and nothing that a scan looks at, as far as a test can: all but ctime."""
    status = file.stat()
    file.write_text(text)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_file_that_did_not_change_is_not_read_again(scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = write_tree(scanner.staging / "u", {"a": "1", "b/c": "2"})
    before = scanner.scan()
    read: list[str] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **more: read.append(str(path)) or real(path, *rest, **more))
    assert scanner.scan() == before
    (unit / "a").write_text("3")
    scanner.scan()
    assert [path for path in read if path.startswith(str(unit))] == [str(unit / "a")]


def test_a_change_that_keeps_size_and_modification_time_is_seen(scanner: Scanner) -> None:
    unit = write_tree(scanner.staging / "u", {"a": "1"})
    before = scanner.scan()
    change_behind_its_back(unit / "a", "2")
    assert scanner.scan().digest == scanner.fresh().digest != before.digest


def test_a_file_that_changed_a_moment_ago_is_read_again_whatever_its_times_say(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path, ahead_ns=0)
    write_tree(scanner.staging / "u", {"a": "1"})
    scanner.scan()
    known = KnownHashes(scanner.cache, scanner.staging).read(scanner.staging / "u")
    assert (known.digest, dict(known.files)) == ("", {})


def test_a_unit_that_is_gone_is_forgotten(scanner: Scanner) -> None:
    write_tree(scanner.staging, {"u/a": "1", "v/a": "2"})
    scan_staging(scanner.staging, scanner.look())
    assert len(scanner.kept()) == 2
    shutil.rmtree(scanner.staging / "u")
    scanner.scan()
    assert len(scanner.kept()) == 1


@pytest.mark.parametrize("damage", [b"", b"{}\n{}\n", b"\xff", b'{"version": 1}\n[1]\n', b"[]\n"])
def test_kept_hashes_that_are_damaged_are_made_anew(scanner: Scanner, damage: bytes) -> None:
    write_tree(scanner.staging / "u", {"a": "1"})
    before = scanner.scan()
    (kept,) = scanner.kept()
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    assert scanner.scan() == before
    assert kept.read_bytes() == whole


def test_hashes_that_cannot_be_kept_cost_time_and_nothing_else(scanner: Scanner) -> None:
    write_tree(scanner.staging / "u", {"a": "1"})
    scanner.cache.write_text("a file where the folder should be")
    with pytest.raises(NotADirectoryError):
        scanner.kept() or (scanner.cache / "x").stat()
    assert scan_unit(scanner.staging / "u", look=scanner.look()) == scan_unit(scanner.staging / "u")


def test_a_scan_that_runs_out_of_time_says_so_and_the_next_one_goes_on_from_there(scanner: Scanner) -> None:
    write_tree(scanner.staging / "u", {name: name for name in "abcd"})
    answers = iter([False, False, True, True])
    (begun,) = scan_staging(scanner.staging, scanner.look(lambda: next(answers)))
    assert begun.unfinished == ("c", "d")
    answers = iter([False, False])
    (ended,) = scan_staging(scanner.staging, scanner.look(lambda: next(answers)))
    assert (ended.unfinished, ended.digest) == ((), scanner.fresh().digest)


def test_a_large_file_that_grows_is_not_read_and_one_that_stands_still_is(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path, ahead_ns=0)
    large = write_tree(scanner.staging / "u", {"large": ""}) / "large"
    os.truncate(large, LARGE_BYTES)
    growing = scanner.scan()
    os.truncate(large, LARGE_BYTES + 1)
    assert growing.unfinished == ("large",)
    assert scanner.scan().digest != growing.digest
    scanner.ahead_ns = HOUR_NS
    assert scanner.scan().unfinished == ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(PATHS, TEXTS | st.none()), max_size=8))
def test_after_any_changes_a_scan_with_kept_hashes_says_what_one_without_does(
    changes: list[tuple[str, str | None]],
) -> None:
    with TemporaryDirectory() as folder:
        scanner = Scanner(Path(folder))
        unit = write_tree(scanner.staging / "u", {"always": ""})
        for path, text in changes:
            if text is None:
                (unit / path).unlink(missing_ok=True)
            else:
                write_tree(unit, {path: text})
            assert scanner.scan() == scanner.fresh()
