"""What the five operations do to a file's bytes."""

from pathlib import Path
from typing import Any

import pytest

from tests.patching.conftest import Apply

BOM = b"\xef\xbb\xbf"


def replace(start: int, end: int, block: str, **more: Any) -> dict[str, Any]:
    return {"op": "replace-block", "file": "f", "start": start, "end": end, "block": block, **more}


def before(line: int, block: str, **more: Any) -> dict[str, Any]:
    return {"op": "insert-before", "file": "f", "line": line, "block": block, **more}


def after(line: int, block: str, **more: Any) -> dict[str, Any]:
    return {"op": "insert-after", "file": "f", "line": line, "block": block, **more}


def append(block: str) -> dict[str, Any]:
    return {"op": "append", "file": "f", "block": block}


def prepend(block: str) -> dict[str, Any]:
    return {"op": "prepend", "file": "f", "block": block}


@pytest.mark.parametrize(
    ("content", "operation", "expected"),
    [
        pytest.param(b"a\nb\nc\n", replace(2, 2, "B"), b"a\nB\nc\n", id="replace one line"),
        pytest.param(b"a\nb\nc\n", replace(1, 3, "x\ny"), b"x\ny\n", id="replace all lines"),
        pytest.param(b"a\nb\nc\n", replace(2, 3, ""), b"a\n", id="an empty block deletes"),
        pytest.param(b"a\n", replace(1, 1, ""), b"", id="delete the only line"),
        pytest.param(b"a\nb\n", replace(1, 1, "\n"), b"\nb\n", id="a newline is one blank line"),
        pytest.param(b"a\nb\n", replace(2, 2, "x\n\n"), b"a\nx\n\n", id="a blank last line of the block is kept"),
        pytest.param(b"a\nb\n", before(1, "x"), b"x\na\nb\n", id="insert before the first line"),
        pytest.param(b"a\nb\n", after(2, "x\n"), b"a\nb\nx\n", id="insert after the last line"),
        pytest.param(b"a\n", append("x"), b"a\nx\n", id="append"),
        pytest.param(b"a\n", prepend("x"), b"x\na\n", id="prepend"),
        pytest.param(b"", append("x"), b"x\n", id="append to an empty file"),
        pytest.param(b"", prepend("x\ny"), b"x\ny\n", id="prepend to an empty file"),
        # Line endings: what comes in takes those of its place.
        pytest.param(b"a\r\nb\r\n", replace(1, 1, "x\ny"), b"x\r\ny\r\nb\r\n", id="CRLF for a replaced line"),
        pytest.param(b"a\r\nb\r\n", append("x"), b"a\r\nb\r\nx\r\n", id="CRLF for an appended line"),
        pytest.param(b"a\nb\n", replace(1, 1, "x\r\ny\r\n"), b"x\ny\nb\n", id="the block's CRLF becomes LF"),
        pytest.param(b"a\r\nb\nc\r\n", replace(1, 2, "x\ny\nz"), b"x\r\ny\nz\nc\r\n", id="mixed endings line by line"),
        pytest.param(b"a\r\nb\n", before(2, "x"), b"a\r\nx\nb\n", id="insert-before takes the named line's ending"),
        pytest.param(b"a\r\nb\n", after(1, "x"), b"a\r\nx\r\nb\n", id="insert-after takes the named line's ending"),
        pytest.param(b"a\rb\nc\n", replace(2, 2, "x"), b"a\rb\nx\n", id="a lone CR is content"),
        # A missing last newline stays missing, and is never glued over.
        pytest.param(b"a\nb", replace(2, 2, "x"), b"a\nx", id="replace the unterminated line"),
        pytest.param(b"a\nb", append("x\n"), b"a\nb\nx", id="append after an unterminated line"),
        pytest.param(b"a\r\nb", append("x"), b"a\r\nb\r\nx", id="append CRLF after an unterminated line"),
        pytest.param(b"a\nb", replace(2, 2, ""), b"a\n", id="delete the unterminated line"),
        pytest.param(b"a\nb", before(2, "x"), b"a\nx\nb", id="insert before the unterminated line"),
        pytest.param(b"a\nb", append("\n"), b"a\nb\n\n", id="a blank last line needs its newline"),
        pytest.param(b"a\r", append("x"), b"a\r\r\nx", id="a final CR is content too"),
        # A byte-order mark stays at the start.
        pytest.param(BOM + b"a\nb\n", replace(1, 1, "x"), BOM + b"x\nb\n", id="replace the line of the mark"),
        pytest.param(BOM + b"a\n", prepend("x"), BOM + b"x\na\n", id="prepend behind the mark"),
        pytest.param(BOM + b"a\n", replace(1, 1, ""), BOM, id="only the mark is left"),
        pytest.param(BOM, append("x"), BOM + b"x\n", id="append to nothing but a mark"),
        # Other encodings: what is not touched is not looked at.
        pytest.param(b"\xe9\nb\n", replace(2, 2, "x"), b"\xe9\nx\n", id="Latin-1 outside the span"),
        pytest.param("ä\nb\n".encode(), replace(2, 2, "ö"), "ä\nö\n".encode(), id="UTF-8 in the block"),
    ],
)
def test_an_operation_changes_its_lines_and_no_other_byte(
    root: Path, patch: Apply, content: bytes, operation: dict[str, Any], expected: bytes
) -> None:
    (root / "f").write_bytes(content)
    patch(operation)
    assert (root / "f").read_bytes() == expected


