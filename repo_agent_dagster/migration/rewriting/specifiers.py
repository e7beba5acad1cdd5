"""Module specifiers as they stand in a source file, and edits of the file that touch nothing else.

Languages find the spans (`typescript.py`, `python_imports.py`); this module knows the file's text and how to splice it.
"""

import re
from bisect import bisect_right
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Encoding = Literal["utf-8", "latin-1"]


@dataclass(frozen=True)
class Place:
    """A position in a source file; line and column count from 1, in characters."""

    line: int
    column: int


class LineIndex:
    """Where the lines of a text begin; a line ends with a line feed."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(newline.end() for newline in re.finditer("\n", text))]

    def place(self, offset: int) -> Place:
        """Return the place of a character."""
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)


@dataclass(frozen=True)
class Specifier:
    """One specifier: its text, its span in characters (quotes not included), its place, and the form it stands in.

    Python only: `names` are what ``from M import names`` takes, `binds` is the name that a plain ``import M`` binds.
    """

    text: str
    start: int
    end: int
    place: Place
    form: str
    names: tuple[str, ...] = ()
    binds: str | None = None


@dataclass(frozen=True)
class Unsure:
    """A place that may name a module, but not in a way that can be rewritten; it is listed, never guessed."""

    text: str
    place: Place
    form: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What a language found in one file."""

    specifiers: tuple[Specifier, ...] = ()
    unsure: tuple[Unsure, ...] = ()


class SpecifierReader(Protocol):
    """Reads the specifiers of many TypeScript and JavaScript files at once."""

    def read(self, files: Mapping[str, str]) -> Mapping[str, Found]:
        """Return what each file holds; paths tell the language by their ending, texts are without byte order mark.

        Spans are in characters of the text. What cannot be read is listed as unsure, and is no error.
        """


@dataclass(frozen=True)
class LazyReader:
    """A reader that is made when there is something to read: one in a sandbox need not be started for nothing."""

    make: Callable[[], SpecifierReader]

    def read(self, files: Mapping[str, str]) -> Mapping[str, Found]:
        """Return what each file holds."""
        return self.make().read(files) if files else {}


@dataclass(frozen=True)
class Edit:
    """Replace the characters from start up to end by the text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class SourceText:
    """A file's text without its byte order mark; `encode` gives back the very bytes it came from."""

    text: str
    encoding: Encoding
    bom: bytes

    def encode(self, text: str) -> bytes:
        """Return the text as bytes of this file.

        Raises:
            UnicodeEncodeError: the file is not UTF-8 and the text holds what its bytes cannot say.
        """
        return self.bom + text.encode(self.encoding)


def read_source(content: bytes) -> SourceText | None:
    """Return the text of a source file, or None for what is no text that we can splice (NUL bytes, UTF-16).

    Bytes that are not UTF-8 are read as Latin-1, where every byte is one character, so that they come back unchanged.
    """
    if b"\0" in content:
        return None
    bom = BOM_UTF8 if content.startswith(BOM_UTF8) else b""
    body = content[len(bom) :]
    try:
        return SourceText(body.decode("utf-8"), "utf-8", bom)
    except UnicodeDecodeError:
        return SourceText(body.decode("latin-1"), "latin-1", bom)


def splice(source: SourceText, edits: Sequence[Edit]) -> bytes:
    """Return the file with the edits made; every other byte is as it was. Edits must not overlap."""
    parts, position = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        if edit.start < position:
            raise ValueError(f"edits overlap at character {edit.start}")
        parts += [source.text[position : edit.start], edit.text]
        position = edit.end
    parts.append(source.text[position:])
    return source.encode("".join(parts))
