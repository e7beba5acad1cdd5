"""Unified diffs are read as their writers mean them, and what is not one is refused with its line."""

import os
import subprocess
import zlib
from base64 import b85encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.patching.diffs.unified import BinaryChange, FilePatch, HunkLine, parse
from repo_agent_dagster.patching.diffs.writing import FileState, file_diff
from repo_agent_dagster.patching.model import InvalidPatch
from repo_agent_dagster.patching.text.lines import split_lines

HEAD = b"--- a/f\n+++ b/f\n"
SIMPLE = HEAD + b"@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
NEW = b"--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"
EPOCH = b"1970-01-01 00:00:00.000000000 +0000"
BODY = (HunkLine(b" ", b"a\n"), HunkLine(b"-", b"b\n"), HunkLine(b"+", b"B\n"), HunkLine(b" ", b"c\n"))

contents = st.lists(st.sampled_from([b"a\n", b"b\n", b"\n", b"\r\n", b"a\r\n", b"-- \n", b"-- a\n", b"++ b\n"])).map(
    b"".join
)
any_content = (contents | st.binary(max_size=30)).flatmap(lambda text: st.sampled_from([text, text + b"last"]))
states = st.none() | st.builds(FileState, any_content, st.sampled_from([0o644, 0o755]))


def one(diff: bytes, **options: str) -> FilePatch:
    (patch,) = parse(diff, **options)  # type: ignore[arg-type]  # the tests pass file and fuzz alone
    return patch


def forwards(content: bytes, patch: FilePatch) -> bytes:
    """The reference: each hunk exactly where it says, or the test fails."""
    if patch.binary is not None:
        return patch.binary.after
    old, new, position = split_lines(content), [], 0
    for hunk in patch.hunks:
        assert old[hunk.stated : hunk.stated + len(hunk.old)] == hunk.old
        new += old[position : hunk.stated]
        assert len(new) == hunk.stated_new
        new += hunk.new
        position = hunk.stated + len(hunk.old)
    return b"".join(new + old[position:])


def git(folder: Path, *argv: str) -> bytes:
    return subprocess.run(["git", *argv], cwd=folder, check=True, capture_output=True).stdout


def test_a_hunk_is_its_lines_with_their_marks() -> None:
    patch = one(SIMPLE)
    assert (patch.old_path, patch.new_path, patch.kind, patch.line) == ("f", "f", "modify", 1)
    (hunk,) = patch.hunks
    assert hunk.body == BODY
    assert (hunk.old, hunk.new) == ([b"a\n", b"b\n", b"c\n"], [b"a\n", b"B\n", b"c\n"])
    assert (hunk.old_start, hunk.new_start, hunk.stated, hunk.line) == (1, 1, 0, 3)


@pytest.mark.parametrize(
    "diff",
    [
        b"Here is the change:\n\n```diff\n" + SIMPLE + b"```\nIt renames b.\n",
        b"From 1234 Mon Sep 17\nSubject: [PATCH] x\n\n---\n f | 2 +-\n\n" + SIMPLE + b"-- \n2.39.5\n\n",
        b"From 1234 Mon Sep 17\nSubject: [PATCH] x\n\n---\n f | 2 +-\n\n" + SIMPLE + b"--\n2.39.5\n",
        SIMPLE.rstrip(b"\n"),
        SIMPLE.replace(b"\n", b"\r\n"),
        SIMPLE.replace(b"\n", b"\r\n").rstrip(b"\r\n"),
        SIMPLE.replace(b"1,3 @@", b"1,3 @@ def f():"),
        SIMPLE.replace(b"a/f", b"f.orig\t2024-01-01 10:00:00.000000000 +0000").replace(b"b/f", b"f\t2024-01-01"),
        SIMPLE.replace(b"a/f", b"old/f 2024-01-01 10:00:00.1 +0000").replace(b"b/f", b"new/f 2024-01-01 10:00:00"),
        SIMPLE.replace(b"a/f", b"f").replace(b"b/f", b"f"),
        SIMPLE.replace(b"a/f", b"i/f").replace(b"b/f", b"w/f"),
        SIMPLE.replace(b"a/f", b'"a/\\146"').replace(b"b/f", b'"b/f"'),
        b"diff --git a/f b/f\nindex 123..456 100644\n" + SIMPLE,
        b"diff --git f f\nindex 123..456\n" + SIMPLE.replace(b"a/f", b"f").replace(b"b/f", b"f"),
        b"diff --git old/f new/f\n" + SIMPLE.replace(b"a/f", b"old/f").replace(b"b/f", b"new/f"),
        b"Index: f\n===================================\n"
        + SIMPLE.replace(b"a/f", b"f\t(revision 1)").replace(b"b/f", b"f"),
        SIMPLE + b"\n",
        SIMPLE + b"\n\nThat is all.\n",
    ],
)
def test_every_dress_of_a_diff_says_the_same(diff: bytes) -> None:
    patch = one(diff)
    assert (patch.path, patch.kind, patch.hunks[0].body) == ("f", "modify", BODY)


