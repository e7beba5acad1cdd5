"""Three-way merges do what git's do: what one side changed is taken, what touches is a conflict."""

import random
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.patching.model import PatchConflict
from repo_agent_dagster.patching.text.lines import split_lines
from repo_agent_dagster.patching.text.merging import Conflict, Merge, merge3

Lines = list[bytes]

few = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"}\n"]), max_size=10)
texts = st.builds(lambda lines, last: lines + last, few, st.sampled_from([[], [], [b"last"]]))


def merged(base: str, ours: str, theirs: str) -> Merge:
    return merge3(*(split_lines(text.encode()) for text in (base, ours, theirs)))


def edited(choose: random.Random, lines: Lines, new: Lines) -> Lines:
    """A version of the lines with up to three changes."""
    lines = list(lines)
    for _ in range(choose.randint(0, 3)):
        at = choose.randint(0, len(lines))
        match choose.choice(["insert", "replace", "delete"]):
            case "insert":
                lines[at:at] = choose.choices(new, k=choose.randint(1, 2))
            case "replace":
                lines[at : at + 1] = choose.choices(new)
            case "delete":
                del lines[at : at + choose.randint(1, 2)]
    return lines


def git_merge(folder: Path, base: Lines, ours: Lines, theirs: Lines, *options: str) -> tuple[bool, bytes]:
    for name, lines in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_bytes(b"".join(lines))
    argv = ["git", "merge-file", "-p", *options, "ours", "base", "theirs"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, check=False)
    assert done.returncode < 128
    return done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"),
        ("a\nb\nc\n", "a\nb\nc\n", "a\nc\n", "a\nc\n"),
        ("a\nb\nc\n", "a\nc\n", "a\nb\nc\n", "a\nc\n"),
        ("a\nb\nc\n", "a\nB\nc\n", "a\nB\nc\n", "a\nB\nc\n"),
        ("a\nb\nc\n", "a\nB\nX\nc\n", "a\nB\nX\nc\n", "a\nB\nX\nc\n"),
        ("a\nb\nc\n", "0\na\nb\nc\n", "a\nb\nc\nd\n", "0\na\nb\nc\nd\n"),
        ("a\nb\nc", "A\nb\nc", "a\nb\nc\n", "A\nb\nc\n"),
        ("a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n"),
        ("", "a\n", "a\n", "a\n"),
        ("a\n", "", "a\n", ""),
        ("", "", "", ""),
    ],
)
def test_what_one_side_changed_is_taken_and_what_both_changed_alike_is_taken_once(
    base: str, ours: str, theirs: str, expected: str
) -> None:
    merge = merged(base, ours, theirs)
    assert merge.is_clean
    assert b"".join(merge.lines).decode() == expected
    assert merge.marked() == merge.lines


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "conflict"),
    [
        ("a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n", (1, 2)),
        ("a\nb\nc\n", "a\nX\nc\n", "a\nc\n", (1, 2)),
        ("a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nb\nC\nd\n", (1, 3)),
        ("a\nb\nc\n", "a\nx\nb\nc\n", "a\nB\nc\n", (1, 2)),
        ("a\nb\n", "a\nx\nb\n", "a\ny\nb\n", (1, 1)),
        ("", "a\n", "b\n", (0, 0)),
        ("a\nb\n", "a\nb", "a\nB\n", (1, 2)),
        ("x\na\na\nb\ny\n", "x\na\nB\ny\n", "x\na\na\nb\nY\n", (2, 5)),
    ],
)
def test_changes_that_overlap_or_touch_are_a_conflict(
    base: str, ours: str, theirs: str, conflict: tuple[int, int]
) -> None:
    merge = merged(base, ours, theirs)
    (one,) = merge.conflicts
    assert (one.base_start, one.base_end) == conflict
    assert one.base == split_lines(base.encode())[slice(*conflict)]
    with pytest.raises(PatchConflict, match="both sides changed the base's lines"):
        _ = merge.lines


def test_the_error_names_the_places() -> None:
    merge = merged("a\n1\n2\nb\n3\n4\n", "a\nx\nb\n3\n4\nX\n", "a\ny\nb\n3\n4\nY\n")
    with pytest.raises(PatchConflict, match="the base's lines 2-3, after 6; decide there, or take one side"):
        _ = merge.lines


def test_a_conflict_holds_the_three_versions() -> None:
    merge = merged("a\nb\nc\n", "a\nX\nc\n", "a\nY\nZ\nc\n")
    assert merge.parts == ([b"a\n"], Conflict(1, 2, [b"b\n"], [b"X\n"], [b"Y\n", b"Z\n"]), [b"c\n"])


def test_conflicts_are_marked_as_git_marks_them() -> None:
    merge = merged("a\nb\nc\n", "a\nsame\nX\nc\n", "a\nsame\nY\nc\n")
    assert b"".join(merge.marked("mine", "other")).decode() == (
        "a\nsame\n<<<<<<< mine\nX\n=======\nY\n>>>>>>> other\nc\n"
    )
    assert b"".join(merge.marked("mine", "other", "before", "diff3")).decode() == (
        "a\n<<<<<<< mine\nsame\nX\n||||||| before\nb\n=======\nsame\nY\n>>>>>>> other\nc\n"
    )


