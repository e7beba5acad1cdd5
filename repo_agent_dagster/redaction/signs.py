"""A cheap test of every log line: without one of the signs in it, no rule can match, and most lines have none."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

_FOLLOWING = 16
_RARE = {
    "@": "",
    "q": "",
    "z": "",
    "j": "",
    "k": "",
    "=": "",
    "w": "",
    "b": "",
    "_": rf"(?=[\w.+/=-]{{{_FOLLOWING}}})",
    "-": rf"(?=[\w.+/=-]{{{_FOLLOWING}}})",
    ".": rf"(?=[\w.+/=-]{{{_FOLLOWING}}})",
}
"""Looked for in this order: a character, and what must follow it.

A search for one rare character is several times as fast as one for a word, and all signs with that character share
it. Underscores, dashes and dots are frequent, so signs with nothing rarer must have a long word after them. A sign
without any of these characters is looked for as it is.
"""


class Signs:
    """Tells whether one of the signs stands in a text, both in lower case; ``#`` is any hexadecimal digit."""

    def __init__(self, signs: Iterable[str]) -> None:
        by_rare: dict[str, list[str]] = defaultdict(list)
        self._words: list[str] = []
        for sign in dict.fromkeys(signs):
            rare = next((character for character in _RARE if character in sign), None)
            if rare is None or rare == sign:
                self._words.append(sign)
            else:
                by_rare[rare].append(sign)
        self._searches: list[Callable[[str], object]] = [
            re.compile(_around(rare, group), re.ASCII).search for rare, group in by_rare.items()
        ]

    def stand_in(self, lowered: str) -> bool:
        """Tell whether one of the signs stands in a text that is in lower case."""
        for word in self._words:
            if word in lowered:
                return True
        for search in self._searches:  # noqa: SIM110 - any() takes half as long again
            if search(lowered):
                return True
        return False


def _around(rare: str, signs: list[str]) -> str:
    """Return a pattern that begins with the rare character, and looks back for what is before it in each sign."""
    by_rest: dict[str, list[str]] = defaultdict(list)
    before = set()
    for sign in signs:
        at = sign.index(rare)
        before.add(sign[at - 1] if at else None)
        by_rest[sign[at + 1 :]].append(sign)
    ways = "|".join(
        f"{_literal(rest)}(?:{'|'.join(f'(?<={_literal(sign)})' for sign in group)})" for rest, group in by_rest.items()
    )
    neighbour = "" if None in before else f"(?<=[{re.escape(''.join(sorted(filter(None, before))))}]{re.escape(rare)})"
    return f"{re.escape(rare)}{neighbour}{_RARE[rare]}(?:{ways})"


def _literal(sign: str) -> str:
    return re.escape(sign).replace(r"\#", "[0-9a-f]")
