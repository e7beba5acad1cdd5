"""The reference: what a batch makes of a tree, written as plainly as can be, and with nothing of the engine in it.

A file is a row of cells: one for each byte, and one for each line break (LF or CRLF). Every edit takes some cells out
and puts others in; all edits of a batch are found in the cells as they were, so that they cannot shift each other.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

BOM = b"\xef\xbb\xbf"
PREPENDED, AFTER, BEFORE, APPENDED, REPLACED = range(5)


class Refused(Exception):
    """The batch is one that must be refused."""


@dataclass(frozen=True)
class File:
    """A file: its bytes and permissions."""

    content: bytes
    mode: int = 0o644


Tree = dict[str, File]


@dataclass(frozen=True)
class Lines:
    """Lines [start:end), from 0, become these, which have no terminators; `rank` orders insertions at one place.

    `start` None is the end of the file, -1 the place behind its declarations.
    """

    path: str
    start: int | None
    end: int | None
    new: tuple[str, ...]
    rank: int


@dataclass(frozen=True)
class Replaced:
    """A text becomes another wherever it occurs, which is `count` times."""

    path: str
    old: str
    new: str
    count: int = 1


@dataclass(frozen=True)
class Created:
    path: str
    content: str
    executable: bool = False


@dataclass(frozen=True)
class Deleted:
    path: str


@dataclass(frozen=True)
class Moved:
    path: str
    to: str


@dataclass(frozen=True)
class MadeExecutable:
    path: str
    executable: bool


Edit = Lines | Replaced
Action = Edit | Created | Deleted | Moved | MadeExecutable


def applied(tree: Tree, steps: Sequence[Sequence[Action]], coordinates: str) -> Tree:
    """Return the tree after a batch; each step is what one patch does to one file, all at once."""
    present = dict(tree)
    if coordinates == "original":
        _make([action for step in steps for action in step], tree, present)
        _refuse_contradictions(steps)
    else:
        for step in steps:
            _refuse_strange_places(step, tree)
            _make(step, dict(present), present)
    for path in present:
        if any(folder in present for folder in parents(path)):
            raise Refused(f"{path} has a file for a folder")
    return present


def parents(path: str) -> list[str]:
    """Return the folders above a path, the nearest first."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]


def _make(actions: Sequence[Action], before: Tree, present: Tree) -> None:
    _refuse_strange_places(actions, before)
    edits: dict[str, list[Edit]] = {}
    for action in actions:
        if not isinstance(action, Created) and action.path not in before:
            raise Refused(f"{action.path} is not there")
        if isinstance(action, Lines | Replaced):
            edits.setdefault(action.path, []).append(action)
    for path, asked in edits.items():
        present[path] = replace(before[path], content=edited(before[path].content, asked))
    for action in actions:
        if isinstance(action, MadeExecutable):
            present[action.path] = replace(present[action.path], mode=_mode(present[action.path].mode, action))
    arrived: list[tuple[str, File]] = []
    for action in actions:
        if isinstance(action, Created):
            if "\0" in action.content:
                raise Refused("no text")
            arrived.append((action.path, File(action.content.encode(), 0o755 if action.executable else 0o644)))
        elif isinstance(action, Moved):
            arrived.append((action.to, present[action.path]))
    for path in [action.path for action in actions if isinstance(action, Deleted | Moved)]:
        if present.pop(path, None) is None:
            raise Refused(f"{path} goes twice")
    for path, file in arrived:
        if path in before or path in present:
            raise Refused(f"{path} is there already")
        present[path] = file


def _refuse_strange_places(actions: Iterable[Action], disk: Tree) -> None:
    for action in actions:
        for path in (action.path, action.to if isinstance(action, Moved) else action.path):
            if any(folder in disk for folder in parents(path)) or any(path in parents(other) for other in disk):
                raise Refused(f"{path} goes through a file, or is a folder")


def _refuse_contradictions(steps: Sequence[Sequence[Action]]) -> None:
    for number, step in enumerate(steps):
        others = [action for other, actions in enumerate(steps) if other != number for action in actions]
        for action in step:
            if isinstance(action, Deleted) and any(
                other.path == action.path and not isinstance(other, Created) for other in others
            ):
                raise Refused(f"{action.path} is deleted, and something else is done to it")


def _mode(mode: int, wanted: MadeExecutable) -> int:
    if bool(mode & 0o100) == wanted.executable:
        return mode
    return mode & ~0o111 if not wanted.executable else mode | 0o100 | (mode & 0o444) >> 2


@dataclass(frozen=True)
class Cell:
    """A byte or a line break. `kind`: of the file; its missing last break; put in; put in where there is to be none."""

    text: bytes
    kind: str = "new"

    @property
    def ends_line(self) -> bool:
        return self.text.endswith(b"\n")


@dataclass(frozen=True)
class _Splice:
    begin: int
    end: int
    rank: int
    index: int
    new: tuple[Cell, ...]
    joins: bool = False
    removes_lines: bool = False
    is_text: bool = False


