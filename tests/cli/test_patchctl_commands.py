"""The commands of `patchctl`, one after the other, as a person at a terminal uses them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

TEXT = "def f():\n    return 1\n"
MARKED = "a\n# ###FINAL_MILE_PROMPT__BODY###\nb\n# ###END_BODY###\n"
DIFF = "--- a/f.py\n+++ b/f.py\n@@ -1,2 +1,2 @@\n def f():\n-    return 1\n+    return 2\n"


@pytest.mark.parametrize(
    ("before", "arguments", "after"),
    [
        (TEXT, ["replace-block", "--start", "2", "--end", "2", "--block", "    return 2"], "def f():\n    return 2\n"),
        (MARKED, ["replace-block", "--marker", "BODY", "--block", "c"], MARKED.replace("b\n", "c\n", 1)),
        (MARKED, ["insert-before", "--marker", "BODY", "--block", "c"], MARKED.replace("b\n", "c\nb\n", 1)),
        (MARKED, ["insert-after", "--marker", "BODY", "--block", "c"], MARKED.replace("b\n", "b\nc\n", 1)),
        (
            TEXT,
            ["insert-before", "--line", "1", "--block", "import os", "--expect-text", "def f():"],
            f"import os\n{TEXT}",
        ),
        (
            TEXT,
            ["insert-after", "--line", "1", "--block", "x = 1", "--open-space"],
            "def f():\n    x = 1\n    return 1\n",
        ),
        (TEXT, ["append", "--block", "f()"], f"{TEXT}f()\n"),
        (f"#!/bin/sh\n{TEXT}", ["prepend", "--block", "# doc"], f"#!/bin/sh\n# doc\n{TEXT}"),
        (f"#!/bin/sh\n{TEXT}", ["prepend", "--block", "# doc", "--strict"], f"# doc\n#!/bin/sh\n{TEXT}"),
        ("1 1\n1\n", ["replace-text", "--old", "1", "--new", "2", "--count", "3"], "2 2\n2\n"),
        (TEXT, ["delete-file"], None),
    ],
)
def test_each_operation_has_a_command(
    patchctl: Run, root: Path, before: str, arguments: list[str], after: str | None
) -> None:
    (root / "f.py").write_text(before)
    command, *options = arguments
    done = patchctl(command, "--file", "f.py", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert ((root / "f.py").read_text() if (root / "f.py").exists() else None) == after


def test_a_diff_comes_from_stdin_and_its_offset_is_told(patchctl: Run, root: Path) -> None:
    (root / "f.py").write_text(f"\n\n{TEXT}")
    done = patchctl("apply-diff", "--diff-file", "-", stdin=DIFF)
    assert done.returncode == 0
    assert "note: f.py: hunk 1 was found at line 3, 2 lines down" in done.stderr
    assert (root / "f.py").read_text() == "\n\ndef f():\n    return 2\n"


def test_files_are_made_and_moved(patchctl: Run, root: Path) -> None:
    assert patchctl("create-file", "--file", "bin/run", "--content", "#!/bin/sh\n", "--executable").returncode == 0
    taken = patchctl("create-file", "--file", "bin/run", "--content", "")
    assert (taken.returncode, "exists already" in taken.stderr) == (3, True)
    moved = patchctl("move-file", "--file", "bin/run", "--to", "tools/run")
    assert "bin/run → tools/run" in moved.stdout
    assert (root / "tools" / "run").stat().st_mode & 0o111
    assert not (root / "bin").exists()


def test_markers_are_listed_and_malformed_ones_told(patchctl: Run, root: Path) -> None:
    (root / "f.py").write_text(MARKED)
    done = patchctl("markers")
    assert (done.returncode, done.stdout) == (0, "f.py:2-4: BODY\n")
    (root / "g.html").write_text("<!-- ###FINAL_MILE_PROMPT__OPEN### -->\n")
    broken = patchctl("markers", "--json")
    assert broken.returncode == 3
    assert json.loads(broken.stdout)[1]["problems"] == [{"name": "OPEN", "line": 1, "problem": "is never closed"}]
    own = patchctl("markers", "f.py", REPO_AGENT_MARKER_OPENING="<{name}>", REPO_AGENT_MARKER_CLOSING="</{name}>")
    assert (own.returncode, own.stdout) == (0, "no markers\n")


def batches_of(log: str) -> list[Any]:
    return [patch["batch_id"] for patch in json.loads(log)]


def test_a_revert_is_reverted_and_merged_with_later_work(patchctl: Run, root: Path) -> None:
    patchctl("replace-text", "--file", "f.py", "--old", "1", "--new", "2")
    (first,) = batches_of(patchctl("log", "--json").stdout)
    assert patchctl("revert", "--batch", first, "--reason", "wrong number").returncode == 0
    second = batches_of(patchctl("log", "--json").stdout)[0]
    assert patchctl("revert", "--batch", second).returncode == 0
    assert (root / "f.py").read_text() == "def f():\n    return 2\n"
    third = batches_of(patchctl("log", "--json").stdout)[0]
    (root / "f.py").write_text("# mine\n\n\ndef f():\n    return 2\n")
    refused = patchctl("revert", "--batch", third)
    assert (refused.returncode, "+# mine" in refused.stderr, "--three-way" in refused.stderr) == (3, True, True)
    shown = patchctl("revert", "--batch", third, "--three-way", "--dry-run")
    assert (shown.returncode, "+    return 1" in shown.stdout) == (0, True)
    assert patchctl("revert", "--batch", third, "--three-way").returncode == 0
    assert (root / "f.py").read_text() == "# mine\n\n\ndef f():\n    return 1\n"


def test_a_tree_is_rebuilt_as_it_was(patchctl: Run, root: Path, tmp_path: Path) -> None:
    (root / "other").write_text("untouched")
    patchctl("append", "--file", "f.py", "--block", "f()")
    patchctl("delete-file", "--file", "f.py")
    log = json.loads(patchctl("log", "--json").stdout)
    done = patchctl("replay", "--to", log[1]["patch_id"], "--into", str(tmp_path / "then"))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "then" / "f.py").read_text() == f"{TEXT}f()\n"
    assert (tmp_path / "then" / "other").read_text() == "untouched"
    start = patchctl("replay", "--to", "2020-01-01", "--into", str(tmp_path / "start"), "--only-patched", "--json")
    assert json.loads(start.stdout)["patches"] == 0
    assert {path.name: path.read_text() for path in (tmp_path / "start").iterdir()} == {"f.py": TEXT}
    for arguments, code, told in [
        (["--to", "yesterday", "--into", str(tmp_path / "no")], 2, "neither a patch's id nor a time"),
        (["--into", str(tmp_path / "then")], 2, "not an empty folder"),
        (["--into", str(root / "inside")], 2, "lies in the workspace"),
    ]:
        refused = patchctl("replay", *arguments)
        assert (refused.returncode, told in refused.stderr) == (code, True), refused.stderr
    assert patchctl("prune", "--keep-mb", "0").returncode == 0
    lost = patchctl("replay", "--into", str(tmp_path / "lost"))
    assert (lost.returncode, "is not kept" in lost.stderr) == (3, True)


def test_batches_on_lines_are_applied_or_refused_each_by_itself(patchctl: Run, root: Path) -> None:
    lines = [
        {"patches": [{"op": "append", "file": "f.py", "block": "one"}]},
        {"patches": [{"op": "append", "file": "absent", "block": "x"}]},
        {"patches": [{"op": "append", "file": "f.py", "block": "two"}]},
    ]
    stdin = "\n".join(map(json.dumps, lines))
    done = patchctl("apply", "--batches", "-", "--order", "7", stdin=stdin)
    assert done.returncode == 3
    assert [line.split(":")[1].split(" as ")[0] for line in done.stdout.splitlines()] == [" applied", " applied"]
    assert "batch 2: refused: " in done.stderr
    assert (root / "f.py").read_text() == f"{TEXT}one\ntwo\n"
    told = json.loads(patchctl("apply", "--batches", "-", "--json", stdin=stdin).stdout)
    assert told[1]["error"]["kind"] == "PatchConflict"
    bad = patchctl("apply", "--batches", "-", stdin=stdin.replace('"append"', '"explode"', 1))
    assert (bad.returncode, "line 1 of '-'" in bad.stderr) == (2, True)
    assert (root / "f.py").read_text() == f"{TEXT}one\ntwo\none\ntwo\n"


def test_the_log_has_one_line_for_a_patch(patchctl: Run) -> None:
    patchctl("append", "--file", "f.py", "--block", "x", "--order", "42", "--requester", "me")
    patchctl("append", "--file", "gone\x1b[31m.py", "--block", "x")
    refused, applied = patchctl("log", COLUMNS="40").stdout.splitlines()
    assert applied.split()[3:] == ["applied", "append", "f.py", "by", "me,", "order", "42"]
    assert "\x1b" not in refused