def test_an_empty_line_of_context_may_have_lost_its_blank() -> None:
    hunk = one(HEAD + b"@@ -1,4 +1,4 @@\n a\n\n-b\n+B\n\n").hunks[0]
    assert hunk.old == [b"a\n", b"\n", b"b\n", b"\n"]


def test_counts_that_are_left_out_are_one() -> None:
    hunk = one(HEAD + b"@@ -3 +3 @@\n-b\n+B\n").hunks[0]
    assert (hunk.stated, hunk.old, hunk.new) == (2, [b"b\n"], [b"B\n"])


def test_an_insertion_without_context_comes_after_the_line_it_names() -> None:
    hunk = one(HEAD + b"@@ -5,0 +6,2 @@\n+x\n+y\n").hunks[0]
    assert (hunk.stated, hunk.stated_new) == (5, 5)


@pytest.mark.parametrize(
    ("body", "old", "new"),
    [
        (b"@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", b"a", b"b\n"),
        (b"@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n", b"a\n", b"b"),
        (b"@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ Kein Zeilenumbruch am Dateiende.", b"a", b"b"),
        (b"@@ -1,2 +1 @@\n-a\n b\n\\ No newline at end of file\n", b"a\nb", b"b"),
        (b"@@ -1 +1 @@\n-a\r\n\\ No newline at end of file\n+b\n", b"a\r", b"b\n"),
    ],
)
def test_a_note_about_the_newline_stands_wherever_a_side_ends(body: bytes, old: bytes, new: bytes) -> None:
    patch = one(HEAD + body)
    assert forwards(old, patch) == new


def test_lines_that_look_like_headers_are_content_as_long_as_the_counts_say_so() -> None:
    patch = one(
        HEAD + b"@@ -1,3 +1,3 @@\n--- a/x\n+++ b/x\n-b\n c\n+d\n@@ -9 +9 @@\n--- a\n+++ b\n@@ -20 +20 @@\n-x\n+y\n"
    )
    assert [hunk.old for hunk in patch.hunks] == [[b"-- a/x\n", b"b\n", b"c\n"], [b"-- a\n"], [b"x\n"]]


def test_several_files_come_in_the_order_of_the_diff() -> None:
    diff = SIMPLE + SIMPLE.replace(b"/f", b"/g") + b"\nand\n\n" + b"diff --git a/h b/h\n" + SIMPLE.replace(b"/f", b"/h")
    assert [(patch.path, patch.line) for patch in parse(diff)] == [("f", 1), ("g", 8), ("h", 18)]


