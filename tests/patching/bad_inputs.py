"""What must be refused: one row for each, as it is sent to `patchctl apply --batch -`, and what the workspace holds."""

import base64
import json
import os
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.patching.trees import fill

MARKERS = """\
# ###FINAL_MILE_PROMPT__TWICE###
# ###END_TWICE###
# ###FINAL_MILE_PROMPT__TWICE###
# ###END_TWICE###
# ###FINAL_MILE_PROMPT__OPEN###
# ###FINAL_MILE_PROMPT__OUTER###
# ###FINAL_MILE_PROMPT__CROSSING###
# ###END_OUTER###
# ###END_CROSSING###
# ###END_ALONE###
# ###FINAL_MILE_PROMPT__ONE_LINE### ###END_ONE_LINE###
"""


def make_hostile(root: Path) -> None:
    """Fill a workspace with everything that a patch must not touch, or cannot change."""
    fill(
        root,
        {
            "f": b"1\n2\n3\n4\n",
            "g": b"g\n",
            "sub/f": b"sub\n",
            "binary": b"a\0b\n",
            "utf16": "a\nb\n".encode("utf-16"),
            "latin1": b"\xe9\n",
            "mixed": b"1\r\n2\n3",
            "empty": b"",
            "repeated": b"x\n\nx\n\nx\n",
            "markers.py": MARKERS.encode(),
            ".git/config": b"[core]\n",
            "sub/.git/config": b"[core]\n",
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
        here = os.getcwd()
        os.chdir(root)  # the address of a socket is short
        server.bind("socket")
        os.chdir(here)


@dataclass(frozen=True)
class Bad:
    """One bad input: told in words, the batch as text, the error and a part of its message.

    `recorded` is how many patches are on record as failed; `before` prepares the workspace, `during` is called with
    the workspace's root when the engine is about to swap files.
    """

    what: str
    sent: str | bytes
    error: str
    told: str
    recorded: int = 1
    before: Callable[[Path], None] | None = field(default=None, compare=False)
    during: Callable[[Path], None] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.what


def _ops(*operations: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"patches": operations, **fields})


def _append(file: str, block: str = "x", **more: Any) -> dict[str, Any]:
    return {"op": "append", "file": file, "block": block, **more}


def _replace(start: Any, end: Any, **more: Any) -> dict[str, Any]:
    return {"op": "replace-block", "file": "f", "start": start, "end": end, "block": "x", **more}


def _after(line: Any, **more: Any) -> dict[str, Any]:
    return {"op": "insert-after", "file": "f", "line": line, "block": "x", **more}


def _text(old: str, new: str = "z", **more: Any) -> dict[str, Any]:
    return {"op": "replace-text", "file": "f", "old": old, "new": new, **more}


def _create(file: str, **more: Any) -> dict[str, Any]:
    return {"op": "create-file", "file": file, "content": "x\n", **more}


def _delete(file: str) -> dict[str, Any]:
    return {"op": "delete-file", "file": file}


def _move(file: str, to: str) -> dict[str, Any]:
    return {"op": "move-file", "file": file, "to": to}


def _marker(name: str) -> dict[str, Any]:
    return {"op": "replace-block", "file": "markers.py", "at": {"marker": name}, "block": "x"}


def _diff(diff: str, **more: Any) -> dict[str, Any]:
    return {"op": "apply-diff", "diff": diff, **more}


def _edit(body: str, header: str = "@@ -1,1 +1,1 @@", name: str = "f") -> dict[str, Any]:
    return _diff(f"--- a/{name}\n+++ b/{name}\n{header}\n{body}")


def _binary_patch(announced: int, content: bytes) -> str:
    packed = zlib.compress(content)
    lines = []
    for start in range(0, len(packed), 52):
        chunk = packed[start : start + 52]
        letter = chr(len(chunk) + (ord("A") - 1 if len(chunk) <= 26 else ord("a") - 27))
        lines.append(letter + base64.b85encode(chunk, pad=True).decode())
    body = "\n".join(lines)
    return (
        "diff --git a/bomb b/bomb\nnew file mode 100644\nindex 0000000..1111111\n"
        f"GIT binary patch\nliteral {announced}\n{body}\n\nliteral 0\nHcmV?d00001\n\n"
    )


def _sparse(root: Path) -> None:
    with (root / "huge").open("wb") as file:
        file.truncate(2 * 1024**3)


def _becomes_a_link(root: Path) -> None:
    (root / "f").unlink()
    (root / "f").symlink_to(root.parent / "outside" / "secret")


def _is_written(root: Path) -> None:
    (root / "f").write_bytes(b"mine\n")


def _mission_control_leads_out(root: Path) -> None:
    (root / ".mission_control").symlink_to(root.parent / "outside")


PATHS = [
    Bad("an absolute path", _ops(_append("/etc/passwd")), "UnsafePath", "absolute"),
    Bad("a drive letter", _ops(_append("C:/windows/f")), "UnsafePath", "absolute"),
    Bad("`..` at the start", _ops(_append("../outside/secret")), "UnsafePath", "climbs out"),
    Bad("`..` in the middle", _ops(_append("sub/../../outside/secret")), "UnsafePath", "climbs out"),
    Bad("`..` that stays inside", _ops(_append("sub/../f")), "UnsafePath", "climbs out"),
    Bad("`..` as the destination of a move", _ops(_move("f", "../f")), "UnsafePath", "climbs out"),
    Bad("`..` in the name of a diff", _ops(_edit("-1\n+x\n", name="../f")), "UnsafePath", "climbs out"),
    Bad("backslashes", _ops(_append("sub\\..\\f")), "UnsafePath", "backslash"),
    Bad("a network share", _ops(_append("\\\\host\\share")), "UnsafePath", "backslash"),
    Bad("a home folder", _ops(_append("~/f")), "UnsafePath", "not expanded"),
    Bad("NUL in a path", _ops(_append("f\0.txt")), "UnsafePath", "control characters"),
    Bad("a newline in a path", _ops(_append("f\n")), "UnsafePath", "control characters"),
    Bad("an empty path", _ops(_append("")), "InvalidPatch", "at least 1 character", recorded=0),
    Bad("half a surrogate pair in a path", _ops(_append("\ud800")), "InvalidPatch", "valid string", recorded=0),
    Bad("a name of 256 bytes", _ops(_append("a" * 256)), "UnsafePath", "255 bytes"),
    Bad("a path of 6,000 bytes", _ops(_create("a/" * 3000 + "f")), "UnsafePath", "are the most"),
    Bad("a path of 300 folders", _ops(_create("a/" * 300 + "f")), "UnsafePath", "301 parts"),
    Bad("a folder", _ops(_append("sub")), "UnsafePath", "a folder, not a regular file"),
    Bad("a folder, with its slash", _ops(_append("sub/")), "UnsafePath", "names a folder"),
    Bad("the workspace itself", _ops(_append(".")), "UnsafePath", "names a folder"),
    Bad("git's folder", _ops(_append(".git/config")), "UnsafePath", ".git folder"),
    Bad("git's folder in capitals", _ops(_append(".GIT/config")), "UnsafePath", ".git folder"),
    Bad("git's folder of a submodule", _ops(_append("sub/.Git/config")), "UnsafePath", ".git folder"),
    Bad("git's folder with a dot that Windows drops", _ops(_append(".git./config")), "UnsafePath", ".git folder"),
    Bad("git's folder with a character that HFS+ drops", _ops(_append(".g\u200cit/x")), "UnsafePath", ".git folder"),
    Bad("git's folder by its short name", _ops(_append("git~1/config")), "UnsafePath", ".git folder"),
    Bad("git's folder as an NTFS stream", _ops(_append(".git::$INDEX_ALLOCATION/x")), "UnsafePath", ".git folder"),
    Bad("a new hook for git", _ops(_move("f", ".git/hooks/post-checkout")), "UnsafePath", ".git folder"),
    Bad("the engine's own folder", _ops(_append(".mission_control/journal.json")), "UnsafePath", "keeps for itself"),
    Bad("the engine's own folder in capitals", _ops(_append(".MISSION_control/lock")), "UnsafePath", "keeps for"),
    Bad("a name like a staged file's", _ops(_create(".mission-0-0.old")), "UnsafePath", "staged files"),
    Bad("a new file called as a device of Windows", _ops(_create("src/CON.txt")), "UnsafePath", "on Windows"),
    Bad("a move to a name that Windows shortens", _ops(_move("f", "a.")), "UnsafePath", "on Windows"),
    Bad("a new file as an NTFS stream", _ops(_create("f:stream")), "UnsafePath", "on Windows"),
    Bad("a symbolic link out", _ops(_append("link")), "UnsafePath", "link is a symbolic link"),
    Bad("a symbolic link within", _ops(_append("inner")), "UnsafePath", "inner is a symbolic link"),
    Bad("a symbolic link to nothing", _ops(_append("dangling")), "UnsafePath", "dangling is a symbolic link"),
    Bad("a new file in the place of a link", _ops(_create("dangling")), "UnsafePath", "dangling is a symbolic link"),
    Bad("a linked folder on the way", _ops(_append("linked/secret")), "UnsafePath", "linked is a symbolic link"),
    Bad("a new file in a linked folder", _ops(_create("linked/new")), "UnsafePath", "linked is a symbolic link"),
    Bad("a file for a folder", _ops(_create("f/below")), "UnsafePath", "f is a file, not a folder"),
    Bad("a pipe", _ops(_append("pipe")), "UnsafePath", "pipe is a pipe"),
    Bad("a socket", _ops(_append("socket")), "UnsafePath", "socket is a socket"),
    Bad("a pattern for a path", _ops(_append("su?/*")), "PatchConflict", "does not exist"),
    Bad("a path outside `allowedPaths`", _ops(_append("g"), allowedPaths=["f"]), "InvalidPatch", "outside allowed"),
    Bad("`allowedPaths` that climb out", _ops(_append("f"), allowedPaths=["../**"]), "InvalidPatch", "not a glob"),
    Bad(
        "an engine's folder that leads out",
        _ops(_append("f")),
        "UnsafePath",
        "not a plain folder",
        0,
        _mission_control_leads_out,
    ),
]

FILES = [
    Bad("a file that is not there", _ops(_append("missing")), "PatchConflict", "does not exist"),
    Bad("a binary file", _ops(_append("binary")), "InvalidPatch", "binary"),
    Bad("a UTF-16 file with its mark", _ops(_append("utf16")), "InvalidPatch", "UTF-16"),
    Bad("`ö` for a Latin-1 file", _ops(_append("latin1", "ö")), "InvalidPatch", "not UTF-8"),
    Bad("a file of 2 GiB", _ops(_append("huge")), "InvalidPatch", "2147483648 bytes", 1, _sparse),
    Bad("a line past the end", _ops(_replace(4, 5)), "PatchConflict", "line 5, but the file has 4 lines"),
    Bad("a line past a last one without newline", _ops({**_after(4), "file": "mixed"}), "PatchConflict", "has 3 lines"),
    Bad("line 1 of an empty file", _ops({**_replace(1, 1), "file": "empty"}), "PatchConflict", "has 0 lines"),
    Bad("another file than expected", _ops(_replace(1, 1, expect={"sha256": "0" * 64})), "PatchConflict", "SHA-256"),
    Bad("other lines than expected", _ops(_replace(1, 2, expect={"text": "1\n3"})), "PatchConflict", "expects '1"),
    Bad("a new file where one is", _ops(_create("f")), "PatchConflict", "exists already"),
    Bad("a move to where a file is", _ops(_move("f", "g")), "PatchConflict", "exists already"),
    Bad("a move onto itself", _ops(_move("f", "./f")), "InvalidPatch", "onto itself"),
    Bad("a text that is not there", _ops(_text("5")), "PatchConflict", "does not occur"),
    Bad("a text that is nearly there", _ops({**_text("x  "), "file": "repeated"}), "PatchConflict", "only white space"),
    Bad("a text that is there too often", _ops({**_text("x"), "file": "repeated"}), "PatchConflict", "count: 3"),
    Bad("a marker that is not there", _ops(_marker("NONE")), "PatchConflict", "has no marker NONE"),
    Bad(
        "a marker that opens twice",
        _ops(_marker("TWICE")),
        "PatchConflict",
        "markers.py:3: marker TWICE opens a second",
    ),
    Bad("a marker that is never closed", _ops(_marker("OPEN")), "PatchConflict", "markers.py:5: marker OPEN is never"),
    Bad("a marker across another", _ops(_marker("CROSSING")), "PatchConflict", "is not closed before OUTER"),
    Bad("a marker that only closes", _ops(_marker("ALONE")), "PatchConflict", "is closed, but not open"),
    Bad("a marker on one line", _ops(_marker("ONE_LINE")), "PatchConflict", "opens and closes on one line"),
    Bad(
        "a file that becomes a link meanwhile",
        _ops(_append("f")),
        "PatchConflict",
        "changed while",
        1,
        None,
        _becomes_a_link,
    ),
    Bad("a file that is written meanwhile", _ops(_append("f")), "PatchConflict", "changed while", 1, None, _is_written),
]

OPERATIONS = [
    Bad("overlapping lines", _ops(_replace(1, 2), _replace(2, 3)), "OverlappingPatches", "patch 1 ", 2),
    Bad("an insertion within replaced lines", _ops(_replace(1, 3), _after(2)), "OverlappingPatches", "patch 2", 2),
    Bad(
        "the same lines under two names",
        _ops(_replace(1, 1), {**_replace(1, 1), "file": "./f"}),
        "OverlappingPatches",
        "overlap",
        2,
    ),
    Bad("texts that share a character", _ops(_text("1\n2"), _text("2\n3")), "OverlappingPatches", "overlap", 2),
    Bad("a line that is joined to a text", _ops(_text("1\n"), _replace(2, 2)), "OverlappingPatches", "overlap", 2),
    Bad(
        "an edit of what is deleted", _ops(_append("f"), _delete("f")), "OverlappingPatches", "different things of f", 2
    ),
    Bad("two moves of one file", _ops(_move("f", "h"), _move("f", "i")), "OverlappingPatches", "different things", 2),
    Bad("two files to one place", _ops(_move("f", "h"), _create("h")), "OverlappingPatches", "both make h", 2),
    Bad(
        "a file that is a folder too",
        _ops(_create("n"), _create("n/o")),
        "InvalidPatch",
        "both a file and the folder",
        2,
    ),
    Bad(
        "an edit of what the batch makes",
        _ops(_create("n"), _append("n")),
        "PatchConflict",
        "patch 1 (create-file n) makes",
        2,
    ),
    Bad("an empty block for an insertion", _ops(_append("f", "")), "InvalidPatch", "empty block"),
    Bad("NUL in a block", _ops(_append("f", "a\0b")), "InvalidPatch", "NUL"),
    Bad("half a surrogate pair in a block", _ops(_append("f", "\udfff")), "InvalidPatch", "not valid Unicode"),
    Bad("a text for itself", _ops(_text("1", "1")), "InvalidPatch", "same old and new"),
    Bad(
        "a block file that is not there",
        _ops({"op": "append", "file": "f", "blockFile": "no.txt"}),
        "InvalidPatch",
        "cannot be read",
        0,
    ),
    Bad(
        "a batch of 20,000 operations, the last of them bad",
        _ops(*(_append("f") for _ in range(20_000)), _replace(4, 5)),
        "PatchConflict",
        "patch 20001 ",
        20_001,
    ),
]

DIFFS = [
    Bad("no diff", _ops(_diff("hello")), "InvalidPatch", "found no unified diff"),
    Bad(
        "a context diff", _ops(_diff("*** a/f\n--- b/f\n***************\n*** 1 ****\n")), "InvalidPatch", "context diff"
    ),
    Bad("another tool's format", _ops(_diff("*** Begin Patch\n*** Update File: f\n")), "InvalidPatch", "not a unified"),
    Bad("a hunk that miscounts", _ops(_edit("-1\n+x\n", "@@ -1,2 +1,2 @@")), "InvalidPatch", "line "),
    Bad(
        "a hunk of ten billion lines",
        _ops(_edit("-1\n+x\n", "@@ -1,9999999999 +1,9999999999 @@")),
        "InvalidPatch",
        "line ",
    ),
    Bad(
        "a hunk that fits nowhere", _ops(_edit("-9\n+x\n")), "PatchConflict", "fits nowhere; line 1 of the file is '1'"
    ),
    Bad("a hunk that is applied already", _ops(_edit("-0\n+1\n")), "PatchConflict", "applied already"),
    Bad(
        "a hunk that fits twice",
        _ops(_edit("-x\n+y\n", "@@ -2,1 +2,1 @@", "repeated")),
        "PatchConflict",
        "equally near",
    ),
    Bad("a binary patch that inflates to 2 GiB", _ops(_diff(_binary_patch(2**31, b"x"))), "InvalidPatch", "may bring"),
    Bad(
        "a binary patch that inflates to more than it says",
        _ops(_diff(_binary_patch(10, b"\0" * 10**6))),
        "InvalidPatch",
        "more than the 10",
    ),
    Bad(
        "a binary patch that is none",
        _ops(_diff(_binary_patch(3, b"abc").replace("literal 3\n", "literal 3\n!"))),
        "InvalidPatch",
        "line ",
    ),
    Bad(
        "a binary file without its content",
        _ops(_diff("diff --git a/binary b/binary\nBinary files a/binary and b/binary differ\n")),
        "InvalidPatch",
        "--binary",
    ),
    Bad(
        "a symbolic link by a diff",
        _ops(_diff("diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n")),
        "InvalidPatch",
        "a symbolic link",
    ),
    Bad(
        "a submodule by a diff",
        _ops(_diff("diff --git a/s b/s\nnew file mode 160000\n--- /dev/null\n+++ b/s\n@@ -0,0 +1 @@\n+x\n")),
        "InvalidPatch",
        "a submodule",
    ),
    Bad(
        "a deletion of another file than the diff has",
        _ops(_diff("diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-1\n")),
        "PatchConflict",
        "not what the diff says",
    ),
    Bad(
        "a diff that contradicts itself",
        _ops(_diff("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-1\n+x\n")),
        "InvalidPatch",
        "neither before nor after",
    ),
    Bad(
        "two files for `file`",
        _ops(_diff("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-1\n+x\n--- a/g\n+++ b/g\n@@ -1 +1 @@\n-g\n+x\n", file="f")),
        "InvalidPatch",
        "for f alone",
    ),
]

JSON = [
    Bad("nothing at all", "", "InvalidPatch", "not JSON", 0),
    Bad("no JSON", "{patches: []}", "InvalidPatch", "not JSON", 0),
    Bad("JSON with more behind it", _ops(_append("f")) + "x", "InvalidPatch", "not JSON", 0),
    Bad("JSON that is not UTF-8", b'{"patches": "\xff"}', "InvalidPatch", "not JSON", 0),
    Bad("a list for a batch", "[]", "InvalidPatch", "not valid", 0),
    Bad("`null` for a batch", "null", "InvalidPatch", "not valid", 0),
    Bad("a batch without patches", "{}", "InvalidPatch", "patches: Field required", 0),
    Bad("an empty batch", '{"patches": []}', "InvalidPatch", "at least 1 item", 0),
    Bad(
        "a key twice",
        '{"patches": [{"op": "append", "file": "f", "file": "g", "block": "x"}]}',
        "InvalidPatch",
        "key 'file' is given twice",
        0,
    ),
    Bad("an unknown operation", _ops({"op": "rewrite", "file": "f"}), "InvalidPatch", "'rewrite'", 0),
    Bad("no operation", _ops({"file": "f", "block": "x"}), "InvalidPatch", "op", 0),
    Bad("an unknown field", _ops(_append("f", line=3)), "InvalidPatch", "Extra inputs", 0),
    Bad(
        "an unknown field of the batch", _ops(_append("f"), workspace="/"), "InvalidPatch", "workspace: Extra inputs", 0
    ),
    Bad(
        "NaN for a line",
        '{"patches": [{"op": "insert-after", "file": "f", "line": NaN, "block": "x"}]}',
        "InvalidPatch",
        "NaN",
        0,
    ),
    Bad(
        "Infinity for a line",
        '{"patches": [{"op": "insert-after", "file": "f", "line": Infinity, "block": "x"}]}',
        "InvalidPatch",
        "Infinity",
        0,
    ),
    Bad(
        "a number past all numbers",
        '{"patches": [{"op": "insert-after", "file": "f", "line": 1e999, "block": "x"}]}',
        "InvalidPatch",
        "integer",
        0,
    ),
    Bad(
        "an integer of 5,000 digits",
        _ops(_after(1)).replace('"line": 1', '"line": ' + "9" * 5000),
        "InvalidPatch",
        "not JSON",
        0,
    ),
    Bad("an integer of 30 digits", _ops(_after(10**30)), "PatchConflict", "but the file has 4 lines"),
    Bad("100,000 brackets", "[" * 100_000, "InvalidPatch", "nested too deeply", 0),
    Bad("a text for a line", _ops(_after("1")), "InvalidPatch", "valid integer", 0),
    Bad("`true` for a line", _ops(_after(True)), "InvalidPatch", "valid integer", 0),
    Bad("half a line", _ops(_after(1.5)), "InvalidPatch", "valid integer", 0),
    Bad("line 0", _ops(_after(0)), "InvalidPatch", "greater than 0", 0),
    Bad("a line below 0", _ops(_after(-1)), "InvalidPatch", "greater than 0", 0),
    Bad("an end before the start", _ops(_replace(3, 2)), "InvalidPatch", "start 3 is after end 2", 0),
    Bad("a start without an end", _ops(_replace(1, None)), "InvalidPatch", "give start and end", 0),
    Bad(
        "lines and a marker", _ops(_replace(1, 1, at={"marker": "A"})), "InvalidPatch", "either start and end, or at", 0
    ),
    Bad("a marker's name that is none", _ops(_marker("no name")), "InvalidPatch", "pattern", 0),
    Bad("an empty text to replace", _ops(_text("")), "InvalidPatch", "at least 1 character", 0),
    Bad("a count of 0", _ops(_text("1", count=0)), "InvalidPatch", "greater than 0", 0),
    Bad("a block and a block file", _ops(_append("f", blockFile="b")), "InvalidPatch", "exactly one of block", 0),
    Bad("no block", _ops({"op": "append", "file": "f"}), "InvalidPatch", "exactly one of block", 0),
    Bad("a block that is no text", _ops(_append("f", 7)), "InvalidPatch", "valid string", 0),  # type: ignore[arg-type] # wrong on purpose
    Bad("a word for a truth value", _ops(_after(1, openSpace="yes")), "InvalidPatch", "valid boolean", 0),
    Bad("an expectation of nothing", _ops(_append("f", expect={})), "InvalidPatch", "expect needs", 0),
    Bad("a digest that is none", _ops(_append("f", expect={"sha256": "abc"})), "InvalidPatch", "pattern", 0),
    Bad("coordinates that there are not", _ops(_append("f"), coordinates="final"), "InvalidPatch", "'original' or", 0),
    Bad("a check that there is not", _ops(_append("f"), check="perl"), "InvalidPatch", "check", 0),
    Bad("an order of 201 characters", _ops(_append("f"), orderId="4" * 201), "CustodyRefused", "at most 200", 0),
]

TABLES = {
    "Paths": PATHS,
    "Files": FILES,
    "Operations of one batch": OPERATIONS,
    "Diffs": DIFFS,
    "Batches as JSON": JSON,
}
