"""Reading diffs: bounded, classified by the hunks' own lengths, and from one folder only."""

from pathlib import Path

import pytest

from repo_agent_dagster.reports.diffs import read_diff

DIFF = """--- a/query.sql
+++ b/query.sql
@@ -1,3 +1,3 @@
 SELECT 1
--- an old comment
+++ a new one
 ;
\\ No newline at end of file
@@ -9 +9,2 @@ tail
-x
+y
+z
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / ".mission_control" / "patches"
    folder.mkdir(parents=True)
    return folder


def test_lines_that_look_like_headers_are_counted_as_content(tmp_path: Path, folder: Path) -> None:
    (folder / "p.diff").write_text(DIFF)
    diff = read_diff(str(tmp_path), ".mission_control/patches/p.diff")
    assert diff is not None
    assert (diff.added, diff.removed, diff.is_cut) == (3, 2, False)
    kinds = [line.kind for line in diff.lines]
    assert kinds[:6] == ["header", "header", "hunk", "context", "removed", "added"]
    assert kinds[6:] == ["context", "context", "hunk", "removed", "added", "added"]


def test_an_absolute_path_is_read_too(tmp_path: Path, folder: Path) -> None:
    (folder / "p.diff").write_text(DIFF)
    assert read_diff("another-name", str(folder / "p.diff")) == read_diff(
        str(tmp_path), ".mission_control/patches/p.diff"
    )


def test_a_long_diff_is_cut_and_says_so(tmp_path: Path, folder: Path) -> None:
    (folder / "p.diff").write_text(DIFF)
    diff = read_diff(str(tmp_path), ".mission_control/patches/p.diff", max_bytes=60)
    assert diff is not None
    assert diff.is_cut


def test_bytes_that_are_no_text_do_not_break_the_report(tmp_path: Path, folder: Path) -> None:
    (folder / "p.diff").write_bytes(b"@@ -1 +1 @@\n-\xff\xfe\n+ok\n")
    diff = read_diff(str(tmp_path), ".mission_control/patches/p.diff")
    assert diff is not None
    assert (diff.added, diff.removed) == (1, 1)


@pytest.mark.parametrize("header", ["@@", "@@ broken @@", "@@ -1,x +1,y @@", "@@ -999999999999999999999 +1 @@"])
def test_a_broken_hunk_header_is_no_fault(tmp_path: Path, folder: Path, header: str) -> None:
    (folder / "p.diff").write_text(f"{header}\n+x\n")
    assert read_diff(str(tmp_path), ".mission_control/patches/p.diff") is not None


def test_only_diffs_of_the_patch_folder_are_opened(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "secret.diff").write_text(DIFF)
    (folder / "secret.txt").write_text(DIFF)
    (folder / "link.diff").symlink_to(tmp_path / "secret.diff")
    (folder / "folder.diff").mkdir()
    for path in (
        None,
        "",
        "secret.diff",
        "/etc/passwd",
        "nul\0byte.diff",
        ".mission_control/patches/secret.txt",
        ".mission_control/patches/../../secret.diff",
        ".mission_control/patches/link.diff",
        ".mission_control/patches/folder.diff",
        ".mission_control/patches/absent.diff",
        str(tmp_path / "secret.diff"),
    ):
        assert read_diff(str(tmp_path), path) is None, path
