"""Edit a JSON text where it is to change, and nowhere else: its comments, order, indentation and line ends stay.

A comment on the line of a member that is removed goes with it; every other comment stays.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.jsonc import Document, Item, Node

_REST_OF_LINE = re.compile(r"[ \t]*(?://[^\r\n]*|/\*(?:(?!\*/)[^\r\n])*\*/)?[ \t]*(?=\r?\n)")
_LINE_END = re.compile(r"\r?\n")
_INDENT = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class Source:
    """A value in another document, which is to be put into this one."""

    document: Document
    node: Node


@dataclass(frozen=True)
class Replace:
    """Put another value in the place of this one."""

    node: Node
    by: Source


@dataclass(frozen=True)
class Remove:
    """Remove an item of an object or array."""

    container: Node
    item: Item


@dataclass(frozen=True)
class Insert:
    """Add an item after another of the container's, or before all when `after` is None; the key as it is written."""

    container: Node
    after: Item | None
    key: str
    value: Source


Edit = Replace | Remove | Insert


@dataclass(frozen=True)
class _Splice:
    start: int
    end: int
    text: str


def edited(document: Document, edits: Iterable[Edit]) -> str:
    """Return the document's text with these edits; none is inside a value that another one replaces or removes."""
    style = _Style(document)
    splices: list[_Splice] = []
    removed: dict[int, list[Item]] = {}
    inserted: dict[int, list[Insert]] = {}
    containers: dict[int, Node] = {}
    for edit in edits:
        if isinstance(edit, Replace):
            indent = style.indent_at(edit.node.start)
            splices.append(_Splice(edit.node.start, edit.node.end, style.rendered(edit.by, indent)))
            continue
        containers[edit.container.start] = edit.container
        if isinstance(edit, Remove):
            removed.setdefault(edit.container.start, []).append(edit.item)
        else:
            inserted.setdefault(edit.container.start, []).append(edit)
    for start, container in containers.items():
        splices += _ContainerEdit(style, container, removed.get(start, []), inserted.get(start, [])).splices()
    # An insertion comes before the removal of what is after it.
    ordered = sorted(splices, key=lambda splice: (splice.start, splice.end))
    parts: list[str] = []
    position = 0
    for splice in ordered:
        parts += [document.text[position : splice.start], splice.text]
        position = splice.end
    return "".join((*parts, document.text[position:]))


class _Style:
    """How a document is written: its line ends, its indentation, and the space after colons and commas."""

    def __init__(self, document: Document) -> None:
        self.text = document.text
        lf, crlf = self.text.count("\n"), self.text.count("\r\n")
        self.newline = "\r\n" if crlf * 2 > lf else "\n"
        self.has_lines = lf > 0
        self.unit = indent_unit(document)
        first = document.root.items[0] if document.root.kind == "object" and document.root.items else None
        self.colon = ":" if first and self.text[first.key_end : first.value.start] == ":" else ": "
        self.gap = " " if self.has_lines or self.colon == ": " else ""

    def indent_at(self, at: int) -> str:
        """Return the indentation of the line that holds this offset."""
        match = _INDENT.match(self.text, self.text.rfind("\n", 0, at) + 1)
        return match.group() if match else ""

    def rendered(self, source: Source, indent: str) -> str:
        """Return a value as its source writes it, its further lines indented as they would be here."""
        lines = _LINE_END.split(source.document.source(source.node))
        if len(lines) == 1:
            return lines[0]
        theirs = _Style(source.document)
        outer = theirs.indent_at(source.node.start)
        return self.newline.join([lines[0], *(self._indented(line, outer, theirs.unit, indent) for line in lines[1:])])

    def _indented(self, line: str, outer: str, unit: str, indent: str) -> str:
        inner = line.removeprefix(outer)
        depth = 0
        while inner.startswith(unit):
            inner = inner.removeprefix(unit)
            depth += 1
        return indent + self.unit * depth + inner if inner or depth else ""


def indent_unit(document: Document) -> str:
    """Return what one level is indented by: as the first item of the outermost value is; two spaces by default."""
    for item in document.root.items[:1]:
        line = document.text[document.text.rfind("\n", 0, item.start) + 1 : item.start]
        if line and not line.strip(" \t") and document.root.start < item.start - len(line):
            return line
    return "  "


