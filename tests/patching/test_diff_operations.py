"""apply-diff: what a diff says is done to the files as they are, or nothing is."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from repo_agent_dagster.patching import BatchResult, InvalidPatch, OverlappingPatches, PatchConflict
from tests.patching.conftest import Apply
from tests.patching.trees import fill, snapshot

TEN = b"".join(b"%d\n" % number for number in range(1, 11))


def diff(text: str, **more: Any) -> dict[str, Any]:
    return {"op": "apply-diff", "diff": text, **more}


def edit(header: str, *body: str, name: str = "f", **more: Any) -> dict[str, Any]:
    return diff(f"--- a/{name}\n+++ b/{name}\n{header}\n" + "".join(f"{line}\n" for line in body), **more)


FIVE = edit("@@ -4,3 +4,3 @@", " 4", "-5", "+five", " 6")


@pytest.mark.parametrize(
    ("content", "operation", "expected"),
    [
        pytest.param(TEN, FIVE, TEN.replace(b"5", b"five"), id="at its line"),
        pytest.param(b"0\n" * 7 + TEN, FIVE, b"0\n" * 7 + TEN.replace(b"5", b"five"), id="further down"),
        pytest.param(b"4\n5\n6\n", FIVE, b"4\nfive\n6\n", id="further up"),
        pytest.param(TEN.replace(b"\n", b"\r\n"), FIVE, TEN.replace(b"5", b"five").replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(b"\xef\xbb\xbf4\n5\n6\n", FIVE, b"\xef\xbb\xbf4\nfive\n6\n", id="behind a byte-order mark"),
        pytest.param(b"4\n5\n6", FIVE, b"4\nfive\n6", id="no newline at the end, of which the diff says nothing"),
        pytest.param(
            b"4\n5\n6",
            edit("@@ -1,3 +1,3 @@", " 4", " 5", "-6", "\\ No newline at end of file", "+six"),
            b"4\n5\nsix\n",
            id="a newline for the end",
        ),
        pytest.param(
            b"4\n5\n",
            edit("@@ -1,2 +1,2 @@", " 4", "-5", "+five", "\\ No newline at end of file"),
            b"4\nfive",
            id="the end's newline goes",
        ),
        pytest.param(
            b"4\n  5  \n6\n", {**FIVE, "fuzz": "whitespace"}, b"4\nfive\n6\n", id="white space, when it is asked for"
        ),
        pytest.param(TEN, diff("@@ -5 +5 @@\n-5\n+five\n", file="f"), TEN.replace(b"5", b"five"), id="hunks alone"),
        pytest.param(
            TEN,
            diff("--- a/other\n+++ b/other\n@@ -5 +5 @@\n-5\n+five\n", file="f"),
            TEN.replace(b"5", b"five"),
            id="for the file that is named, whatever its headers say",
        ),
        pytest.param(
            TEN,
            edit("@@ -1,2 +1,2 @@", "-1", "+one", " 2", "@@ -9,2 +9,1 @@", " 9", "-10"),
            b"one\n" + TEN[2:-3],
            id="two hunks",
        ),
        pytest.param(b"", edit("@@ -0,0 +1,1 @@", "+new"), b"new\n", id="into an empty file"),
    ],
)
def test_a_hunk_goes_where_its_lines_stand(
    root: Path, patch: Apply, content: bytes, operation: dict[str, Any], expected: bytes
) -> None:
    (root / "f").write_bytes(content)
    patch(operation)
    assert (root / "f").read_bytes() == expected


def test_where_a_hunk_was_found_is_noted(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(b"0\n0\n" + TEN)
    assert notes(patch(FIVE)) == ("f: hunk 1 was found at line 6, 2 lines down",)
    (root / "f").write_bytes(b"5\n6\n")
    assert notes(patch(edit("@@ -3,2 +3,2 @@", "-5", "+five", " 6"))) == ("f: hunk 1 was found at line 1, 2 lines up",)
    (root / "f").write_bytes(b"4\n 5\n6\n")
    told = notes(patch({**FIVE, "fuzz": "whitespace"}))
    assert told == ("f: hunk 1 was found at line 1, 3 lines up", "f: hunk 1 at line 1 fits but for white space")


def notes(result: BatchResult) -> tuple[str, ...]:
    return result.patches[0].notes


def git(folder: Path, *argv: str) -> bytes:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.fileMode=true"]
    return subprocess.run(["git", *identity, *argv], cwd=folder, check=True, capture_output=True).stdout


def test_what_git_writes_of_any_change_is_made(root: Path, patch: Apply, tmp_path: Path) -> None:
    before = {
        "edited.py": TEN,
        "moved/from.py": TEN,
        "moved and edited.py": TEN,
        "gone/f.py": TEN,
        "empty": b"",
        "tool": b"#!/bin/sh\n",
        "blob": b"\0\1\2" * 99,
        "crlf": TEN.replace(b"\n", b"\r\n"),
        "ä": b"latin \xe9\n",
    }
    repository = tmp_path / "repository"
    for place in (root, repository):
        fill(place, before)
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "before")
    (repository / "edited.py").write_bytes(TEN.replace(b"5", b"five"))
    git(repository, "mv", "moved/from.py", "to.py")
    git(repository, "mv", "moved and edited.py", "gone/to.py")
    (repository / "gone/to.py").write_bytes(TEN.replace(b"9\n", b""))
    git(repository, "rm", "-q", "gone/f.py", "empty")
    fill(repository, {"new/f": b"new", "new/empty": b"", "new/blob": b"\0new"})
    (repository / "new" / "f").chmod(0o755)
    (repository / "tool").chmod(0o755)
    (repository / "blob").write_bytes(bytes(range(200)))  # so unlike that git writes it whole
    (repository / "crlf").write_bytes(TEN.replace(b"\n", b"\r\n").replace(b"5", b"five"))
    git(repository, "add", ".")
    text = git(repository, "diff", "--cached", "--binary", "-M").decode()

    result = patch(diff(text))

    assert snapshot(root) == snapshot(repository)
    assert len(result.patches) == 10
    assert {one.op for one in result.patches} == {"apply-diff"}


@pytest.mark.parametrize(
    ("content", "operation", "told"),
    [
        (TEN.replace(b"5", b"V"), FIVE, r"fits nowhere; line 5 of the file is 'V', not '5' \(line 5 of the diff\)"),
        (TEN.replace(b"5", b"five"), FIVE, "seems to be applied already: its new lines stand at line 4"),
        (b"4\n5\n6\n9\n4\n5\n6\n", edit("@@ -3,3 +3,3 @@", " 4", "-5", "+V", " 6"), "equally near at lines 1 and 5"),
        (b"4\n 5\n6\n", FIVE, "fits nowhere"),
        (
            b"5\n",
            edit("@@ -1 +1 @@", "-5", "+V", "@@ -1 +1 @@", "-5", "+V"),
            "the hunk before it goes as far as line 1",
        ),
    ],
)
def test_a_hunk_that_does_not_fit_is_a_conflict_that_shows_the_nearest_miss(
    root: Path, patch: Apply, content: bytes, operation: dict[str, Any], told: str
) -> None:
    (root / "f").write_bytes(content)
    with pytest.raises(PatchConflict, match=told):
        patch(operation)
    assert (root / "f").read_bytes() == content


def test_one_section_that_does_not_fit_stops_them_all(root: Path, patch: Apply) -> None:
    fill(root, {"f": TEN, "g": b"g\n"})
    both = str(FIVE["diff"]) + "--- a/g\n+++ b/g\n@@ -1 +1 @@\n-h\n+i\n"
    with pytest.raises(PatchConflict, match="g: the hunk at line 10"):
        patch(diff(both))
    assert snapshot(root) == {"f": (TEN, 0o644), "g": (b"g\n", 0o644)}


def test_a_digest_that_is_expected_is_that_of_the_one_file(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(TEN)
    with pytest.raises(PatchConflict, match="SHA-256"):
        patch({**FIVE, "file": "f", "expect": {"sha256": "0" * 64}})


def test_hunks_and_operations_on_the_same_lines_are_refused_and_on_others_are_not(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(TEN)
    beside = {"op": "replace-block", "file": "f", "start": 4, "end": 4, "block": "four"}
    with pytest.raises(OverlappingPatches, match=r"patch 1 \(apply-diff\) and patch 2 \(replace-block f:5-5\) overlap"):
        patch(FIVE, {**beside, "start": 5, "end": 5})
    patch(FIVE, beside)
    assert (root / "f").read_bytes() == TEN.replace(b"4\n5", b"four\nfive")


def test_a_copy_is_told_to_be_sent_as_a_new_file(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(TEN)
    copy = "diff --git a/f b/g\nsimilarity index 100%\ncopy from f\ncopy to g\n"
    with pytest.raises(InvalidPatch, match="send the copy as create-file"):
        patch(diff(copy))
