"""Texts merge by lines as `git merge-file` merges them; line endings and byte-order marks are one change of a file."""

import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.migration.merging.outcome import Merged
from repo_agent_dagster.migration.merging.three_way import merge_file

BOM = b"\xef\xbb\xbf"
LINES = [b"%d\n" % number for number in range(20)]


def merged(base: bytes | None, ours: bytes, theirs: bytes) -> Merged:
    return merge_file("a.txt", base=base, ours=ours, theirs=theirs)


def crlf(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


def edited(choose: random.Random, lines: list[bytes], mark: bytes) -> list[bytes]:
    """A version with up to four changes, whose new lines are its own."""
    lines = list(lines)
    for number in range(choose.randint(0, 4)):
        at = choose.randint(0, len(lines))
        match choose.choice(["insert", "replace", "delete"]):
            case "insert":
                lines[at:at] = [b"%s%d\n" % (mark, number)]
            case "replace":
                lines[at : at + 1] = [b"%s%d\n" % (mark, number)]
            case "delete":
                del lines[at : at + choose.randint(1, 2)]
    return lines


def git_merge(folder: Path, base: bytes, ours: bytes, theirs: bytes) -> tuple[int, bytes]:
    """How many conflicts git finds, and the text that it makes."""
    for name, content in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_bytes(content)
    labels = ["-L", "destination", "-L", "base", "-L", "unit"]
    argv = ["git", "merge-file", "-p", "--diff3", *labels, "ours", "base", "theirs"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, check=False)
    assert done.returncode < 128, done.stderr
    return done.returncode, done.stdout


@settings(max_examples=150, deadline=None)
@given(
    choose=st.randoms(use_true_random=False),
    length=st.integers(0, 20),
    is_crlf=st.booleans(),
    is_unterminated=st.booleans(),
)
def test_content_verdict_and_markers_are_gits(
    tmp_path_factory: pytest.TempPathFactory, choose: random.Random, length: int, is_crlf: bool, is_unterminated: bool
) -> None:
    base, ours, theirs = (
        b"".join(lines)
        for lines in (LINES[:length], edited(choose, LINES[:length], b"o"), edited(choose, LINES[:length], b"t"))
    )
    if is_crlf:
        base, ours, theirs = map(crlf, (base, ours, theirs))
    if is_unterminated:
        base, ours, theirs = (text.removesuffix(b"\n").removesuffix(b"\r") for text in (base, ours, theirs))
    conflicts, text = git_merge(tmp_path_factory.mktemp("merge"), base, ours, theirs)

    found = merged(base, ours, theirs)

    assert (found.outcome == "conflict") == (conflicts > 0)
    assert found.conflicts == conflicts
    if conflicts:
        # Git ends its markers with a bare newline where the first line of one side has no ending.
        assert (found.marked or b"").replace(b"\r\n", b"\n") == text.replace(b"\r\n", b"\n")
    else:
        assert found.content == text


@given(choose=st.randoms(use_true_random=False))
def test_the_sides_are_equals(choose: random.Random) -> None:
    base, ours, theirs = (b"".join(edited(choose, LINES, mark)) for mark in (b"b", b"o", b"t"))
    one, other = merged(base, ours, theirs), merged(base, theirs, ours)
    assert one.conflicts == other.conflicts
    if not one.must_stop:
        assert one.content == other.content


def test_a_merge_that_comes_out_as_what_stands_keeps_it() -> None:
    found = merged(b"a\nb\nc\n", b"A\nb\nC\n", b"A\nb\nc\n")
    assert (found.outcome, found.content) == ("kept", b"A\nb\nC\n")
    assert found.reason == "kept as it is: has the unit's changes already"


def test_a_merge_that_comes_out_as_the_units_takes_it() -> None:
    found = merged(b"a\nb\nc\n", b"A\nb\nc\n", b"A\nb\nC\n")
    assert (found.outcome, found.content) == ("taken", b"A\nb\nC\n")


class TestLineEndings:
    base = b"a\nb\nc\n"

    def test_the_destinations_new_endings_stay_when_the_unit_changes_lines(self) -> None:
        assert merged(self.base, crlf(self.base), b"a\nb\nC\n").content == b"a\r\nb\r\nC\r\n"

    def test_the_units_new_endings_come_to_edited_lines(self) -> None:
        assert merged(self.base, b"A\nb\nc\n", crlf(self.base)).content == b"A\r\nb\r\nc\r\n"

    def test_new_endings_here_and_new_lines_in_both_are_merged(self) -> None:
        assert merged(self.base, b"A\r\nb\r\nc\r\n", b"a\nb\nC\n").content == b"A\r\nb\r\nC\r\n"

    def test_markers_have_the_files_ending(self) -> None:
        marked = merged(self.base, b"A\r\nb\r\nc\r\n", b"X\nb\nc\n").marked or b""
        assert marked.count(b"\n") == marked.count(b"\r\n") == 9

    def test_only_the_edited_line_of_a_mixed_file_changes(self) -> None:
        assert merged(b"a\r\nb\nc\n", b"a\r\nb\nC\n", b"a\r\nb\nc\nd\n").marked is not None
        assert merged(b"a\r\nb\nc\nd\n", b"A\r\nb\nc\nd\n", b"a\r\nb\nc\nD\n").content == b"A\r\nb\nc\nD\n"

    def test_a_file_that_was_there_with_other_endings_stays(self) -> None:
        found = merged(None, crlf(self.base), self.base)
        assert (found.outcome, found.content) == ("kept", crlf(self.base))
        assert "line endings" in (found.reason or "")

    def test_a_file_without_line_ends_takes_the_others(self) -> None:
        assert merged(b"", b"a\r\n", b"") == Merged(
            "kept", b"a\r\n", "kept as it is: edited here, and the unit did not change it"
        )
        assert merged(b"a", b"a\r\n", b"b").outcome == "conflict"


class TestByteOrderMarks:
    base = b"a\nb\nc\n"

    def test_one_that_was_added_here_stays(self) -> None:
        assert merged(self.base, BOM + self.base, b"a\nb\nC\n").content == BOM + b"a\nb\nC\n"

    def test_one_that_the_unit_dropped_goes(self) -> None:
        assert merged(BOM + self.base, BOM + b"a\nb\nC\n", self.base).content == b"a\nb\nC\n"

    def test_it_is_before_the_markers(self) -> None:
        marked = merged(BOM + b"a\n", BOM + b"o\n", BOM + b"t\n").marked or b""
        assert marked.startswith(BOM + b"<<<<<<< destination\n")
        assert marked.count(BOM) == 1
