"""SQLite's lexical level: where statements end, where parameters stand, what is a comment or a string."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

TokenKind = Literal["space", "comment", "string", "name", "parameter", "number", "word", "mark"]

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<string>[xX]?'(?:[^']|'')*(?:'|\Z))
    |(?P<name>"(?:[^"]|"")*(?:"|\Z)|`(?:[^`]|``)*(?:`|\Z)|\[[^\]]*(?:\]|\Z))
    |(?P<parameter>\?\d*|[:@$][A-Za-z_][\w$]*)
    |(?P<number>\d[\w.]*|\.\d\w*)
    |(?P<word>[^\W\d][\w$]*)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_QUIET: frozenset[TokenKind] = frozenset({"space", "comment"})


@dataclass(frozen=True)
class Token:
    """One token; start and end are offsets in the statement's text."""

    kind: TokenKind
    text: str
    start: int
    end: int


def tokens(sql: str) -> Iterator[Token]:
    """Yield all tokens of a text, which put together are the text."""
    for match in _TOKEN.finditer(sql):
        kind: TokenKind = match.lastgroup  # type: ignore[assignment]  # the groups are the kinds
        yield Token(kind, match[0], match.start(), match.end())


def words(sql: str, count: int) -> tuple[str, ...]:
    """Return the first words of a statement in upper case, without comments."""
    found = [token.text.upper() for token in tokens(sql) if token.kind not in _QUIET][:count]
    return tuple(found)


def split_statements(sql: str) -> tuple[str, ...]:
    """Return the statements of a text without their semicolons; a trigger's body stays with its trigger."""
    found: list[str] = []
    start: int | None = None
    end, depth, seen = 0, 0, list[str]()
    for token in tokens(sql):
        if token.kind == "mark" and token.text == ";" and depth == 0:
            if start is not None:
                found.append(sql[start:end])
            start, seen = None, []
            continue
        if token.kind in _QUIET:
            continue
        start = token.start if start is None else start
        end = token.end
        if token.kind == "word":
            word = token.text.upper()
            trigger = seen[:1] == ["CREATE"] and "TRIGGER" in seen[:4]
            if trigger and word in {"BEGIN", "CASE"}:
                depth += 1
            elif trigger and word == "END":
                depth -= 1
            seen.append(word)
    if start is not None:
        found.append(sql[start:end])
    return tuple(found)


@dataclass(frozen=True)
class Slot:
    """A value that a statement is run with: its name or its number from 1, and where it stands in the text."""

    key: str | int
    spans: tuple[tuple[int, int], ...]

    @property
    def name(self) -> str | None:
        """The name without its prefix, for ``:name``, ``@name`` and ``$name``."""
        return self.key[1:] if isinstance(self.key, str) else None


def slots(sql: str) -> tuple[Slot, ...]:
    """Return a statement's values in the order in which they are bound; ``?`` is numbered after the highest so far."""
    order: list[str | int] = []
    spans: dict[str | int, list[tuple[int, int]]] = {}
    highest = 0
    for token in tokens(sql):
        if token.kind != "parameter":
            continue
        key: str | int
        if token.text == "?":
            highest += 1
            key = highest
        elif token.text[0] == "?":
            key = int(token.text[1:])
            highest = max(highest, key)
        else:
            key = token.text
            if key not in spans:
                highest += 1
        if key not in spans:
            order.append(key)
        spans.setdefault(key, []).append((token.start, token.end))
    if order and all(isinstance(key, int) for key in order):
        order.sort(key=lambda key: int(key))
    return tuple(Slot(key, tuple(spans[key])) for key in order)


def with_parameters(sql: str, replacements: Sequence[Sequence[str]], found: Sequence[Slot]) -> str:
    """Return the statement with each occurrence of each slot replaced; `replacements` has a text per occurrence."""
    edits = sorted(
        (span, text)
        for slot, texts in zip(found, replacements, strict=True)
        for span, text in zip(slot.spans, texts, strict=True)
    )
    parts, position = [], 0
    for (start, end), text in edits:
        parts += [sql[position:start], text]
        position = end
    return "".join([*parts, sql[position:]])


def numbered(sql: str) -> str:
    """Return the statement as D1 takes it: named parameters become ``?1``, ``?2`` …; plain ``?`` stay as they are.

    D1 has no named parameters.
    """
    found = slots(sql)
    if all(isinstance(slot.key, int) for slot in found):
        numbers = [int(slot.key) for slot in found]
        if numbers == list(range(1, len(numbers) + 1)):
            return sql
    return with_parameters(sql, [[f"?{index}"] * len(slot.spans) for index, slot in enumerate(found, 1)], found)


def without_comments(sql: str) -> str:
    """Return the statement without its comments; line ends stay."""
    return "".join(" " if token.kind == "comment" else token.text for token in tokens(sql))
