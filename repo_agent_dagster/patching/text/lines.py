"""A text file as bytes: an optional byte-order mark and lines that keep their own terminators.

A line ends with ``\\n``; ``\\r\\n`` is the other terminator, and a lone ``\\r`` is content: so git and grep count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

BOM = b"\xef\xbb\xbf"
LF = b"\n"
CRLF = b"\r\n"
_LINES_PER_JOIN = 4096


@dataclass(frozen=True)
class Text:
    """A file's lines. Each line here is terminated; `unterminated` tells that the last one is not so in the file."""

    bom: bytes
    lines: list[bytes]
    unterminated: bool


def split_lines(content: bytes) -> list[bytes]:
    """Split into lines with their terminators, as git sees them: a byte-order mark is part of the first line."""
    return BytesIO(content).readlines()


def parse(content: bytes) -> Text:
    """Read a file's bytes; `render` gives the same bytes back."""
    bom = BOM if content.startswith(BOM) else b""
    lines = split_lines(content[len(bom) :])
    unterminated = bool(lines) and not lines[-1].endswith(LF)
    if unterminated:
        lines[-1] = finished(lines)
    return Text(bom, lines, unterminated)


def finished(lines: Sequence[bytes]) -> bytes:
    """Return the last line, which has no terminator, with the one that lines after it would make it have."""
    # A final "\r" is content; after it only "\r\n" can be told apart from it when the terminator is taken off.
    ending = CRLF if lines[-1].endswith(b"\r") else terminator_near(lines, len(lines) - 2)
    return lines[-1] + ending


def render(bom: bytes, lines: list[bytes], unterminated: bool) -> bytes:
    """Return the bytes of a file: the inverse of `parse`."""
    content = BytesIO()
    content.write(bom)
    whole = len(lines) - 1 if unterminated and lines else len(lines)
    # Not all at once: while it works, bytes.join takes twice as much memory for each line as the line itself.
    for start in range(0, whole, _LINES_PER_JOIN):
        content.write(b"".join(lines[start : min(start + _LINES_PER_JOIN, whole)]))
    if whole < len(lines):
        content.write(without_newline(lines[-1]))
    return content.getvalue()


def without_newline(line: bytes) -> bytes:
    """Return a terminated line as the last of a file without a final newline; a blank line is none without its own."""
    return content_of(line) or line


def terminator(line: bytes) -> bytes:
    """Return the terminator of a terminated line."""
    return CRLF if line.endswith(CRLF) else LF


def content_of(line: bytes) -> bytes:
    """Return a terminated line without its terminator."""
    return line[:-2] if line.endswith(CRLF) else line[:-1]


def terminator_near(lines: Sequence[bytes], index: int) -> bytes:
    """Return the terminator of line `index` (0-based), or of the nearest there is; ``\\n`` when there is none."""
    return terminator(lines[max(0, min(index, len(lines) - 1))]) if lines and index >= 0 else LF


def block_lines(block: str) -> list[bytes]:
    """Split a block into its lines without terminators; a final newline is optional, the empty block has no line."""
    if not block:
        return []
    encoded = block.encode()
    pieces = encoded.split(LF)
    if not pieces[-1]:
        pieces.pop()
    return [piece.rstrip(b"\r") for piece in pieces] if b"\r" in encoded else pieces
