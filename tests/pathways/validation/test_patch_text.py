"""What is said of a patch's text before git sees it."""

import pytest

from repo_agent_dagster.patching.diffs.unified import parse
from repo_agent_dagster.pathways.validation.patch_text import (
    PatchUnusable,
    changed_lines,
    read_patch,
    same_changes,
    with_fitting_line_ends,
)

FITS = b"--- a/poem.txt\n+++ b/poem.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n"


@pytest.mark.parametrize(
    ("diff", "problem", "said"),
    [
        (b" \n", "empty", "it changes nothing"),
        (b"I would change line 2.\n", "no_diff", "no unified diff"),
        (FITS.replace(b"-1,3", b"-1,9"), "corrupt", "write '@@ -1,3 +1,3 @@'"),
        (FITS + b"+more\n", "corrupt", "line 8"),
        (FITS[:-20], "corrupt", "hunk"),
        (
            b"diff --git a/x.png b/x.png\nBinary files a/x.png and b/x.png differ\n",
            "binary_without_content",
            "--binary",
        ),
        (FITS + b"Binary files a/x.png and b/x.png differ\n", "binary_without_content", "x.png"),
        (FITS.replace(b"b/poem.txt", b"b/../poem.txt"), "unsafe_path", "outside the repository"),
        (FITS.replace(b"a/poem.txt", b"/etc/passwd"), "unsafe_path", "/etc/passwd"),
        (FITS.replace(b"b/poem.txt", b"b/.git/hooks/pre-commit"), "unsafe_path", ".git/hooks"),
        (b"diff --git a/x b/../y\nrename from x\nrename to ../y\n", "unsafe_path", "../y"),
    ],
)
def test_a_text_that_fits_nowhere_is_told_apart(diff: bytes, problem: str, said: str) -> None:
    with pytest.raises(PatchUnusable) as caught:
        read_patch(diff, "diff")

    assert caught.value.problem == problem
    assert said in str(caught.value)


def test_a_lost_last_newline_is_given_back_and_told() -> None:
    patch = read_patch(FITS.rstrip(b"\n"), "diff")

    assert patch.data == FITS
    assert "had no newline" in patch.notes[0]


def test_a_diff_that_git_alone_reads_is_left_to_git() -> None:
    link = b"diff --git a/l b/l\nnew file mode 120000\nindex 0000000..cad2309\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/tmp\n\\ No newline at end of file\n"  # noqa: E501

    assert read_patch(link, "diff").files == ()


def test_names_without_prefix_are_tried_whole_first() -> None:
    assert read_patch(FITS, "diff").strips == (1,)
    assert read_patch(FITS.replace(b"a/", b"").replace(b"b/", b""), "diff").strips == (0, 1)
    assert read_patch(FITS.replace(b"a/poem.txt", b"/dev/null").replace(b"-1,3", b"-0,0").replace(
        b" one\n-two\n+zwei\n three\n", b"+zwei\n").replace(b"+1,3", b"+1,1"), "diff").strips == (1,)  # fmt: skip


def test_line_ends_are_made_those_of_each_file() -> None:
    two = read_patch(FITS + FITS.replace(b"poem", b"dos"), "diff")

    fitted = with_fitting_line_ends(two, frozenset({"dos.txt"}))

    assert fitted is not None
    assert fitted.data == FITS + FITS.replace(b"poem", b"dos").replace(b"one\n", b"one\r\n").replace(
        b"two\n", b"two\r\n"
    ).replace(b"zwei\n", b"zwei\r\n").replace(b"three\n", b"three\r\n")
    assert fitted.notes == ("line ends of the patch were made those of the files: dos.txt (CRLF)",)


def test_a_patch_that_came_with_crlf_loses_it() -> None:
    travelled = read_patch(FITS.replace(b"\n", b"\r\n"), "diff")

    fitted = with_fitting_line_ends(travelled, frozenset())

    assert fitted is not None
    assert fitted.data == FITS
    assert with_fitting_line_ends(read_patch(FITS, "diff"), frozenset()) is None


def test_a_last_line_without_newline_gets_no_carriage_return() -> None:
    diff = b"--- a/dos.txt\n+++ b/dos.txt\n@@ -1,2 +1,2 @@\n-one\n+ein\n two\n\\ No newline at end of file\n"

    fitted = with_fitting_line_ends(read_patch(diff, "diff"), frozenset({"dos.txt"}))

    assert fitted is not None
    assert fitted.data == diff.replace(b"one\n", b"one\r\n").replace(b"ein\n", b"ein\r\n")


def test_changes_are_the_same_wherever_they_were_placed() -> None:
    moved = parse(FITS.replace(b"@@ -1,3 +1,3 @@\n one", b"@@ -7,3 +7,3 @@\n eins").replace(b"poem", b"sub/poem"))

    assert same_changes(parse(FITS), moved, "sub")
    assert not same_changes(parse(FITS), moved, "")
    assert not same_changes(parse(FITS.replace(b"zwei", b"deux")), moved, "sub")


def test_changed_lines_are_those_of_the_new_file() -> None:
    diff = b"--- a/x\n+++ b/x\n@@ -10,3 +10,4 @@\n a\n-b\n+B\n+C\n d\n@@ -20,2 +21,1 @@\n-e\n f\n"

    assert changed_lines(parse(diff)) == {"x": [11, 12]}