def test_the_permissions_stay(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(b"a\n")
    (root / "f").chmod(0o750)
    patch(append("x"))
    assert (root / "f").stat().st_mode & 0o7777 == 0o750


def test_coordinates_mean_the_file_before_the_batch(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(b"1\n2\n3\n4\n")
    patch(prepend("top"), replace(2, 2, "two\nzwei"), after(3, "three and a half"), replace(4, 4, ""))
    assert (root / "f").read_bytes() == b"top\n1\ntwo\nzwei\n3\nthree and a half\n"


def test_sequential_coordinates_mean_what_the_operations_before_left(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(b"1\n2\n3\n")
    patch(prepend("top"), replace(2, 2, "one"), after(4, "end"), coordinates="sequential")
    assert (root / "f").read_bytes() == b"top\none\n2\n3\nend\n"


def test_insertions_at_one_place_keep_the_order_of_the_batch(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(b"1\n2\n")
    patch(after(1, "a"), after(1, "b"), before(2, "c"), append("y"), append("z"), prepend("p"), prepend("q"))
    assert (root / "f").read_bytes() == b"p\nq\n1\na\nb\nc\n2\ny\nz\n"


def test_spans_may_touch(root: Path, patch: Apply) -> None:
    (root / "f").write_bytes(b"1\n2\n3\n")
    patch(replace(2, 2, "b"), replace(1, 1, "a"), before(2, "between"), replace(3, 3, "c"))
    assert (root / "f").read_bytes() == b"a\nbetween\nb\nc\n"


@pytest.mark.parametrize(
    ("content", "operation", "expected"),
    [
        pytest.param(
            "def f():\n    old\n",
            replace(2, 2, "a\nif b:\n    c"),
            "def f():\n    a\n    if b:\n        c\n",
            id="spaces",
        ),
        pytest.param(
            "f {\n\told\n}\n", replace(2, 2, "a {\n  b\n}"), "f {\n\ta {\n\t\tb\n\t}\n}\n", id="spaces to tabs"
        ),
        pytest.param("f:\n  old\n", replace(2, 2, "\ta:\n\t\tb"), "f:\n  a:\n    b\n", id="tabs to two spaces"),
        pytest.param(
            "def f():\n    a\n", after(1, "b"), "def f():\n    b\n    a\n", id="after a line that opens a block"
        ),
        pytest.param("    a\nb\n", after(1, "x"), "    a\n    x\nb\n", id="after the last line of a block"),
        pytest.param("  {\n    a\n  }\n", before(3, "x"), "  {\n    a\n  x\n  }\n", id="before: as the named line"),
        pytest.param(
            "    a\n\n", after(2, "x"), "    a\n\n    x\n", id="a blank line has the indentation of the one before"
        ),
        pytest.param(
            "  a\n", replace(1, 1, "      x\n\n        y"), "  x\n\n    y\n", id="an over-indented block comes back"
        ),
        pytest.param("a\n\n  b\n\nc\n", replace(2, 4, "x"), "a\n\n  x\n\nc\n", id="blank edges of the span stay"),
        pytest.param("a\n\n  b\n\nc\n", replace(2, 4, "\n\nx\n\n"), "a\n\n  x\n\nc\n", id="and are not doubled"),
        pytest.param("  a\n", replace(1, 1, "x\n   \ny"), "  x\n\n  y\n", id="blank lines get no trailing white space"),
    ],
)
def test_open_space_fits_the_block_to_its_surroundings(
    root: Path, patch: Apply, content: str, operation: dict[str, Any], expected: str
) -> None:
    (root / "f").write_text(content)
    patch({**operation, "openSpace": True})
    assert (root / "f").read_text() == expected
