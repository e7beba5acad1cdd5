"""TOML read with the spans of its strings; what `tomllib` reads in the same text must come out the same."""

import re
import tomllib
from dataclasses import dataclass, field
from typing import TypeAlias

from repo_agent_dagster.migration.rewriting.values import Array, NotReadable, Scalar, Table, Text, Value

_SKIP = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^\s,\]}#][^,\]}#\n\r]*")
_STRINGS = (
    ('"""', re.compile(r'"""\r?\n?((?:[^\\]|\\.)*?"{0,2})"""(?!")', re.DOTALL)),
    ("'''", re.compile(r"'''\r?\n?(.*?'{0,2})'''(?!')", re.DOTALL)),
    ('"', re.compile(r'"((?:[^"\\\n]|\\.)*)"')),
    ("'", re.compile(r"'([^'\n]*)'")),
)
_NO_PLAIN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass
class _Open:
    """A table that later lines may still add to."""

    members: dict[str, "_Part"] = field(default_factory=dict)


@dataclass
class _Tables:
    """A list of tables, made by `[[name]]`; each header adds one."""

    tables: list[_Open] = field(default_factory=list)


_Part: TypeAlias = "_Open | _Tables | Value"


def parse(text: str) -> Value:
    """Return the value that a TOML file's text holds; offsets are characters of `text`.

    Raises:
        NotReadable: the text is not TOML.
    """
    try:
        expected = tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        raise NotReadable(f"not TOML: {error}", _line_start(text, int(line[1]) if line else 1)) from error
    value = _Reader(text).document()
    if not _same(value, expected):
        raise NotReadable("written in a way whose strings cannot be located", 0)
    return value


def quoted(value: str, quote: str) -> str | None:
    """Return a string as it stands between such quotes in a TOML file; None where they cannot hold it."""
    if _NO_PLAIN.search(value) is not None or (quote[0] == "'" and "'" in value):
        return None
    return value if quote[0] == "'" else value.replace("\\", "\\\\").replace('"', '\\"')


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._root = _Open()

    def document(self) -> Value:
        """Return the whole file's table."""
        table, position = self._root, self._skip(0)
        while position < len(self._text):
            if self._at("[[", position):
                keys, position = self._keys(position + 2)
                table, position = self._new_in_list(keys, position), self._expect("]]", position)
            elif self._at("[", position):
                keys, position = self._keys(position + 1)
                table, position = self._open(self._root, keys, position), self._expect("]", position)
            else:
                position = self._pair(table, position)
            position = self._skip(position)
        return _closed(self._root)

    def _pair(self, table: _Open, position: int) -> int:
        keys, position = self._keys(position)
        value, position = self._value(self._blank(self._expect("=", position)))
        self._open(table, keys[:-1], position).members[keys[-1]] = value
        return position

    def _value(self, position: int) -> tuple["Value | _Open", int]:
        for quote, pattern in _STRINGS:
            if self._at(quote, position):
                return self._string(pattern, quote, position)
        if self._at("[", position):
            return self._array(position)
        if self._at("{", position):
            return self._inline(position)
        match = _SCALAR.match(self._text, position)
        if match is None:
            raise NotReadable("a value is expected", position)
        return Scalar(match[0].rstrip()), match.end()

    def _string(self, pattern: re.Pattern[str], quote: str, position: int) -> tuple[Text, int]:
        match = pattern.match(self._text, position)
        if match is None:
            raise NotReadable("a string without end", position)
        value = match[1]
        if "\\" in value or "\r" in value:
            value = str(tomllib.loads("v = " + match[0].replace("\r\n", "\n"))["v"])
        return Text(value, match.start(1), match.end(1), quote), match.end()

    def _array(self, position: int) -> tuple[Array, int]:
        items: list[Value] = []
        position = self._skip(position + 1)
        while not self._at("]", position):
            item, position = self._value(position)
            items.append(_closed(item) if isinstance(item, _Open) else item)
            position = self._skip(position)
            if self._at(",", position):
                position = self._skip(position + 1)
            elif not self._at("]", position):
                raise NotReadable("',' or ']' is expected", position)
        return Array(tuple(items)), position + 1

    def _inline(self, position: int) -> tuple[_Open, int]:
        table = _Open()
        position = self._skip(position + 1)
        while not self._at("}", position):
            position = self._skip(self._pair(table, position))
            if self._at(",", position):
                position = self._skip(position + 1)
            elif not self._at("}", position):
                raise NotReadable("',' or '}' is expected", position)
        return table, position + 1

    def _keys(self, position: int) -> tuple[list[str], int]:
        """Return the names of a dotted key, and where it ends."""
        keys: list[str] = []
        while True:
            position = self._blank(position)
            if self._text[position : position + 1] in {'"', "'"}:
                text, position = self._string(
                    _STRINGS[2][1] if self._at('"', position) else _STRINGS[3][1], "", position
                )
                keys.append(text.value)
            elif (match := _BARE.match(self._text, position)) is not None:
                keys.append(match[0])
                position = match.end()
            else:
                raise NotReadable("a key is expected", position)
            position = self._blank(position)
            if not self._at(".", position):
                return keys, position
            position += 1

    def _open(self, table: _Open, keys: list[str], position: int) -> _Open:
        for key in keys:
            part = table.members.setdefault(key, _Open())
            if isinstance(part, _Tables):
                table = part.tables[-1]
            elif isinstance(part, _Open):
                table = part
            else:
                raise NotReadable(f"key {key!r} is no table", position)
        return table

    def _new_in_list(self, keys: list[str], position: int) -> _Open:
        part = self._open(self._root, keys[:-1], position).members.setdefault(keys[-1], _Tables())
        if not isinstance(part, _Tables):
            raise NotReadable(f"key {keys[-1]!r} is no list of tables", position)
        part.tables.append(_Open())
        return part.tables[-1]

    def _at(self, token: str, position: int) -> bool:
        return self._text.startswith(token, position)

    def _expect(self, token: str, position: int) -> int:
        if not self._at(token, position):
            raise NotReadable(f"{token!r} is expected", position)
        return position + len(token)

    def _skip(self, position: int) -> int:
        match = _SKIP.match(self._text, position)
        return position if match is None else match.end()

    def _blank(self, position: int) -> int:
        match = _BLANK.match(self._text, position)
        return position if match is None else match.end()


def _closed(part: _Part) -> Value:
    if isinstance(part, _Open):
        return Table(tuple((key, _closed(member)) for key, member in part.members.items()))
    if isinstance(part, _Tables):
        return Array(tuple(_closed(table) for table in part.tables))
    return part


def _same(value: Value, expected: object) -> bool:
    """Return whether the strings and the shape are those that `tomllib` found."""
    if isinstance(value, Table):
        keys = [key for key, _ in value.members]
        return (
            isinstance(expected, dict)
            and sorted(keys) == sorted(expected)
            and all(_same(member, expected[key]) for key, member in value.members)
        )
    if isinstance(value, Array):
        return (
            isinstance(expected, list)
            and len(value.items) == len(expected)
            and all(_same(item, other) for item, other in zip(value.items, expected, strict=True))
        )
    if isinstance(value, Text):
        return value.value == expected
    return not isinstance(expected, str | list | dict)


def _line_start(text: str, line: int) -> int:
    position = 0
    for _ in range(line - 1):
        position = text.find("\n", position) + 1
    return position
