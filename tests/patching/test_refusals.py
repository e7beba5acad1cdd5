"""What is refused, with which error; and that nothing is written then, and the refusal is on record."""

import hashlib
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from repo_agent_dagster.contracts.patches import PatchBatch, PatchEventName
from repo_agent_dagster.patching import InvalidPatch, OverlappingPatches, PatchConflict, UnsafePath
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_events import listing
from tests.patching.conftest import Apply
from tests.patching.trees import fill, snapshot


def append(file: str, block: str = "x") -> dict[str, Any]:
    return {"op": "append", "file": file, "block": block}


def replace(start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"op": "replace-block", "file": "f", "start": start, "end": end, "block": "x", **more}


def insert(op: str, line: int) -> dict[str, Any]:
    return {"op": op, "file": "f", "line": line, "block": "x"}


@pytest.fixture
def hostile(root: Path) -> Path:
    """A workspace with everything that a patch must not touch."""
    fill(
        root,
        {
            "f": b"1\n2\n3\n4\n",
            "binary": b"a\0b\n",
            "utf16": "a\nb\n".encode("utf-16"),
            "latin1": b"\xe9\n",
            ".git/config": b"[core]\n",
            "sub/.git/config": b"[core]\n",
            "empty": b"",
            "good": b"good\n",
        },
    )
    outside = root.parent / "outside"
    fill(outside, {"secret": b"secret\n"})
    (root / "link").symlink_to(outside / "secret")
    (root / "inner").symlink_to("f")
    (root / "linked").symlink_to(outside)
    (root / "dangling").symlink_to(outside / "nothing")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.getcwd()
        os.chdir(root)  # the address of a socket is short
        server.bind("socket")
        os.chdir(folder)
    return root


OTHER_SHA = hashlib.sha256(b"another file").hexdigest()
REFUSED = [
    # Paths that leave the workspace, or name what is not theirs.
    ([append("/etc/passwd")], UnsafePath, "absolute"),
    ([append("C:/windows")], UnsafePath, "absolute"),
    ([append("../outside/secret")], UnsafePath, r"'\.\.'"),
    ([append("sub/../../outside/secret")], UnsafePath, r"'\.\.'"),
    ([append("sub\\..\\f")], UnsafePath, "backslash"),
    ([append("~/f")], UnsafePath, "~"),
    ([append("f\0.txt")], UnsafePath, "control characters"),
    ([append("f\n")], UnsafePath, "control characters"),
    ([append("sub/")], UnsafePath, "folder"),
    ([append(".")], UnsafePath, "folder"),
    ([append("sub")], UnsafePath, "a folder, not a regular file"),
    ([append(".git/config")], UnsafePath, r"\.git"),
    ([append(".GIT/config")], UnsafePath, r"\.git"),
    ([append("sub/.Git/config")], UnsafePath, r"\.git"),
    ([append(".git./config")], UnsafePath, r"\.git"),
    ([append(".g\u200cit/config")], UnsafePath, r"\.git"),
    ([append("git~1/config")], UnsafePath, r"\.git"),
    ([append(".git::$INDEX_ALLOCATION/config")], UnsafePath, r"\.git"),
    ([append(".mission_control/journal.json")], UnsafePath, "keeps for itself"),
    ([append(".Mission_Control/lock")], UnsafePath, "keeps for itself"),
    ([append(".mission-0-0.old")], UnsafePath, "staged files"),
    ([append("a" * 256)], UnsafePath, "255 bytes"),
    ([append("link")], UnsafePath, "a symbolic link"),
    ([append("inner")], UnsafePath, "a symbolic link"),
    ([append("dangling")], UnsafePath, "a symbolic link"),
    ([append("linked/secret")], UnsafePath, "linked is a symbolic link"),
    ([append("f/g")], UnsafePath, "f is a file, not a folder"),
    ([append("pipe")], UnsafePath, "a pipe"),
    ([append("socket")], UnsafePath, "a socket"),
    # Files that are not what the request supposes.
    ([append("missing")], PatchConflict, "does not exist"),
    ([append("missing/f")], PatchConflict, "does not exist"),
    ([append("binary")], InvalidPatch, "binary"),
    ([append("utf16")], InvalidPatch, "UTF-16"),
    ([append("latin1", "ö")], InvalidPatch, "not UTF-8"),
    ([replace(4, 5)], PatchConflict, "line 5, but the file has 4 lines"),
    ([insert("insert-before", 5)], PatchConflict, "line 5"),
    ([insert("insert-after", 5)], PatchConflict, "line 5"),
    ([{**insert("insert-before", 1), "file": "empty"}], PatchConflict, "0 lines"),
    ([replace(1, 1, expect={"sha256": OTHER_SHA})], PatchConflict, "SHA-256"),
    ([replace(1, 2, expect={"text": "1\n3"})], PatchConflict, r"expects '1\\n3', but the file has '1\\n2'"),
    ([{**insert("insert-after", 2), "expect": {"text": "3"}}], PatchConflict, "expects '3'"),
    ([{**append("f"), "expect": {"text": "3"}}], PatchConflict, "the file has '4'"),
    # Operations that can never be right.
    ([append("f", "")], InvalidPatch, "empty block"),
    ([append("f", "a\0b")], InvalidPatch, "NUL"),
    ([append("f", "\ud800")], InvalidPatch, "not valid Unicode"),
    ([{"op": "append", "file": "f", "blockFile": "block.txt"}], InvalidPatch, "only the caller can read"),
    ([replace(1, 2), replace(2, 3)], OverlappingPatches, r"patch 1 \(.*f:1-2\) and patch 2 \(.*f:2-3\)"),
    ([replace(2, 2), append("f"), replace(1, 4)], OverlappingPatches, "patch 1 .* and patch 3"),
    ([replace(1, 3), insert("insert-after", 2)], OverlappingPatches, "patch 1 .* and patch 2"),
    ([insert("insert-before", 2), replace(1, 3)], OverlappingPatches, "patch 1 .* and patch 2"),
    ([replace(1, 1), {**replace(1, 1), "file": "./f"}], OverlappingPatches, "patch 1 .* and patch 2"),
]


