"""What a text must say for a rule to hold: hundreds of phrases and expressions, tried on a text in microseconds.

Every phrase, and most expressions, hold four letters in a row, or three digits, that must be in the text: an *anchor*.
The text's runs of four letters and of three digits are made once, and only what has an anchor among them is tried.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

_ANCHOR = 4
_THREE_DIGITS = re.compile(r"(?=(\d{3}))")
_QUANTIFIER = re.compile(r"(?:[?*+]|\{\d*(?:,\d*)?\})[?+]?")
_OPTIONAL = ("?", "*", "{0", "{,")
_FLAGS = re.compile(r"\(\?[a-zA-Z]+\)")

_Test = str | re.Pattern[str]

# What almost every failure says is no good anchor.
_COMMON_WORDS = (
    " error: failed to cannot find not found could not for the of in is with type undefined "
    "unexpected reading exception timeout test command file line "
)


class Told:
    """A text in lower case, with the runs that anchors are looked up in."""

    def __init__(self, lowered: str) -> None:
        self.text = lowered

    @cached_property
    def runs(self) -> frozenset[str]:
        """Every run of four letters, and of three digits, in the text."""
        return frozenset(_runs(self.text))


@dataclass(frozen=True, slots=True)
class TextClue:
    """Phrases and expressions of which any one suffices, by their anchors; `unanchored` ones are always tried."""

    anchors: frozenset[str]
    anchored: Mapping[str, tuple[_Test, ...]]
    unanchored: tuple[_Test, ...]

    @classmethod
    def of(cls, says: Iterable[str], matches: Iterable[str]) -> "TextClue | None":
        """Return the clue of a rule's phrases and expressions, in lower case; None when it has neither.

        In an expression ``^`` and ``$`` are a line's, and the dot never leaves its line.
        """
        wanted: list[tuple[tuple[str, ...], _Test]] = [((phrase,), phrase) for phrase in says]
        wanted += [(_needs(one), re.compile(one, re.MULTILINE)) for one in matches]
        if not wanted:
            return None
        counts = Counter(run for literals, _ in wanted for literal in literals for run in set(_runs(literal)))
        anchored: dict[str, tuple[_Test, ...]] = {}
        unanchored: tuple[_Test, ...] = ()
        for literals, test in wanted:
            anchors = {
                min(_runs(literal), key=lambda run: (run in _COMMON, counts[run], " " in run), default="")
                for literal in literals
            }
            if not anchors or "" in anchors:
                unanchored += (test,)
                continue
            for anchor in anchors:
                anchored[anchor] = (*anchored.get(anchor, ()), test)
        return cls(frozenset(anchored), anchored, unanchored)

    def position(self, told: Told) -> int | None:
        """Return where in the text it is said first, or None."""
        tests = set(self.unanchored)
        for anchor in self.anchors & told.runs:
            tests.update(self.anchored[anchor])
        return min((at for test in tests if (at := _position(test, told.text)) >= 0), default=None)


@cache
def class_names(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches any of these classes, without their packages; ``*`` stands for any letters."""
    return re.compile("|".join(re.escape(name).replace(r"\*", r"\w*") for name in names))


def _position(test: "str | re.Pattern[str]", text: str) -> int:
    if isinstance(test, str):
        return text.find(test)
    match = test.search(text)
    return -1 if match is None else match.start()


def _runs(text: str) -> list[str]:
    return [text[at : at + _ANCHOR] for at in range(len(text) - _ANCHOR + 1)] + _THREE_DIGITS.findall(text)


_COMMON = frozenset(_runs(_COMMON_WORDS))


def _needs(expression: str) -> tuple[str, ...]:
    """Return texts of which one stands in every match of an expression; none where that is not plain to see."""
    if _FLAGS.match(expression):  # they change what the rest means
        return ()
    alternatives = _alternatives(expression)
    if len(alternatives) > 1:
        needs = [_needs(one) for one in alternatives]
        return tuple(text for one in needs for text in one) if all(needs) else ()
    found: list[tuple[str, ...]] = []
    run = ""
    for piece, quantifier in _pieces(expression):
        is_sure = not quantifier.startswith(_OPTIONAL)
        if len(piece) == 1 and is_sure:
            run += piece
            found.append((run,))
        elif piece.startswith("(?:") and is_sure:
            found.append(_needs(piece[3:-1]))
        if len(piece) != 1 or quantifier:
            run = ""
    usable = [texts for texts in found if texts and all(_runs(text) for text in texts)]
    return max(usable, key=lambda texts: (-len(texts), min(map(len, texts))), default=())


def _alternatives(expression: str) -> list[str]:
    alternatives, start, at = [], 0, 0
    while at < len(expression):
        if expression[at] == "|":
            alternatives.append(expression[start:at])
            start = at + 1
        at = _end(expression, at)
    return [*alternatives, expression[start:]]


def _pieces(expression: str) -> Iterator[tuple[str, str]]:
    """Yield each literal character, each group, or ``""`` for anything else, with its quantifier."""
    at = 0
    while at < len(expression):
        end = _end(expression, at)
        piece = expression[at:end]
        if piece[0] == "\\":
            piece = "" if piece[1].isalnum() else piece[1]
        elif piece[0] in "[^$.":
            piece = ""
        quantifier = _QUANTIFIER.match(expression, end)
        at = quantifier.end() if quantifier else end
        yield piece, quantifier[0] if quantifier else ""


def _end(expression: str, at: int) -> int:
    """Return the position after the character, escape, class or group that begins here."""
    letter = expression[at]
    if letter == "\\":
        return at + 2
    if letter == "[":
        at += 2 if expression[at + 1] == "^" else 1
        while True:  # a bracket that comes first is a member
            at += 2 if expression[at] == "\\" else 1
            if expression[at] == "]":
                return at + 1
    if letter == "(":
        at += 1
        while expression[at] != ")":
            at = _end(expression, at)
    return at + 1
