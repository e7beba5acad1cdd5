"""JSON as it stands in a file: a tree of spans, so that an edit can leave every other byte as it is.

Comments (``//`` and ``/* */``), a comma after the last item and any white space are read as well: tsconfig and wrangler
files have them.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

Kind = Literal["object", "array", "string", "number", "word"]
Value = dict[str, "Value"] | list["Value"] | tuple[Kind, str]
"""What a node means. A scalar is its kind and content: a number as it is written, so that 1 and 1.0 are two."""

_DEEPEST = 200
_SPACE = re.compile(r"(?:[\s\ufeff]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_COMMENT = re.compile(r"//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"true|false|null")


class NotJson(ValueError):
    """A text is not JSON; the message says where, with line and column from 1, and `why`.

    `offset` is the character at which it stops being JSON.
    """

    def __init__(self, text: str, offset: int, why: str) -> None:
        line = text.count("\n", 0, offset) + 1
        column = offset - text.rfind("\n", 0, offset)
        super().__init__(f"line {line}, column {column}: {why}")
        self.offset, self.why = offset, why


@dataclass(frozen=True, slots=True)
class Node:
    """A value: text[start:end]. Objects and arrays have `items`, scalars have `content`."""

    kind: Kind
    start: int
    end: int
    items: tuple["Item", ...] = ()
    content: str = ""

    @property
    def by_key(self) -> dict[str, "Item"]:
        """An object's members; of a key that is given twice the last one."""
        return {item.key: item for item in self.items}


@dataclass(frozen=True, slots=True)
class Item:
    """A member of an object, or an element of an array, whose key is "" and ends where it starts.

    `comma` is where the comma after it is; None when there is none.
    """

    key: str
    start: int
    key_end: int
    value: Node
    comma: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """A text, what it holds, and its comments."""

    text: str
    root: Node
    comments: tuple[str, ...]

    def source(self, node: Node) -> str:
        """Return a value as it is written."""
        return self.text[node.start : node.end]


def read_json(text: str, *, allow_twins: bool = False) -> Document:
    """Return the document that a text holds; offsets are characters of `text`.

    Raises:
        NotJson: it is malformed, nested too deeply, or gives a key twice in one object and twins are not allowed.
    """
    reader = _Reader(text, allow_twins)
    root = reader.value(reader.space(0), 0)
    end = reader.space(root.end)
    if end < len(text):
        reader.fail(end, "there is more after the value")
    return Document(text, root, tuple(comment for _, comment in sorted(reader.comments.items())))


def read_data(text: str) -> Any:
    """Return what a text holds as the standard library's `json` would; the last of two equal keys counts.

    Raises:
        NotJson: it is malformed or nested too deeply.
    """
    try:
        return json.loads(text)  # most files are plain JSON, and this is the fast way
    except (ValueError, RecursionError):
        return _data_of(read_json(text, allow_twins=True).root)


def data_in(content: bytes) -> Any:
    """Return what a file holds as plain data, or None where it is not JSON; bytes that are not UTF-8 are replaced."""
    try:
        return read_data(content.decode("utf-8-sig", "replace"))
    except NotJson:
        return None


def value_of(node: Node) -> Value:
    """Return what a node means, without how it is written; objects of the same members are equal in any order."""
    if node.kind == "object":
        return {item.key: value_of(item.value) for item in node.items}
    if node.kind == "array":
        return [value_of(item.value) for item in node.items]
    return (node.kind, node.content)


def _data_of(node: Node) -> Any:
    if node.kind == "object":
        return {item.key: _data_of(item.value) for item in node.items}
    if node.kind == "array":
        return [_data_of(item.value) for item in node.items]
    return node.content if node.kind == "string" else json.loads(node.content)


class _Reader:
    def __init__(self, text: str, allow_twins: bool) -> None:
        self._text, self._allow_twins = text, allow_twins
        self.comments: dict[int, str] = {}

    def fail(self, at: int, why: str) -> NoReturn:
        raise NotJson(self._text, at, why)

    def space(self, at: int) -> int:
        """Return where the next token is."""
        match = _SPACE.match(self._text, at)
        end = match.end() if match else at
        if "/" in self._text[at:end]:
            self.comments |= {match.start(): match.group() for match in _COMMENT.finditer(self._text, at, end)}
        return end

    def value(self, at: int, depth: int) -> Node:
        if depth > _DEEPEST:
            self.fail(at, f"nested more than {_DEEPEST} deep")
        first = self._text[at : at + 1]
        if first == "{":
            return self._container("object", "}", at, depth)
        if first == "[":
            return self._container("array", "]", at, depth)
        if first == '"':
            end = self._string_end(at)
            return Node("string", at, end, content=json.loads(self._text[at:end]))
        number = _NUMBER.match(self._text, at)
        scalar = number or _WORD.match(self._text, at)
        if scalar is None:
            self.fail(at, "here should be a value" if first else "the text ends where a value should be")
        return Node("number" if number else "word", at, scalar.end(), content=scalar.group())

    def _container(self, kind: Kind, closing: str, start: int, depth: int) -> Node:
        items: list[Item] = []
        seen: set[str] = set()
        at = self.space(start + 1)
        while self._text[at : at + 1] != closing:
            if items and items[-1].comma is None:
                self.fail(at, f"here should be a comma or {closing!r}")
            item = self._item(kind, at, depth, seen)
            items.append(item)
            at = self.space(item.value.end if item.comma is None else item.comma + 1)
        return Node(kind, start, at + 1, tuple(items))

    def _item(self, kind: Kind, at: int, depth: int, seen: set[str]) -> Item:
        start, key, key_end = at, "", at
        if kind == "object":
            key_end = self._string_end(at)
            key = json.loads(self._text[at:key_end])
            if key in seen and not self._allow_twins:
                self.fail(at, f"key {key!r} is given twice")
            seen.add(key)
            at = self.space(key_end)
            if self._text[at : at + 1] != ":":
                self.fail(at, "here should be a colon")
            at = self.space(at + 1)
        value = self.value(at, depth + 1)
        after = self.space(value.end)
        comma = after if self._text[after : after + 1] == "," else None
        return Item(key, start, key_end, value, comma)

    def _string_end(self, at: int) -> int:
        match = _STRING.match(self._text, at)
        if match is None:
            self.fail(at, "here should be a text in double quotes")
        return match.end()
