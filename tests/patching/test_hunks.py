"""Hunks go where all their lines stand, nearest to where they say, or nowhere."""

import subprocess
import time
from collections.abc import Sequence

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.contracts.patches import Fuzz
from repo_agent_dagster.patching.diffs.placing import Change, PlacedHunk, apply_forward, apply_reverse, place
from repo_agent_dagster.patching.diffs.unified import Hunk, parse
from repo_agent_dagster.patching.diffs.writing import FileState, file_diff
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.text.lines import parse as parse_text
from repo_agent_dagster.patching.text.lines import render, split_lines

HEAD = b"--- a/f\n+++ b/f\n"
NUMBERED = b"".join(b"%d\n" % number for number in range(1, 41))

lines_of_few = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"}\n", b"\n"]), max_size=14)
contents = st.builds(lambda lines, last: b"".join(lines) + last, lines_of_few, st.sampled_from([b"", b"", b"z"]))


def hunks(*texts: str, head: bytes = HEAD) -> tuple[Hunk, ...]:
    return parse(head + "".join(texts).encode())[0].hunks


def placed(content: bytes, given_hunks: Sequence[Hunk], fuzz: Fuzz = "none") -> list[PlacedHunk]:
    return place(parse_text(content).lines, given_hunks, fuzz)


def after(content: bytes, places: Sequence[PlacedHunk]) -> bytes:
    """The file with the changes made, from the last to the first."""
    text = parse_text(content)
    lines, unterminated = list(text.lines), text.unterminated
    last_goes = any(change.end == len(lines) and not change.lines for one in places for change in one.changes)
    for one in reversed(places):
        for change in reversed(one.changes):
            lines[change.start : change.end] = change.lines
    for one in places:
        if one.unterminated is not None:
            unterminated = one.unterminated
            last_goes = False
    return render(text.bom, lines, unterminated and not last_goes)


def applied(content: bytes, *texts: str, fuzz: Fuzz = "none") -> bytes:
    return after(content, placed(content, hunks(*texts), fuzz))


MIDDLE = "@@ -10,3 +10,3 @@\n 10\n-11\n+eleven\n 12\n"


def test_a_hunk_goes_to_its_stated_line() -> None:
    (one,) = placed(NUMBERED, hunks(MIDDLE))
    assert (one.start, one.offset, one.changes) == (9, 0, (Change(10, 11, [b"eleven\n"]),))


@pytest.mark.parametrize(("extra", "offset"), [(b"new\n" * 3, 3), (b"", 0)])
def test_a_hunk_is_found_where_its_lines_have_moved_to(extra: bytes, offset: int) -> None:
    (one,) = placed(extra + NUMBERED, hunks(MIDDLE))
    assert (one.start, one.offset) == (9 + offset, offset)


def test_a_hunk_is_found_before_its_stated_line_too() -> None:
    (one,) = placed(NUMBERED, hunks(MIDDLE.replace("-10,3 +10,3", "-25,3 +25,3")))
    assert (one.start, one.offset) == (9, -15)


def test_a_hunk_expects_to_be_moved_as_far_as_the_one_before() -> None:
    block = b"x\ny\n"
    content = b"new\n" * 2 + b"1\n2\n" + block * 5
    second = "@@ -5,2 +5,2 @@\n-x\n+X\n y\n"
    (_, one) = placed(content, hunks("@@ -1,2 +1,2 @@\n 1\n-2\n+two\n", second))
    assert (one.start, one.offset) == (6, 2)


def test_of_several_places_the_nearest_is_taken() -> None:
    content = b"x\ny\n" + b"-\n" * 10 + b"x\ny\n" + b"-\n" * 3 + b"x\ny\n"
    (one,) = placed(content, hunks("@@ -15,2 +15,2 @@\n-x\n+X\n y\n"))
    assert one.start == 12


def test_two_places_equally_near_are_a_conflict() -> None:
    content = b"x\ny\n" + b"-\n" * 6 + b"x\ny\n"
    with pytest.raises(PatchConflict, match=r"line 3 of the diff \(for line 5\) .* equally near at lines 1 and 9"):
        placed(content, hunks("@@ -5,2 +5,2 @@\n-x\n+X\n y\n"))


