"""A patch as it was sent: what can be said of its text before git sees it, and how it is made to fit. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from repo_agent_dagster.contracts.validation import PatchKind, PatchProblem
from repo_agent_dagster.patching.diffs.unified import ADDED, REMOVED, FilePatch, parse
from repo_agent_dagster.patching.model import InvalidPatch

_BINARIES_DIFFER = re.compile(rb"^Binary files .+ and .+ differ\r?$", re.MULTILINE)
_BEGINS = re.compile(rb"^(?:diff --git |--- |@@ -|rename from )", re.MULTILINE)
_NAMES = re.compile(rb"^--- (.+?)[\t\r]*(?:\t.*)?\n\+\+\+ (.+?)[\t\r]*(?:\t.*)?$", re.MULTILINE)
_PREFIXED = re.compile(rb'"?(?:[abciow]/|/dev/null)')
_HEADER_NAME = re.compile(rb"^(?:---|\+\+\+|(?:rename|copy) (?:from|to)) (.+?)(?:\t.*)?\r?$", re.MULTILINE)
# What git applies and our reader of diffs refuses: links, submodules, deltas of binary files.
_FOR_GIT_ALONE = re.compile(
    rb"^(?:(?:old|new|new file|deleted file) mode 1[26]0000|index \S+ 1[26]0000|delta \d+)\r?$", re.M
)


class PatchUnusable(Exception):
    """The text is no patch that could be applied anywhere; `problem` is the kind of it."""

    def __init__(self, problem: PatchProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True)
class Patch:
    """A patch that git can read. `files` is empty where only git can read it.

    `strips` are the numbers of leading folders that its names may have, the likeliest first; `notes` tell what was
    adapted.
    """

    kind: PatchKind
    data: bytes
    files: tuple[FilePatch, ...]
    strips: tuple[int, ...]
    notes: tuple[str, ...] = ()


def read_patch(data: bytes, kind: PatchKind) -> Patch:
    """Read a unified diff.

    Raises:
        PatchUnusable: it is empty, no diff, corrupt, names files outside, or tells of binary files without content.
    """
    if not data.strip():
        raise PatchUnusable("empty", "the patch is empty: it changes nothing")
    if not _BEGINS.search(data):
        raise PatchUnusable(
            "no_diff",
            "there is no unified diff in the patch: expected '--- a/file', '+++ b/file' and '@@ -l,n +l,n @@'",
        )
    if differ := _BINARIES_DIFFER.search(data):
        raise PatchUnusable(
            "binary_without_content",
            f"{differ[0].decode(errors='replace').strip()}: the patch has not their content; write it with "
            "`git diff --binary`",
        )
    notes: tuple[str, ...] = ()
    if not data.endswith(b"\n"):
        # JSON and clipboards often lose it, which git calls a corrupt patch.
        data, notes = data + b"\n", ("the patch's last line had no newline; one was added",)
    try:
        files = parse(data)
        names = [name for file in files for name in (file.old_path, file.new_path) if name is not None]
    except InvalidPatch as error:
        names = [name.decode(errors="replace") for name in _HEADER_NAME.findall(data)]
        if not _FOR_GIT_ALONE.search(data) and not any(map(_is_unsafe, names)):
            raise PatchUnusable("corrupt", f"the patch is corrupt: {error}") from error
        files = ()
    if unsafe := next(filter(_is_unsafe, names), None):
        raise PatchUnusable("unsafe_path", f"the patch names a file outside the repository, or git's own: {unsafe}")
    return Patch(kind, data, files, _strips(data), notes)


def _is_unsafe(name: str) -> bool:
    name = name.strip('"')
    parts = PurePosixPath(name).parts
    return name != "/dev/null" and (name.startswith("/") or ".." in parts or ".git" in map(str.lower, parts))


def _strips(data: bytes) -> tuple[int, ...]:
    names = [name for pair in _NAMES.findall(data) for name in pair]
    return (1,) if all(_PREFIXED.match(name) for name in names) else (0, 1)


def with_fitting_line_ends(patch: Patch, crlf_files: frozenset[str]) -> Patch | None:
    """Return the patch with the line ends of the files that it changes; None where it has them already.

    `crlf_files` are the repository's files whose lines end in CRLF. Of a new file, the patch's own line ends stay,
    unless the whole patch, headers and all, has CRLF: then it came that way from somewhere.
    """
    lines = patch.data.splitlines(keepends=True)
    travelled = all(line.endswith(b"\r\n") for line in lines if line.startswith((b"--- ", b"+++ ", b"@@ ", b"diff ")))
    fitted = list(lines)
    changed: list[str] = []
    for file in patch.files:
        for number in range(file.line - 1, min(file.last_line, len(lines))):
            fitted[number] = _with_lf(fitted[number]) if travelled else fitted[number]
        to_crlf = (file.old_path or file.path) in crlf_files
        for hunk in file.hunks:
            for index in range(len(hunk.body)):
                number = hunk.line_of(index) - 1
                line = lines[number]
                if to_crlf and hunk.body[index].text.endswith(b"\n"):
                    fitted[number] = _with_lf(line).removesuffix(b"\n") + b"\r\n"
                elif travelled or file.old_path is not None:
                    fitted[number] = _with_lf(line)
        if fitted[file.line - 1 : file.last_line] != lines[file.line - 1 : file.last_line]:
            changed.append(f"{file.path} ({'CRLF' if to_crlf else 'LF'})")
    data = b"".join(
        _with_lf(line) if travelled and number >= _end(patch) else line for number, line in enumerate(fitted)
    )
    if data == patch.data:
        return None
    note = f"line ends of the patch were made those of the files: {', '.join(changed)}"
    return replace(patch, data=data, notes=(*patch.notes, note))


def _end(patch: Patch) -> int:
    return max((file.last_line for file in patch.files), default=0)


def _with_lf(line: bytes) -> bytes:
    return line[:-2] + b"\n" if line.endswith(b"\r\n") else line


Net = Mapping[str, tuple[Counter[bytes], Counter[bytes]]]
"""Lines that a diff adds to and removes from each file, without those that it only moves."""


def same_changes(patch: Iterable[FilePatch], result: Iterable[FilePatch], folder: str) -> bool:
    """Whether a resulting diff adds and removes just the lines that the patch says, file by file.

    `folder` is where the patch's names begin. What neither has lines for (modes, binary files) is not compared.
    """
    return _net(patch, folder) == _net(result, "")


def _net(files: Iterable[FilePatch], folder: str) -> Net:
    found: dict[str, tuple[Counter[bytes], Counter[bytes]]] = {}
    for file in files:
        name = f"{folder}/{file.path}" if folder else file.path
        added, removed = found.setdefault(name, (Counter(), Counter()))
        for hunk in file.hunks:
            for mark, text in hunk.body:
                if mark in (ADDED, REMOVED):
                    (added if mark == ADDED else removed)[text.rstrip(b"\r\n")] += 1
    return {name: (added - removed, removed - added) for name, (added, removed) in found.items() if added != removed}


def changed_lines(result: Iterable[FilePatch]) -> dict[str, list[int]]:
    """Return the lines (from 1, in the new file) that a diff adds or changes, by file."""
    found: dict[str, list[int]] = {}
    for file in result:
        for hunk in file.hunks:
            number = hunk.stated_new + 1
            for mark, _ in hunk.body:
                if mark == ADDED:
                    found.setdefault(file.path, []).append(number)
                number += mark != REMOVED
    return found