@pytest.mark.parametrize(
    ("diff", "expected"),
    [
        (NEW, (None, "n", "create")),
        (b"--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n", ("n", None, "delete")),
        (b"--- n\t" + EPOCH + b"\n+++ n\t2024-01-01 10:00:00.0 +0000\n@@ -0,0 +1 @@\n+x\n", (None, "n", "create")),
        (b"--- n\t2024-01-01\n+++ n\t1969-12-31 19:00:00.0 -0500\n@@ -1 +0,0 @@\n-x\n", ("n", None, "delete")),
        (b"--- n\t" + EPOCH + b"\n+++ n\n@@ -1 +1 @@\n-y\n+x\n", ("n", "n", "modify")),
        (b"diff --git b/n b/n\nnew file mode 100644\n" + NEW, (None, "b/n", "create")),
        (b"diff --git a/n b/n\nnew file mode 100755\nindex 0..e69\n", (None, "n", "create")),
        (b"diff --git a/n b/n\ndeleted file mode 100644\n", ("n", None, "delete")),
        (b"diff --git a/n b/n\nold mode 100644\nnew mode 100755\n", ("n", "n", "modify")),
        (b"diff --git a/n b/m\nsimilarity index 100%\nrename from n\nrename to m\n", ("n", "m", "rename")),
        (b"diff --git a/n b/m\nsimilarity index 90%\ncopy from n\ncopy to m\n", ("n", "m", "copy")),
        (b"diff --git a/x y b/x y\nold mode 100644\nnew mode 100755\n", ("x y", "x y", "modify")),
        (b'diff --git "a/q\\"" "b/q\\""\nold mode 100644\nnew mode 100755\n', ('q"', 'q"', "modify")),
        (b'diff --git a/q "b/r\\303\\244"\nrename from q\nrename to "r\\303\\244"\n', ("q", "rä", "rename")),
        (b"diff --git a/a b b/c\nrename from a b\nrename to c\n", ("a b", "c", "rename")),
    ],
)  # fmt: skip
def test_what_happens_to_the_file(diff: bytes, expected: tuple[str | None, str | None, str]) -> None:
    patch = one(diff)
    assert (patch.old_path, patch.new_path, patch.kind) == expected


def test_modes_are_told() -> None:
    patch = one(b"diff --git a/n b/n\nold mode 100644\nnew mode 100755\n")
    assert (patch.old_mode, patch.new_mode) == (0o100644, 0o100755)
    assert one(b"diff --git a/n b/n\nnew file mode 100755\n").new_mode == 0o100755


def test_one_named_file_needs_no_headers_and_has_no_other_name() -> None:
    hunks = b"@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n\n@@ -9 +9 @@\n-x\n+y\n"
    patch = one(hunks, file="src/f.py")
    assert (patch.path, len(patch.hunks)) == ("src/f.py", 2)
    assert one(b"--- a/other\n+++ b/another\n" + hunks, file="f").path == "f"
    assert one(b"--- /dev/null\n+++ b/other\n@@ -0,0 +1 @@\n+x\n", file="f").kind == "create"


