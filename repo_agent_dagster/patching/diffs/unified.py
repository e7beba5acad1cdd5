"""Read unified diffs, as git, GNU diff and people's and models' hands write them.

Text around the diff (a mail, a fence) is passed over. What would be read wrongly is refused with its line: symbolic
links, submodules, deltas, context diffs, hunks whose lines are not as many as their header says.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from repo_agent_dagster.contracts.patches import Fuzz
from repo_agent_dagster.patching.diffs.binary import BinaryChange, read_binary
from repo_agent_dagster.patching.diffs.diff_lines import DiffLines
from repo_agent_dagster.patching.diffs.hunk_lines import ADDED, CONTEXT, REMOVED, Hunk, HunkLine, read_hunk
from repo_agent_dagster.patching.diffs.names import (
    HeaderName,
    edited_of,
    git_names,
    header_name,
    path_of,
    without_prefixes,
)
from repo_agent_dagster.patching.model import InvalidPatch

__all__ = ["ADDED", "CONTEXT", "REMOVED", "BinaryChange", "FileKind", "FilePatch", "Hunk", "HunkLine", "parse"]

FileKind = Literal["modify", "create", "delete", "rename", "copy"]

_MODE = re.compile(rb"(old mode|new mode|deleted file mode|new file mode) (\d{1,7})")
_MOVED = re.compile(rb"(rename|copy) (from|to) (.+)")
_INDEX = re.compile(rb"index [^\s.]+\.\.[^\s.]+(?: (\d{1,7}))?")
_OTHER_HEADER = re.compile(rb"(?:dis)?similarity index \d+%")
_REFUSED = {
    b"diff --cc ": "a combined diff of a merge has several old sides; send the diff against one parent",
    b"diff --combined ": "a combined diff of a merge has several old sides; send the diff against one parent",
    b"***************": "this is a context diff; send a unified one (`diff -u`)",
    b"*** Begin Patch": "this is not a unified diff; send hunks with '--- a/file', '+++ b/file' and '@@ -l,n +l,n @@'",
}


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What a diff does to one file. `old_path` is None for a new file, `new_path` for one that is deleted.

    Modes are as git has them (0o100644, 0o100755), None where the diff does not tell; it stands in lines `line` to
    `last_line` of the diff (from 1). One diff can have several of these for one file, each meaning the file as the one
    before left it.
    """

    old_path: str | None
    new_path: str | None
    kind: FileKind
    line: int
    old_mode: int | None = None
    new_mode: int | None = None
    hunks: tuple[Hunk, ...] = ()
    binary: BinaryChange | None = None
    last_line: int = 0

    @property
    def path(self) -> str:
        """The file's name in the end; that of a deleted file is its last."""
        return self.new_path or self.old_path or ""


@dataclass(slots=True)
class _Section:
    """One file's part of a diff while it is read."""

    line: int
    git: tuple[str, str] | None = None
    modes: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    kind: FileKind = "modify"
    header: tuple[HeaderName, HeaderName] | None = None


def parse(diff: bytes, *, file: str | None = None, fuzz: Fuzz = "none") -> tuple[FilePatch, ...]:
    """Read a unified diff; at least one file, in the diff's order.

    With `file` the diff is for that one file whatever names it gives, and may be hunks alone. With `fuzz` whitespace
    the lines of a hunk are counted where its header is wrong about them.

    Raises:
        InvalidPatch: it is no such diff; the message names the line, what was expected and what was found.
    """
    lines = DiffLines(diff)
    recount = fuzz == "whitespace"
    patches: list[FilePatch] = []
    while (line := lines.line()) is not None:
        section = _Section(lines.position + 1)
        if line.startswith(b"diff --git "):
            _git_header(lines, section)
        elif not (line.startswith(b"--- ") and lines.starts_with(b"+++ ", 1)):
            if not line.startswith(b"@@ -"):
                _pass_over(lines, line)
                continue
            if file is None or patches:
                raise lines.refusal("expected '--- ' and '+++ ' with the file's name before the hunk; name the file")
        patches.append(_file_patch(lines, section, file, recount=recount))
        if file is not None and len(patches) > 1:
            raise lines.refusal(f"the diff is of several files, but shall be for {file} alone", section.line - 1)
    if not patches:
        raise InvalidPatch("found no unified diff: expected '--- a/file', '+++ b/file' and '@@ -12,7 +12,8 @@'")
    return tuple(patches)