def test_a_hunk_never_goes_before_the_end_of_the_one_before() -> None:
    content = b"x\ny\nz\nw\n"
    first, second = "@@ -2,2 +2,2 @@\n y\n-z\n+Z\n", "@@ -4,2 +4,2 @@\n-x\n+X\n y\n"
    with pytest.raises(PatchConflict, match="fits at line 1, but the hunk before it goes as far as line 3"):
        placed(content, hunks(first, second))


def test_a_hunk_without_context_goes_to_its_line() -> None:
    assert applied(b"1\n2\n3\n", "@@ -2,0 +3,2 @@\n+x\n+y\n") == b"1\n2\nx\ny\n3\n"
    assert applied(b"1\n2\n", "@@ -0,0 +1 @@\n+x\n") == b"x\n1\n2\n"
    assert applied(b"", "@@ -0,0 +1 @@\n+x\n") == b"x\n"
    with pytest.raises(PatchConflict, match="inserts after line 5, but the file has 2 lines"):
        placed(b"1\n2\n", hunks("@@ -5,0 +6 @@\n+x\n"))
    with pytest.raises(PatchConflict, match="inserts after line 1, but the hunk before it goes as far as line 2"):
        placed(b"1\n2\n3\n", hunks("@@ -1,2 +1 @@\n 1\n-2\n", "@@ -1,0 +6 @@\n+x\n"))


def test_a_hunk_at_its_stated_line_need_not_have_context_after_it() -> None:
    hunk = "@@ -2,2 +2,3 @@\n 1\n }\n+x\n"
    assert applied(b"}\n1\n}\n2\n}\n", hunk) == b"}\n1\n}\nx\n2\n}\n"
    with pytest.raises(PatchConflict, match=r"fits at line 2, but has no context after .* fits there too, at line 5"):
        placed(b"}\n1\n}\n2\n1\n}\n", hunks(hunk))


def test_away_from_its_line_a_hunk_without_context_after_it_is_at_the_end_if_it_fits_there() -> None:
    content = b"a\n}\n-\n-\n-\n-\n-\n-\n-\na\n}\n"
    assert applied(content, "@@ -3,2 +3,3 @@\n a\n }\n+x\n") == content + b"x\n"


def test_no_place_is_told_with_the_nearest_miss() -> None:
    content = NUMBERED.replace(b"12\n", b"twelve\n")
    with pytest.raises(
        PatchConflict,
        match=r"the hunk at line 3 of the diff \(for line 10\) fits nowhere; line 12 of the file is 'twelve', not '12' "
        r"\(line 7 of the diff\)",
    ):
        placed(content, hunks(MIDDLE))


def test_the_nearest_miss_is_where_most_lines_stand() -> None:
    content = b"a\n" * 50 + NUMBERED.replace(b"12\n", b"twelve\n")
    with pytest.raises(PatchConflict, match="line 62 of the file is 'twelve', not '12'"):
        placed(content, hunks(MIDDLE))
    with pytest.raises(PatchConflict, match="line 10 of the file is no line, not '10'"):
        placed(b"a\n", hunks(MIDDLE))
    with pytest.raises(PatchConflict, match="line 2 of the file is no line, not ''"):
        placed(b"\n", hunks("@@ -1,2 +1 @@\n-\n-\n+x\n"))


def test_what_is_there_already_is_told() -> None:
    with pytest.raises(PatchConflict, match="seems to be applied already: its new lines stand at line 10"):
        placed(applied(NUMBERED, MIDDLE), hunks(MIDDLE))


def test_lines_that_are_removed_and_added_again_are_no_change() -> None:
    (one,) = placed(NUMBERED, hunks("@@ -10,3 +10,4 @@\n-10\n-11\n-12\n+10\n+11\n+11 and a half\n+12\n"))
    assert one.changes == (Change(11, 11, [b"11 and a half\n"]),)
    (one,) = placed(NUMBERED, hunks("@@ -10,2 +10,2 @@\n-10\n+10\n 11\n"))
    assert one.changes == ()


# Terminators


