"""Read a diff that `diffs` wrote, and undo it: strictly, at the very lines that it names, or not at all."""

import base64
import difflib
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repo_agent_dagster.patching.lines import split_lines
from repo_agent_dagster.patching.model import PatchConflict

_HUNK = re.compile(rb"@@ -(\d+),(\d+) \+(\d+),(\d+) @@\n")
_BINARY = b"GIT binary patch\n"


@dataclass(frozen=True, slots=True)
class _Hunk:
    new_start: int  # 0-based
    old: list[bytes]
    new: list[bytes]


def undone(path: str, diff: bytes, after: bytes) -> bytes:
    """Return the content before a diff, given that after it; an absent file's content is empty.

    Raises:
        PatchConflict: the content is not what the diff left.
    """
    if _BINARY in diff[: diff.find(b"\nliteral ") + 1]:
        return _undone_binary(path, diff, after)
    lines = split_lines(after)
    for hunk in reversed(list(_hunks(split_lines(diff)))):
        end = hunk.new_start + len(hunk.new)
        if lines[hunk.new_start : end] != hunk.new:
            raise PatchConflict(f"{path} is no longer what the patch left:\n" + _difference(hunk, lines))
        lines[hunk.new_start : end] = hunk.old
    return b"".join(lines)


def difference_since(path: str, diff: bytes, present: bytes) -> str:
    """Tell people where a file is no longer what a diff left: the first of its hunks that does not fit."""
    if _BINARY in diff or b"\0" in present:
        return f"{path} is binary; its content is another one"
    lines = split_lines(present)
    for hunk in _hunks(split_lines(diff)):
        if lines[hunk.new_start : hunk.new_start + len(hunk.new)] != hunk.new:
            return _difference(hunk, lines)
    return "the patch's own lines are as it left them; the file changed elsewhere"


def _difference(hunk: _Hunk, lines: Sequence[bytes]) -> str:
    present = lines[hunk.new_start : hunk.new_start + len(hunk.new)]
    left, found = ([line.decode("utf-8", "replace").rstrip("\r\n") for line in side] for side in (hunk.new, present))
    return "\n".join(difflib.unified_diff(left, found, "as the patch left it", "as it is", lineterm=""))


def _hunks(lines: Sequence[bytes]) -> Iterator[_Hunk]:
    position = 0
    while position < len(lines):
        head = _HUNK.fullmatch(lines[position])
        position += 1
        if head is None:
            continue  # a header line
        old_count, new_start, new_count = int(head[2]), int(head[3]), int(head[4])
        old: list[bytes] = []
        new: list[bytes] = []
        while len(old) < old_count or len(new) < new_count:
            mark, line = lines[position][:1], lines[position][1:]
            position += 1
            if position < len(lines) and lines[position].startswith(b"\\ "):
                line = line[:-1]
                position += 1
            if mark in b" -":
                old.append(line)
            if mark in b" +":
                new.append(line)
        yield _Hunk(new_start - 1 if new_count else new_start, old, new)


def _undone_binary(path: str, diff: bytes, after: bytes) -> bytes:
    body = diff[diff.index(_BINARY) + len(_BINARY) :]
    forward, backward = (_literal(part) for part in body.rstrip(b"\n").split(b"\n\n"))
    if forward != after:
        raise PatchConflict(f"{path} is binary, and its content is no longer what the patch left")
    return backward


def _literal(part: bytes) -> bytes:
    _, *lines = part.split(b"\n")
    packed = b""
    for line in lines:
        length = line[0] - (ord("A") - 1 if line[:1].isupper() else ord("a") - 27)
        packed += base64.b85decode(line[1:])[:length]
    return zlib.decompress(packed)