def _pass_over(lines: DiffLines, line: bytes) -> None:
    """Go past a line that belongs to no file, unless it tells of a change that would be lost."""
    for start, why in _REFUSED.items():
        if line.startswith(start):
            raise lines.refusal(why)
    if _tells_binaries(line):
        raise lines.refusal("the diff says only that binary files differ; write it with `git diff --binary`")
    if line.startswith(b"@@@ ") or re.match(rb"@@(?: |$)", line.rstrip(b"\r\n")):
        raise lines.unexpected("a hunk header like '@@ -12,7 +12,8 @@'")
    lines.position += 1


def _tells_binaries(line: bytes) -> bool:
    text = line.rstrip(b"\r\n")
    return text.startswith((b"Binary files ", b"Files ")) and text.endswith(b" differ") and b" and " in text


def _git_header(lines: DiffLines, section: _Section) -> None:
    """Read the ``diff --git`` line and the extended header lines after it."""
    section.git = git_names(lines)
    while (line := lines.line()) is not None:
        text = line.rstrip(b"\r\n")
        if mode := _MODE.fullmatch(text):
            section.modes[mode[1].decode()] = _regular_mode(lines, mode[2])
        elif moved := _MOVED.fullmatch(text):
            section.moved[moved[2].decode()] = path_of(lines, moved[3])
            section.kind = "rename" if moved[1] == b"rename" else "copy"
        elif index := _INDEX.fullmatch(text):
            if index[1] is not None:
                _regular_mode(lines, index[1])
        elif not _OTHER_HEADER.fullmatch(text):
            return
        lines.position += 1


def _regular_mode(lines: DiffLines, digits: bytes) -> int:
    mode = int(digits, 8) if digits.strip(b"01234567") == b"" else 0
    kind = mode & 0o170000
    if kind != 0o100000:
        what = {0o120000: "a symbolic link", 0o160000: "a submodule", 0o040000: "a folder"}.get(kind, "no file's mode")
        raise lines.refusal(f"mode {digits.decode()} is {what}; a patch changes regular files only")
    return mode


def _file_patch(lines: DiffLines, section: _Section, file: str | None, *, recount: bool) -> FilePatch:
    """Read what follows the extended headers: names and hunks, a binary patch, or nothing."""
    binary = None
    hunks: list[Hunk] = []
    if lines.starts_with(b"--- "):
        old = header_name(lines)
        if not lines.starts_with(b"+++ "):
            raise lines.unexpected("'+++ ' and the new name")
        section.header = old, header_name(lines)
        hunks = _hunks(lines, recount=recount)
    elif lines.starts_with(b"@@ -"):
        hunks = _hunks(lines, recount=recount)
    elif lines.starts_with(b"GIT binary patch"):
        lines.take()
        binary = read_binary(lines)
    elif (line := lines.line()) is not None and _tells_binaries(line):
        _pass_over(lines, line)
    elif not section.modes and not section.moved:
        raise lines.unexpected("'--- ' and a name, a mode, a rename or a binary patch after 'diff --git'")
    old_path, new_path = _paths(lines, section, hunks, file)
    kind: FileKind = "create" if old_path is None else "delete" if new_path is None else section.kind
    _refuse_contradictions(lines, section, kind, hunks, binary)
    old_mode = section.modes.get("old mode", section.modes.get("deleted file mode"))
    new_mode = section.modes.get("new mode", section.modes.get("new file mode"))
    return FilePatch(old_path, new_path, kind, section.line, old_mode, new_mode, tuple(hunks), binary, lines.position)