def test_markers_have_lines_of_their_own_with_the_files_terminator() -> None:
    assert b"".join(merged("a\r\nb", "a\r\nX", "a\r\nY").marked("o", "t")) == (
        b"a\r\n<<<<<<< o\r\nX\r\n=======\r\nY\r\n>>>>>>> t\r\n"
    )
    assert b"".join(merged("", "X", "").marked()) == b"X"


@pytest.mark.parametrize("style", ["merge", "diff3"])
def test_the_marked_text_is_gits(tmp_path: Path, style: str) -> None:
    choose = random.Random(3)
    options = ("--diff3", "-Lours", "-Lbase", "-Ltheirs") if style == "diff3" else ()
    alike = 0
    for _ in range(40):
        base = [b"%d\n" % number for number in range(12)]
        ours, theirs = (edited(choose, base, [b"x\n", b"y\n", b"z\n"]) for _ in range(2))
        clean, text = git_merge(tmp_path, base, ours, theirs, *options)
        merge = merge3(base, ours, theirs)
        assert merge.is_clean == clean
        alike += b"".join(merge.marked(style="diff3" if style == "diff3" else "merge")) == text
    # Git also puts lines that both sides have in the middle of a long conflict outside the markers.
    assert alike >= 36


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 25), st.randoms(use_true_random=False), st.booleans())
def test_git_agrees_to_the_byte_where_the_lines_differ_from_each_other(
    tmp_path_factory: pytest.TempPathFactory, length: int, choose: random.Random, unterminated: bool
) -> None:
    base = [b"%d\n" % number for number in range(length)]
    fresh = [b"x%d\n" % number for number in range(1000)]
    if unterminated and base:
        base[-1] = base[-1].rstrip(b"\n")
    ours, theirs = edited(choose, base, fresh), edited(choose, base, fresh)
    if any(not line.endswith(b"\n") for side in (ours, theirs) for line in side[:-1]):
        return  # lines were put after the one without a newline: no file
    clean, text = git_merge(tmp_path_factory.mktemp("merge"), base, ours, theirs)
    merge = merge3(base, ours, theirs)
    assert merge.is_clean == clean
    if clean:
        assert b"".join(merge.lines) == text


def test_git_nearly_always_agrees_where_lines_repeat(tmp_path: Path) -> None:
    """Which of two equal lines is the new one is open, and git may see it otherwise: measured, 8 of 1,500 as here."""
    choose, letters = random.Random(1), [b"a\n", b"b\n", b"c\n"]
    bolder = different = 0
    for _ in range(200):
        base = choose.choices(letters, k=choose.randint(0, 12))
        ours, theirs = edited(choose, base, letters), edited(choose, base, letters)
        clean, text = git_merge(tmp_path, base, ours, theirs)
        merge = merge3(base, ours, theirs)
        bolder += merge.is_clean and not clean
        different += merge.is_clean and clean and b"".join(merge.lines) != text
    assert bolder <= 3
    assert different <= 1


@given(texts, texts, texts)
def test_the_sides_are_equals(base: Lines, ours: Lines, theirs: Lines) -> None:
    one, other = merge3(base, ours, theirs), merge3(base, theirs, ours)
    assert one.is_clean == other.is_clean
    if one.is_clean:
        assert one.lines == other.lines
    assert [(part.base, part.ours, part.theirs) for part in one.conflicts] == [
        (part.base, part.theirs, part.ours) for part in other.conflicts
    ]


@given(texts, texts)
def test_a_side_that_changed_nothing_and_a_side_that_changed_the_same_add_nothing(base: Lines, ours: Lines) -> None:
    assert merge3(base, ours, base).lines == ours
    assert merge3(base, base, ours).lines == ours
    assert merge3(base, ours, ours).lines == ours


@given(texts, texts, texts)
def test_each_version_can_be_read_from_the_parts(base: Lines, ours: Lines, theirs: Lines) -> None:
    merge = merge3(base, ours, theirs)
    taken = [line for part in merge.parts for line in (part if isinstance(part, list) else part.ours)]
    assert all(line.endswith(b"\n") for line in taken[:-1])
    for conflict in merge.conflicts:
        assert conflict.base == list(base[conflict.base_start : conflict.base_end])
        assert conflict.ours != conflict.theirs


@pytest.mark.parametrize("different", [100_000, 1, 3])
def test_long_files_take_no_quadratic_time(different: int) -> None:
    base = [b"%d\n" % (number % different) for number in range(100_000)]
    ours, theirs = list(base), list(base)
    for number in range(0, 100_000, 100):
        ours[number] = b"ours %d\n" % number
        theirs[number + 50] = b"theirs %d\n" % number
    began = time.process_time()
    merge3(base, ours, theirs)
    assert time.process_time() - began < 5
