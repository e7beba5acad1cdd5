"""Cut an object's bytes into numbered lines with bounded memory; what is no text comes out as a broken line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 1024 * 1024
_SAMPLE_BYTES = 2000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that is no log line: why, and how it begins."""

    reason: str
    text: str


def read_lines(chunks: Iterable[bytes]) -> Iterator[list[str | BrokenLine]]:
    """Yield the lines in order, in lists of whatever is at hand; the first line of the object is number 1.

    Lines end with a line feed, which is cut off. A line over `MAX_LINE_BYTES` or with invalid UTF-8 is broken; the
    memory used does not grow with a line's length.
    """
    carry = b""
    too_long: BrokenLine | None = None  # set while the rest of an over-long line is passed over
    mark = _BYTE_ORDER_MARK  # at the very beginning of the object only
    for piece in chunks:
        chunk = piece
        lines: list[str | BrokenLine] = []
        if too_long:
            _, line_feed, chunk = chunk.partition(b"\n")
            if not line_feed:
                continue
            lines.append(too_long)
            too_long = None
        body, line_feed, rest = (carry + chunk).rpartition(b"\n")
        if line_feed:
            lines.extend(_decode(body.removeprefix(mark)))
            mark = b""
        carry = rest
        if len(carry) > MAX_LINE_BYTES:
            too_long, carry, mark = _too_long(carry), b"", b""
        if lines:
            yield lines
    if too_long:
        yield [too_long]
    elif carry:
        yield _decode(carry.removeprefix(mark))


def _decode(body: bytes) -> list[str | BrokenLine]:
    if len(body) <= MAX_LINE_BYTES:
        try:
            return [*body.decode().split("\n")]
        except UnicodeDecodeError:
            pass  # some line in it is broken; the others are good
    return [_decode_line(line) for line in body.split(b"\n")]


def _decode_line(line: bytes) -> str | BrokenLine:
    if len(line) > MAX_LINE_BYTES:
        return _too_long(line)
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        return BrokenLine(f"invalid UTF-8 at byte {error.start + 1} of the line", _sample(line))


def _too_long(line: bytes) -> BrokenLine:
    return BrokenLine(f"the line is over {MAX_LINE_BYTES} bytes long", _sample(line))


def _sample(line: bytes) -> str:
    return line[:_SAMPLE_BYTES].decode(errors="backslashreplace")
