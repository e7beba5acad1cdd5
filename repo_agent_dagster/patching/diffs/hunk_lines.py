"""One hunk of a unified diff, read and checked: its header, its lines, and which of them have no newline."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from repo_agent_dagster.patching.diffs.diff_lines import DiffLines, shown
from repo_agent_dagster.patching.text.lines import LF

_HEADER = re.compile(rb"@@ -(\d{1,10})(?:,(\d{1,10}))? \+(\d{1,10})(?:,(\d{1,10}))? @@(.*)")
CONTEXT, REMOVED, ADDED = b" ", b"-", b"+"
_MARKS = (CONTEXT, REMOVED, ADDED)
_MARK_SET = frozenset(_MARKS)
_NO_NEWLINE = b"\\"
_BLANK = (b"\n", b"\r\n")
_SIGNATURES = (b"-- ", b"--")
# What may follow a hunk whose lines are counted: the next one, the next file, the fence that models put around a diff.
_ENDS = (b"@@ -", b"diff ", b"Index: ", b"From ", b"```", b"~~~")


class HunkLine(NamedTuple):
    """A line of a hunk: its mark (blank, minus or plus) and its bytes, with a terminator unless the diff says none."""

    mark: bytes
    text: bytes


@dataclass(frozen=True, slots=True)
class Hunk:
    """A hunk: `old_start` and `new_start` are as the header has them, from 1; `line` is the header's in the diff."""

    old_start: int
    new_start: int
    body: tuple[HunkLine, ...]
    line: int
    section: bytes = b""

    @property
    def old(self) -> list[bytes]:
        """The lines that must be there: context and removed."""
        return [text for mark, text in self.body if mark != ADDED]

    @property
    def new(self) -> list[bytes]:
        """The lines that take their place: context and added."""
        return [text for mark, text in self.body if mark != REMOVED]

    @property
    def stated(self) -> int:
        """The line of the old file, from 0, at which the hunk says that it begins."""
        # An empty side is told by the line that it comes after.
        return max(self.old_start - 1, 0) if any(mark != ADDED for mark, _ in self.body) else self.old_start

    @property
    def stated_new(self) -> int:
        """The line of the new file, from 0, at which the hunk says that it begins."""
        return max(self.new_start - 1, 0) if any(mark != REMOVED for mark, _ in self.body) else self.new_start

    def line_of(self, index: int) -> int:
        """Return where body[index] stands in the diff (from 1): a line without newline has a note after it."""
        notes = sum(1 for _, text in self.body[:index] if not text.endswith(LF))
        return self.line + 1 + index + notes


def read_hunk(lines: DiffLines, *, recount: bool) -> Hunk:
    """Read the hunk at the position and go on behind it.

    With `recount`, wrong counts in its header are no error: its lines are counted, up to what can be none.

    Raises:
        InvalidPatch: it is no hunk, or its lines are not as many as its header says.
    """
    start = lines.position
    line = lines.line()
    header = None if line is None else _HEADER.fullmatch(line.rstrip(b"\r\n"))
    if line is None or header is None:
        raise lines.unexpected("a hunk header like '@@ -12,7 +12,8 @@'")
    # A diff that went through a tool that ends all lines with CRLF did not have these CRs in its content.
    is_crlf = line.endswith(b"\r\n")
    counts = tuple(1 if count is None else int(count) for count in (header[2], header[4]))
    lines.position += 1
    body = _counted(lines, counts, is_crlf=is_crlf)
    if body is None or _goes_on(lines):
        stopped, found = lines.position, lines.line()
        lines.position = start + 1
        whole = _all(lines, is_crlf=is_crlf)
        if not recount:
            has = _count(whole)
            fits = f"write {_header(header, has)!r}" if has != counts else "repair its lines"
            raise lines.refusal(
                f"the hunk header says {counts[0]} old and {counts[1]} new lines, but the hunk has {has[0]} and "
                f"{has[1]} (line {stopped + 1} is {shown(found)}); {fits}, or send the diff with fuzz: whitespace",
                start,
            )
        _refuse_what_is_no_end(lines)
        body = whole
    if not body:
        raise lines.refusal("the hunk has no lines", start)
    hunk = Hunk(int(header[1]), int(header[3]), tuple(body), start + 1, header[5].strip())
    _refuse_lines_after_the_end(lines, hunk)
    return hunk


def _header(header: re.Match[bytes], counts: tuple[int, ...]) -> str:
    return f"@@ -{int(header[1])},{counts[0]} +{int(header[3])},{counts[1]} @@"


def _count(body: list[HunkLine]) -> tuple[int, int]:
    return sum(mark != ADDED for mark, _ in body), sum(mark != REMOVED for mark, _ in body)