@pytest.mark.parametrize(("operations", "error", "message"), REFUSED)
def test_a_bad_request_is_refused_whole_and_recorded(
    hostile: Path,
    patch: Apply,
    sqlite_store: Engine,
    operations: list[dict[str, Any]],
    error: type[Exception],
    message: str,
) -> None:
    before = snapshot(hostile)
    with pytest.raises(error, match=message):
        patch(*operations, append("good"))
    assert snapshot(hostile) == before
    assert (hostile.parent / "outside" / "secret").read_bytes() == b"secret\n"
    with read_transaction(sqlite_store) as conn:
        events = [event.event for event in listing(conn)]
    count = len(events) // 2
    assert events == [PatchEventName.PATCH_REQUESTED] * count + [PatchEventName.PATCH_FAILED] * count
    assert count >= 1


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [{"op": "rewrite", "file": "f", "block": "x"}],
        [replace(0, 1)],
        [replace(3, 2)],
        [insert("insert-after", 0)],
        [insert("insert-before", -1)],
        [append("")],
        [append("\ud800")],
        [{"op": "append", "file": "f"}],
        [{**append("f"), "blockFile": "g"}],
        [{**append("f"), "line": 3}],
        [{**append("f"), "expect": {}}],
        [{**append("f"), "expect": {"sha256": "abc"}}],
    ],
)
def test_what_is_no_batch_at_all_is_refused_by_its_contract(operations: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        PatchBatch(patches=operations)


@pytest.mark.parametrize(
    ("patterns", "file", "allowed"),
    [
        (["src/**"], "src/a/b.py", True),
        (["src/*"], "src/a/b.py", False),
        (["src"], "src/a/b.py", True),
        (["src/"], "src/b.py", True),
        (["src"], "srcs/b.py", False),
        (["**/*.py"], "b.py", True),
        (["**/*.py"], "src/a/b.py", True),
        (["*.py"], "src/b.py", False),
        (["src/?.py"], "src/b.py", True),
        (["src/a.py", "b.py"], "b.py", True),
        (["src/a+b.py"], "src/aab.py", False),
        ([], "b.py", False),
    ],
)
def test_allowed_paths(root: Path, patch: Apply, patterns: list[str], file: str, allowed: bool) -> None:
    fill(root, {file: b"a\n"})
    if allowed:
        patch(append(file), allowed_paths=patterns)
        assert (root / file).read_bytes() == b"a\nx\n"
    else:
        with pytest.raises(InvalidPatch, match="outside allowedPaths"):
            patch(append(file), allowed_paths=patterns)


@pytest.mark.parametrize("pattern", ["/src/**", "../**", "", "/"])
def test_an_allowed_path_that_cannot_match_is_refused(root: Path, patch: Apply, pattern: str) -> None:
    fill(root, {"f": b"a\n"})
    with pytest.raises(InvalidPatch, match="not a glob"):
        patch(append("f"), allowed_paths=[pattern])


def test_a_workspace_that_is_not_there_is_refused(root: Path, patch: Apply) -> None:
    root.rmdir()
    with pytest.raises(InvalidPatch, match="cannot be opened"):
        patch(append("f"))


def test_a_mission_control_that_leads_out_is_refused(root: Path, patch: Apply) -> None:
    fill(root, {"f": b"a\n"})
    outside = root.parent / "outside"
    outside.mkdir()
    (root / ".mission_control").symlink_to(outside)
    with pytest.raises(UnsafePath, match="not a plain folder"):
        patch(append("f"))
    assert list(outside.iterdir()) == []


def test_a_fulfilled_expectation_lets_the_patch_through(root: Path, patch: Apply) -> None:
    content = b"1\r\n2\r\n3\r\n4\r\n"
    fill(root, {"f": content})
    digest = hashlib.sha256(content).hexdigest()
    patch(replace(2, 3, expect={"sha256": digest, "text": "2\n3\n"}), {**append("f"), "expect": {"text": "4"}})
    assert (root / "f").read_bytes() == b"1\r\nx\r\n4\r\nx\r\n"


def test_one_bad_patch_stops_the_whole_batch(root: Path, patch: Apply) -> None:
    fill(root, {"f": b"a\n", "g": b"b\n"})
    before = snapshot(root)
    with pytest.raises(PatchConflict):
        patch(append("f"), append("g"), append("missing"))
    assert snapshot(root) == before
