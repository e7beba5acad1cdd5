"""git reads the emitted diffs and makes the same trees of them."""

import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from repo_agent_dagster.patching import FileChange, Workspace, write_files
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.patching.conftest import Apply
from tests.patching.trees import fill, snapshot

FILES = {
    "plain.txt": b"".join(b"line %d\n" % number for number in range(1, 61)),
    "crlf.txt": b"a\r\nb\r\nc\r\n",
    "mixed.txt": b"a\r\nb\nc",
    "bom.txt": b"\xef\xbb\xbfa\nb\n",
    "latin1.txt": b"\xe9t\xe9\nb\n",
    "with space.txt": b"a\n",
    'quo"te\u00e4.txt': b"a\n",
    "empty.txt": b"",
    "deep/er/one.txt": b"a\nb\n",
    "tool.sh": b"#!/bin/sh\n",
    "image.bin": bytes(range(256)) * 3,
}


def git(folder: Path, *argv: str) -> str:
    return subprocess.run(["git", *argv], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def twin(root: Path, tmp_path: Path) -> Path:
    """A second folder with the workspace's files, for git to work on."""
    folder = tmp_path / "twin"
    for place in (root, folder):
        fill(place, FILES)
    return folder


def test_every_diff_of_a_batch_applies_and_reverses(root: Path, twin: Path, patch: Apply) -> None:
    before = snapshot(root)
    names = [name for name, content in FILES.items() if b"\0" not in content]
    result = patch(
        *({"op": "append", "file": name, "block": "end"} for name in names),
        *({"op": "prepend", "file": name, "block": "start"} for name in names),
        {"op": "replace-block", "file": "plain.txt", "start": 30, "end": 32, "block": "thirty"},
        {"op": "insert-after", "file": "plain.txt", "line": 34, "block": "thirty-four and a half"},
        {"op": "replace-block", "file": "plain.txt", "start": 50, "end": 55, "block": ""},
        {"op": "replace-block", "file": "mixed.txt", "start": 3, "end": 3, "block": "C"},
    )
    for one in result.patches:
        git(twin, "apply", str(root / one.diff_path))
    assert snapshot(twin) == snapshot(root)
    for one in reversed(result.patches):
        git(twin, "apply", "-R", str(root / one.diff_path))
    assert snapshot(twin) == before


def test_the_diff_of_the_whole_batch_applies(root: Path, twin: Path, patch: Apply, tmp_path: Path) -> None:
    result = patch(
        {"op": "replace-block", "file": "plain.txt", "start": 30, "end": 32, "block": "thirty"},
        {"op": "prepend", "file": "plain.txt", "block": "start"},
        {"op": "append", "file": "mixed.txt", "block": "end"},
        {"op": "append", "file": "crlf.txt", "block": "end"},
    )
    (tmp_path / "whole.diff").write_bytes(result.diff.encode())
    git(twin, "apply", str(tmp_path / "whole.diff"))
    assert snapshot(twin) == snapshot(root)


def test_whole_files_new_gone_binary_and_with_other_modes(
    root: Path, twin: Path, custody: StoreCustody, now: datetime
) -> None:
    before = snapshot(root)
    changes = [
        FileChange("new/deep/file.txt", b"a\nb"),
        FileChange("new/empty", b""),
        FileChange("new/tool", b"#!/bin/sh\n", executable=True),
        FileChange("new/blob", b"\0\1" * 500),
        FileChange("plain.txt", FILES["plain.txt"].replace(b"line 7\n", b"LINE 7\n")),
        FileChange("tool.sh", FILES["tool.sh"], executable=True),
        FileChange("image.bin", b"\0" + FILES["image.bin"]),
        FileChange("crlf.txt", b"now\0binary"),
        FileChange("bom.txt", None),
        FileChange("empty.txt", None),
        FileChange("deep/er/one.txt", None),
    ]
    result = write_files(
        Workspace(root),
        changes,
        order_id=None,
        requester="migration",
        reason="",
        phase=None,
        task_id=None,
        custody=custody,
        now=now,
    )
    for one in result.patches:
        git(twin, "apply", str(root / one.diff_path))
    assert snapshot(twin) == snapshot(root)
    for one in reversed(result.patches):
        git(twin, "apply", "-R", str(root / one.diff_path))
    assert snapshot(twin) == before


def test_a_repository_does_not_see_the_engine(root: Path, patch: Apply) -> None:
    fill(root, {"f": b"a\n"})
    git(root, "init", "-q")
    git(root, "add", ".")
    patch({"op": "append", "file": "f", "block": "b"})
    assert git(root, "status", "--short") == "AM f\n"


@pytest.mark.parametrize("line", [1, 3, 5, 8])
@pytest.mark.parametrize("block", ["\n", "\n\n\n", ""])
def test_among_equal_lines_a_hunk_has_context_after_it(
    root: Path, patch: Apply, tmp_path: Path, line: int, block: str
) -> None:
    content = b"\n" * 10 + b"end\n"
    twin = tmp_path / "twin"
    for place in (root, twin):
        fill(place, {"f": content})
    insert = {"op": "insert-before", "file": "f", "line": line, "block": block}
    delete = {"op": "replace-block", "file": "f", "start": line, "end": line, "block": ""}
    done = patch(insert if block else delete)
    git(twin, "apply", str(root / done.patches[0].diff_path))
    assert snapshot(twin) == snapshot(root)
    git(twin, "apply", "-R", str(root / done.patches[0].diff_path))
    assert (twin / "f").read_bytes() == content