def test_a_diff_with_lf_fits_a_file_with_crlf_and_the_other_way_round() -> None:
    crlf = b"1\r\n2\r\n3\r\n"
    assert applied(crlf, "@@ -1,3 +1,4 @@\n 1\n-2\n+two\n+more\n 3\n") == b"1\r\ntwo\r\nmore\r\n3\r\n"
    assert applied(b"1\n2\n3\n", "@@ -1,3 +1,3 @@\n 1\r\n-2\r\n+two\r\n 3\r\n") == b"1\ntwo\n3\n"
    assert applied(crlf, "@@ -2,0 +3 @@\n+x\n") == b"1\r\n2\r\nx\r\n3\r\n"


def test_incoming_lines_take_the_terminators_of_their_surroundings() -> None:
    assert applied(b"1\r\n2\n3\n", "@@ -1,3 +1,5 @@\n 1\n+x\n 2\n+y\n 3\n") == b"1\r\nx\r\n2\ny\n3\n"
    assert applied(b"1\r\n2\n3\n", "@@ -1,3 +1,3 @@\n-1\n-2\n+x\n+y\n 3\n") == b"x\r\ny\n3\n"
    assert applied(b"1\r\n2\n", "@@ -0,0 +1 @@\n+x\n") == b"x\r\n1\r\n2\n"


def test_an_empty_file_has_no_terminators_so_the_diffs_are_kept() -> None:
    assert applied(b"", "@@ -0,0 +1,2 @@\n+x\r\n+y\n\\ No newline at end of file\n") == b"x\r\ny"
    assert applied(b"", "@@ -0,0 +1 @@\n+x\r\n") == b"x\r\n"


def test_a_diff_with_both_terminators_means_them() -> None:
    to_crlf = "@@ -1,2 +1,2 @@\n 1\n-2\n+2\r\n"
    assert applied(b"1\n2\n", to_crlf) == b"1\n2\r\n"
    with pytest.raises(PatchConflict, match=r"line 1 of the file is '1', not '1'|fits nowhere"):
        placed(b"1\r\n2\r\n", hunks(to_crlf))


def test_a_missing_last_newline_stays_missing_and_needs_no_note() -> None:
    assert applied(b"1\n2", "@@ -1,2 +1,2 @@\n 1\n-2\n+two\n") == b"1\ntwo"
    assert applied(b"1\n2", "@@ -1,2 +1,3 @@\n 1\n 2\n+three\n") == b"1\n2\nthree"
    assert applied(b"1\n2", "@@ -1,2 +1,2 @@\n-1\n+one\n 2\n") == b"one\n2"


def test_notes_on_both_sides_leave_the_last_newline_as_the_file_has_it() -> None:
    both = "@@ -1,2 +1,2 @@\n 1\n-2\n\\ No newline at end of file\n+two\n\\ No newline at end of file\n"
    assert applied(b"1\n2", both) == b"1\ntwo"
    assert applied(b"1\n2\n", both) == b"1\ntwo\n"


def test_a_diff_gives_and_takes_the_last_newline() -> None:
    gives = "@@ -1,2 +1,2 @@\n 1\n-2\n\\ No newline at end of file\n+2\n"
    takes = "@@ -1,2 +1,2 @@\n 1\n-2\n+2\n\\ No newline at end of file\n"
    assert applied(b"1\n2", gives) == b"1\n2\n"
    assert applied(b"1\r\n2", gives) == b"1\r\n2\r\n"
    assert applied(b"1\n2\n", takes) == b"1\n2"


def test_a_note_says_that_the_file_ends_there() -> None:
    takes = "@@ -1,2 +1,2 @@\n 1\n-2\n+2\n\\ No newline at end of file\n"
    assert applied(b"0\n1\n2\n1\n2\n", takes) == b"0\n1\n2\n1\n2"
    with pytest.raises(PatchConflict, match="fits at line 1, but its text must be at the end, which is at line 3"):
        placed(b"1\n2\n3\n", hunks(takes))
    with pytest.raises(PatchConflict, match="inserts after line 1"):
        placed(b"1\n2\n", hunks("@@ -1,0 +2 @@\n+x\n\\ No newline at end of file\n"))


# A byte-order mark


