"""Unified diffs in git's form, built from what is known to have changed, exact to the byte.

`git apply` and `git apply -R` accept them: line endings stand as they are, a missing last newline is marked, new,
deleted and empty files and changed modes have git's headers, and files with NUL bytes are git's binary patches.
"""

import base64
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from repo_agent_dagster.patching.text.lines import LF, split_lines
from repo_agent_dagster.patching.text.matching import Region, changed_regions

CONTEXT_LINES = 3
BY_UMASK = 0o10000
"""A bit of a `FileState`'s mode, beyond the permissions: the file is new, and the umask takes from its permissions."""

_NO_NEWLINE = b"\n\\ No newline at end of file\n"
_BINARY_PROBE_BYTES = 8000  # as far as git looks for a NUL
_BINARY_LINE_BYTES = 52


@dataclass(frozen=True)
class FileState:
    """A regular file as it is, or shall be: its bytes, its permission bits (0o7777), and `BY_UMASK` if it is new."""

    content: bytes
    mode: int

    @property
    def is_executable(self) -> bool:
        """Whether git would call it executable."""
        return bool(self.mode & 0o100)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Diff:
    """One file's diff, and how many lines it adds and removes (0 for a binary file)."""

    text: bytes
    added: int
    removed: int


def no_diff() -> Diff:
    """Return the diff of nothing."""
    return Diff(b"", 0, 0)


def is_binary(content: bytes) -> bool:
    """Whether git would call it binary: a NUL in its first 8,000 bytes."""
    return b"\0" in content[:_BINARY_PROBE_BYTES]


@dataclass(frozen=True, slots=True)
class Window:
    """Lines around a change, before and after it, and the 0-based lines at which they begin.

    They hold more than `CONTEXT_LINES` unchanged lines on either side, or reach to the file's edge.
    """

    old_start: int
    new_start: int
    old: list[bytes]
    new: list[bytes]


def file_diff(
    path: str,
    old: FileState | None,
    new: FileState | None,
    regions: Sequence[Region] | None = None,
    *,
    old_path: str | None = None,
) -> Diff:
    """Return the diff from one state of a file to another; None is its absence, `old_path` its name before a move.

    `regions` spares the comparison where the caller knows what changed, in lines as `split_lines` gives them.
    """
    before, after = (b"" if state is None else state.content for state in (old, new))
    names = _names(old_path or path, path)
    binary = is_binary(before) or is_binary(after)
    modes = (None if old is None else old.mode, None if new is None else new.mode)
    header = _header(names, *modes, alike=before == after)
    if before == after:
        return Diff(header if _needs_header(names, old, new) else b"", 0, 0)
    if binary:
        literals = _literal(after) + _literal(before)
        return Diff(header + _index_line(old, new) + b"GIT binary patch\n" + literals, 0, 0)
    header += names.of_contents(old, new)
    if not before or not after:
        return _one_sided(header, before, after)
    old_lines, new_lines = split_lines(before), split_lines(after)
    if regions is None:
        regions = changed_regions(old_lines, new_lines)
    hunks = [_hunk(old_lines, new_lines, group) for group in _grouped(regions)]
    added = sum(region.new_end - region.new_start for region in regions)
    removed = sum(region.old_end - region.old_start for region in regions)
    return Diff(header + b"".join(hunks), added, removed)


def _one_sided(header: bytes, before: bytes, after: bytes) -> Diff:
    """Return the diff where one side is empty, so that all of the other is one hunk: without a look at its lines."""
    content, mark = (after, b"+") if after else (before, b"-")
    is_finished = content.endswith(LF)
    count = content.count(LF) + (not is_finished)
    added, removed = (count, 0) if after else (0, count)
    spans = (min(removed, 1), removed, min(added, 1), added)
    lines = (content[:-1] if is_finished else content).replace(LF, LF + mark)
    hunk = (b"@@ -%d,%d +%d,%d @@\n" % spans, mark, lines, LF if is_finished else _NO_NEWLINE)
    return Diff(b"".join((header, *hunk)), added, removed)


def windows_diff(
    path: str, windows: Sequence[Window], *, old_path: str | None = None, modes: tuple[int, int] | None = None
) -> Diff:
    """Return the diff of a file of which only some windows changed; it may have been moved, or its mode changed."""
    hunks: list[bytes] = []
    added = removed = 0
    for window in windows:
        regions = _changed(window.old, window.new)
        for group in _grouped(regions):
            hunks.append(_hunk(window.old, window.new, group, window.old_start, window.new_start))
        added += sum(region.new_end - region.new_start for region in regions)
        removed += sum(region.old_end - region.old_start for region in regions)
    names = _names(old_path or path, path)
    header = names.git
    if old_path is not None or modes is not None:
        header = _header(names, *(modes or (0o644, 0o644)), alike=not hunks)
        if header == names.git and not hunks:
            return Diff(b"", 0, 0)
    elif not hunks:
        return Diff(b"", 0, 0)
    if hunks:
        header += b"--- %s\n+++ %s\n" % (names.minus, names.plus)
    return Diff(header + b"".join(hunks), added, removed)