@pytest.mark.parametrize(
    ("diff", "message"),
    [
        (b"", "found no unified diff"),
        (b"def f():\n    return 1\n", "found no unified diff"),
        (b"1c1\n< a\n---\n> b\n", "found no unified diff"),
        (b"*** a\n--- b\n***************\n*** 1 ****\n", "line 3 of the diff: this is a context diff"),
        (b"*** Begin Patch\n*** Update File: f\n", "line 1 of the diff: this is not a unified diff"),
        (b"diff --cc f\n", "combined diff"),
        (b"@@ -1 +1 @@\n-a\n+b\n", r"line 1 of the diff: expected '--- ' and '\+\+\+ '"),
        (HEAD, "line 3 of the diff: expected a hunk header like .*found the end of the diff"),
        (HEAD + b"@@\n-a\n+b\n", "line 3 of the diff: expected a hunk header like .*found '@@'"),
        (HEAD + b"@@ def f @@\n-a\n+b\n", "found '@@ def f @@'"),
        (HEAD + b"@@ -1,99999999999 +1 @@\n-a\n+b\n", "expected a hunk header"),
        (SIMPLE + b"@@ ... @@\n-a\n", "line 8 of the diff: expected a hunk header"),
        (HEAD + b"@@ -0,0 +0,0 @@\n", "line 3 of the diff: the hunk has no lines"),
        (
            HEAD + b"@@ -1,4 +1,4 @@\n a\n-b\n+B\n c\n",
            r"line 3 .* says 4 old and 4 new lines, but the hunk has 3 and 3 \(line 8 is the end of the diff\); "
            r"write '@@ -1,3 \+1,3 @@'",
        ),
        (HEAD + b"@@ -1,2 +1,2 @@\n a\n-b\n+B\n c\n", "says 2 old and 2 new lines, but the hunk has 3 and 3"),
        (HEAD + b"@@ -1,2 +1,1 @@\n a\n+b\n-c\n", "says 2 old and 1 new lines, but the hunk has 2 and 2"),
        (HEAD + b"@@ -1 +1 @@\n-a\n+\n\\ No newline at end of file\n", "line 5 .*last line without newline must have"),
        (b'diff --git a/n b/m\nrename from ""\nrename to m\n', "line 2 of the diff: expected a file name"),
        (
            b"diff --git a/n m o b/p\n"
            + SIMPLE.split(b"@@", 1)[0].replace(b"b/f", b"/dev/null")
            + b"@@ -1 +0,0 @@\n-x\n" * 2,
            "cannot delete a file and edit",
        ),
        (
            b"diff --git a/n m o b/p\nold mode 100644\nnew mode 100755\n",
            "line 1 of the diff: cannot tell the file's name",
        ),
        (HEAD + b"@@ -1,2 +1,2 @@\n a\n-b\n+B\n\n+c\n", "says 2 old and 2 new lines, but the hunk has 3 and 4"),
        (HEAD + b"@@ -1,4 +1,4 @@\n a\n-b\n+B\n" + SIMPLE, "says 4 old and 4 new lines, but the hunk has 2 and 2"),
        (HEAD + b"@@ -1,3 +1,3 @@\n a\nb\n c\n", r"line 5 is 'b'\); "),
        (HEAD + b"@@ -1,2 +1 @@\n-a\n\\ No newline at end of file\n-b\n+c\n", "line 5 .*the old file ends here"),
        (HEAD + b"@@ -1 +1,2 @@\n-a\n+c\n\\ No newline at end of file\n+d\n", "line 6 .*the new file ends here"),
        (HEAD + b"@@ -1 +1 @@\n\\ No newline at end of file\n-a\n+b\n", "line 4 is '"),
        (b"diff --git a/l b/l\nnew file mode 120000\n", "line 2 .*symbolic link"),
        (b"diff --git a/l b/l\nindex 1..2 160000\n", "line 2 .*submodule"),
        (b"diff --git a/l b/l\nold mode 999999\n", "no file's mode"),
        (b"diff --git a/n b/n\n", "expected '--- ' and a name, a mode, a rename or a binary patch"),
        (b"diff --git a/n b/n\n--- a/n\n@@ -1 +1 @@\n", "line 3 .*expected '\\+\\+\\+ '"),
        (b"diff --git a/n b/n\nrename from n\n", "expected 'rename from' and 'rename to'"),
        (b"diff --git a/n b/n\n--- a/m\n+++ b/m\n@@ -1 +1 @@\n-a\n+b\n", "'diff --git' names a/n, but .* a/m"),
        (b"diff --git a/n b/n\nBinary files a/n and b/n differ\n", "git diff --binary"),
        (b"Binary files a/n and b/n differ\n", "git diff --binary"),
        (b"--- a/f\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n", "names two files, f and g"),
        (b"--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "neither before nor after"),
        (b"--- \n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n", "line 1 of the diff: expected a file name"),
        (b"--- " + b"n" * 5000 + b"\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n", "has 5000 bytes; no file has more than 4096"),
        (b'--- "a/\\q"\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n', r"unknown escape \\q"),
        (b"--- a/\xff\n+++ b/\xff\n@@ -1 +1 @@\n-a\n+b\n", "is not UTF-8"),
        (b"--- /dev/null\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n", "the file is new, but the hunk has lines of an old one"),
        (b"--- a/f\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "the file is deleted, but the hunk leaves lines"),
    ],
)
def test_what_is_no_unified_diff_is_refused_with_its_line(diff: bytes, message: str) -> None:
    with pytest.raises(InvalidPatch, match=message):
        parse(diff)


def test_a_diff_larger_than_a_file_may_be_is_refused() -> None:
    with pytest.raises(InvalidPatch, match="send at most 268435456 at once"):
        parse(bytes(2**28 + 1))


def test_a_time_that_is_none_is_not_the_epoch() -> None:
    diff = b"--- n\t1970-99-01 00:00:00 +0000\n+++ n\n@@ -0,0 +1 @@\n+x\n"
    assert one(diff).kind == "modify"


def test_a_diff_for_one_file_is_not_for_two_and_moves_none() -> None:
    with pytest.raises(InvalidPatch, match="line 8 of the diff: the diff is of several files, but shall be for f"):
        parse(SIMPLE + SIMPLE, file="f")
    with pytest.raises(InvalidPatch, match="moves or copies a file"):
        parse(b"diff --git a/n b/m\nrename from n\nrename to m\n", file="n")


@pytest.mark.parametrize(
    "body",
    [
        b"@@ -1,9 +1,9 @@\n a\n-b\n+B\n c\n",
        b"@@ -1,1 +1,1 @@\n a\n-b\n+B\n c\n",
        b"@@ -1,9 +1,9 @@\n a\n-b\n+B\n c\n\n",
        b"@@ -1,9 +1,9 @@\n a\n-b\n+B\n c\n```\nDone.\n",
        b"@@ -1,9 +1,9 @@\n a\n-b\n+B\n c\n-- \n2.39.5\n",
    ],
)
def test_with_fuzz_the_lines_of_a_hunk_are_counted(body: bytes) -> None:
    assert one(HEAD + body, fuzz="whitespace").hunks[0].body == BODY


def test_with_fuzz_the_counting_stops_at_the_next_hunk_and_the_next_file() -> None:
    hunk = b"@@ -1,9 +1,9 @@\n a\n-b\n+B\n c\n"
    first, second = parse(HEAD + hunk + hunk + HEAD.replace(b"/f", b"/g") + hunk, fuzz="whitespace")
    assert [[one.body for one in patch.hunks] for patch in (first, second)] == [[BODY, BODY], [BODY]]


def test_a_line_that_lost_its_mark_does_not_end_a_hunk_that_is_counted() -> None:
    with pytest.raises(InvalidPatch, match=r"line 7 of the diff: expected a hunk's line, .* found 'c'"):
        parse(HEAD + b"@@ -1,9 +1,9 @@\n a\n-b\n+B\nc\n+d\n", fuzz="whitespace")


def literal(content: bytes, size: int | None = None) -> bytes:
    packed = zlib.compress(content, 1)
    lines = [b"literal %d\n" % (len(content) if size is None else size)]
    for start in range(0, len(packed), 52):
        chunk = packed[start : start + 52]
        letter = len(chunk) + (64 if len(chunk) <= 26 else 70)
        lines.append(bytes([letter]) + b85encode(chunk, pad=True) + b"\n")
    return b"".join(lines) + b"\n"


BINARY = b"diff --git a/n b/n\nindex 123..456 100644\nGIT binary patch\n"


def test_a_binary_patch_is_both_contents() -> None:
    assert one(BINARY + literal(b"\0new") + literal(b"\0old")).binary == BinaryChange(b"\0new", b"\0old")
    assert one(BINARY + literal(b"\0new")).binary == BinaryChange(b"\0new", None)
    assert one(BINARY + literal(b"\0new") + literal(b"x").replace(b"literal", b"delta")).binary == BinaryChange(
        b"\0new", None
    )


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (literal(b"x").replace(b"literal", b"delta"), "line 4 .* is a delta"),
        (b"literal x\n", "line 4 of the diff: expected 'literal' and a size"),
        (b"", "found the end of the diff"),
        (literal(b"\0" * 1000, 10), "more than the 10 bytes"),
        (literal(b"\0" * 1000, 1001), "1000 of the 1001 bytes"),
        (literal(b"x", 300 * 2**20), "a diff may bring 268435456"),
        (b"literal 3\nDabcde\n\n", "cannot be unpacked"),
        (b"literal 3\nD ab\n\n", "line 5 .*base 85"),
        (b"literal 3\nzabcde\n\n", "line 5 .*first letter"),
        (b"literal 3\n1abcde\n\n", "line 5 .*first letter"),
    ],
)
def test_a_broken_binary_patch_is_refused(part: bytes, message: str) -> None:
    with pytest.raises(InvalidPatch, match=message):
        parse(BINARY + part)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = literal(b"\0" * 130 * 2**20)
    assert len(bomb) < 1_000_000
    with pytest.raises(InvalidPatch, match="a diff may bring 268435456"):
        parse((BINARY + bomb) * 2)