def _hunks(lines: DiffLines, *, recount: bool) -> list[Hunk]:
    hunks = [read_hunk(lines, recount=recount)]
    while True:
        start = lines.position
        while (line := lines.line()) is not None and not line.strip():
            lines.position += 1
        if not lines.starts_with(b"@@ -"):
            lines.position = start
            break
        hunks.append(read_hunk(lines, recount=recount))
    return hunks


def _paths(lines: DiffLines, section: _Section, hunks: list[Hunk], file: str | None) -> tuple[str | None, str | None]:
    """Work out which file it is, from all the places in which a diff names it."""
    at = section.line - 1
    old, new = _named(lines, section, alone=file is not None)
    is_new, is_gone = "new file mode" in section.modes, "deleted file mode" in section.modes
    if section.header is not None:
        is_new = is_new or section.header[0].path is None or _is_absent(section.header[0], hunks, 0)
        is_gone = is_gone or section.header[1].path is None or _is_absent(section.header[1], hunks, 1)
    if is_new and is_gone:
        raise lines.refusal("the file is neither before nor after the diff", at)
    if file is not None:
        if section.moved:
            raise lines.refusal(f"the diff moves or copies a file, but shall be for {file} alone; leave out `file`", at)
        old = new = file
    path = (new or old) if is_new else (old or new)
    if path is not None and (is_new or is_gone):
        return (None, path) if is_new else (path, None)
    if old is None or new is None:
        raise lines.refusal("cannot tell the file's name; give it in '--- a/…' and '+++ b/…' lines", at)
    if section.kind == "modify" and old != new:
        edited = edited_of(old, new)
        if edited is None:
            raise lines.refusal(
                f"the diff names two files, {old} and {new}; for a move add 'rename from' and 'rename to' lines after "
                "'diff --git', for an edit name the file twice",
                at,
            )
        return edited, edited
    return old, new


def _named(lines: DiffLines, section: _Section, *, alone: bool) -> tuple[str | None, str | None]:
    """Return the names before and after, None for ``/dev/null`` or where there is none; they must not contradict."""
    if section.moved:
        if len(section.moved) != 2:
            raise lines.refusal(f"expected '{section.kind} from' and '{section.kind} to'", section.line - 1)
        return section.moved["from"], section.moved["to"]
    git = (None, None) if section.git is None else without_prefixes(*section.git)
    if section.header is None:
        return git
    names = section.header[0].path, section.header[1].path
    if section.git is None or alone:
        return without_prefixes(*names)
    for name, named, path in zip(names, section.git, git, strict=True):
        if name is not None and name not in (named, path):
            raise lines.refusal(
                f"'diff --git' names {named}, but the '---' and '+++' lines name {name}", section.line - 1
            )
    return git


def _is_absent(name: HeaderName, hunks: list[Hunk], side: int) -> bool:
    """Whether a file without a time is an absent one: it has no lines either."""
    return name.is_epoch and len(hunks) == 1 and not (hunks[0].new if side else hunks[0].old)


def _refuse_contradictions(
    lines: DiffLines, section: _Section, kind: FileKind, hunks: list[Hunk], binary: BinaryChange | None
) -> None:
    if kind == "create" and any(hunk.old for hunk in hunks):
        raise lines.refusal("the file is new, but the hunk has lines of an old one", hunks[0].line - 1)
    if kind == "delete" and any(hunk.new for hunk in hunks):
        raise lines.refusal("the file is deleted, but the hunk leaves lines of it", hunks[0].line - 1)
    if kind in ("create", "delete") and (len(hunks) > 1 or section.moved):
        raise lines.refusal(f"a diff cannot {kind} a file and edit or move it at once", section.line - 1)
    if kind == "delete" and binary is not None and binary.after:
        raise lines.refusal("the file is deleted, but the binary patch leaves content", section.line - 1)
