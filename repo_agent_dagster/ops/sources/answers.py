"""Read a proxy's answer, ``{"logs": [row, …], "next_cursor": …}``, row by row: the memory does not grow with it."""

import json
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import IO, Any

from repo_agent_dagster.contracts.faults import PermanentFault

MOST_ROW_CHARACTERS = 4 * 1024 * 1024
"""A longer value is taken for no log row, and ends the reading."""

_CHUNK_BYTES = 256 * 1024
_SPACE = " \t\r\n"


class BrokenAnswer(PermanentFault):
    """The answer is no JSON of the shape, from here on; the rows before were read."""


class AnswerReader:
    """One pass over an answer: yields the rows under `rows_key`; afterwards `fields` holds the other, small values."""

    def __init__(self, file: IO[bytes], rows_key: str = "logs") -> None:
        self.fields: dict[str, Any] = {}
        self.has_rows = False
        self._file = file
        self._rows_key = rows_key
        self._decode_bytes = getincrementaldecoder("utf-8-sig")("replace").decode
        self._decode = json.JSONDecoder().raw_decode
        self._text = ""
        self._position = 0
        self._is_over = False

    def rows(self) -> Iterator[Any]:
        """Yield each row, of whatever type it is.

        Raises:
            BrokenAnswer: the answer breaks off, or is something else.
        """
        self._expect("{")
        if self._peek() == "}":
            return
        while True:
            key = self._value()
            if not isinstance(key, str):
                raise self._broken("a key that is no text")
            self._expect(":")
            if key == self._rows_key and self._peek() == "[":
                self.has_rows = True
                yield from self._elements()
            else:
                self.fields[key] = self._value()
            if self._peek() == "}":
                return
            self._expect(",")

    def _elements(self) -> Iterator[Any]:
        self._expect("[")
        if self._peek() == "]":
            self._position += 1
            return
        while True:
            yield self._value()
            if self._peek() == "]":
                self._position += 1
                return
            self._expect(",")

    def _peek(self) -> str:
        """Return the next character that is no white space, without passing it."""
        while True:
            while self._position < len(self._text):
                if self._text[self._position] not in _SPACE:
                    return self._text[self._position]
                self._position += 1
            if not self._more():
                raise self._broken("it ends in the middle")

    def _expect(self, character: str) -> None:
        found = self._peek()
        if found != character:
            raise self._broken(f"{found!r} where {character!r} belongs")
        self._position += 1

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decode(self._text, self._position)
            except RecursionError as error:
                raise self._broken("a value that is nested too deeply") from error
            except ValueError as error:
                if len(self._text) - self._position > MOST_ROW_CHARACTERS:
                    raise self._broken(f"a value of more than {MOST_ROW_CHARACTERS:,} characters") from error
                if not self._more():
                    raise self._broken("it ends in the middle, or holds no JSON") from error
                continue
            # At the very end of what was read a number may go on.
            if end < len(self._text) or not self._more():
                self._position = end
                return value

    def _more(self) -> bool:
        """Read on; return whether there was anything. A value that is not whole yet doubles what is read."""
        if self._is_over:
            return False
        rest = self._text[self._position :]
        data = self._file.read(max(_CHUNK_BYTES, len(rest)))
        self._is_over = not data
        self._text = rest + self._decode_bytes(data, self._is_over)
        self._position = 0
        return True

    def _broken(self, why: str) -> BrokenAnswer:
        return BrokenAnswer(f'the answer is not {{"{self._rows_key}": […]}}: {why}')
