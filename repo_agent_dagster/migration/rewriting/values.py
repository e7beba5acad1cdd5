"""The values of a configuration file (JSON or TOML) with the places where their texts stand, and how to pick some."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Text:
    """A string: its value, and the span between its quotes in characters of the file; `quote` is `"`, `'`, `\"\"\"`…"""

    value: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True)
class Scalar:
    """A number, a boolean, a date or null, as it is written."""

    written: str


@dataclass(frozen=True)
class Array:
    """A list of values."""

    items: tuple["Value", ...]


@dataclass(frozen=True)
class Table:
    """Keys and values in the order in which they stand; a key that stands twice is there twice.

    `keys` are the keys with their spans, where the reader gives them (that of JSON does).
    """

    members: tuple[tuple[str, "Value"], ...]
    keys: tuple[Text, ...] = ()


Value: TypeAlias = Text | Scalar | Array | Table
EACH = "[]"
"""In a trail: every item of a list."""
ANY = "*"
"""In a trail: every key of a table."""
KEYS = "{}"
"""In a trail: the keys of a table themselves; the last step of a trail only."""
DEEP = "**"
"""In a trail: everything below, at any depth; the last step of a trail only."""


class NotReadable(ValueError):
    """A configuration file that breaks its language's rules; `offset` is the character where it does."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def select(value: Value, *trail: str) -> Iterator[Text]:
    """Yield the strings that stand at a trail of keys, `EACH`, `ANY`, `KEYS` and `DEEP`."""
    if not trail:
        if isinstance(value, Text):
            yield value
        return
    step, rest = trail[0], trail[1:]
    if step == KEYS:
        yield from value.keys if isinstance(value, Table) else ()
    elif step == DEEP:
        yield from _below(value)
    elif step == EACH:
        for item in value.items if isinstance(value, Array) else ():
            yield from select(item, *rest)
    elif isinstance(value, Table):
        for key, member in value.members:
            if step in {ANY, key}:
                yield from select(member, *rest)


def text_at(value: Value, *trail: str) -> str | None:
    """Return the string at a trail; None where there is none."""
    return next((text.value for text in select(value, *trail)), None)


def _below(value: Value) -> Iterator[Text]:
    if isinstance(value, Text):
        yield value
    elif isinstance(value, Array):
        for item in value.items:
            yield from _below(item)
    elif isinstance(value, Table):
        for _, member in value.members:
            yield from _below(member)