def test_a_byte_order_mark_stays_whether_the_diff_has_it_or_not() -> None:
    content = b"\xef\xbb\xbf1\n2\n"
    assert applied(content, "@@ -1,2 +1,2 @@\n-1\n+one\n 2\n") == b"\xef\xbb\xbfone\n2\n"
    assert applied(content, "@@ -1,2 +1,2 @@\n-\ufeff1\n+\ufeffone\n 2\n") == b"\xef\xbb\xbfone\n2\n"
    assert applied(content, "@@ -1,2 +1,2 @@\n \ufeff1\n-2\n+two\n") == b"\xef\xbb\xbf1\ntwo\n"


@pytest.mark.parametrize(
    "text", ["@@ -1 +1 @@\n-\ufeff1\n+1\n", "@@ -1 +1 @@\n-1\n+\ufeff1\n", "@@ -0,0 +1 @@\n+\ufeff1\n"]
)
def test_a_byte_order_mark_is_neither_added_nor_removed_by_a_hunk(text: str) -> None:
    with pytest.raises(InvalidPatch, match="adds or removes a byte-order mark"):
        placed(b"1\n", hunks(text))


# White space


def test_with_fuzz_old_lines_may_differ_in_white_space_and_context_stays_as_it_is() -> None:
    content = b"if a:\n\tb( 1 )\n\tc\n"
    text = "@@ -1,3 +1,3 @@\n if a :\n-    b(1)\n+    b(2)\n   c\n"
    with pytest.raises(PatchConflict):
        placed(content, hunks(text))
    (one,) = placed(content, hunks(text), "whitespace")
    assert one.by_whitespace
    assert after(content, [one]) == b"if a:\n    b(2)\n\tc\n"


def test_fuzz_changes_nothing_where_a_hunk_fits_without_it() -> None:
    content = b"a b\nc\n" + b"-\n" * 20 + b"ab\nc\n"
    (one,) = placed(content, hunks("@@ -1,2 +1,2 @@\n ab\n-c\n+d\n"), "whitespace")
    assert (one.start, one.by_whitespace) == (22, False)


def test_fuzz_does_not_take_a_blank_line_for_another_one() -> None:
    with pytest.raises(PatchConflict, match="fits nowhere; line 2 of the file is '  ', not 'b'"):
        placed(b"a\n  \n", hunks("@@ -1,2 +1 @@\n a\n-b\n"), "whitespace")


# Strictly


@given(contents, contents)
def test_forwards_and_back_to_the_byte(old: bytes, new: bytes) -> None:
    diff = file_diff("f", FileState(old, 0o644), FileState(new, 0o644)).text
    assume(diff)
    given_hunks = parse(diff)[0].hunks
    assert b"".join(apply_forward(split_lines(old), given_hunks)) == new
    assert b"".join(apply_reverse(split_lines(new), given_hunks)) == old


def test_strictly_nothing_is_searched_for() -> None:
    with pytest.raises(
        PatchConflict, match=r"does not fit; line 10 of the file is '9', not '10' \(line 4 of the diff\)"
    ):
        apply_forward(split_lines(b"0\n" + NUMBERED), hunks(MIDDLE))
    with pytest.raises(PatchConflict, match=r"line 11 of the file is '11', not 'eleven' \(line 6 of the diff\)"):
        apply_reverse(split_lines(NUMBERED), hunks(MIDDLE))
    with pytest.raises(PatchConflict, match="cannot be at line 10: the hunk before it goes as far as line 12"):
        apply_forward(split_lines(NUMBERED), hunks(MIDDLE, MIDDLE))
    with pytest.raises(PatchConflict, match="does not fit"):
        apply_forward(split_lines(NUMBERED.replace(b"\n", b"\r\n")), hunks(MIDDLE))
    assert apply_forward([b"a\n"], ()) == [b"a\n"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"1\n2\n", "@@ -1 +1 @@\n-1\n+one\n\\ No newline at end of file\n"),
        (b"1\n2", "@@ -2,0 +3 @@\n+3\n"),
    ],
)
def test_strictly_lines_are_not_glued_together(content: bytes, text: str) -> None:
    with pytest.raises(PatchConflict, match="leaves lines after one that has no newline"):
        apply_forward(split_lines(content), hunks(text))


# In general


