"""replace-text: an exact text, as often as it was said to occur, and nothing around it."""

from pathlib import Path
from typing import Any

import pytest

from repo_agent_dagster.patching import InvalidPatch, OverlappingPatches, PatchConflict
from tests.patching.conftest import Apply
from tests.patching.trees import snapshot

BOM = b"\xef\xbb\xbf"
REGION = b"x\n# ###FINAL_MILE_PROMPT__A###\nx\nx\n# ###END_A###\nx\n"


def text(old: str, new: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"op": "replace-text", "file": "f", "old": old, "new": new, "count": count, **more}


def append(block: str) -> dict[str, Any]:
    return {"op": "append", "file": "f", "block": block}


def replace(start: int, end: int, block: str) -> dict[str, Any]:
    return {"op": "replace-block", "file": "f", "start": start, "end": end, "block": block}


@pytest.mark.parametrize(
    ("content", "operations", "expected"),
    [
        pytest.param(b"a b c\n", [text("b", "B")], b"a B c\n", id="within a line"),
        pytest.param(b"b b b\nb\n", [text("b", "cc", 4)], b"cc cc cc\ncc\n", id="as often as it occurs"),
        pytest.param(b"aaaa\n", [text("aa", "b", 2)], b"bb\n", id="occurrences do not overlap"),
        pytest.param(b"a b c\n", [text("a", "A"), text("c", "C"), text("b", "B")], b"A B C\n", id="three on one line"),
        pytest.param(
            b"abc\n", [text("b", ""), text("a", "cc"), text("c", "a")], b"cca\n", id="they do not see another"
        ),
        pytest.param(b"1\n2\n3\n", [text("1\n2", "one\nand\ntwo")], b"one\nand\ntwo\n3\n", id="several lines"),
        pytest.param(b"1\n2\n3\n", [text("2\n", "")], b"1\n3\n", id="a whole line goes"),
        pytest.param(b"1\n2\n3\n", [text("1\n", "1")], b"12\n3\n", id="a newline goes: two lines become one"),
        pytest.param(b"a\n\n\nb\n", [text("\n", "", 4)], b"ab", id="all newlines go, the last one too"),
        pytest.param(b"a\n\n\n", [text("\n", "", 3), append("x")], b"a\nx", id="and what is appended has its own line"),
        pytest.param(b"a\nb\nc\n", [text("a\n", "x"), text("b\n", "")], b"xc\n", id="joined past a line that goes"),
        pytest.param(b"1\r\n2\r\n3\r\n", [text("1\n2", "one\ntwo")], b"one\r\ntwo\r\n3\r\n", id="LF finds CRLF"),
        pytest.param(b"1\n2\n", [text("1\r\n2", "one\r\ntwo")], b"one\ntwo\n", id="and CRLF finds LF"),
        pytest.param(
            b"1\r\n2\n3\n", [text("1\n2\n3", "a\nb\nc\nd")], b"a\r\nb\nc\nd\n", id="mixed endings line by line"
        ),
        pytest.param(b"1\r\n2\r\n", [text("2", "a\nb")], b"1\r\na\r\nb\r\n", id="new lines end as their place does"),
        pytest.param(b"a\rb\n", [text("\rb", "c")], b"ac\n", id="a lone CR is content"),
        pytest.param(b"a\nb", [text("b", "c")], b"a\nc", id="no newline at the end: none after it"),
        pytest.param(b"a\nb", [text("b", "c\n")], b"a\nc\n", id="unless the text brings it"),
        pytest.param(b"a\nb\n", [text("b\n", "c")], b"a\nc", id="or takes it"),
        pytest.param(b"a\nb\n", [text("b\n", "")], b"a\n", id="the last line goes"),
        pytest.param(b"a\nb", [text("\nb", "")], b"a", id="the last line goes with the newline before it"),
        pytest.param(b"a", [text("a", "")], b"", id="all goes"),
        pytest.param(BOM + b"a\nb\n", [text("a\nb", "c")], BOM + b"c\n", id="a byte-order mark stays"),
        pytest.param(BOM + b"a\n", [text("a", "")], BOM + b"\n", id="before an empty line too"),
        pytest.param(b"\xe9 a\n", [text("a", "b")], b"\xe9 b\n", id="other encodings stay what they are"),
        pytest.param("ä ö\n".encode(), [text("ä", "ü")], "ü ö\n".encode(), id="UTF-8"),
        pytest.param(b".*\n", [text(".*", "$1\\1")], b"$1\\1\n", id="it is no regular expression"),
        pytest.param(
            REGION,
            [text("x", "y", 2, at={"marker": "A"})],
            REGION.replace(b"\nx\nx\n", b"\ny\ny\n"),
            id="a marker's region",
        ),
        pytest.param(b"a b\nc\n", [text("b", "B"), replace(2, 2, "C")], b"a B\nC\n", id="beside a line operation"),
        pytest.param(
            b"1\n2\n3\n", [text("2\n", ""), replace(3, 3, "c")], b"1\nc\n", id="a line that follows one that goes"
        ),
        pytest.param(b"1\n2\n", [text("1", "one"), append("x")], b"one\n2\nx\n", id="with an insertion"),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned round"])
def test_a_text_is_replaced_and_no_other_byte(
    root: Path, patch: Apply, content: bytes, operations: list[dict[str, Any]], expected: bytes, turned: bool
) -> None:
    (root / "f").write_bytes(content)
    patch(*(reversed(operations) if turned else operations))
    assert (root / "f").read_bytes() == expected


def test_in_sequence_a_text_is_looked_for_in_what_was_left(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(b"a\r\n\r\n\r\n")
    patch(text("\n", "", 3), text("a", "b"), append("c"), text("c", "d"), coordinates="sequential")
    assert (root / "f").read_bytes() == b"b\nd"


@pytest.mark.parametrize(
    ("content", "operation", "told"),
    [
        pytest.param(
            b"x\nx\ny\nx\n", text("x", "z"), r"occurs 3 times in f, not 1: line 1, 2, 4; .*count: 3", id="too often"
        ),
        pytest.param(b"x\n", text("x", "z", 2), "occurs 1 times in f, not 2: line 1", id="not often enough"),
        pytest.param(b"x\n" * 20, text("x", "z"), "line 1, .*, 10 and 10 more", id="far too often"),
        pytest.param(
            b"a\n  if x:\n",
            text("\tif  x:", "z"),
            r"line 2, where only white space differs: '  if x:'",
            id="white space",
        ),
        pytest.param(
            b"1\ndef fetch_users(a):\n3\ndef fetch_user(b):\n",
            text("def fetch_users():", "z"),
            r"(?s)near misses:.*line 2: 'def fetch_users\(a\):'.*line 4:",
            id="the lines most like it",
        ),
        pytest.param(b"1\n2\n", text("something else", "z"), "nothing like it is there", id="nothing like it"),
        pytest.param(b"", text("x", "z"), "does not occur in f", id="an empty file"),
        pytest.param(BOM + b"x\n", text("\ufeffx", "z"), "does not occur in f", id="the mark is no part of the text"),
        pytest.param(
            REGION, text("x", "z", 4, at={"marker": "A"}), "occurs 2 times in f, not 4: line 3, 4", id="a region"
        ),
        pytest.param(
            REGION, text("fINAL", "z", at={"marker": "A"}), "does not occur in f", id="markers are outside the region"
        ),
    ],
)
def test_another_count_is_a_conflict_that_names_the_lines(
    root: Path, patch: Apply, content: bytes, operation: dict[str, Any], told: str
) -> None:
    (root / "f").write_bytes(content)
    with pytest.raises(PatchConflict, match=told):
        patch(operation)
    assert snapshot(root) == {"f": (content, 0o644)}


@pytest.mark.parametrize(
    ("content", "operations"),
    [
        pytest.param(b"abc\n", [text("ab", "x"), text("bc", "y")], id="texts that share a byte"),
        pytest.param(b"a\nb\n", [text("a\nb", "x"), replace(2, 2, "y")], id="a text and a line of it"),
        pytest.param(b"a\nb\n", [text("a", "x"), replace(1, 1, "y")], id="a line and a text in it"),
        pytest.param(b"a\nb\n", [text("a\n", "x"), replace(2, 2, "y")], id="a line that is joined to the text"),
        pytest.param(b"a\nb\nc\n", [text("a\n", "x"), text("b\n", ""), replace(3, 3, "y")], id="past a line that goes"),
        pytest.param(
            b"a\nb\n",
            [text("\nb", "x"), {"op": "insert-after", "file": "f", "line": 1, "block": "y"}],
            id="an insertion",
        ),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned round"])
def test_what_others_claim_is_refused(
    root: Path, patch: Apply, content: bytes, operations: list[dict[str, Any]], turned: bool
) -> None:
    (root / "f").write_bytes(content)
    with pytest.raises(OverlappingPatches, match=r"patch \d \(.*\) and patch \d \(.*\) overlap"):
        patch(*(reversed(operations) if turned else operations))
    assert snapshot(root) == {"f": (content, 0o644)}


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        (text("a", "a"), "same old and new text"),
        (text("a", "b\0"), "NUL"),
        (text("a", "\udc80"), "not valid Unicode"),
        (text("a", "ä"), "not UTF-8"),
    ],
)
def test_a_text_that_cannot_be_put_in_is_refused(
    root: Path, patch: Apply, operation: dict[str, Any], told: str
) -> None:
    (root / "f").write_bytes(b"a\xe9\n")
    with pytest.raises(InvalidPatch, match=told):
        patch(operation)