def test_a_deleted_binary_file_leaves_nothing() -> None:
    with pytest.raises(InvalidPatch, match="leaves content"):
        parse(BINARY.replace(b"index", b"deleted file mode 100644\nindex") + literal(b"\0"))


@given(states, states)
def test_what_the_engine_writes_is_read_back(old: FileState | None, new: FileState | None) -> None:
    name = 'with "quotes" and blänk'
    diff = file_diff(name, old, new).text
    if not diff:
        return
    patch = one(diff)
    before, after = (b"" if state is None else state.content for state in (old, new))
    assert patch.old_path == (None if old is None else name)
    assert patch.new_path == (None if new is None else name)
    assert forwards(before, patch) == after
    if patch.binary is not None:
        assert patch.binary.before == before
    if old is not None and new is not None and old.is_executable != new.is_executable:
        assert (patch.old_mode, patch.new_mode) == (old.mode | 0o100000, new.mode | 0o100000)


@settings(max_examples=40, deadline=None)
@given(contents, contents, st.sampled_from(["-U0", "-U1", "-U3", "-U99"]))
def test_what_gnu_diff_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes, context: str
) -> None:
    folder = tmp_path_factory.mktemp("gnu")
    (folder / "f.orig").write_bytes(old)
    (folder / "f").write_bytes(new)
    done = subprocess.run(["diff", "-a", context, "f.orig", "f"], cwd=folder, capture_output=True, check=False)
    if old != new:
        patch = one(done.stdout)
        assert (patch.path, forwards(old, patch)) == ("f", new)