class _ContainerEdit:
    """The splices that give one object or array its new items, commas included."""

    def __init__(self, style: _Style, container: Node, removed: Sequence[Item], inserted: Sequence[Insert]) -> None:
        self._style, self._text, self._container = style, style.text, container
        gone = {item.start for item in removed}
        self._removed = [item for item in container.items if item.start in gone]
        self._kept = [item for item in container.items if item.start not in gone]
        self._groups: dict[int | None, list[Insert]] = {}
        for insert in inserted:
            self._groups.setdefault(self._anchor(insert.after), []).append(insert)
        first = container.items[0].start if container.items else container.end - 1
        self._is_multiline = "\n" in self._text[container.start : first] or (not container.items and style.has_lines)
        self._indent = self._item_indent()
        self._has_last_comma = bool(container.items) and container.items[-1].comma is not None

    def splices(self) -> list[_Splice]:
        if not self._kept and not self._groups:
            inside = _Splice(self._container.start + 1, self._container.end - 1, "")
            if not self._has_comment():
                return [inside]
        found = [self._removal(item) for item in self._removed]
        last = self._kept[-1] if self._kept else None
        for item in self._kept:
            is_last = item is last and item.start not in self._groups
            if item.comma is None and not is_last:
                found.append(_Splice(item.value.end, item.value.end, ","))
            elif item.comma is not None and is_last and not self._has_last_comma:
                found.append(_Splice(item.comma, item.comma + 1, ""))
        for anchor, group in self._groups.items():
            ends_list = anchor == (last.start if last else None)
            found.append(self._insertion(anchor, group, ends_list=ends_list))
        return found

    def _anchor(self, after: Item | None) -> int | None:
        """Return the start of the last kept item up to this one: what is put after a removed item comes after that."""
        if after is None:
            return None
        return max((item.start for item in self._kept if item.start <= after.start), default=None)

    def _insertion(self, anchor: int | None, group: list[Insert], *, ends_list: bool) -> _Splice:
        style = self._style
        texts = [
            (insert.key + style.colon if self._container.kind == "object" else "")
            + style.rendered(insert.value, self._indent)
            for insert in group
        ]
        between = style.newline + self._indent if self._is_multiline else style.gap
        body = ("," + between).join(texts) + ("," if not ends_list or self._has_last_comma else "")
        if anchor is None:
            return self._insertion_in_front(body, between, ends_list=ends_list)
        item = next(item for item in self._kept if item.start == anchor)
        at = item.value.end if item.comma is None else item.comma + 1
        return _at(self._line_end(at) if self._is_multiline else at, between + body)

    def _insertion_in_front(self, body: str, between: str, *, ends_list: bool) -> _Splice:
        opened = self._container.start + 1
        if not self._is_multiline:
            if self._container.items:
                return _at(self._container.items[0].start, body if ends_list else body + between)
            return _at(opened, body)
        if "\n" in self._text[opened : self._container.end]:
            return _at(self._line_end(opened), between + body)
        return _at(opened, between + body + self._style.newline + self._style.indent_at(self._container.start))

    def _removal(self, item: Item) -> _Splice:
        end = item.value.end if item.comma is None else item.comma + 1
        line = self._text.rfind("\n", 0, item.start) + 1
        rest = _REST_OF_LINE.match(self._text, end)
        if rest and not self._text[line : item.start].strip(" \t") and self._container.start < line:
            newline = _LINE_END.match(self._text, rest.end())
            return _Splice(line, newline.end() if newline else rest.end(), "")
        number = self._container.items.index(item)
        if number == 0 or self._container.items[:number] == tuple(self._removed[:number]):
            # The space before the first item stays, the one before the next goes.
            following = self._container.items[number + 1 : number + 2]
            if following and not self._text[end : following[0].start].strip(" \t"):
                end = following[0].start
            return _Splice(item.start, end, "")
        start = item.start
        while self._text[start - 1] in " \t":
            start -= 1
        return _Splice(start, end, "")

    def _item_indent(self) -> str:
        items = self._container.items
        if items and self._is_multiline:
            return self._style.indent_at(items[0].start)
        return self._style.indent_at(self._container.start) + (self._style.unit if self._is_multiline else "")

    def _line_end(self, at: int) -> int:
        """Return where the line ends, if only a comment comes before that; else the offset itself."""
        rest = _REST_OF_LINE.match(self._text, at)
        return rest.end() if rest else at

    def _has_comment(self) -> bool:
        position = self._container.start + 1
        for item in self._container.items:
            end = item.value.end if item.comma is None else item.comma
            if "/" in self._text[position : item.start] + self._text[item.value.end : end]:
                return True
            position = end
        return "/" in self._text[position : self._container.end]


def _at(offset: int, text: str) -> _Splice:
    return _Splice(offset, offset, text)