def _counted(lines: DiffLines, counts: tuple[int, ...], *, is_crlf: bool) -> list[HunkLine] | None:
    """Read as many lines as the header says; None if others come before them."""
    old, new = counts
    body: list[HunkLine] = []
    while old or new or (body and lines.starts_with(_NO_NEWLINE)):
        line = _next(lines, body, is_crlf=is_crlf)
        if line is None:
            return None
        mark = line.mark
        if mark == CONTEXT:
            old -= 1
            new -= 1
        elif mark == ADDED:
            new -= 1
        elif mark == REMOVED:
            # A removed "-- x" before an added "++ x" looks like a file's header; only the counts can tell.
            if line.text.startswith(b"-- ") and (old, new) != (1, 1) and lines.begins_file(-1):
                lines.position -= 1
                return None
            old -= 1
        else:
            continue
        if old < 0 or new < 0:
            lines.position -= 1
            return None
        body.append(line)
    return body


def _all(lines: DiffLines, *, is_crlf: bool) -> list[HunkLine]:
    """Read all lines that can be the hunk's; empty ones at its end are the space between it and what follows."""
    body: list[HunkLine] = []
    end, kept = lines.position, 0
    while not lines.begins_file() and not _is_signature(lines):
        blank = lines.line() in _BLANK
        line = _next(lines, body, is_crlf=is_crlf)
        if line is None:
            break
        if line.mark != _NO_NEWLINE:
            body.append(line)
        if not blank:
            end, kept = lines.position, len(body)
    lines.position = end
    return body[:kept]


def _next(lines: DiffLines, body: list[HunkLine], *, is_crlf: bool) -> HunkLine | None:
    """Read one line; a note about a missing newline changes the line before it. None (and no step) if it is neither."""
    line = lines.line()
    if line is None:
        return None
    mark, text = line[:1], line[1:]
    if mark not in _MARK_SET:
        if line in _BLANK:
            mark, text = CONTEXT, line  # editors and mails take the blank off an empty line of context
        elif mark == _NO_NEWLINE and body and body[-1].text.endswith(LF):
            lines.position += 1
            body[-1] = HunkLine(body[-1].mark, body[-1].text[:-1])
            return HunkLine(mark, b"")
        else:
            return None
    lines.position += 1
    if not text.endswith(LF):
        text += b"\r\n" if is_crlf else LF  # the diff's own last newline got lost, not the file's
    if is_crlf and text.endswith(b"\r\n"):
        text = text[:-2] + LF
    return HunkLine(mark, text)


def _goes_on(lines: DiffLines) -> bool:
    """Whether more lines of a hunk follow where it should have ended, be it after empty ones."""
    ahead = 0
    while lines.line(ahead) in _BLANK:
        ahead += 1
    line = lines.line(ahead)
    if line is None or line[:1] not in (*_MARKS, _NO_NEWLINE) or _is_signature(lines, ahead):
        return False
    if line.startswith(b"--- ") and lines.starts_with(b"+++ ", ahead + 1):
        return False  # the next file
    return line.rstrip(b"\r\n") != b"---"  # what ends a mail's text


def _is_signature(lines: DiffLines, ahead: int = 0) -> bool:
    """Whether a mail's signature begins here: two dashes, and git's version in the next line."""
    line, following = lines.line(ahead), lines.line(ahead + 1)
    if line is None or line.rstrip(b"\r\n") not in _SIGNATURES:
        return False
    return following is not None and following not in _BLANK and following[:1] not in (*_MARKS, _NO_NEWLINE, b"@")


def _refuse_what_is_no_end(lines: DiffLines) -> None:
    """Counting lines must not take a line that lost its mark for the end of the hunk."""
    line = lines.line()
    if line is None or line in _BLANK or line.startswith(_ENDS) or lines.begins_file() or _is_signature(lines):
        return
    raise lines.unexpected("a hunk's line, which begins with a blank, '-' or '+', or another hunk or file")


def _refuse_lines_after_the_end(lines: DiffLines, hunk: Hunk) -> None:
    ends_open = [index for index, line in enumerate(hunk.body) if line.text[-1:] != LF]
    for index in ends_open:
        if not hunk.body[index].text:
            raise lines.refusal("a last line without newline must have content", hunk.line_of(index) - 1)
        for side, other in (("old", ADDED), ("new", REMOVED)):
            if hunk.body[index].mark != other and any(mark != other for mark, _ in hunk.body[index + 1 :]):
                raise lines.refusal(
                    f"'\\ No newline' says that the {side} file ends here, but more of its lines follow",
                    hunk.line_of(index),
                )
