"""Git's binary patches, read: whole contents, deflated, in base 85."""

import base64
import re
import zlib
from dataclasses import dataclass

from repo_agent_dagster.patching.diffs.diff_lines import DiffLines
from repo_agent_dagster.patching.disk.tree import MAX_FILE_BYTES

_LITERAL = re.compile(rb"literal (\d{1,12})")
_DELTA = re.compile(rb"delta \d{1,12}")


@dataclass(frozen=True, slots=True)
class BinaryChange:
    """Both contents of a binary file; `before` is None where the diff does not carry it (or only as a delta)."""

    after: bytes
    before: bytes | None


def read_binary(lines: DiffLines) -> BinaryChange:
    """Read what follows a ``GIT binary patch`` line, and go on behind it.

    Raises:
        InvalidPatch: it is a delta, is broken, or unpacks to more than a file may have.
    """
    start = lines.position
    after = _part(lines)
    if after is None:
        raise lines.refusal(
            "the binary content is a delta against the old one, which is not read here; "
            "send it as a literal (`git diff --binary` against the empty tree writes one)",
            start,
        )
    begins = lines.starts_with(b"literal ") or lines.starts_with(b"delta ")
    return BinaryChange(after, _part(lines) if begins else None)


def _part(lines: DiffLines) -> bytes | None:
    """Read one side up to its empty line; None for a delta."""
    start, line = lines.position, lines.line()
    head = None if line is None else _LITERAL.fullmatch(line.rstrip(b"\r\n"))
    if head is None:
        if line is None or not _DELTA.fullmatch(line.rstrip(b"\r\n")):
            raise lines.unexpected("'literal' and a size")
        lines.take()
        _packed(lines)
        return None
    size = int(head[1])
    if lines.inflated_bytes + size > MAX_FILE_BYTES:
        raise lines.refusal(f"the binary content has {size} bytes; a diff may bring {MAX_FILE_BYTES} of them")
    lines.take()
    content = _inflated(lines, _packed(lines), size, start)
    lines.inflated_bytes += size
    return content


def _packed(lines: DiffLines) -> bytes:
    chunks = []
    while (line := lines.line()) is not None and line.rstrip(b"\r\n"):
        text = line.rstrip(b"\r\n")
        length = text[0] - (ord("A") - 1 if text[:1].isupper() else ord("a") - 27)
        try:
            chunk = base64.b85decode(text[1:])
        except ValueError as error:
            raise lines.refusal(f"the line is not base 85: {error}") from error
        if not text[:1].isalpha() or not length <= len(chunk) < length + 4:
            raise lines.refusal(f"the line's first letter does not tell its length, {len(chunk)} bytes")
        chunks.append(chunk[:length])
        lines.position += 1
    if lines.line() is not None:
        lines.position += 1
    return b"".join(chunks)


def _inflated(lines: DiffLines, packed: bytes, size: int, start: int) -> bytes:
    """Inflate, but never to more than was announced."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(packed, size + 1)
    except zlib.error as error:
        raise lines.refusal(f"the binary content cannot be unpacked: {error}", start) from error
    if len(content) != size or not inflater.eof:
        more = "more than" if len(content) > size else f"{len(content)} of"
        raise lines.refusal(f"the binary content has {more} the {size} bytes that it announces", start)
    return content
