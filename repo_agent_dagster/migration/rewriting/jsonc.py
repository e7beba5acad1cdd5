"""JSON with comments and trailing commas, as tsconfig and wrangler hold it, read with the spans of its strings."""

import json
import re

from repo_agent_dagster.migration.rewriting.values import Array, NotReadable, Scalar, Table, Text, Value

_SKIP = re.compile(r"(?:[\s\ufeff]+|//[^\n\r]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*)"')
_SCALAR = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true\b|false\b|null\b")
_DEEPEST = 200


def parse(text: str) -> Value:
    """Return the value that a file's text holds; offsets are characters of `text`.

    Raises:
        NotReadable: the text is not JSON, even with comments and trailing commas.
    """
    reader = _Reader(text)
    value, position = reader.value(reader.skip(0), 0)
    position = reader.skip(position)
    if position < len(text):
        raise NotReadable("more text after the value's end", position)
    return value


def quoted(value: str) -> str:
    """Return a string as it stands between the quotes of a JSON file."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def skip(self, position: int) -> int:
        """Return where the next token begins: after white space and comments."""
        match = _SKIP.match(self._text, position)
        return position if match is None else match.end()

    def value(self, position: int, depth: int) -> tuple[Value, int]:
        """Return the value that begins at a position, and where it ends."""
        if depth > _DEEPEST:
            raise NotReadable(f"nested deeper than {_DEEPEST} levels", position)
        opening = self._text[position : position + 1]
        if opening == '"':
            return self._string(position)
        if opening == "{":
            return self._table(position, depth)
        if opening == "[":
            return self._array(position, depth)
        match = _SCALAR.match(self._text, position)
        if match is None:
            raise NotReadable(f"a value is expected, not {opening!r}" if opening else "the text ends early", position)
        return Scalar(match[0]), match.end()

    def _string(self, position: int) -> tuple[Text, int]:
        match = _STRING.match(self._text, position)
        if match is None:
            raise NotReadable("a string without end, or with a forbidden character", position)
        value = match[1] if "\\" not in match[1] else str(json.loads(match[0]))
        return Text(value, match.start(1), match.end(1), '"'), match.end()

    def _array(self, position: int, depth: int) -> tuple[Array, int]:
        items: list[Value] = []
        position = self.skip(position + 1)
        while not self._text.startswith("]", position):
            item, position = self.value(position, depth + 1)
            items.append(item)
            position = self._next(position, "]")
        return Array(tuple(items)), position + 1

    def _table(self, position: int, depth: int) -> tuple[Table, int]:
        members: list[tuple[str, Value]] = []
        keys: list[Text] = []
        position = self.skip(position + 1)
        while not self._text.startswith("}", position):
            if not self._text.startswith('"', position):
                raise NotReadable("a key in double quotes is expected", position)
            key, position = self._string(position)
            position = self.skip(position)
            if not self._text.startswith(":", position):
                raise NotReadable(f"a ':' is expected after key {key.value!r}", position)
            value, position = self.value(self.skip(position + 1), depth + 1)
            members.append((key.value, value))
            keys.append(key)
            position = self._next(position, "}")
        return Table(tuple(members), tuple(keys)), position + 1

    def _next(self, position: int, closing: str) -> int:
        """Return where the next item or the closing bracket stands; a comma may stand before the bracket."""
        position = self.skip(position)
        if self._text.startswith(",", position):
            return self.skip(position + 1)
        if self._text.startswith(closing, position):
            return position
        raise NotReadable(f"',' or {closing!r} is expected", position)