BEFORE = {
    "plain.txt": b"".join(b"line %d\n" % number for number in range(60)),
    "crlf.txt": b"a\r\nb\r\n",
    "gone.txt": b"a\nb",
    "empty gone": b"",
    "moved from.txt": b"".join(b"m%d\n" % number for number in range(20)),
    "mode.sh": b"#!/bin/sh\n",
    'quo"te\tä.txt': b"a\n",
    "a/b/nested.txt": b"a\n",
    "blob.bin": b"\0" + os.urandom(400),
}
AFTER = {
    "plain.txt": BEFORE["plain.txt"].replace(b"line 7\n", b"").replace(b"line 40\n", b"line 40\nmore"),
    "crlf.txt": b"a\r\nB\r\n",
    "new dir/new.txt": b"x\ny",
    "empty new": b"",
    "moved to.txt": BEFORE["moved from.txt"].replace(b"m5", b"M5"),
    "mode.sh": b"#!/bin/sh\n",
    'quo"te\tä.txt': b"b\n",
    "a/b/nested.txt": b"b\n",
    "blob.bin": b"\0" + os.urandom(300),
}


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--no-prefix",),
        ("--src-prefix=old/", "--dst-prefix=new/"),
        ("-c", "diff.mnemonicPrefix=true"),
        ("--no-renames",),
        ("-U0",),
        ("-U0", "--no-prefix"),
        ("--find-copies-harder",),
        ("--stat", "--patch"),
    ],
    ids=" ".join,
)
def test_what_git_writes_is_read(tmp_path: Path, options: tuple[str, ...]) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "a")
    git(tmp_path, "config", "user.email", "a@b")
    for name, content in BEFORE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "before")
    for name in BEFORE:
        (tmp_path / name).unlink()
    for name, content in AFTER.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "mode.sh").chmod(0o755)
    git(tmp_path, "add", "-A")
    configured = [*options[:2], "diff", *options[2:]] if options[:1] == ("-c",) else ["diff", *options]

    patches = parse(git(tmp_path, *configured, "--binary", "HEAD"))

    after = dict(BEFORE)
    for patch in patches:
        before = b"" if patch.old_path is None else BEFORE[patch.old_path]
        content = forwards(before, patch)
        if patch.kind in ("delete", "rename"):
            del after[patch.old_path or ""]
        if patch.new_path is not None:
            after[patch.new_path] = content
    assert after == AFTER
    (mode,) = [patch for patch in patches if patch.path == "mode.sh"]
    assert (mode.old_mode, mode.new_mode) == (0o100644, 0o100755)


@given(st.binary(max_size=60), st.integers(0, len(SIMPLE)), st.integers(0, 6), st.sampled_from(["none", "whitespace"]))
def test_whatever_is_sent_is_read_or_refused(noise: bytes, at: int, cut: int, fuzz: str) -> None:
    for diff in (noise, SIMPLE[:at] + noise + SIMPLE[at + cut :]):
        try:
            patches = parse(diff, fuzz=fuzz)  # type: ignore[arg-type]  # sampled from its two values
        except InvalidPatch:
            continue
        assert all(patch.path for patch in patches)