def edited(content: bytes, edits: Sequence[Edit]) -> bytes:
    """Return what these edits make of a file's content."""
    if b"\0" in content[:8000]:
        raise Refused("binary")
    try:
        content.decode()
    except UnicodeDecodeError:
        if any(not text.isascii() for edit in edits for text in _texts(edit)):
            raise Refused("another encoding") from None
    bom = BOM if content.startswith(BOM) else b""
    cells, is_open = _cells(content[len(bom) :])
    splices: list[_Splice] = []
    for index, edit in enumerate(edits):
        splices += (
            [_lines_splice(cells, edit, index)]
            if isinstance(edit, Lines)
            else _text_splices(cells, edit, index, is_open=is_open)
        )
    splices.sort(key=lambda one: (one.begin, one.rank, one.index))
    _refuse_overlaps(splices)
    out: list[Cell] = []
    position = 0
    for splice in splices:
        out += cells[position : splice.begin]
        position = splice.end
        for cell in splice.new:
            if cell.kind == "open" and (not out or out[-1].ends_line):
                is_open = False  # nothing is left of the line that was to have no break
                continue
            is_open = is_open if cell.kind != "open" else True
            out.append(cell)
        if splice.is_text and splice.end == len(cells) and splice.new[-1:] and splice.new[-1].kind == "new":
            is_open = False  # the text says itself how the file ends
    out += cells[position:]
    if is_open and out and out[-1].kind != "old" and not (len(out) == 1 or out[-2].ends_line):
        out.pop()
    return bom + b"".join(cell.text for cell in out)


def _texts(edit: Edit) -> Sequence[str]:
    return edit.new if isinstance(edit, Lines) else (edit.new,)


def _cells(body: bytes) -> tuple[list[Cell], bool]:
    cells = [Cell(part, "old") for part in re.findall(rb"\r\n|.", body, re.DOTALL)]
    if not body or body.endswith(b"\n"):
        return cells, False
    breaks = [cell.text for cell in cells if cell.ends_line] or [b"\n"]
    return [*cells, Cell(b"\r\n" if body.endswith(b"\r") else breaks[-1], "missing")], True


def _starts(cells: Sequence[Cell]) -> list[int]:
    """Return the cell at which each line begins, and the end."""
    return [0, *(index + 1 for index, cell in enumerate(cells) if cell.ends_line)]


def _breaks(cells: Sequence[Cell]) -> list[bytes]:
    return [cell.text for cell in cells if cell.ends_line]


def _lines_splice(cells: Sequence[Cell], edit: Lines, index: int) -> _Splice:
    starts, breaks = _starts(cells), _breaks(cells)
    start = len(breaks) if edit.start is None else _declarations(cells) if edit.start == -1 else edit.start
    end = start if edit.end is None else edit.end
    if max(start + (edit.rank == BEFORE), end) > len(breaks):
        raise Refused("past the end")
    place = start if edit.rank in (PREPENDED, BEFORE) else max(start - 1, 0)
    near = breaks[start:end] or ([breaks[max(0, min(place, len(breaks) - 1))]] if breaks else [b"\n"])
    new: list[Cell] = []
    for number, line in enumerate(edit.new):
        new += [Cell(bytes([byte])) for byte in line.encode()] + [Cell(near[min(number, len(near) - 1)])]
    return _Splice(starts[start], starts[end], edit.rank, index, tuple(new))


def _declarations(cells: Sequence[Cell]) -> int:
    first, *rest = [*b"".join(cell.text for cell in cells).split(b"\n"), b"", b""]
    stays = int(first.startswith((b"#!", b"<?xml")))
    if stays < len(_breaks(cells)) and re.match(rb"#.*coding[:=] *[-\w.]", rest[0] if stays else first):
        stays += 1
    return stays


def _text_splices(cells: Sequence[Cell], edit: Replaced, index: int, *, is_open: bool) -> list[_Splice]:
    starts, breaks = _starts(cells), _breaks(cells)
    text = b"".join(b"\n" if cell.ends_line else cell.text for cell in (cells[:-1] if is_open else cells))
    old, new = (one.replace("\r\n", "\n").encode() for one in (edit.old, edit.new))
    if "\0" in edit.old + edit.new or edit.old == edit.new:
        raise Refused("no text")
    found = [match.start() for match in re.finditer(re.escape(old), text)]
    if len(found) != edit.count:
        raise Refused("miscounted")
    splices = []
    for begin in found:
        end = begin + len(old)
        first = max(line for line, start in enumerate(starts) if start <= begin)
        last = max(line for line, start in enumerate(starts) if start <= end - 1)
        put: list[Cell] = []
        number = 0
        for byte in new:
            if byte == 10:
                put.append(Cell(breaks[min(first + number, last)]))
                number += 1
            else:
                put.append(Cell(bytes([byte])))
        to_the_end = end == len(text)
        if to_the_end and not new.endswith(b"\n"):
            put.append(Cell(breaks[last], "open"))
        takes_break = end in starts and not to_the_end and not new.endswith(b"\n")
        joins, removes_lines = (takes_break and bool(new or begin not in starts), takes_break and not new)
        stop = len(cells) if to_the_end else end
        splices.append(_Splice(begin, stop, REPLACED, index, tuple(put), joins, removes_lines, is_text=True))
    return splices


def _refuse_overlaps(splices: Sequence[_Splice]) -> None:
    for number, one in enumerate(splices):
        for other in splices[number + 1 :]:
            if one.begin < one.end and other.begin < one.end:
                raise Refused("overlap")
    joined_at = None
    for splice in splices:
        joined = splice.begin == joined_at
        if joined and not splice.is_text:
            raise Refused("the line that it starts is joined to the one before")
        if splice.begin < splice.end:
            joined_at = splice.end if splice.joins or (joined and splice.removes_lines) else None
