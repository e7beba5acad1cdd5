"""Read the unified diffs that patches left behind: bounded, and only from the folder that patching writes to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LineKind = Literal["added", "removed", "context", "hunk", "header"]

MAX_DIFF_BYTES = 256 * 1024
"""Bytes read of one diff; what is beyond is cut, and the cut is shown."""

_MAX_DIGITS = 9  # of a hunk's length; no diff that is read has more lines
_DIFF_FOLDER = (".mission_control", "patches")


@dataclass(frozen=True)
class DiffLine:
    """One line of a diff without its terminator."""

    kind: LineKind
    text: str


@dataclass(frozen=True)
class Diff:
    """The diff of one patch. `is_cut`: it was longer than the bound, so its counts would be too low."""

    lines: tuple[DiffLine, ...]
    is_cut: bool

    @property
    def added(self) -> int:
        """Lines added."""
        return sum(line.kind == "added" for line in self.lines)

    @property
    def removed(self) -> int:
        """Lines removed."""
        return sum(line.kind == "removed" for line in self.lines)


@dataclass(frozen=True)
class DiffText:
    """The diff of one patch as it lies on the disk. `is_cut`: it was longer than the bound."""

    text: str
    is_cut: bool


def read_diff(workspace: str, diff_path: str | None, *, max_bytes: int = MAX_DIFF_BYTES) -> Diff | None:
    """Return the diff line by line; see `read_diff_text`."""
    found = read_diff_text(workspace, diff_path, max_bytes=max_bytes)
    return None if found is None else Diff(tuple(_classified(found.text)), found.is_cut)


def read_diff_text(workspace: str, diff_path: str | None, *, max_bytes: int = MAX_DIFF_BYTES) -> DiffText | None:
    """Return the diff, or None when it is not there, cannot be read, or does not lie where patching keeps its diffs.

    A relative path counts from the workspace. The path comes from a table that several programs write: a report must
    not be a way to show any file of the machine, so only `.mission_control/patches/*.diff` is opened, links resolved.
    """
    if not diff_path:
        return None
    try:
        path = (Path(workspace) / diff_path).resolve(strict=True)
        if path.suffix != ".diff" or path.parts[-3:-1] != _DIFF_FOLDER or not path.is_file():
            return None
        with path.open("rb") as stream:
            raw = stream.read(max_bytes + 1)
    except (OSError, ValueError):
        return None  # a diff that is gone is no fault of the report: the patch is listed without it
    return DiffText(raw[:max_bytes].decode("utf-8", errors="replace"), is_cut=len(raw) > max_bytes)


def _classified(text: str) -> Iterator[DiffLine]:
    """Tell headers from content by the hunks' own lengths: a removed line `-- x` looks like a header otherwise."""
    old_left = new_left = 0
    for line in text.split("\n"):
        if old_left > 0 or new_left > 0:
            mark = line[:1]
            if mark == "+":
                new_left -= 1
                yield DiffLine("added", line)
            elif mark == "-":
                old_left -= 1
                yield DiffLine("removed", line)
            else:
                if mark != "\\":
                    old_left -= 1
                    new_left -= 1
                yield DiffLine("context", line)
        elif line.startswith("@@"):
            old_left, new_left = _hunk_lengths(line)
            yield DiffLine("hunk", line)
        elif line:
            yield DiffLine("context" if line.startswith("\\") else "header", line)


def _hunk_lengths(header: str) -> tuple[int, int]:
    """Lengths of `@@ -start,length +start,length @@`; a missing length is 1, a broken header has none."""
    lengths = []
    for part in header.split()[1:3]:
        length = part.partition(",")[2] or "1"
        lengths.append(int(length) if length.isdecimal() and len(length) <= _MAX_DIGITS else 0)
    return (lengths[0], lengths[1]) if len(lengths) == 2 else (0, 0)
