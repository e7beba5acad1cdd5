"""Unified diffs in git's form, built from what is known to have changed, exact to the byte.

`git apply` and `git apply -R` accept them: line endings stand as they are, a missing last newline is marked, new,
deleted and empty files and changed modes have git's headers, and files with NUL bytes are git's binary patches.
"""

import base64
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.patching.lines import LF, split_lines
from repo_agent_dagster.patching.matching import Region, changed_regions

CONTEXT_LINES = 3
_NO_NEWLINE = b"\n\\ No newline at end of file\n"
_BINARY_PROBE_BYTES = 8000  # as far as git looks for a NUL
_BINARY_LINE_BYTES = 52


@dataclass(frozen=True, slots=True)
class FileState:
    """A regular file as it is: its bytes and its permission bits (0o7777 of its mode)."""

    content: bytes
    mode: int

    @property
    def is_executable(self) -> bool:
        """Whether git would call it executable."""
        return bool(self.mode & 0o100)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Diff:
    """One file's diff, and how many lines it adds and removes (0 for a binary file)."""

    text: bytes
    added: int
    removed: int


def is_binary(content: bytes) -> bool:
    """Whether git would call it binary: a NUL in its first 8,000 bytes."""
    return b"\0" in content[:_BINARY_PROBE_BYTES]


def file_diff(path: str, old: FileState | None, new: FileState | None, regions: Sequence[Region] | None = None) -> Diff:
    """Return the diff from one state of a file to another; None is its absence.

    `regions` spares the comparison where the caller knows what changed, in lines as `split_lines` gives them.
    """
    before, after = (b"" if state is None else state.content for state in (old, new))
    binary = is_binary(before) or is_binary(after)
    header = _header(path, old, new, full_index=binary)
    if before == after:
        return Diff(header if _needs_header(old, new) else b"", 0, 0)
    if binary:
        return Diff(header + b"GIT binary patch\n" + _literal(after) + _literal(before), 0, 0)
    old_lines, new_lines = split_lines(before), split_lines(after)
    if regions is None:
        regions = changed_regions(old_lines, new_lines)
    hunks = [_hunk(old_lines, new_lines, group) for group in _grouped(regions)]
    added = sum(region.new_end - region.new_start for region in regions)
    removed = sum(region.old_end - region.old_start for region in regions)
    return Diff(header + _names(path, old, new) + b"".join(hunks), added, removed)


def window_diff(path: str, offset: int, old: Sequence[bytes], new: Sequence[bytes]) -> Diff:
    """Return the diff of a file of which only a window changed.

    `offset` is the 0-based line at which both windows begin; they hold more than `CONTEXT_LINES` unchanged lines on
    either side, or reach to the file's edge.
    """
    limit = min(len(old), len(new))
    head = 0
    while head < limit and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < limit - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if head == len(old) == len(new):
        return Diff(b"", 0, 0)
    region = Region(head, len(old) - tail, head, len(new) - tail)
    ours, theirs = _quoted(b"a/", path), _quoted(b"b/", path)
    header = b"diff --git %s %s\n" % (ours, theirs)
    hunk = _hunk(old, new, [region], offset)
    names = b"--- %s\n+++ %s\n" % (_named(ours), _named(theirs))
    return Diff(header + names + hunk, region.new_end - region.new_start, region.old_end - region.old_start)


def _grouped(regions: Sequence[Region]) -> list[list[Region]]:
    """Put regions whose context would touch into one hunk."""
    groups: list[list[Region]] = []
    for region in regions:
        if groups and region.old_start - groups[-1][-1].old_end <= 2 * CONTEXT_LINES:
            groups[-1].append(region)
        else:
            groups.append([region])
    return groups


def _hunk(old: Sequence[bytes], new: Sequence[bytes], group: Sequence[Region], offset: int = 0) -> bytes:
    lead = min(CONTEXT_LINES, group[0].old_start)
    first_old, first_new = group[0].old_start - lead, group[0].new_start - lead
    last_old = min(group[-1].old_end + CONTEXT_LINES, len(old))
    last_new = group[-1].new_end + last_old - group[-1].old_end
    body: list[bytes] = []
    position = first_old
    for region in group:
        body += [b" " + line for line in old[position : region.old_start]]
        body += [b"-" + line for line in old[region.old_start : region.old_end]]
        body += [b"+" + line for line in new[region.new_start : region.new_end]]
        position = region.old_end
    body += [b" " + line for line in old[position:last_old]]
    body = [line if line.endswith(LF) else line + _NO_NEWLINE for line in body]
    counts = last_old - first_old, last_new - first_new
    # An empty side is told by the line that it comes after: "-0,0" for a file that begins to exist.
    starts = (first + offset + (1 if count else 0) for first, count in zip((first_old, first_new), counts, strict=True))
    return b"@@ -%d,%d +%d,%d @@\n" % tuple(
        number for pair in zip(starts, counts, strict=True) for number in pair
    ) + b"".join(body)


def _git_mode(state: FileState) -> bytes:
    return b"100755" if state.is_executable else b"100644"


def _needs_header(old: FileState | None, new: FileState | None) -> bool:
    if old is None or new is None:
        return old is not new
    return old.is_executable != new.is_executable


def _header(path: str, old: FileState | None, new: FileState | None, *, full_index: bool) -> bytes:
    lines = [b"diff --git %s %s\n" % (_quoted(b"a/", path), _quoted(b"b/", path))]
    if old is None and new is not None:
        lines.append(b"new file mode %s\n" % _git_mode(new))
    elif new is None and old is not None:
        lines.append(b"deleted file mode %s\n" % _git_mode(old))
    elif old is not None and new is not None and old.is_executable != new.is_executable:
        lines.append(b"old mode %s\nnew mode %s\n" % (_git_mode(old), _git_mode(new)))
    if full_index:
        lines.append(b"index %s..%s\n" % (_blob_id(old), _blob_id(new)))
    return b"".join(lines)


def _names(path: str, old: FileState | None, new: FileState | None) -> bytes:
    before = b"/dev/null" if old is None else _named(_quoted(b"a/", path))
    after = b"/dev/null" if new is None else _named(_quoted(b"b/", path))
    return b"--- %s\n+++ %s\n" % (before, after)


def _named(name: bytes) -> bytes:
    """End a name that has white space in it with a tab, as git does, so that it cannot be taken for a timestamp."""
    return name + b"\t" if b" " in name and not name.startswith(b'"') else name


def _quoted(prefix: bytes, path: str) -> bytes:
    """Write a path with its prefix, in C quotes where git would: control characters are refused long before."""
    name = prefix + path.encode()
    if b'"' in name or b"\\" in name:
        return b'"%s"' % name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return name


def _blob_id(state: FileState | None) -> bytes:
    """Return git's object id of a file's content; forty zeros for none."""
    if state is None:
        return b"0" * 40
    header = b"blob %d\0" % len(state.content)
    return hashlib.sha1(header + state.content, usedforsecurity=False).hexdigest().encode()


def _literal(content: bytes) -> bytes:
    """Write one side of a git binary patch: deflated, in base 85, each line led by its length (A–Z, a–z: 1–52)."""
    packed = zlib.compress(content)
    lines = [b"literal %d\n" % len(content)]
    for start in range(0, len(packed), _BINARY_LINE_BYTES):
        chunk = packed[start : start + _BINARY_LINE_BYTES]
        length = len(chunk) + (ord("A") - 1 if len(chunk) <= 26 else ord("a") - 27)
        lines.append(b"%c%s\n" % (length, base64.b85encode(chunk, pad=True)))
    return b"".join(lines) + b"\n"