@given(contents, contents)
def test_a_diff_of_two_files_leads_from_the_one_to_the_other(old: bytes, new: bytes) -> None:
    diff = file_diff("f", FileState(old, 0o644), FileState(new, 0o644)).text
    assume(diff)
    places = placed(old, parse(diff)[0].hunks)
    assert [one.offset for one in places] == [0] * len(places)
    assert after(old, places) == new


@given(contents, contents, contents)
def test_a_hunk_goes_only_where_its_old_lines_stand(old: bytes, new: bytes, other: bytes) -> None:
    diff = file_diff("f", FileState(old, 0o644), FileState(new, 0o644)).text
    assume(diff)
    given_hunks = parse(diff)[0].hunks
    try:
        places = placed(other, given_hunks)
    except PatchConflict:
        return
    present, floor = [line.rstrip(b"\n") for line in parse_text(other).lines], 0
    for one in places:
        wanted = [line.rstrip(b"\n") for line in one.hunk.old]
        assert present[one.start : one.start + len(wanted)] == wanted
        assert one.start >= floor
        floor = one.start + len(wanted)
        assert all(one.start <= change.start <= change.end <= floor for change in one.changes)


@given(st.lists(st.sampled_from([b"a\n", b"b\n", b"}\n"]), min_size=2, max_size=14), st.data())
def test_the_place_is_the_nearest_of_all(lines: list[bytes], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(lines) - 2))
    old = lines[start : start + data.draw(st.integers(2, 4))]
    stated = data.draw(st.integers(0, 14))
    # With context after the change, so that it does not speak of the end.
    context = [f" {line.decode()}" for line in old]
    header = f"@@ -{stated + 1},{len(old)} +{stated + 1},{len(old) + 1} @@\n"
    text = "".join([header, context[0], "+new\n", *context[1:]])
    fitting = [at for at in range(len(lines)) if lines[at : at + len(old)] == old]
    best = min(abs(at - stated) for at in fitting)
    nearest = [at for at in fitting if abs(at - stated) == best]
    if len(nearest) == 1:
        assert place(lines, hunks(text))[0].start == nearest[0]
    else:
        with pytest.raises(PatchConflict, match="equally near"):
            place(lines, hunks(text))


@settings(max_examples=60, deadline=None)
@given(contents, contents, st.lists(st.sampled_from([b"x\n", b"y\n"]), max_size=3))
def test_git_does_the_same_where_it_applies_a_moved_diff(
    tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes, before: list[bytes]
) -> None:
    diff = file_diff("f", FileState(old, 0o644), FileState(new, 0o644)).text
    assume(diff)
    folder = tmp_path_factory.mktemp("git")
    (folder / "f").write_bytes(b"".join(before) + old)
    done = subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, capture_output=True, check=False)
    try:
        places = placed(b"".join(before) + old, parse(diff)[0].hunks)
    except PatchConflict:
        return
    if done.returncode == 0:
        assert after(b"".join(before) + old, places) == (folder / "f").read_bytes()


@pytest.mark.parametrize(
    "filler",
    [
        lambda number: b"same\n",
        lambda number: b"line %d\n" % number,
        lambda number: b"b\n" if number % 50 == 0 else b"a\n",
    ],
    ids=["all the same", "all different", "in a rhythm"],
)
def test_a_thousand_hunks_in_a_hundred_thousand_lines_take_no_quadratic_time(filler: object) -> None:
    assert callable(filler)
    lines: list[bytes] = [filler(number) for number in range(100_000)]
    for number in range(1000):
        lines[number * 100 + 7] = b"mark %d\n" % number
    # A line more before each hunk: none is where the one before would have it, so each looks for its place.
    moved = [line for at in range(0, 100_000, 100) for line in [b"new\n", *lines[at : at + 100]]]
    text = "".join(
        f"@@ -{at + 1},7 +{at + 1},7 @@\n"
        + "".join(f" {line.decode()}" for line in lines[at : at + 3])
        + f"-{lines[at + 3].decode()}+changed\n"
        + "".join(f" {line.decode()}" for line in lines[at + 4 : at + 7])
        for at in range(4, 100_000, 100)
    )
    given_hunks = hunks(text)
    began = time.process_time()
    places = place(moved, given_hunks)
    assert time.process_time() - began < 5
    assert [one.offset for one in places] == list(range(1, 1001))
