"""A final diff: from before the order to after it, bounded, without secrets, and kept once it was told."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.contracts.reports import FileReport
from repo_agent_dagster.patching import Workspace, apply_batch, revert
from repo_agent_dagster.reports import final_diffs as limits
from repo_agent_dagster.reports.contents import content_of
from repo_agent_dagster.reports.final_diffs import IS_BINARY, IS_CUT, IS_GONE, NO_CHANGE, NO_ROOM, SHARED, unified
from repo_agent_dagster.reports.generate import generate
from repo_agent_dagster.store.patch_events import StoreCustody


class Shop:
    """A workspace to patch for order 42, and the report of it."""

    def __init__(self, engine: Engine, folder: Path, now: datetime) -> None:
        self.root = folder / "shop"
        self.root.mkdir()
        self._engine, self._folder, self._now = engine, folder, now

    def patch(self, file: str, old: str, new: str, order: str = "42") -> str:
        operation: dict[str, Any] = {"op": "replace-text", "file": file, "old": old, "new": new}
        if not old:
            operation = {"op": "create-file", "file": file, "content": new}
        batch = PatchBatch.model_validate({"orderId": order, "requester": "agent-a", "patches": [operation]})
        return self._apply(batch)

    def delete(self, file: str) -> str:
        return self._apply(
            PatchBatch.model_validate({"orderId": "42", "patches": [{"op": "delete-file", "file": file}]})
        )

    def take_back(self, batch_id: str) -> None:
        self._now += timedelta(minutes=1)
        revert(Workspace(self.root), batch_id, custody=StoreCustody(self._engine), now=self._now)

    def file(self, path: str) -> FileReport:
        made = generate(self._engine, "42", reports_dir=self._folder / "reports", now=self._now)
        return next(file for file in made.report.files if file.path == path)

    def _apply(self, batch: PatchBatch) -> str:
        self._now += timedelta(minutes=1)
        return apply_batch(Workspace(self.root), batch, custody=StoreCustody(self._engine), now=self._now).batch_id


@pytest.fixture
def shop(sqlite_store: Engine, tmp_path: Path, now: datetime) -> Shop:
    return Shop(sqlite_store, tmp_path, now)


def _body(file: FileReport) -> list[str]:
    assert file.final_diff is not None, file.diff_note
    return [line for line in file.final_diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_many_patches_of_a_file_are_one_diff(shop: Shop) -> None:
    (shop.root / "a.py").write_text("one\ntwo\nthree\n")
    shop.patch("a.py", "one", "1")
    shop.patch("a.py", "1", "first")
    shop.patch("a.py", "three", "third")
    file = shop.file("a.py")
    assert _body(file) == ["-one", "+first", "-three", "+third"]
    assert (file.patches, file.diff_note) == (3, None)
    assert content_of(str(shop.root), "a.py", file.before_sha256) == b"one\ntwo\nthree\n"
    assert content_of(str(shop.root), "a.py", file.after_sha256) == b"first\ntwo\nthird\n"


def test_a_file_that_was_made_and_changed_begins_at_nothing(shop: Shop) -> None:
    shop.patch("new.py", "", "one\n")
    shop.patch("new.py", "one", "two")
    file = shop.file("new.py")
    assert (file.final_diff or "").startswith("--- /dev/null\n+++ b/new.py\n")
    assert (_body(file), file.before_sha256) == (["+two"], None)


def test_a_file_that_was_changed_and_deleted_ends_at_nothing(shop: Shop) -> None:
    (shop.root / "old.py").write_text("one\n")
    shop.patch("old.py", "one", "two")
    shop.delete("old.py")
    file = shop.file("old.py")
    assert (file.final_diff or "").startswith("--- a/old.py\n+++ /dev/null\n")
    assert (_body(file), file.after_sha256) == (["-one"], None)


def test_what_came_to_nothing_has_no_diff(shop: Shop) -> None:
    (shop.root / "a.py").write_text("one\n")
    shop.patch("a.py", "one", "two")
    shop.patch("a.py", "two", "one")
    assert (shop.file("a.py").final_diff, shop.file("a.py").diff_note) == (None, NO_CHANGE)


def test_a_patch_that_was_taken_back_is_not_in_the_diff(shop: Shop) -> None:
    (shop.root / "a.py").write_text("one\ntwo\n")
    shop.patch("a.py", "one", "1")
    shop.take_back(shop.patch("a.py", "two", "2"))
    assert _body(shop.file("a.py")) == ["-one", "+1"]


def test_changes_of_others_in_between_are_told(shop: Shop) -> None:
    (shop.root / "a.py").write_text("one\ntwo\nthree\n")
    shop.patch("a.py", "one", "1")
    shop.patch("a.py", "two", "2", order="43")
    shop.patch("a.py", "three", "3")
    file = shop.file("a.py")
    assert file.diff_note == SHARED
    assert "+2" in _body(file)


def test_a_diff_stays_when_what_was_kept_is_pruned_and_the_file_goes_on(shop: Shop) -> None:
    (shop.root / "a.py").write_text("one\ntwo\n")
    shop.patch("a.py", "one", "1")
    shop.patch("a.py", "two", "2")
    first = shop.file("a.py")
    for kept in (shop.root / ".mission_control" / "objects").glob("*/*"):
        kept.unlink()
    (shop.root / "a.py").write_text("somebody went on\n")
    shop.patch("b.py", "", "new\n")
    assert shop.file("a.py") == first
    assert first.final_diff is not None


def test_contents_that_are_gone_are_told(shop: Shop) -> None:
    (shop.root / "a.py").write_text("one\ntwo\n")
    shop.patch("a.py", "one", "1")
    shop.patch("a.py", "two", "2")
    (shop.root / "a.py").write_text("somebody went on\n")
    assert (shop.file("a.py").final_diff, shop.file("a.py").diff_note) == (None, IS_GONE)


def test_a_binary_file_has_no_diff(shop: Shop) -> None:
    (shop.root / "a.bin").write_bytes(b"\0one\n")
    shop.delete("a.bin")
    assert (shop.file("a.bin").final_diff, shop.file("a.bin").diff_note) == (None, IS_BINARY)


def test_secrets_do_not_leave_in_a_diff(shop: Shop) -> None:
    token = "ghp_" + "a1B2" * 9
    shop.patch("a.py", "", f'TOKEN = "{token}"\n')
    assert token not in (shop.file("a.py").final_diff or "")
    assert "[REDACTED:" in (shop.file("a.py").final_diff or "")


def test_diffs_are_bounded_each_and_together(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.txt", "b.txt"):
        shop.patch(name, "", "".join(f"line {number}\n" for number in range(8_000)))
    monkeypatch.setattr(limits, "MAX_REPORT_DIFF_BYTES", 100 * 1024)
    first, second = shop.file("a.txt"), shop.file("b.txt")
    assert first.diff_note == IS_CUT
    assert len((first.final_diff or "").encode()) <= limits.MAX_FILE_DIFF_BYTES
    assert (first.final_diff or "").endswith("\n")
    assert (second.final_diff, second.diff_note) == (None, NO_ROOM)


def test_a_digest_does_not_open_files_outside_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"outside")
    root = tmp_path / "shop"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    digest = "6b2d9a4b9f4e6c7c9bda1ab3ebcfa5b8fd7b4d0f1f2d4b0c"
    for path in ("link", "../secret", str(tmp_path / "secret"), "a\0b"):
        assert content_of(str(root), path, digest.ljust(64, "0")) is None
    assert content_of(str(root), "link", "../../../etc") is None


def test_files_that_differ_in_thousands_of_lines_are_told_as_one_change() -> None:
    lines = [f"{number}\n" for number in range(10_000)]
    text = unified("a", "".join(lines).encode(), "".join(["0\n", *reversed(lines[1:-1]), "9999\n"]).encode())
    assert text.count("@@ ") == 1
    assert text.startswith("--- a/a\n+++ b/a\n@@ -1,10000 +1,10000 @@\n 0\n-1\n")
    assert "\\ No newline at end of file" in unified("a", b"x", b"y")