def _changed(old: Sequence[bytes], new: Sequence[bytes]) -> list[Region]:
    """Return what differs in a window: mostly one region, which costs less to find than many."""
    limit = min(len(old), len(new))
    head = 0
    while head < limit and old[head] == new[head]:
        head += 1
    if head == len(old) == len(new):
        return []
    tail = 0
    while tail < limit - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if head + tail == limit:
        # Lines that came or went among equal ones were told as far down as they can be, perhaps past the context that
        # the window holds after them; and a hunk without context after it is one at the file's end, for git.
        longer = old if len(old) > len(new) else new
        while tail < CONTEXT_LINES and head and longer[head - 1] == longer[len(longer) - tail - 1]:
            head -= 1
            tail += 1
    whole = Region(head, len(old) - tail, head, len(new) - tail)
    if min(whole.old_end - head, whole.new_end - head) <= 2 * CONTEXT_LINES:
        return [whole]
    return changed_regions(old, new)


def _grouped(regions: Sequence[Region]) -> list[list[Region]]:
    """Put regions whose context would touch into one hunk."""
    groups: list[list[Region]] = []
    for region in regions:
        if groups and region.old_start - groups[-1][-1].old_end <= 2 * CONTEXT_LINES:
            groups[-1].append(region)
        else:
            groups.append([region])
    return groups


def _hunk(
    old: Sequence[bytes], new: Sequence[bytes], group: Sequence[Region], old_offset: int = 0, new_offset: int = 0
) -> bytes:
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
    # Only the last line of either side can lack its newline.
    if (last_old and not old[last_old - 1].endswith(LF)) or (last_new and not new[last_new - 1].endswith(LF)):
        body = [line if line.endswith(LF) else line + _NO_NEWLINE for line in body]
    counts = last_old - first_old, last_new - first_new
    # An empty side is told by the line that it comes after: "-0,0" for a file that begins to exist.
    start_old = first_old + old_offset + (1 if counts[0] else 0)
    start_new = first_new + new_offset + (1 if counts[1] else 0)
    return b"@@ -%d,%d +%d,%d @@\n" % (start_old, counts[0], start_new, counts[1]) + b"".join(body)


def _git_mode(mode: int) -> bytes:
    return b"100755" if mode & 0o100 else b"100644"


class _Names:
    """A file's names in a diff, before and after it."""

    def __init__(self, old_path: str, new_path: str) -> None:
        self.paths = old_path, new_path
        self._old, self._new = _quoted(b"a/", old_path), _quoted(b"b/", new_path)
        self.git = b"diff --git %s %s\n" % (self._old, self._new)
        self.minus, self.plus = _named(self._old), _named(self._new)

    @property
    def moved(self) -> bool:
        return self.paths[0] != self.paths[1]

    def of_contents(self, old: FileState | None, new: FileState | None) -> bytes:
        before = b"/dev/null" if old is None else self.minus
        after = b"/dev/null" if new is None else self.plus
        return b"--- %s\n+++ %s\n" % (before, after)


@lru_cache(maxsize=256)  # a batch often has several patches on one file
def _names(old_path: str, new_path: str) -> _Names:
    return _Names(old_path, new_path)


def _needs_header(names: _Names, old: FileState | None, new: FileState | None) -> bool:
    if old is None or new is None:
        return old is not new
    return names.moved or old.is_executable != new.is_executable


def _header(names: _Names, old: int | None, new: int | None, *, alike: bool = False) -> bytes:
    """Write git's header lines for modes and names; a mode is None where there is no file."""
    lines = [names.git]
    if new is not None and old is None:
        lines.append(b"new file mode %s\n" % _git_mode(new))
    elif old is not None and new is None:
        lines.append(b"deleted file mode %s\n" % _git_mode(old))
    elif old is not None and new is not None:
        if _git_mode(old) != _git_mode(new):
            lines.append(b"old mode %s\nnew mode %s\n" % (_git_mode(old), _git_mode(new)))
        if names.moved:
            old_name, new_name = (_quoted(b"", path) for path in names.paths)
            # git takes the similarity for granted, but for 100 %, which promises that there are no hunks.
            similarity = 100 if alike else 50
            lines.append(b"similarity index %d%%\nrename from %s\nrename to %s\n" % (similarity, old_name, new_name))
    return b"".join(lines)


def _index_line(old: FileState | None, new: FileState | None) -> bytes:
    return b"index %s..%s\n" % (_blob_id(old), _blob_id(new))


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
